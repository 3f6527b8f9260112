"""One draw in the coordinates of the papers' own code, whose frozen features are made where they are needed."""

import abc

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from solvable.numerics.precision import in_float64


class AbstractAmbientDraw(eqx.Module):
    """Features z @ F and targets z @ readout + noise * eps, with z ~ N(0, I) in the ambient coordinates.

    F = sqrt(D) W has one column a feature. No eigenbasis is needed, and F is not held: a draw too large for one device
    is made in parts.

    Attributes:
        readout: sqrt(D) b; shape (ambient,).
        noise: standard deviation of the label noise; shape ().
        start: parameters before the first step, in the original feature coordinates; shape (width,).
    """

    readout: eqx.AbstractVar[Float[Array, " ambient"]]
    noise: eqx.AbstractVar[Float[Array, ""]]
    start: eqx.AbstractVar[Float[Array, " width"]]

    @abc.abstractmethod
    def columns(self, index: Int[Array, " some"]) -> Float[Array, "ambient some"]:
        """The columns ``index`` of F in float64, and nothing else of it; beyond ``width`` they mean nothing."""

    def features(self) -> Float[Array, "ambient width"]:
        """F as a whole."""
        return self.columns(jnp.arange(self.start.shape[-1]))


class GivenFeatures(AbstractAmbientDraw):
    """Features that are there: F is an array."""

    factor: Float[Array, "ambient width"]
    readout: Float[Array, " ambient"]
    noise: Float[Array, ""]
    start: Float[Array, " width"]

    @in_float64
    def columns(self, index):
        return jnp.asarray(self.factor, float)[:, index]


class DiagonalFeatures(AbstractAmbientDraw):
    """Every input is a feature: F = diag(scale)."""

    scale: Float[Array, " width"]
    readout: Float[Array, " width"]
    noise: Float[Array, ""]
    start: Float[Array, " width"]

    @in_float64
    def columns(self, index):
        rows = jnp.arange(self.readout.shape[0])
        return jnp.where(rows[:, None] == index, jnp.asarray(self.scale, float)[index], 0.0)
