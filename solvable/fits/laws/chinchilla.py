"""Chinchilla's law: one power of the size of the model and one of the data, above a floor."""

from typing import ClassVar

from solvable.fits.laws.base import AbstractLaw


class Chinchilla(AbstractLaw):
    """L(N, D) = E + A / N^alpha + B / D^beta.

    N parameters, D tokens, L loss. With C = 6 N D the best split of C is N = G (C/6)^(beta / (alpha + beta)),
    D = (C/6)^(alpha / (alpha + beta)) / G with G = (alpha A / (beta B))^(1 / (alpha + beta)).

    Source: Hoffmann et al. 2022, eq. 2; Besiroglu et al. 2024.
    """

    references: ClassVar[tuple[str, ...]] = ("hoffmann2022", "besiroglu2024")
    formula: ClassVar[str] = "L = E + A / N^alpha + B / D^beta"
    floor: ClassVar[str | None] = "E"
    variables = ("N", "D")
    parameters = ("E", "A", "B", "alpha", "beta")
    positive = ("E", "A", "B")

    def __call__(self, parameters, variables):
        p, v = parameters, variables
        return p["E"] + p["A"] * v["N"] ** -p["alpha"] + p["B"] * v["D"] ** -p["beta"]

    def factors(self, parameters, units):
        power = {"A": units["N"] ** parameters["alpha"], "B": units["D"] ** parameters["beta"]}
        return {"E": units["L"], **{name: units["L"] * factor for name, factor in power.items()}}

    def starts(self):
        share, exponent = (0.05, 0.3), (0.1, 0.35, 0.8)
        return {"E": (0.02, 0.3, 0.8), "A": share, "B": share, "alpha": exponent, "beta": exponent}
