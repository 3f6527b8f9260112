"""One power of one variable, above a floor."""

from typing import Any, ClassVar

import equinox as eqx

from solvable.arguments import refusal
from solvable.fits.laws.base import AbstractLaw


def as_name(value: Any) -> str:
    """The name of a variable; anything else is refused."""
    if not isinstance(value, str) or not value.isidentifier():
        raise refusal("variable", "the name of a variable, such as 'N'", value)
    return value


class PowerLaw(AbstractLaw):
    """L(x) = E + A / x^alpha.

    A positive alpha for a law that decays. ``fixed={"E": 0}`` leaves out the floor. `fit_power_law` fits the same law
    by least squares with intervals for correlated errors.

    Attributes:
        variable: the name of x, by which its column is found: "N", "D", "C", or "x" for the only one there is.

    Source: Hestness et al. 2017; Henighan et al. 2020, eq. 1.1 (the floor).
    """

    variable: str = eqx.field(static=True, converter=as_name, default="x")
    references: ClassVar[tuple[str, ...]] = ("hestness2017", "henighan2020")
    formula: ClassVar[str] = "L = E + A / x^alpha"
    floor: ClassVar[str | None] = "E"
    parameters = ("E", "A", "alpha")
    positive = ("E", "A")

    @property
    def variables(self) -> tuple[str, ...]:
        return (self.variable,)

    def __call__(self, parameters, variables):
        return parameters["E"] + parameters["A"] * variables[self.variable] ** -parameters["alpha"]

    def factors(self, parameters, units):
        return {"E": units["L"], "A": units["L"] * units[self.variable] ** parameters["alpha"]}

    def starts(self):
        return {"E": (0.01, 0.3, 0.8, 0.97), "A": (0.03, 0.3, 1.0), "alpha": (-0.5, 0.1, 0.4, 1.0, 2.0)}
