"""What a law of scaling is: a formula of named parameters and named variables, and how it is searched.

A law is a value. Its formula is ``law(parameters, variables)``; the rest says how the formula is fitted:

- ``positive`` parameters are searched by their logarithm, the others as they are; ``bounds`` keep one between two
  numbers, ``fixed`` keeps it at one.
- ``factors`` say how each parameter changes with the units of the variables. The search works with every variable in
  units of its geometric mean over the data, where prefactors are of order one and hardly correlated with exponents:
  the same few ``starts`` serve data in tokens and in billions of tokens.
"""

import abc
import itertools
from collections.abc import Mapping
from typing import Any, ClassVar

import equinox as eqx
import numpy as np
from jaxtyping import Array

from solvable.arguments import check_real, check_window, refusal

Values = Mapping[str, Any]  # name -> number or array


def as_fixed(value: Any) -> tuple[tuple[str, float], ...]:
    """Parameters held at a number, as pairs that can be hashed.

    Raises:
        ValueError: it is no mapping of names to finite numbers.
    """
    pairs = _pairs("fixed", "a mapping of names to finite numbers", value)
    for name, number in pairs:
        check_real("fixed", number, f"a finite number for {name}")
    return tuple((name, float(number)) for name, number in pairs)


def as_bounds(value: Any) -> tuple[tuple[str, tuple[float, float]], ...]:
    """Parameters held between two numbers, as pairs that can be hashed.

    Raises:
        ValueError: it is no mapping of names to windows (low, high).
    """
    wanted = "a mapping of names to windows (low, high) with low < high, both finite"
    return tuple((name, check_window("bounds", window)) for name, window in _pairs("bounds", wanted, value))


def _pairs(name: str, wanted: str, value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, tuple):
        value = dict(value) if all(isinstance(x, tuple) and len(x) == 2 for x in value) else None
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise refusal(name, wanted, value)
    return list(value.items())


class AbstractLaw(eqx.Module):
    """A formula for one measured number, ``target``, of named parameters and variables.

    A final class states ``variables`` (names of what is varied, such as ("N", "D")), ``parameters`` (names of what is
    fitted or fixed), and which of these are ``positive``.

    Attributes:
        fixed: parameters that are not fitted, name -> value.
        bounds: parameters that are fitted between two numbers, name -> (low, high).
    """

    fixed: Any = eqx.field(static=True, converter=as_fixed, default=(), kw_only=True)
    bounds: Any = eqx.field(static=True, converter=as_bounds, default=(), kw_only=True)
    variables: ClassVar[tuple[str, ...]] = ()
    parameters: ClassVar[tuple[str, ...]] = ()
    positive: ClassVar[tuple[str, ...]] = ()
    target: ClassVar[str] = "L"
    raw: ClassVar[tuple[str, ...]] = ()  # variables whose unit is not changed, as the law is not closed under that
    shared: ClassVar[Values] = {}  # variable -> the one whose unit it has
    labels: ClassVar[tuple[str, ...]] = ()  # variables that number something, and have no scale
    floor: ClassVar[str | None] = None  # the parameter the law tends to, which must be identified to extrapolate
    formula: ClassVar[str] = ""

    def __check_init__(self):
        for field in ("fixed", "bounds"):
            for name, _ in getattr(self, field):
                if name not in self.parameters:
                    raise refusal(field, f"names among {', '.join(self.parameters)}", name)
        both = {name for name, _ in self.fixed} & {name for name, _ in self.bounds}
        if both:
            raise ValueError(f"bounds: wanted names that are not fixed; got {', '.join(sorted(both))}")
        if not self.free:
            raise ValueError(f"fixed: wanted one parameter left to fit; got {self.fixed}")

    @property
    def name(self) -> str:
        """How the command line calls it."""
        letters = "".join(f"-{c.lower()}" if c.isupper() else c for c in type(self).__name__)
        return letters.strip("-")

    @property
    def free(self) -> tuple[str, ...]:
        """Parameters that are fitted."""
        held = dict(self.fixed)
        return tuple(name for name in self.parameters if name not in held)

    @abc.abstractmethod
    def __call__(self, parameters: Values, variables: Values) -> Array:
        """The target. Numbers in, number out; arrays broadcast."""

    def factors(self, parameters: Values, units: Values) -> Values:
        """Parameter in the caller's units over the parameter where a variable (or the target) counts ``units`` as 1.

        Parameters that are not named do not change. The factors may depend on those alone.
        """
        del parameters, units
        return {}

    @abc.abstractmethod
    def starts(self) -> Mapping[str, tuple[float, ...]]:
        """First guesses of every parameter where variables and target are about 1; all combinations are tried."""

    def grid(self) -> np.ndarray:
        """All combinations of the starts of the free parameters; shape (starts, free)."""
        starts = self.starts()
        return np.array(list(itertools.product(*(starts[name] for name in self.free))), float)
