"""What an optimizer must say about itself.

`AbstractStepwise` is enough to be simulated. `AbstractModewise` adds how second moments move along each
eigendirection, which is enough for every one-pass theory. `AbstractLinear` needs one row of a table instead, for an
optimizer that is linear in the gradient, and everything else follows. `AbstractSpectral` states how the error shrinks
on a fixed data set.
"""

import abc
import operator
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from solvable.arguments import is_concrete
from solvable.forms.algorithms import (
    Descent,
    Filter,
    Minibatches,
    Moments,
    Penalty,
    Rotatable,
    Solution,
    Step,
    Steps,
)
from solvable.forms.base import Form
from solvable.forms.linear_map import LinearMap, join, pairs, power, second_moment_decay

FORMS: tuple[Form, ...] = (Steps, Moments, Filter, Descent, Minibatches, Penalty, Solution)


class AbstractAlgorithm(eqx.Module):
    """How parameters are found, from a stream or a data set.

    Attributes:
        batch_size: samples a step; None for the full data set, of a stream the population.
        rotation_equivariant: whether the trajectory commutes with rotations of the parameters. If not (sign, Adam),
            the simulation keeps the original feature basis instead of the eigenbasis.
        one_shot: whether there are no steps: the solution is a function of the data set.
        continuous: whether steps are points in continuous time.
    """

    batch_size: eqx.AbstractVar[int | None]
    rotation_equivariant: ClassVar[bool] = True
    one_shot: ClassVar[bool] = False
    continuous: ClassVar[bool] = False
    references: ClassVar[tuple[str, ...]] = ()

    def states(self) -> tuple[Form, ...]:
        """The forms that it states: those it derives from, but for those that its batch size rules out."""
        stated = [form for form in FORMS if isinstance(self, form)]
        absent = (Minibatches,) if self.batch_size is None else (Filter, Descent)
        if isinstance(self, Steps) and self.rotation_equivariant:
            stated.append(Rotatable)
        return tuple(form for form in stated if form not in absent)


class AbstractStepwise(AbstractAlgorithm, Steps):
    """An optimizer that moves step by step: a state before the first step (`init`), and a step (`update`)."""


class AbstractModewise(AbstractStepwise, Moments):
    """An optimizer whose second moments per eigendirection close (`stationary`, `decay`, `injection`)."""


class AbstractSpectral(AbstractAlgorithm, Filter):
    """An algorithm whose error on a fixed data set shrinks by a known factor along each direction (`filter`)."""


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


def check_learning_rate(algorithm: AbstractAlgorithm) -> None:
    """A constant learning rate must be one finite number > 0; schedules and traced rates pass.

    Raises:
        ValueError: it is not.
    """
    if not isinstance(algorithm, Moments | Descent):
        return
    rate = algorithm.learning_rate
    if callable(rate):
        return
    if np.shape(rate) != ():
        shape = np.shape(rate)
        raise ValueError(f"learning_rate: wanted one number > 0; got an array of shape {shape} (use vmap for many)")
    if is_concrete(rate) and not (np.isfinite(float(rate)) and float(rate) > 0):
        raise ValueError(f"learning_rate: wanted a finite number > 0; got {float(rate):g}")


def check_batch_size(batch_size: int | None) -> int | None:
    """``batch_size`` as a Python int of at least 1, or None for the full data set."""
    if batch_size is None:
        return None
    try:
        if isinstance(batch_size, bool):
            raise TypeError
        size = operator.index(batch_size)
    except TypeError:
        raise ValueError(f"batch_size: wanted an integer >= 1 or None; got {batch_size!r}") from None
    if size < 1:
        raise ValueError(f"batch_size: wanted an integer >= 1 or None; got {size}")
    return size

