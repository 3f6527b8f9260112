"""Gradient flow on a data set, the small-step limit of full-batch gradient descent."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from solvable.algorithms.base import AbstractAlgorithm
from solvable.arguments import as_real, real_numbers, refusal
from solvable.forms.algorithms import Descent, Flowing, Solution
from solvable.numerics.least_squares import flow


class GradientFlow(AbstractAlgorithm, Descent, Flowing, Solution):
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

    def __check_init__(self):
        if real_numbers(self.learning_rate) is None:
            raise refusal("learning_rate", "a number > 0", self.learning_rate)

    def filter(self, eigvals, steps):
        """left = e^{-g s t}."""
        exponent = self.learning_rate * eigvals * steps[:, None]
        return jnp.exp(-exponent), -jnp.expm1(-exponent)

    def solution(self, features, residual, samples, steps):
        """(1 - exp(-tau Phi^T Phi / P)) Phi^+ residual."""
        return flow(features, residual, samples, jnp.asarray(self.learning_rate, float) * steps)
