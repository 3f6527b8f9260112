"""The overlap of one neuron under spherical SGD as a diffusion: drift, noise, and its generator on a grid."""

from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from solvable.arrays import is_concrete
from solvable.forms.algorithms import Spherical
from solvable.forms.feature_learning import Overlap
from solvable.numerics.hermite import gauss_hermite, hermite

POINTS = 2049  # odd: 0 is among them
INNER = 0.2  # of dimension^(-1/2): where the grid turns from even in the overlap to even in its logarithm


class Generator(NamedTuple):
    """A birth and death process on the points of a grid, close to the diffusion of the overlap.

    Attributes:
        points: overlaps from -1 to 1; shape (points,).
        up, down: rates to the next point and to the one before, a step; shape (points,).
        weights: probability of each point before the first step; shape (points,).
    """

    points: Float[Array, " points"]
    up: Float[Array, " points"]
    down: Float[Array, " points"]
    weights: Float[Array, " points"]

    def apply(self, u: Float[Array, "points columns"]) -> Float[Array, "points columns"]:
        """What a step adds to the expectation of u, given the point where it begins."""
        up = jnp.diff(u, axis=0, append=u[-1:]) * self.up[:, None]
        return up - jnp.diff(u, axis=0, prepend=u[:1]) * self.down[:, None]


def risk_at(subject: Overlap, m: Float[Array, " points"]) -> Float[Array, " points"]:
    """2 sum_k c_k^2 (1 - m^k) + noise^2."""
    powers = jnp.arange(1, subject.link.shape[0])
    return 2 * (1 - m[:, None] ** powers) @ subject.link[1:] ** 2 + subject.noise**2


def drift_and_noise(subject: Overlap, algorithm: Spherical, m: Float[Array, " points"]):
    """Mean and variance of the overlap's change in one step at small rates; shapes (points,).

    With eta = learning_rate / dimension d, a = w . x, b = w* . x and p = (g(a) - g(b) - noise eps) g'(a), a step is

        m <- (m - eta z) / |v|,   z = the batch mean of p (b - m a),

    and |v|^2 = 1 + eta^2 (square of the batch-mean gradient on the sphere). To second order in eta

        mean = eta (1 - m^2) h(m) - eta^2 / 2 m [ (d - 2) E p^2 / B + E q^2 / B + (1 - m^2) h(m)^2 ],
        variance = eta^2 (1 - m^2) E q^2 / B,

    with h(m) = sum_k k c_k^2 m^(k - 1) the slope of half the risk and q = p (b - m a) / sqrt(1 - m^2).
    """
    link, d, batch = subject.link, subject.dimension, algorithm.batch_size
    eta = jnp.asarray(algorithm.learning_rate, float) / d
    degree = link.shape[0] - 1
    powers = jnp.arange(1, degree + 1)
    pull = m[:, None] ** (powers - 1) @ (powers * link[1:] ** 2)
    across = 1 - m**2
    second, along = second_moments(link, subject.noise, m) if batch is not None else (0.0, 0.0)
    share = 0.0 if batch is None else 1.0 / batch
    length = share * ((d - 2) * second + along) + across * pull**2
    return eta * across * pull - eta**2 / 2 * m * length, eta**2 * across * along * share


def second_moments(link: Float[Array, " coefficients"], noise: Float[Array, ""], m: Float[Array, " points"]):
    """E p^2 and E p^2 z^2 at each overlap, by an exact quadrature; z is independent of a = w . x."""
    nodes, weights = gauss_hermite(2 * link.shape[0] + 2)
    value, slope = hermite(link, jnp.asarray(nodes))
    both = weights[:, None] * weights

    def one(overlap):
        taught = overlap * nodes[:, None] + jnp.sqrt(jnp.maximum(1 - overlap**2, 0.0)) * nodes
        residual = value[:, None] - hermite(link, taught)[0]
        square = both * (residual**2 + noise**2) * slope[:, None] ** 2
        return square.sum(), (square * nodes**2).sum()

    return jnp.vectorize(one)(m)


@eqx.filter_jit
def step_length(subject: Overlap, algorithm: Spherical) -> Float[Array, ""]:
    """Root mean square of the distance that a step moves a neuron without overlap, before it is projected back."""
    if algorithm.batch_size is None:
        return jnp.zeros(())
    second = second_moments(subject.link, subject.noise, jnp.zeros(1))[0][0]
    return jnp.asarray(algorithm.learning_rate, float) * jnp.sqrt(second / (subject.dimension * algorithm.batch_size))


def check_small(length: Any) -> None:
    """Raise a ValueError if a step is longer than the neuron: its overlap is then no diffusion."""
    if is_concrete(length) and not float(length) <= 1:
        wanted = "steps that move the neuron by at most its length, as a diffusion needs"
        raise ValueError(f"learning_rate: wanted {wanted}; got steps of length {float(length):.3g}")


def generator(subject: Overlap, algorithm: Spherical) -> Generator:
    """The process on the grid m = e sinh(x), x even from -X to X, e = INNER / sqrt(dimension).

    Rates are exponentially fitted (Scharfetter and Gummel): positive whatever drift and noise are, exact where both are
    constant.
    """
    inner = INNER / jnp.sqrt(subject.dimension)
    ends = jnp.arcsinh(1 / inner)
    x = jnp.linspace(-ends, ends, POINTS)
    spacing = 2 * ends / (POINTS - 1)
    m = jnp.clip(inner * jnp.sinh(x), -1.0, 1.0)
    stretch = inner * jnp.cosh(x)
    mean, variance = drift_and_noise(subject, algorithm, m)
    drift = mean / stretch - variance * m / (2 * stretch**3)  # in x; m is its own second derivative
    spread = variance / stretch**2
    fitted = _fitted(drift * spacing, spread) / spacing**2
    up, down = fitted + drift / (2 * spacing), fitted - drift / (2 * spacing)
    inside = jnp.arange(POINTS)
    up = jnp.where(inside == POINTS - 1, 0.0, jnp.maximum(up, 0.0))
    down = jnp.where(inside == 0, 0.0, jnp.maximum(down, 0.0))
    weights = jnp.maximum(1 - m**2, 0.0) ** ((subject.dimension - 3) / 2) * stretch
    return Generator(m, up, down, weights / weights.sum())


def _fitted(move, spread):
    """(move / 2) coth(move / spread): half the spread where it is large, half of |move| where it is small."""
    ratio = jnp.abs(move) / jnp.where(spread > 0, spread, 1.0)
    small = (spread > 0) & (ratio < 1e-3)
    safe = jnp.where(small | (spread <= 0), 1.0, ratio)
    fitted = jnp.abs(move) / 2 / jnp.tanh(safe)
    return jnp.where(small, spread / 2 * (1 + ratio**2 / 3), jnp.where(spread > 0, fitted, jnp.abs(move) / 2))
