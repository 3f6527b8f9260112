"""Optimizers that are linear in the gradient: one row of a table, from which everything else follows."""

import abc
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from solvable.algorithms.base import AbstractModewise
from solvable.forms.algorithms import Filter, Step
from solvable.forms.linear_map import LinearMap, join, pairs, power, second_moment_decay


class AbstractLinear(AbstractModewise, Filter):
    """An optimizer that is linear in the gradient: one row of a table, from which everything else follows.

    Along each eigendirection it has a state s of p numbers, s_0 being the centred point where the gradient G is taken:
    s' = K s - b G (`linear_map` states I - K and b). Before the first step s = c (theta_0 - theta*) + d theta*, with
    ``origin`` = (c, d), and the judged parameters are q . s with ``judged`` = q; theta_0 has to be the start of all
    that is not a velocity. Update, second moments, stability and filter on fixed data are derived here.
    """

    origin: ClassVar[tuple[tuple[float, ...], tuple[float, ...]]] = ((1.0,), (0.0,))

    @property
    def judged(self) -> tuple[float, ...]:
        """q: the weights of the judged parameters in the state; the first number alone by default."""
        return (1.0, *(0.0 for _ in self.origin[0][1:]))

    @abc.abstractmethod
    def linear_map(self, step: Step) -> LinearMap:
        """I - K and b at a step."""

    @property
    def _noise(self) -> float:
        return 0.0 if self.batch_size is None else 1.0 / self.batch_size

    @property
    def plain(self):
        q, (c, d) = tuple(self.judged), self.origin
        return not any(d) and q[0] == 1 and not any(q[1:]) and not any(c[1:])

    def states(self):
        # On fixed data a state that remembers theta* has no filter that multiplies the initial error alone.
        return tuple(form for form in super().states() if form is not Filter or not any(self.origin[1]))

    def decay(self, eigvals, step):
        row = self.linear_map(step)
        gain = jnp.asarray(row.gain)
        noise = self._noise * (eigvals**2)[:, None, None] * gain[:, None] * gain
        return second_moment_decay(row.mean_decay(eigvals), noise)

    def injection(self, eigvals, step):
        gain, (i, j) = jnp.asarray(self.linear_map(step).gain), pairs(len(self.origin[0]))
        return self._noise * eigvals[:, None] * (gain[i] * gain[j])

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
        whole = jnp.concatenate([params[None], state])
        decay, gain = (jnp.asarray(x, params.dtype) for x in self.linear_map(step))
        moved = whole - jnp.matmul(decay, whole, precision="highest") - gain[:, None] * grad
        return moved[0], moved[1:]

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
