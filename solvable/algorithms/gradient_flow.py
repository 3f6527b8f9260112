"""Gradient flow on a data set, the small-step limit of full-batch gradient descent."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from solvable.algorithms.base import AbstractSpectral
from solvable.arguments import as_real


class GradientFlow(AbstractSpectral):
    """d theta / d tau = -mean_i f_i (f_i . theta - y_i) over the full data set, seen at tau = learning_rate * step.

    Step r of gradient descent with the same learning rate tends to step r of the flow as the rate tends to 0 at a
    fixed tau (Bordelon, Atanasov, Pehlevan 2024, arXiv 2402.01092, train by this flow). On a fresh stream it is the
    flow of the population risk. Steps of the flow are points in time, so there is nothing to simulate step by step.

    Attributes:
        learning_rate: time that passes in one step, > 0.
    """

    learning_rate: Float[Array, ""] = eqx.field(converter=as_real, default=0.1)
    batch_size: ClassVar[None] = None
    continuous: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = ("bordelon2024",)

    def filter(self, eigvals, steps):
        """left = e^{-g s t}."""
        exponent = self.learning_rate * eigvals * steps[:, None]
        return jnp.exp(-exponent), -jnp.expm1(-exponent)

    def init(self, params):
        return ()

    def update(self, params, state, grad, step):
        raise ValueError(
            "algorithm: wanted one that moves in steps for this method; got GradientFlow(), which moves in continuous "
            "time (SGD with batch_size=None and a small learning rate approaches it)"
        )
