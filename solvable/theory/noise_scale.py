"""The gradient noise scale along a curve, in closed form.

With the loss risk / 2, of Hessian K, and the gradient G = K Delta at parameters off by Delta, one sample's gradient
has, for Gaussian features, the covariance Sigma = G G^T + risk K (Isserlis), so that

    tr Sigma = |G|^2 + risk tr K,      tr(K Sigma) = G^T K G + risk tr K^2.

Along a curve |G|^2 = sum_j lambda_j^2 E Delta_j^2 and G^T K G = sum_j lambda_j^3 E Delta_j^2 are two more sums over the
moments that the recursion of the risk follows.
"""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from solvable.algorithms.base import AbstractAlgorithm, check_settings
from solvable.arguments import check_reals
from solvable.forms.algorithms import Moments
from solvable.forms.base import AbstractSubject
from solvable.forms.spectrum import Spectrum
from solvable.method import read, recorded_steps
from solvable.numerics.precision import in_float64
from solvable.theory.horizon import Seen, follow


class NoiseScale(eqx.Module):
    """The batch size at which noise and signal of a gradient are equal, along a curve.

    Averages over the data are taken of numerator and denominator. G and Sigma are those of the loss risk / 2, whose
    batch-mean gradient is what ``learning_rate`` multiplies; they are taken where the optimizer takes its gradient.

    Attributes:
        steps: recorded steps; shape (steps,), as of all that follows.
        risk: the risk where the gradient is taken, floor included.
        gradient: |G|^2.
        covariance: tr Sigma, of one sample's gradient.
        curvature: G^T K G.
        weighted: tr(K Sigma).
        simple: B_simple = tr Sigma / |G|^2 = 1 + risk tr K / |G|^2; infinite where G = 0.
        noise: B_noise = tr(K Sigma) / G^T K G = 1 + risk tr K^2 / G^T K G; infinite where G = 0.
    """

    steps: Int[Any, " steps"]
    risk: Float[Array, " steps"]
    gradient: Float[Array, " steps"]
    covariance: Float[Array, " steps"]
    curvature: Float[Array, " steps"]
    weighted: Float[Array, " steps"]
    simple: Float[Array, " steps"]
    noise: Float[Array, " steps"]
    references = ("mccandlish2018",)

    def best_step(self, batch_size: Any) -> Float[np.ndarray, "... steps"]:
        """The learning rate that lowers the expected risk most in the next step: eps_max / (1 + B_noise / B).

        eps_max = |G|^2 / G^T K G (McCandlish et al. 2018, equation 2.6), with one batch size or an array of them, whose
        shape comes first.

        Raises:
            ValueError: a batch size is below 1.
        """
        return np.asarray(self.gradient) / self._effort(batch_size)

    def best_drop(self, batch_size: Any) -> Float[np.ndarray, "... steps"]:
        """By how much that step lowers the expected risk: |G|^4 / G^T K G / (1 + B_noise / B), twice that of the loss.

        McCandlish et al. 2018, equation 2.7; shapes and errors as of `best_step`.
        """
        return np.asarray(self.gradient) ** 2 / self._effort(batch_size)

    def _effort(self, batch_size: Any) -> Float[np.ndarray, "... steps"]:
        """G^T K G + tr(K Sigma) / B, which is never 0 where there is noise."""
        size = check_reals("batch_size", batch_size, "numbers >= 1", lambda x: x >= 1, largest=np.inf)
        return np.asarray(self.curvature) + np.asarray(self.weighted) / np.asarray(size)[..., None]


@in_float64
def noise_scale(model: AbstractSubject, algorithm: AbstractAlgorithm, steps: Any) -> NoiseScale:
    """B_simple and B_noise along the expected curve of ``algorithm`` on ``model``.

    Given the draw for a problem, of the typical draw for a model. Any optimizer with second moments and any schedule,
    at any number of steps, as `Recursion` (blocks of steps with a bounded error where steps are many).

    Args:
        model: a law or a draw on a fresh stream.
        algorithm: what moves the parameters. Its own batch size shapes the curve; the noise scale is of one sample.
        steps: increasing integers >= 0.

    Raises:
        ValueError: an argument is impossible, or a step is too late where every step has to be visited.
    """
    spectrum, moments = read(model, algorithm, Spectrum, Moments, reader="noise_scale(...)")
    steps = recorded_steps(algorithm, steps)
    check_settings(algorithm, int(steps[-1]))
    found = follow(spectrum, moments, steps, Seen(gradients, scales))
    return NoiseScale(steps, *(x[: len(steps)] for x in found))


def gradients(spectrum: Spectrum, algorithm: Moments):
    """Risk, |G|^2 and G^T K G where the gradient is taken: powers 1, 2, 3 of the eigenvalues."""
    powers = spectrum.eigvals ** jnp.arange(1, 4)[:, None]
    first = jnp.zeros(algorithm.count_moments()).at[0].set(1.0)
    return powers[:, :, None] * first, jnp.zeros(3).at[0].set(spectrum.floor.real)


def scales(spectrum: Spectrum, algorithm: Moments, steps, numbers) -> tuple[Float[Array, " steps"], ...]:
    """The fields of `NoiseScale` after its steps, from what `gradients` sees."""
    trace, square = ((spectrum.mass * spectrum.eigvals**power).sum().real for power in (1, 2))
    risk, gradient, curvature = numbers.T
    covariance, weighted = gradient + risk * trace, curvature + risk * square
    return risk, gradient, covariance, curvature, weighted, _over(covariance, gradient), _over(weighted, curvature)


def _over(noise, signal):
    none = jnp.where(jnp.isnan(signal), jnp.nan, jnp.inf)
    return jnp.where(signal > 0, noise / jnp.where(signal > 0, signal, 1.0), none)
