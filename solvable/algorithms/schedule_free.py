"""Schedule-free SGD: gradients between a fast iterate and its average, judged at the average."""

from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp

from solvable.algorithms.base import check_batch_size
from solvable.algorithms.linear import AbstractLinear
from solvable.algorithms.settings import RATE, WEIGHT, Setting, at, check_number, setting
from solvable.arguments import as_real, shown
from solvable.forms.linear_map import LinearMap


class ScheduleFree(AbstractLinear):
    """z <- z - g G(y);  x <- (1 - c) x + c z;  y <- (1 - beta) z + beta x,  c = 1 / (t + 1), judged at x.

    Defazio et al. 2024 (arXiv 2405.15682): x is the plain mean of the iterates z. With a constant rate it is
    `optax.contrib.schedule_free_sgd`; with one that changes optax weighs the mean by the largest rate so far, squared,
    and this one does not. Three second moments per eigendirection.

    Attributes:
        learning_rate: g > 0, a number or a function of the step.
        beta: where the gradient is taken, a number in (0, 1].
        batch_size: B >= 1; None is the full data set, for a fresh stream the population gradient.
    """

    learning_rate: Setting = setting(RATE)
    beta: Any = eqx.field(converter=as_real, metadata={"rule": WEIGHT}, default=0.9)
    batch_size: int | None = eqx.field(static=True, converter=check_batch_size, default=1)
    origin = ((1.0, 1.0), (0.0, 0.0))
    references: ClassVar[tuple[str, ...]] = ("defazio2024",)

    # Written out for type checkers, which would take the fields of the forms first.
    def __init__(self, learning_rate: Any = 0.1, beta: Any = 0.9, batch_size: int | None = 1):
        self.learning_rate, self.beta, self.batch_size = learning_rate, beta, batch_size

    def __check_init__(self):
        if callable(self.beta):  # x is read from y and z by weights that contain beta
            raise ValueError(f"beta: wanted one number in (0, 1]; got {shown(self.beta)}")
        check_number("beta", self.beta, WEIGHT)

    @property
    def stationary(self):
        """Never: the mean grows."""
        return False

    @property
    def judged(self):
        """x = (y - (1 - beta) z) / beta."""
        return (1 / self.beta, -(1 - self.beta) / self.beta)

    def linear_map(self, step):
        """s = (y - theta*, z - theta*)."""
        (g,), beta, c = at(step, self.learning_rate), self.beta, 1 / (step + 1.0)
        return LinearMap(jnp.array([[c, -c], [0, 0]]), jnp.array([g * (1 - beta + beta * c), g]))

    def shrink_direction(self, step):
        """Weight decay acts at y on z, as the gradient does."""
        _, beta, c = at(step, self.learning_rate), self.beta, 1 / (step + 1.0)
        return jnp.array([1 - beta + beta * c, 1.0])
