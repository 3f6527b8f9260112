"""Sign descent: every coordinate moves by the learning rate. The proxy of Adam that has a theory."""

from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp

from solvable.algorithms.base import AbstractStepwise, check_batch_size
from solvable.algorithms.settings import RATE, Setting, at, check_kind, setting, settings_of
from solvable.forms.signs import Signs


class SignSGD(AbstractStepwise, Signs):
    """theta <- theta - learning_rate * sign(mean_b f_b (f_b . theta - y_b)), on a fresh batch each step.

    What Adam does without its averages (beta_1 = beta_2 = 0). Signs mean something in the original coordinates only,
    and its moments do not close: `SignClosure` predicts it (Xiao et al. 2024, arXiv 2411.12135).

    Attributes:
        learning_rate: a number, or a schedule: a function of the step.
        batch_size: B >= 1; None is the full data set, for a fresh stream the population gradient.
    """

    learning_rate: Setting = setting(RATE)
    batch_size: int | None = eqx.field(static=True, converter=check_batch_size)
    rotation_equivariant: ClassVar[bool] = False
    references: ClassVar[tuple[str, ...]] = ("xiao2024",)

    def __init__(self, learning_rate: Any = 0.01, batch_size: int | None = 1):
        self.learning_rate = learning_rate
        self.batch_size = batch_size

    def __check_init__(self):
        for one in settings_of(self):
            check_kind(*one)

    def rate(self, step):
        """The learning rate at a step."""
        return at(step, self.learning_rate)[0]

    def init(self, params):
        return ()

    def update(self, params, state, grad, step):
        return params - jnp.asarray(self.rate(step), params.dtype) * jnp.sign(grad), state
