"""Fine-tuning: data that were learned before count too."""

from typing import ClassVar

from solvable.fits.laws.base import AbstractLaw


class Rectified(AbstractLaw):
    """L(D) = B / (D_l + D^beta) + E, D_l the data learned before fine-tuning on D. Source: Lin et al. 2024, eq. 5."""

    references: ClassVar[tuple[str, ...]] = ("lin2024rectified",)
    formula: ClassVar[str] = "L = B / (D_l + D^beta) + E"
    floor: ClassVar[str | None] = "E"
    variables = ("D",)
    parameters = ("E", "B", "D_l", "beta")
    positive = ("E", "B", "D_l", "beta")

    def __call__(self, parameters, variables):
        p = parameters
        return p["B"] / (p["D_l"] + variables["D"] ** p["beta"]) + p["E"]

    def factors(self, parameters, units):
        power = units["D"] ** parameters["beta"]
        return {"E": units["L"], "B": units["L"] * power, "D_l": power}

    def starts(self):
        return {"E": (0.02, 0.3, 0.8), "B": (0.3, 2.0), "D_l": (0.1, 1.0, 10.0), "beta": (0.2, 0.5, 1.0)}
