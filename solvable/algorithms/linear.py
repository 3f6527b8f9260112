"""Optimizers that are linear in the gradient: one row of a table, from which everything else follows."""

import abc
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from solvable.algorithms import schedules
from solvable.algorithms.base import AbstractModewise
from solvable.algorithms.settings import check_kind, settings_of
from solvable.forms.algorithms import Filter, Step, Steps
from solvable.forms.base import Form
from solvable.forms.linear_map import LinearMap, join, pairs, power, second_moment_decay


class AbstractLinear(AbstractModewise, Filter):
    """An optimizer that is linear in the gradient: one row of a table, from which everything else follows.

    Along each eigendirection it has a state s of p numbers, s_0 being the centred point where the gradient G is taken:
    s' = K s - b G (`linear_map` states I - K and b). Before the first step s = c (theta_0 - theta*) + d theta*, with
    ``origin`` = (c, d), and the judged parameters are q . s with ``judged`` = q; theta_0 has to be the start of all
    that is not a velocity. Update, second moments, stability and filter on fixed data are derived here.

    Attributes:
        covariance_power: p, where the gradient along a direction of eigenvalue lam is multiplied by lam^-p before the
            row sees it (`Preconditioned`); None where it is not. Only a fresh stream has it, in its eigenbasis.
    """

    origin: ClassVar[tuple[tuple[float, ...], tuple[float, ...]]] = ((1.0,), (0.0,))
    covariance_power: ClassVar[Any] = None

    def __check_init__(self):
        for setting in settings_of(self):
            check_kind(*setting)

    @property
    def judged(self) -> tuple[float, ...]:
        """q: the weights of the judged parameters in the state; the first number alone by default."""
        return (1.0, *(0.0 for _ in self.origin[0][1:]))

    @abc.abstractmethod
    def linear_map(self, step: Step) -> LinearMap:
        """I - K and b at a step."""

    def shrink_direction(self, step: Step) -> Float[Array, " p"]:
        """How the state after a step answers to the parameters before it: K e_0, along which weight decay acts."""
        decay = jnp.asarray(self.linear_map(step).decay)
        return jnp.zeros(decay.shape[-1]).at[0].set(1.0) - decay[:, 0]

    @property
    def stationary(self):
        """Whether all settings are numbers."""
        return not any(callable(setting.value) for setting in settings_of(self))

    def rescale(self, factor):
        rate = self.learning_rate
        if callable(rate):
            scaled = schedules.Product(schedules.constant(factor), rate)
            return eqx.tree_at(lambda a: a.learning_rate, self, scaled, is_leaf=lambda x: x is rate)
        return super().rescale(factor)

    @property
    def kinks(self):
        settings = [value for part in self.parts() for _, value, _ in settings_of(part)]
        return jnp.concatenate([jnp.zeros(0), *(schedules.kinks_of(value) for value in settings)])

    @property
    def plain(self):
        (c, d), q = self.origin, self.judged
        return not any(d) and not any(c[1:]) and q[0] == 1 and not any(q[1:])

    def states(self):
        absent: set[Form] = set()
        if any(self.origin[1]):  # on fixed data theta* is not the minimum: no factor multiplies the initial error alone
            absent |= {Filter}
        if self.covariance_power is not None:
            absent |= {Filter, Steps}
        if callable(self.batch_size):  # the law of the gradient alone knows a size that changes, in the eigenbasis
            absent |= {Steps}
        return tuple(form for form in super().states() if form not in absent)

    def preconditioner(self, eigvals):
        if self.covariance_power is None:
            return None
        absent = eigvals == 0
        return jnp.where(absent, 0.0, jnp.where(absent, 1.0, eigvals) ** -self.covariance_power)

    def _row(self, eigvals, step) -> LinearMap:
        """The row as each direction sees it; the gain has an axis of modes where gradients are preconditioned."""
        decay, gain = self.linear_map(step)
        scale = self.preconditioner(eigvals)
        return LinearMap(decay, jnp.asarray(gain) if scale is None else scale[:, None] * jnp.asarray(gain))

    def _noise(self, step: Step) -> Any:
        size = self.batch_size
        return 0.0 if size is None else 1.0 / (size(step) if callable(size) else size)

    def decay(self, eigvals, step):
        row = self._row(eigvals, step)
        gain = row.gain
        noise = self._noise(step) * (eigvals**2)[:, None, None] * gain[..., :, None] * gain[..., None, :]
        return second_moment_decay(row.mean_decay(eigvals), noise)

    def injection(self, eigvals, step):
        gain, (i, j) = self._row(eigvals, step).gain, pairs(len(self.origin[0]))
        return self._noise(step) * eigvals[:, None] * (gain[..., i] * gain[..., j])

    def start(self, spectrum):
        i, j = pairs(len(self.origin[0]))
        c, d = (np.asarray(x) for x in self.origin)
        cross = c[i] * d[j] + d[i] * c[j]
        return (
            spectrum.error[:, None] * (c[i] * c[j])
            + spectrum.cross[:, None] * cross
            + spectrum.target[:, None] * (d[i] * d[j])
        )

    def observation(self):
        i, j = pairs(len(self.origin[0]))
        q = jnp.asarray(self.judged)
        return jnp.where(i == j, 1.0, 2.0) * q[i] * q[j]

    def init(self, params):
        """The state without its first number; measured from 0 and not from theta*, all of it starts at c theta_0."""
        return jnp.outer(jnp.asarray(self.origin[0][1:], params.dtype), params)

    def update(self, params, state, grad, step):
        decay, gain = (jnp.asarray(x, params.dtype) for x in self.linear_map(step))
        whole = (params, *state)
        # Sums of p terms and no matrix product: they become one pass over the state.
        moved = [x - gain[i] * grad - sum(decay[i, j] * y for j, y in enumerate(whole)) for i, x in enumerate(whole)]
        return moved[0], jnp.stack(moved[1:]) if len(state) else state

    def observed(self, params, state):
        q = jnp.asarray(self.judged, params.dtype)
        return q[0] * params + jnp.tensordot(q[1:], state, 1)

    @property
    def constant(self):
        return self.stationary

    def filter(self, eigvals, steps):
        """left = q . A^t c of the mean map A = K - s b e_0^T; for changing settings the product of all A."""
        times = steps.astype(int)
        if self.stationary:
            mean = self.linear_map(0).mean_decay(eigvals)
            kept, lost = jax.lax.map(lambda t: power(mean, t), times)
        else:
            kept, lost = _products(self, eigvals, times)
        c, q = (jnp.asarray(x) for x in (self.origin[0], self.judged))
        left, learned = (jnp.einsum("i,tmij,j->tm", q, x, c) for x in (kept, lost))
        return left, (1 - q @ c) + learned


def _products(algorithm: AbstractLinear, eigvals, steps):
    """A_{t-1} ... A_0 and its difference from the identity at every step; all steps up to the last are visited."""
    size = len(algorithm.origin[0])
    one = jnp.broadcast_to(jnp.eye(size, dtype=eigvals.dtype), (*eigvals.shape, size, size))

    def to_record(carry, stop):
        def step(t, product):
            e = algorithm.linear_map(t).mean_decay(eigvals)
            return join(product, (one - e, e))

        t, product = carry
        product = jax.lax.fori_loop(t, stop, step, product)
        return (stop, product), product

    return jax.lax.scan(to_record, (jnp.zeros((), int), (one, jnp.zeros_like(one))), steps)[1]
