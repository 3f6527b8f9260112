"""Loss far from the best split, by compute and tokens per parameter."""

from typing import ClassVar

from solvable.fits.laws.base import AbstractLaw


class OverTraining(AbstractLaw):
    """L(C, M) = E + (a M^eta + b M^-eta) C^-eta, M = D / N: Chinchilla's law with alpha = beta = 2 eta.

    Source: Gadre et al. 2024, eq. 4.
    """

    references: ClassVar[tuple[str, ...]] = ("gadre2024",)
    formula: ClassVar[str] = "L = E + (a M^eta + b M^-eta) C^-eta"
    floor: ClassVar[str | None] = "E"
    variables = ("C", "M")
    parameters = ("E", "a", "b", "eta")
    positive = ("E", "a", "b")

    def __call__(self, parameters, variables):
        p, v = parameters, variables
        over = p["a"] * v["M"] ** p["eta"] + p["b"] * v["M"] ** -p["eta"]
        return p["E"] + over * v["C"] ** -p["eta"]

    def factors(self, parameters, units):
        compute, ratio = units["C"] ** parameters["eta"], units["M"] ** parameters["eta"]
        return {"E": units["L"], "a": units["L"] * compute / ratio, "b": units["L"] * compute * ratio}

    def starts(self):
        return {"E": (0.02, 0.3, 0.8), "a": (0.05, 0.3), "b": (0.05, 0.3), "eta": (0.05, 0.2, 0.5)}
