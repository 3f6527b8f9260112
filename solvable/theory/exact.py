"""The exact risk on one finite data set: no average over data, no asymptotics."""

from collections.abc import Callable
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from solvable.forms.algorithms import Filter, Minibatches
from solvable.forms.base import Reading
from solvable.forms.curve import Curve
from solvable.forms.sample import Sample
from solvable.method import AbstractMethod

FAR = 2.0**40  # a step by which a direction that grows has grown
LONGEST = 1_000_000  # steps of minibatch SGD: every step is visited


class Exact(AbstractMethod):
    """Population and training risk given one draw of features and data (a `FiniteProblem`), in float64.

    Full-batch gradient descent, gradient flow and ridge shrink the error along each eigenvector u_i of the sample
    covariance by a known factor h_i(t), so that with q_i the initial gradient along u_i

        theta_t = theta_0 - sum_i (1 - h_i(t)) / s_i q_i u_i:

    one eigendecomposition, of size min(samples, width), serves every time (step 10^15 costs what step 10 costs).

    SGD with batches of B drawn with replacement: the expectation over the batches. The mean of the parameters is that
    of full-batch descent, and their covariance C (in the basis of the u_i, rows Y of the data in it) obeys

        C' = (1 - g s_i)(1 - g s_j) C_ij - (g^2/B) s_i s_j C_ij + (g^2/B) [ Y^T diag(d) Y / P - qbar qbar^T ]_ij,
        d_k = E (residual of sample k)^2 = (mean residual)_k^2 + (Y C Y^T)_kk,   qbar the gradient at the mean,

    because a batch gradient given theta has covariance (1/B) [ mean_k f_k f_k^T r_k^2 - (mean gradient)(...)^T ].
    It is iterated, at O(samples * modes^2) a step.

    Source: Bordelon, Atanasov, Pehlevan 2024 (arXiv 2402.01092) and Maloney, Roberts, Sully 2022 (arXiv 2210.16859)
    for the models; the formulas are linear algebra.
    """

    references: ClassVar[tuple[str, ...]] = ("bordelon2024", "maloney2022")

    @property
    def reads(self):
        return Reading(Sample, Filter), Reading(Sample, Minibatches)

    def curve(self, subject: Sample, algorithm: Any, steps: np.ndarray, *, key=None) -> Curve:
        """The risk at ``steps``, training risk included.

        Raises:
            ValueError: a step is too late where batches are drawn.
        """
        if algorithm.batch_size is None:
            risk, train, diverges = _filtered(subject, algorithm, jnp.asarray(steps, float))
        else:
            _require_short(steps)
            (risk, train), diverges = _expected(subject, algorithm, algorithm.batch_size, steps), None
        return Curve.of(steps, risk, start=subject.start_risk, diverges=diverges, train_risk=train)


def _require_short(steps: np.ndarray) -> None:
    if steps[-1] > LONGEST:
        raise ValueError(
            f"steps: wanted at most {LONGEST} where batches are drawn (every step is visited; the full batch has no "
            f"limit); got {steps[-1]}"
        )


@eqx.filter_jit
def _filtered(spectrum: Sample, algorithm: Filter, steps: Float[Array, " steps"]):
    """Population risk, training risk, and whether some direction grows; None where only the recorded risk can tell."""
    eigvals = jnp.asarray(spectrum.eigvals)
    present = eigvals > 0
    left, learned = algorithm.filter(eigvals, steps)
    best = jnp.where(present, spectrum.gradient / jnp.where(present, eigvals, 1.0), 0.0)
    risk = spectrum.floor + ((spectrum.offset - (learned * best) @ spectrum.root) ** 2).sum(-1)
    # best * sqrt(s) is the part of the residual along each direction, over sqrt(samples)
    unreachable = ((spectrum.residual - spectrum.rows @ best) ** 2).sum() / spectrum.samples
    train = unreachable + ((left * best) ** 2) @ eigvals
    if not algorithm.constant:
        return risk, train, None
    # Two steps, as a factor that oscillates can pass 0 at one of them; NaN is an overflow.
    late = algorithm.filter(eigvals, jnp.asarray([FAR, FAR + 1]))[0]
    return risk, train, ~(jnp.abs(late) <= 1 + 1e-6).all()


@eqx.filter_jit
def _expected(spectrum: Sample, algorithm: Minibatches, batch_size: int, steps):
    """As `_filtered`, the mean over batches drawn with replacement."""
    s, rows, root = (jnp.asarray(x) for x in (spectrum.eigvals, spectrum.rows, spectrum.root))
    quadratic = root @ root.T
    step = _moments(s, jnp.asarray(spectrum.gradient), jnp.asarray(spectrum.residual), rows, batch_size, algorithm.rate)

    def to_record(carry, stop):
        t, mean, covariance = carry
        mean, covariance = jax.lax.fori_loop(t, stop, lambda u, m: step(m, u, spectrum.samples), (mean, covariance))
        risk = spectrum.floor + ((spectrum.offset - mean @ root) ** 2).sum() + (quadratic * covariance).sum()
        squares = (spectrum.residual - rows @ mean) ** 2 + ((rows @ covariance) * rows).sum(1)
        return (stop, mean, covariance), (risk, squares.sum() / spectrum.samples)

    steps = jnp.asarray(steps)
    start = jnp.zeros((), steps.dtype), jnp.zeros_like(s), jnp.zeros((len(s), len(s)))
    return jax.lax.scan(to_record, start, steps)[1]


def _moments(s, gradient, residual, rows, batch_size: int, rate: Callable) -> Callable:
    """One step of the mean and covariance of the coefficients c, theta = theta_0 - sum_i c_i u_i."""

    def step(moments, t, samples):
        mean, covariance = moments
        g = rate(t)
        pull = gradient - s * mean
        squares = (residual - rows @ mean) ** 2 + ((rows @ covariance) * rows).sum(1)
        noise = (rows.T * squares) @ rows / samples - jnp.outer(pull, pull) - s[:, None] * covariance * s
        covariance = (1 - g * s)[:, None] * covariance * (1 - g * s) + g**2 / batch_size * noise
        return mean + g * pull, covariance

    return step
