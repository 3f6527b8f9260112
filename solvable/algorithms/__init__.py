"""Optimizers, one a file; wrappers that compose them, and schedules of their settings."""

from solvable.algorithms import schedules
from solvable.algorithms.averages import EMA, AbstractAverage, TailAverage
from solvable.algorithms.base import (
    AbstractAlgorithm,
    AbstractModewise,
    AbstractSpectral,
    AbstractStepwise,
)
from solvable.algorithms.dana import DANA
from solvable.algorithms.gradient_flow import GradientFlow
from solvable.algorithms.linear import AbstractLinear
from solvable.algorithms.logistic import Logistic
from solvable.algorithms.max_margin import MaxMargin
from solvable.algorithms.momentum import AbstractMomentum, EMAMomentum, HeavyBall, Nesterov
from solvable.algorithms.optax import Optax
from solvable.algorithms.practice import Practice
from solvable.algorithms.ridge import Ridge
from solvable.algorithms.schedule_free import ScheduleFree
from solvable.algorithms.schedules import AbstractSchedule
from solvable.algorithms.sgd import SGD
from solvable.algorithms.sign_sgd import SignSGD
from solvable.algorithms.spherical_sgd import SphericalSGD
from solvable.algorithms.weight_decay import WeightDecay
from solvable.algorithms.wrappers import AbstractWrapper, BatchSchedule, Preconditioned

__all__ = [
    "DANA",
    "EMA",
    "SGD",
    "AbstractAlgorithm",
    "AbstractAverage",
    "AbstractLinear",
    "AbstractModewise",
    "AbstractMomentum",
    "AbstractSchedule",
    "AbstractSpectral",
    "AbstractStepwise",
    "AbstractWrapper",
    "BatchSchedule",
    "EMAMomentum",
    "GradientFlow",
    "HeavyBall",
    "Logistic",
    "MaxMargin",
    "Nesterov",
    "Optax",
    "Practice",
    "Preconditioned",
    "Ridge",
    "ScheduleFree",
    "SignSGD",
    "SphericalSGD",
    "TailAverage",
    "WeightDecay",
    "schedules",
]
