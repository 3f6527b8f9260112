"""The closed form in time of a one-pass recursion with constant coefficients and one moment per mode.

With decay rates delta_j = 1 - q_j, kernel weights kappa_j = lambda_j injection_j mass_j and forcing weights
f_j = lambda_j error_j, the risk P(r) = floor + sum_j f_j q_j^r + sum_{s<r} sum_j kappa_j q_j^{r-1-s} P(s) has

    P(r) = (1/2 pi i) integral (1 + E)^r N(E) / G(E) dE,
    N(E) = floor / E + sum_j f_j / (E + delta_j),     G(E) = 1 - sum_j kappa_j / (E + delta_j).

The roots of G are the decay rates of the expected risk: diag(q) plus a rank-one matrix. No root needs to be found.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Inexact

from solvable.forms.algorithms import Moments
from solvable.forms.spectrum import Spectrum
from solvable.numerics.complex_numbers import reciprocal
from solvable.numerics.inversion import FIRST, Hyperbola, nodes_and_weights
from solvable.numerics.roots import bisect
from solvable.theory.typical import typical

GONE = 50.0  # decay rate times steps beyond which a mode's own contribution is below rounding
BISECTIONS = 80  # of the bracket of the growth rate
FASTEST = 0.9  # a risk that shrinks by more than this part a step is below 10^-64 when the inversion begins


class Renewal(NamedTuple):
    """Constant-coefficient recursion in the variables of the module's formula; arrays of shape (modes,)."""

    decay: Inexact[Array, " modes"]
    kernel: Inexact[Array, " modes"]
    forcing: Inexact[Array, " modes"]
    floor: Float[Array, ""]


def applies(algorithm: Moments) -> bool:
    """Whether the algorithm has constant coefficients and one moment per mode, that of the judged parameters."""
    return algorithm.stationary and algorithm.plain and algorithm.count_moments() == 1


def require(algorithm: Moments, reader: str) -> None:
    """Raise unless the closed form in time applies.

    Raises:
        ValueError: the settings change in time, or a mode has several moments.
    """
    if not applies(algorithm):
        moments = "settings that change in time" if not algorithm.stationary else f"{algorithm.count_moments()} moments"
        raise ValueError(
            f"algorithm: wanted constant settings and one moment per mode (such as SGD with a constant learning rate) "
            f"for {reader}; got {type(algorithm).__name__} with {moments}"
        )


def lower(spectrum: Spectrum, algorithm: Moments) -> Renewal:
    """The renewal form of an algorithm to which it applies; arrays of shape (modes,), or twice that."""
    spectrum = typical(spectrum, algorithm)
    decay = algorithm.decay(spectrum.eigvals, 0)[:, 0, 0]
    injection = algorithm.injection(spectrum.eigvals, 0)[:, 0]
    kernel, forcing = spectrum.eigvals * injection * spectrum.mass, spectrum.eigvals * spectrum.error
    if not jnp.iscomplexobj(decay):
        return Renewal(decay, kernel, forcing, spectrum.floor)
    # At a complex E the nodes folded onto the upper half plane must be unfolded: the sum is no longer a real part.
    both = (jnp.concatenate([x, x.conj()]) for x in (decay, kernel / 2, forcing / 2))
    decay, kernel, forcing = both
    return Renewal(decay, kernel, forcing, spectrum.floor)


def kernel_norm(renewal: Renewal) -> Float[Array, ""]:
    """||K|| = sum_r K(r) = sum_j kappa_j / delta_j; absent modes count nothing."""
    absent = renewal.decay == 0
    return jnp.where(absent, 0, renewal.kernel / jnp.where(absent, 1, renewal.decay)).sum().real


def resolved(renewal: Renewal) -> Bool[Array, ""]:
    """Whether the modes stand for the spectrum at late times: no contour node grows.

    The contour of a deterministic equivalent passes the largest eigenvalue by up to 1%. At a learning rate so close
    to 2 / eigenvalue that the contour's end would grow while the eigenvalue decays, its sums mean nothing.
    """
    if not jnp.iscomplexobj(renewal.decay):
        return jnp.asarray(True)
    return ((jnp.abs(1 - renewal.decay) <= 1 + 1e-12) | (renewal.decay.imag == 0)).all()


