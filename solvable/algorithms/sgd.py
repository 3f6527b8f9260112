"""Stochastic gradient descent on the mean squared error."""

from collections.abc import Callable
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from solvable.algorithms.base import AbstractModewise, AbstractSpectral, check_batch_size
from solvable.arguments import as_real

Schedule = Callable[[jax.Array], jax.Array]


def _filter_of_schedule(rate: Schedule, eigvals, steps):
    """Every step up to the last is visited; the fraction learned is summed up, so that small ones keep their digits."""

    def to_record(carry, stop):
        def step(t, carry):
            left, learned = carry
            return left * (1 - rate(t) * eigvals), learned + left * rate(t) * eigvals

        t, *moving = carry
        moving = jax.lax.fori_loop(t, stop, step, tuple(moving))
        return (stop, *moving), moving

    start = jnp.zeros((), int), jnp.ones_like(eigvals), jnp.zeros_like(eigvals)
    return jax.lax.scan(to_record, start, steps.astype(int))[1]


def _as_rate(value: Any) -> Any:
    return value if callable(value) else as_real(value)


class SGD(AbstractModewise, AbstractSpectral):
    """theta <- theta - learning_rate * mean_b f_b (f_b . theta - y_b), on a fresh batch each step.

    One moment per eigendirection, m = E Delta^2, exact for Gaussian features (Paquette et al. 2024,
    arXiv 2405.15074, in the batch-mean convention; their batch-sum learning rate is learning_rate / batch_size):

        m' = (1 - 2 g lambda + (1 + 1/B) g^2 lambda^2) m + (g^2 / B) lambda * risk.

    Attributes:
        learning_rate: g, a number, or a schedule: a function of the step (any optax schedule).
        batch_size: B >= 1; None is the full data set, for a fresh stream the population gradient (1/B = 0).
    """

    learning_rate: Float[Array, ""] | Schedule = eqx.field(converter=_as_rate, default=0.1)
    batch_size: int | None = eqx.field(static=True, converter=check_batch_size, default=1)
    references: ClassVar[tuple[str, ...]] = ("paquette2024",)

    def __check_init__(self):
        rate = self.learning_rate
        if not callable(rate) and not isinstance(rate, jax.Array | np.ndarray):
            raise ValueError(f"learning_rate: wanted a number > 0 or a function of the step; got {rate!r}")

    @property
    def stationary(self) -> bool:
        return not callable(self.learning_rate)

    def rate(self, step):
        """The learning rate at a step."""
        return self.learning_rate(step) if callable(self.learning_rate) else self.learning_rate

    def rescale(self, factor: Float[Array, ""]) -> "SGD":
        """The same algorithm with its learning rate multiplied by ``factor``."""
        if callable(self.learning_rate):
            rate = self.learning_rate
            return SGD(learning_rate=lambda step: factor * rate(step), batch_size=self.batch_size)
        return SGD(learning_rate=self.learning_rate * factor, batch_size=self.batch_size)

    @property
    def _noise(self) -> float:
        return 0.0 if self.batch_size is None else 1.0 / self.batch_size

    def decay(self, eigvals, step):
        step_size = self.rate(step) * eigvals
        return (step_size * (2 - (1 + self._noise) * step_size))[:, None, None]

    def injection(self, eigvals, step):
        return (self._noise * self.rate(step) ** 2 * eigvals)[:, None]

    def filter(self, eigvals, steps):
        """left = (1 - g s)^t, the mean over batches; for a schedule the product of 1 - g_u s over u < t."""
        if callable(self.learning_rate):
            return _filter_of_schedule(self.learning_rate, eigvals, steps)
        shrink = self.learning_rate * eigvals
        # (1 - x)^t as sign * exp(t log|1 - x|), the logarithm without cancellation at both ends of 0 < x < 2
        log = jnp.where(shrink < 1, jnp.log1p(-jnp.minimum(shrink, 1.0)), jnp.log1p(jnp.maximum(shrink, 1.0) - 2))
        exponent = jnp.where(steps[:, None] > 0, steps[:, None] * log, 0.0)
        sign = jnp.where((shrink > 1) & (steps[:, None] % 2 == 1), -1.0, 1.0)
        return sign * jnp.exp(exponent), jnp.where(sign > 0, -jnp.expm1(exponent), 1 + jnp.exp(exponent))

    def init(self, params):
        return ()

    def update(self, params, state, grad, step):
        rate = jnp.asarray(self.rate(step), params.dtype)
        return params - rate * grad, state
