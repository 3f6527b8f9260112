"""Random features over any population: listed modes, and power laws that continue them."""

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from solvable.arguments import as_real, check_real, check_reals, real_numbers, refusal
from solvable.arrays import as_float64, is_concrete
from solvable.models.checks import check_samples, check_width
from solvable.models.power_tail import PowerTail
from solvable.models.random_feature_law import AbstractRandomFeatures
from solvable.numerics.listed_inputs import ListedInputs, listed_inputs
from solvable.numerics.merged_modes import Merged, merge
from solvable.numerics.precision import in_float64

EXAMPLE = np.arange(1.0, 257) ** -2.0, np.arange(1.0, 257) ** -3.4  # the 256 modes of PowerLawRF()
SMALLEST, LARGEST = 1e-200, 1e100  # eigenvalues, so that products of a few stay in float64


class RandomFeatures(AbstractRandomFeatures):
    """x ~ N(0, D), features W^T x, W_ij ~ N(0, 1/width), targets <x, b> + noise * eps, for any D = diag(D_1, D_2, ...).

    The first modes are listed; `PowerTail`s may continue them, one after the other. The inputs are the same at every
    width, unlike those of `PowerLawRF`, whose number grows with it (Paquette et al. 2024, arXiv 2405.15074, which has
    the resolvent for any D; no factor 1/2).

        sv.RandomFeatures(eigvals, target_power, width=256)                                  # that list alone
        sv.RandomFeatures(eigvals, target_power, [sv.models.PowerTail(0.8, 0.3)], width=256)     # continued without end
        sv.RandomFeatures.bent(alpha=(0.6, 1.0), beta=(0.2, 0.2), at=1000, width=256)            # a bend at mode 1000
        sv.fits.measured_features(sv.models.from_data(X, y), width=256)                          # a measured spectrum

    Without a list the modes are those of ``PowerLawRF()``. A list of more than 1024 modes is summed over nodes that
    stand for them, exact to 1e-11; where eigenvalues are traced it is summed as it is.

    Attributes:
        eigvals: eigenvalues D_j of the input covariance, > 0 and not increasing; shape (modes,).
        target_power: p_j = D_j b_j^2 >= 0, of which not all are 0; shape (modes,). Their sum (with the tails) plus
            noise^2 is the risk of zero parameters.
        tails: what continues the list.
        width: number of random features d, an integer to draw, any real number >= 1 for theory. One-pass theories need
            at least as many modes.
        noise: standard deviation of the label noise.
        init_std: standard deviation of the initial parameters, independent Gaussians; 0 starts at zero.
        samples: size of the data set, an integer to draw, any real number >= 1 for theory; None is a fresh stream.
        merged: the nodes of a long list, made from it and not to be given.
    """

    eigvals: Float[Array, " modes"]
    target_power: Float[Array, " modes"]
    tails: tuple[PowerTail, ...]
    width: Any
    noise: Float[Array, ""]
    init_std: Float[Array, ""]
    samples: Any
    merged: Merged | None
    references: ClassVar[tuple[str, ...]] = ("paquette2024", "silverstein1995")

    def __init__(
        self,
        eigvals: Any = EXAMPLE[0],
        target_power: Any = EXAMPLE[1],
        tails: Sequence[PowerTail] | PowerTail = (),
        *,
        width: Any = 64,
        noise: Any = 0.0,
        init_std: Any = 0.0,
        samples: Any = None,
        merged: Merged | None = None,
    ):
        self.eigvals, self.target_power = as_real(eigvals), as_real(target_power)
        self.tails = _tuple_of(tails)
        self.width, self.noise, self.init_std, self.samples = width, as_real(noise), as_real(init_std), samples
        _check_lists(self.eigvals, self.target_power)
        if not isinstance(merged, Merged | None):
            raise refusal("merged", "None: it is made from the list", merged)
        known = is_concrete(self.eigvals, self.target_power)
        self.merged = merge(as_float64(self.eigvals), as_float64(self.target_power)) if known else None

    def __check_init__(self):
        check_width(self.width)
        check_samples(self.samples)
        for name in ("noise", "init_std"):
            wanted = "a finite number >= 0 (a standard deviation)"
            check_real(name, getattr(self, name), wanted, lambda x: 0 <= x < math.inf)
        last, start = self.eigvals[-1], len(self.eigvals)
        for tail in self.tails:
            if not start < tail.until:
                raise ValueError(f"tails: wanted each to end after index {start}; got until = {tail.until}")
            last, start = _check_next(tail, last, start), tail.until
        if self.input_count < 2:
            raise ValueError("eigvals: wanted two modes or more, with the tails; got one")

    @classmethod
    def bent(cls, alpha: Sequence[Any], beta: Sequence[Any], at: Any, *, until: float = math.inf, **settings: Any):
        """A power law that bends: D_j ~ j^{-2 alpha_i}, p_j ~ j^{-2 alpha_i - 2 beta_i} on stretches that meet.

        D_1 = p_1 = 1. With one exponent it is the `PowerLawRF` with ``until`` inputs.

        Args:
            alpha, beta: exponents of each stretch, the largest eigenvalues first.
            at: the last index of each stretch but the last; one integer, or increasing integers.
            until: the number of modes; the law is cut there.
            settings: width, noise, init_std, samples.

        Raises:
            ValueError: numbers of exponents and bends do not fit, or a tail is impossible.
        """
        bends = _items("at", at, "an index, or increasing indices")
        alpha, beta = (_items(name, x, "a sequence of exponents") for name, x in (("alpha", alpha), ("beta", beta)))
        if not len(alpha) == len(beta) == len(bends) + 1:
            wanted = f"{len(bends) + 1} exponents each, one more than bends"
            raise ValueError(f"alpha, beta: wanted {wanted}; got {len(alpha)} and {len(beta)}")
        pieces = zip(alpha, beta, [*bends, until], strict=True)
        return cls([1.0], [1.0], [PowerTail(*piece) for piece in pieces], **settings)

    def at_width(self, width: Any) -> "RandomFeatures":
        """The same inputs behind another number of features; ``width`` may be real or traced."""
        check_width(width)
        return eqx.tree_at(lambda m: m.width, self, width)

    @property
    def input_count(self):
        return self.tails[-1].until if self.tails else len(self.eigvals)

    @property
    def widest(self):
        return float(self.input_count)

    @in_float64
    def inputs(self) -> ListedInputs:
        """Eigenvalues and target powers as theories and draws read them."""
        tails = [eqx.tree_at(_parameters, t, [as_float64(x) for x in _parameters(t)]) for t in self.tails]
        return listed_inputs(as_float64(self.eigvals), as_float64(self.target_power), tails, self.merged)

    def _narrow(self, where):
        return f"width: wanted at most the number of modes, {self.input_count}, {where}; got {self.width}"


