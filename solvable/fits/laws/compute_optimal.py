"""The best split of compute into parameters and data, as powers of it."""

from typing import ClassVar

from solvable.fits.laws.base import AbstractLaw


class ComputeOptimal(AbstractLaw):
    """N(C) = G C^a and D(C) = H C^b; fitted by `Envelope` (approach 1) and `IsoFLOP` (approach 2).

    Source: Hoffmann et al. 2022, sec. 3.1 and 3.2.
    """

    references: ClassVar[tuple[str, ...]] = ("hoffmann2022",)
    formula: ClassVar[str] = "N = G C^a, D = H C^b"
    target: ClassVar[str] = "N"
    variables = ("C",)
    parameters = ("a", "b", "G", "H")
    positive = ("G", "H")

    def __call__(self, parameters, variables):
        """The number of parameters."""
        return parameters["G"] * variables["C"] ** parameters["a"]

    def data(self, parameters, variables):
        """The amount of data."""
        return parameters["H"] * variables["C"] ** parameters["b"]

    def starts(self):
        return {"a": (0.5,), "b": (0.5,), "G": (1.0,), "H": (1.0,)}
