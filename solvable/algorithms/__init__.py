"""Optimizers, one a file."""

from solvable.algorithms.base import (
    AbstractAlgorithm,
    AbstractModewise,
    AbstractSpectral,
    AbstractStepwise,
)
from solvable.algorithms.gradient_flow import GradientFlow
from solvable.algorithms.linear import AbstractLinear
from solvable.algorithms.optax import Optax
from solvable.algorithms.ridge import Ridge
from solvable.algorithms.sgd import SGD

__all__ = [
    "SGD",
    "AbstractAlgorithm",
    "AbstractLinear",
    "AbstractModewise",
    "AbstractSpectral",
    "AbstractStepwise",
    "GradientFlow",
    "Optax",
    "Ridge",
]
