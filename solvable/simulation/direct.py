"""The referee among the samplers: ambient features drawn and multiplied out, as written in the papers."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from solvable.keys import stream
from solvable.models.base import AbstractProblem
from solvable.numerics.precision import in_float64
from solvable.simulation.landscape import HIGHEST
from solvable.simulation.samplers import AbstractSampler


class Direct(AbstractSampler):
    """features = z @ factor, targets = z @ readout + noise * eps with z ~ N(0, I) in the ambient coordinates.

    Everything is in the original coordinates and drawn by ``jax.random.normal`` inside the step, so this
    sampler shares neither the Gaussian reduction, nor the random numbers, nor the risk formula with the other
    ones.
    """

    factor: Float[Array, "ambient width"]
    readout: Float[Array, " ambient"]
    noise: Float[Array, ""]
    start: Float[Array, " width"]
    size: int = eqx.field(static=True)

    @classmethod
    def of(cls, problem: AbstractProblem, size: int, dtype) -> "Direct":
        factor, readout, noise = (jnp.asarray(x, dtype) for x in in_float64(problem.ambient_features)())
        basis, initial = jnp.asarray(in_float64(problem.basis)(), dtype), jnp.asarray(problem.init(), dtype)
        return cls(factor, readout, noise, jnp.matmul(basis, initial, precision=HIGHEST), size)

    @property
    def initial(self):
        return self.start

    def streams(self, key):
        return stream(key, "direct")

    def draw(self, streams, steps):
        return jax.vmap(lambda t: jax.random.fold_in(streams, t))(steps)

    def gradient(self, prepared, params):
        ambient = self.factor.shape[0]
        inputs_key, label_key = jax.random.split(prepared)
        inputs = jax.random.normal(inputs_key, (self.size, ambient), self.factor.dtype)
        label = self.noise * jax.random.normal(label_key, (self.size,), self.factor.dtype)
        features = jnp.matmul(inputs, self.factor, precision=HIGHEST)
        targets = jnp.matmul(inputs, self.readout, precision=HIGHEST) + label
        residual = jnp.matmul(features, params, precision=HIGHEST) - targets
        return jnp.matmul(residual, features, precision=HIGHEST) / self.size

    def risk(self, params):
        gap = jnp.matmul(self.factor, params, precision=HIGHEST) - self.readout
        return (gap**2).sum() + self.noise**2
