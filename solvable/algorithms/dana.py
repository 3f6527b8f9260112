"""DANA: momentum whose weight and memory are matched to the width or to the time."""

from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp

from solvable.algorithms.base import check_batch_size
from solvable.algorithms.linear import AbstractLinear
from solvable.algorithms.settings import RATE, STRENGTH, Setting, at, setting
from solvable.forms.linear_map import LinearMap


class DANA(AbstractLinear):
    """y <- (1 - D) y + G;  theta <- theta - g (G + c y),  D = delta / (delta + t),  c = acceleration (1 + t)^-exponent.

    Dimension-adapted Nesterov acceleration (Ferbach et al. 2025, arXiv 2505.16098; their gamma_1 = 1, gamma_2 = g,
    gamma_3 = g c): the average y forgets ever more slowly. DANA-constant has exponent 0 and an acceleration of about
    1 / width, and departs from SGD after 1 / c steps. DANA-decaying has exponent 1 / (2 alpha). Theirs take delta above
    max(2 + (2 beta - 1) / alpha, 2 - 1 / alpha). Three second moments per eigendirection.

    Attributes:
        learning_rate: g > 0.
        acceleration: the factor in c, >= 0.
        exponent: of the decay of c, >= 0; 0 is DANA-constant.
        delta: > 0.
        batch_size: B >= 1; None is the full data set, for a fresh stream the population gradient.
    """

    learning_rate: Setting = setting(RATE)
    acceleration: Setting = setting(STRENGTH)
    exponent: Setting = setting(STRENGTH)
    delta: Setting = setting(RATE)
    batch_size: int | None = eqx.field(static=True, converter=check_batch_size, default=1)
    origin = ((1.0, 0.0), (0.0, 0.0))
    references: ClassVar[tuple[str, ...]] = ("ferbach2025",)

    # Written out for type checkers, which would take the fields of the forms first.
    def __init__(
        self,
        learning_rate: Any = 0.1,
        acceleration: Any = 0.1,
        exponent: Any = 0.0,
        delta: Any = 8.0,
        batch_size: int | None = 1,
    ):
        self.learning_rate, self.acceleration, self.exponent = learning_rate, acceleration, exponent
        self.delta, self.batch_size = delta, batch_size

    @property
    def stationary(self):
        """Never: y forgets more slowly at every step."""
        return False

    def linear_map(self, step):
        """s = (theta - theta*, y)."""
        g, acceleration, exponent, delta = at(step, self.learning_rate, self.acceleration, self.exponent, self.delta)
        c, forgotten = acceleration * (1.0 + step) ** -exponent, delta / (delta + step)
        return LinearMap(jnp.array([[0, g * c * (1 - forgotten)], [0, forgotten]]), jnp.array([g * (1 + c), -1.0]))
