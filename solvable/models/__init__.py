"""Solvable models, one a file."""

from solvable.models.base import AbstractModel, AbstractProblem
from solvable.models.finite import FiniteProblem
from solvable.models.linear_regression import LinearProblem, LinearRegression
from solvable.models.power_law_rf import PowerLawRF, RandomFeatureProblem

__all__ = [
    "AbstractModel",
    "AbstractProblem",
    "FiniteProblem",
    "LinearProblem",
    "LinearRegression",
    "PowerLawRF",
    "RandomFeatureProblem",
]
