"""The referee among the samplers: ambient features drawn and multiplied out, as written in the papers."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array, Float

from solvable.keys import stream
from solvable.models.ambient import AbstractAmbientDraw
from solvable.simulation.landscape import HIGHEST
from solvable.simulation.samplers import AbstractSampler
from solvable.simulation.sharding import share_out


class AbstractDirect(AbstractSampler):
    """features = z @ factor, targets = z @ readout + noise * eps with z ~ N(0, I) in the ambient coordinates.

    Everything is in the original coordinates. Over several devices ``factor`` and ``start`` are cut along the features,
    and XLA cuts the rest likewise: sums over features (a prediction for each input) are summed over the devices.
    """

    factor: eqx.AbstractVar[Float[Array, "ambient coords"]]
    readout: eqx.AbstractVar[Float[Array, " ambient"]]
    noise: eqx.AbstractVar[Float[Array, ""]]
    start: eqx.AbstractVar[Float[Array, " coords"]]

    @property
    def initial(self):
        return self.start

    def risk(self, params):
        return (self._gap(params) ** 2).sum() + self.noise**2

    def _gap(self, params):
        return jnp.matmul(self.factor, params, precision=HIGHEST) - self.readout


class Direct(AbstractDirect):
    """Drawn by ``jax.random.normal`` inside the step: this sampler shares neither the Gaussian reduction, nor the
    random numbers, nor the risk formula with the other ones.
    """

    factor: Float[Array, "ambient coords"]
    readout: Float[Array, " ambient"]
    noise: Float[Array, ""]
    start: Float[Array, " coords"]
    size: int = eqx.field(static=True)

    @property
    def drawn_inside(self):
        return self.size * self.factor.shape[-2]

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


class DirectPopulation(AbstractDirect):
    """The exact gradient factor^T (factor @ params - readout)."""

    factor: Float[Array, "ambient coords"]
    readout: Float[Array, " ambient"]
    noise: Float[Array, ""]
    start: Float[Array, " coords"]

    def streams(self, key):
        return ()

    def draw(self, streams, steps):
        return ()

    def gradient(self, prepared, params):
        return jnp.matmul(self._gap(params), self.factor, precision=HIGHEST)


def direct(draw: AbstractAmbientDraw, size: int | None, dtype: Any, mesh: Mesh | None) -> AbstractDirect:
    """The sampler of one draw, batches of ``size`` or the population gradient, on the devices of ``mesh``."""
    if mesh is None:
        factor = draw.columns(jnp.arange(np.shape(draw.start)[0]))
        factor, readout, noise, start = (jnp.asarray(x, dtype) for x in (factor, draw.readout, draw.noise, draw.start))
    else:
        factor, readout, noise, start = share_out(draw, dtype, mesh)
    if size is None:
        return DirectPopulation(factor, readout, noise, start)
    return Direct(factor, readout, noise, start, size)