def growth(renewal: Renewal) -> Float[Array, ""]:
    """E_0 such that the risk goes as (1 + E_0)^r, a constant to differentiation.

    Positive if the risk grows, 0 if it tends to a floor. Negative for one draw without a floor, whose risk vanishes
    exponentially: inverted about its slowest decay it keeps its digits however small it becomes.
    """
    decay, kernel, forcing, floor = jax.lax.stop_gradient(renewal)
    low = jnp.maximum(0.0, -decay.real.min())
    vanishes = jnp.asarray(False)
    if not jnp.iscomplexobj(decay):
        slowest = jnp.min(jnp.where((kernel != 0) | (forcing != 0), decay, jnp.inf))
        vanishes = (floor == 0) & (slowest > 0) & jnp.isfinite(slowest)
        low = jnp.where(vanishes, jnp.maximum(-slowest, -FASTEST), low)
    high = low + jnp.abs(kernel).sum() + 1e-300

    def shortage(energy):
        return 1 - jnp.where(kernel != 0, kernel / (energy + decay), 0).sum().real

    root = bisect(shortage, low, high, BISECTIONS)
    bounded = (kernel_norm(Renewal(decay, kernel, kernel, floor)) < 1) & (low == 0)
    return jnp.where(bounded & ~vanishes, 0.0, root)


def first_steps(renewal: Renewal) -> Float[Array, " first"]:
    """Risk at steps 0 ... FIRST-1 by iteration."""
    decay, kernel, forcing, floor = renewal

    def step(moment, _):
        risk = floor + moment.sum().real
        return moment - decay * moment + kernel * risk, risk

    return jax.lax.scan(step, forcing, None, FIRST)[1]


def at_times(
    renewal: Renewal,
    times: Float[Array, "windows slots"],
    last: Float[Array, " windows"],
    shape: Hyperbola,
    shift: Float[Array, ""] | float = 0.0,
) -> Float[Array, "windows slots"]:
    """Risk at real times of at least FIRST; each row shares one contour, scaled to ``last``.

    ``shift`` is log(1 + E_0) with E_0 from `growth`, 0 for a stable recursion.
    """
    return renewal.floor + above_floor(renewal, times, last, shape, shift)


def above_floor(
    renewal: Renewal,
    times: Float[Array, "windows slots"],
    last: Float[Array, " windows"],
    shape: Hyperbola,
    shift: Float[Array, ""] | float = 0.0,
) -> Float[Array, "windows slots"]:
    """What `at_times` gives above the floor, to full precision however little that is: N / G - floor / E inverted."""
    decay, kernel, forcing, floor = renewal

    def window(row):
        times, last = row
        s, weight = nodes_and_weights(shape, last, jnp.asarray(shift))
        energy = jnp.expm1(s)
        # Modes long gone at these times contribute an analytic function of E, whose integral is 0: its value at E = 0
        # is taken off, n0 / g0, or else it would leave a quadrature error that swamps a risk far below 1 / steps.
        gone = jnp.abs(decay) * last > GONE
        inverse = jnp.where(gone, 1 / jnp.where(gone, decay, 1), 0)
        n0, k0 = (inverse @ forcing).real, (inverse @ kernel).real
        rest = jnp.where(gone, -energy[:, None] * inverse, 1) * reciprocal(energy[:, None] + decay)
        n, k, g0 = (rest * forcing).sum(-1), (rest * kernel).sum(-1), 1 - k0
        transform = ((floor / energy * (k0 + k) + n) * g0 + n0 * k) / (g0 * (g0 - k))
        return (jnp.exp(s * (times[:, None] + 1)) * (weight * transform)).sum(-1).imag

    return jax.lax.map(window, (times, last))