def _items(name: str, value: Any, wanted: str) -> list[Any]:
    """A sequence as a list; one number as a list of one."""
    if isinstance(value, list | tuple):
        return list(value)
    if real_numbers(value) is None or np.ndim(value) > 1:
        raise refusal(name, wanted, value)
    return list(value) if np.ndim(value) else [value]


def _parameters(tail: PowerTail) -> list[Any]:
    return [x for x in (tail.alpha, tail.beta, tail.eigval, tail.power) if x is not None]


def _tuple_of(tails: Any) -> tuple[PowerTail, ...]:
    wanted = "a sequence of PowerTail"
    if isinstance(tails, PowerTail):
        return (tails,)
    if not isinstance(tails, list | tuple) or not all(isinstance(t, PowerTail) for t in tails):
        raise refusal("tails", wanted, tails)
    return tuple(tails)


def _check_lists(eigvals: Any, power: Any) -> None:
    """Positive, not increasing eigenvalues, and as many powers >= 0."""
    wanted = "a vector of finite numbers > 0 in decreasing order"
    values = check_reals("eigvals", eigvals, wanted, lambda x: (x >= SMALLEST) & (x <= LARGEST), ndim=1)
    if is_concrete(values) and (np.diff(values) > 0).any():
        i = int(np.argmax(np.diff(values) > 0)) + 1
        raise ValueError(f"eigvals: wanted {wanted}; got {values[i]:g} after {values[i - 1]:g} at index {i}")
    wanted = f"finite numbers >= 0, as many as eigenvalues, {len(values)}"
    powers = check_reals("target_power", power, wanted, lambda x: (x >= 0) & (x < np.inf), ndim=1)
    if len(powers) != len(values):
        raise ValueError(f"target_power: wanted {wanted}; got {len(powers)}")
    if is_concrete(powers) and not powers.any():
        raise ValueError(f"target_power: wanted {wanted}, not all 0; got zeros")


def _check_next(tail: PowerTail, last: Any, start: float) -> Any:
    """The last eigenvalue of a tail, if known; it must not begin above the last one before it."""
    if not is_concrete(last, tail.alpha, tail.eigval):
        return last
    first = last if tail.eigval is None else float(tail.eigval)
    if first * ((start + 1) / start) ** (-2 * float(tail.alpha)) > last * (1 + 1e-12):
        wanted = f"a tail that begins below the mode before it, {float(last):g}"
        raise ValueError(f"eigval: wanted {wanted}; got {first:g} at index {start}")
    return first * (tail.until / start) ** (-2 * float(tail.alpha))
