"""Online stochastic gradient descent on the unit sphere."""

from typing import ClassVar

import equinox as eqx

from solvable.algorithms.base import AbstractAlgorithm, check_batch_size
from solvable.algorithms.settings import RATE, Setting, check_kind, setting
from solvable.arguments import is_function, refusal
from solvable.forms.algorithms import Spherical


class SphericalSGD(AbstractAlgorithm, Spherical):
    """w <- v / |v|, v = w - (learning_rate / dimension) (1 - w w^T) G, on fresh samples at every step.

    G is the batch-mean gradient of half the squared error. The convention of Ben Arous, Gheissari, Jagannath 2021
    (arXiv 2003.10409): a rate of order 1 moves w by a length of order dimension^(-1/2) a step. For a link of
    information exponent s the rate that needs fewest samples is of order 1 up to s = 2 (but for logarithms), and of
    order dimension^(-(s - 2) / 2) beyond.

    Attributes:
        learning_rate: a number > 0.
        batch_size: samples a step, >= 1; None is the population gradient.
    """

    learning_rate: Setting = setting(RATE, default=0.1)
    batch_size: int | None = eqx.field(static=True, converter=check_batch_size, default=1)
    references: ClassVar[tuple[str, ...]] = ("benarous2021",)

    def __check_init__(self):
        if is_function(self.learning_rate):
            raise refusal("learning_rate", "one finite number > 0, the same at every step", self.learning_rate)
        check_kind("learning_rate", self.learning_rate, RATE)
