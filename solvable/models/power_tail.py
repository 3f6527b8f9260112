"""A power law that continues a list of modes."""

import math
from typing import Any, ClassVar

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from solvable.arguments import as_real, check_real, real_numbers, refusal
from solvable.arrays import is_concrete

FARTHEST = 2**52  # indices up to there are exact


def _index(value: Any) -> Any:
    """A whole number as an int, so that it has one hash; anything else as it is."""
    if isinstance(value, bool) or real_numbers(value) is None or not is_concrete(value) or np.ndim(value):
        return value
    return int(value) if float(value).is_integer() else float(value)


class PowerTail(eqx.Module):
    """Modes m < j <= until with eigenvalue D_m (j / m)^{-2 alpha} and target power p_m (j / m)^{-2 alpha - 2 beta}.

    m is the index of the last mode before it: of a list of m modes, or where another tail ends. The letters are those
    of `PowerLawRF` (Paquette et al. 2024, arXiv 2405.15074), so that ``sv.phase(alpha, beta)`` names what it leads to.

    Attributes:
        alpha: exponent of the standard deviations of the inputs, > 0; > 1/2 where the tail has no end.
        beta: exponent of the target; alpha + beta > 1/2 where the tail has no end.
        until: index of its last mode, an integer > m, or ``math.inf``.
        eigval: D_m where the law's own value is not that of mode m, as for a fit through noisy eigenvalues; at most
            that of mode m.
        power: p_m, likewise.
    """

    alpha: Float[Array, ""] = eqx.field(converter=as_real, default=1.0)
    beta: Float[Array, ""] = eqx.field(converter=as_real, default=0.7)
    until: float = eqx.field(static=True, converter=_index, default=math.inf)
    eigval: Any = eqx.field(converter=lambda x: x if x is None else as_real(x), default=None)
    power: Any = eqx.field(converter=lambda x: x if x is None else as_real(x), default=None)
    references: ClassVar[tuple[str, ...]] = ("paquette2024",)

    def __check_init__(self):
        check_real("alpha", self.alpha, "a finite number > 0", lambda x: 0 < x < math.inf)
        check_real("beta", self.beta, "a finite number", math.isfinite)
        wanted = "an index, an integer >= 2, or math.inf"
        if not isinstance(self.until, int | float) or isinstance(self.until, bool):
            raise refusal("until", wanted, self.until)
        check_real("until", self.until, wanted, lambda x: x >= 2 and (math.isinf(x) or x == int(x) <= FARTHEST))
        for name, least in (("eigval", "> 0"), ("power", ">= 0")):
            value = getattr(self, name)
            if value is not None:
                ok = (lambda x: 0 < x < np.inf) if name == "eigval" else (lambda x: 0 <= x < np.inf)
                check_real(name, value, f"a finite number {least}, or None for that of the last mode", ok)
        if math.isinf(self.until):
            self._check_decay()

    def _check_decay(self) -> None:
        check_real("alpha", self.alpha, "alpha > 1/2 for a tail without end (finite trace)", lambda a: a > 0.5)
        if is_concrete(self.alpha, self.beta) and float(self.alpha) + float(self.beta) <= 0.5:
            raise ValueError(
                "alpha + beta: wanted > 1/2 for a tail without end, so that its target power is finite; "
                f"got alpha = {float(self.alpha):g}, beta = {float(self.beta):g}"
            )
