"""A two-layer linear network of finite width, as a source of gradients for any optimizer."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from solvable.models.two_layer_linear import NetworkProblem
from solvable.numerics.normals import split_order
from solvable.numerics.precision import in_float64
from solvable.simulation.samplers import AbstractSampler


class NetworkSampler(AbstractSampler):
    """The weights' gradient, from the gradient of the linear function that the network is at the moment.

    Parameters are the weights' distances from their start, those of each hidden unit's inputs and of its output, flat.
    With A and w the weights over sqrt(hidden), b the function's parameters and G the batch-mean gradient by them, the
    gradient is w G^T and A G.

    Attributes:
        inner: draws G at b.
        weights: A and w, the last column, before the first step; shape (hidden, width + 1).
        gamma: richness.
    """

    inner: AbstractSampler
    weights: Float[Array, "hidden columns"]
    gamma: Float[Array, ""]

    @property
    def initial(self):
        return jnp.zeros(self.weights.size, self.weights.dtype)

    @property
    def drawn_inside(self) -> int:
        return self.inner.drawn_inside

    def streams(self, key):
        return self.inner.streams(key)

    def draw(self, streams, steps):
        return self.inner.draw(streams, steps)

    def prepare(self, drawn):
        return self.inner.prepare(drawn)

    def gradient(self, prepared, params):
        moved = self.weights + self.gamma * params.reshape(self.weights.shape)
        pull = self.inner.gradient(prepared, self._function(params))
        return jnp.concatenate([moved[:, -1:] * pull, (moved[:, :-1] @ pull)[:, None]], 1).ravel()

    def risk(self, params):
        return self.inner.risk(self._function(params))

    def _function(self, params):
        """b = w_0 D + d A_0 + gamma d D, with D and d the distances."""
        moved = params.reshape(self.weights.shape)
        layers, out = moved[:, :-1], moved[:, -1]
        return (self.weights[:, -1] + self.gamma * out) @ layers + out @ self.weights[:, :-1]


def network(problem: NetworkProblem, inner: AbstractSampler, eigenbasis: bool, dtype: Any) -> NetworkSampler:
    """The network of ``problem``, on samples of its inputs drawn by ``inner``.

    Its weights are given along eigendirections. Samplers of the eigenbasis have them in an order of their own, an
    absent one added to an odd number; all others are in the original coordinates.
    """
    weights = jnp.asarray(problem.weights, dtype)
    layer, out = weights[:, :-1], weights[:, -1:]
    if eigenbasis:
        width = layer.shape[1]
        layer = jnp.pad(layer, ((0, 0), (0, width % 2)))[:, split_order(width)]
    else:
        basis = jnp.asarray(in_float64(problem.inputs.basis)(), dtype)
        layer = jnp.matmul(layer, basis.T, precision="highest")
    return NetworkSampler(inner, jnp.concatenate([layer, out], 1), jnp.asarray(problem.gamma, dtype))


class Unrolled(eqx.Module):
    """For samplers that take the whole step themselves: the parameters minus what they call the gradient."""

    def init(self, params: Any) -> Any:
        """No state."""
        return ()

    def update(self, params: Any, state: Any, grad: Any, step: Any) -> tuple[Any, Any]:
        """The next parameters."""
        return params - grad, state

    def observed(self, params: Any, state: Any) -> Any:
        """The parameters."""
        return params
