"""The effective ridge kappa of a penalty rho, real or complex, for any population spectrum.

Behind N random features and with P samples, a penalty rho acts on the population as the effective ridge kappa with

    rho = kappa (1 - df(kappa) / N) (1 - df(kappa) / P),       df(kappa) = sum_k lambda_k / (lambda_k + kappa)

(Atanasov, Zavatone-Veth, Pehlevan 2024, arXiv 2405.00592). The spectrum of the sample covariance is the cut of
kappa(rho) on the negative axis. As rho -> 0 kappa tends to kappa_0 with df(kappa_0) = min(N, P), or to 0 where there
are fewer modes than that. kappa is kept as kappa_0 + delta, so that 1 - df / min(N, P) and differences of two kappa
keep their digits however small rho is.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact

from solvable.numerics.complex_numbers import reciprocal

FOLLOW = 2  # Newton iterations at each point of a path
POLISH = 2  # Newton iterations at the end; they carry the derivatives, one order each


class Modes(NamedTuple):
    """A population spectrum and the two sizes, prepared by `prepare`."""

    eigvals: Float[Array, " modes"]
    mass: Float[Array, " modes"]
    width: Float[Array, ""]
    samples: Float[Array, ""]
    origin: Float[Array, ""]  # kappa_0, a constant to differentiation
    base: Float[Array, ""]  # 1 - df(kappa_0) / min(width, samples)
    fraction: Float[Array, " modes"]  # lambda / (lambda + kappa_0)


class Point(NamedTuple):
    """Where a penalty sits; any shape, all fields alike."""

    rho: Inexact[Array, "..."]
    delta: Inexact[Array, "..."]  # kappa - kappa_0
    kappa: Inexact[Array, "..."]
    slope: Inexact[Array, "..."]  # d rho / d kappa
    of_width: Inexact[Array, "..."]  # 1 - df / width
    of_samples: Inexact[Array, "..."]  # 1 - df / samples


def _bisect(increasing, low, high, iterations: int = 40):
    """x with increasing(exp(x)) = 0 by bisection in x between the logarithms of low and high; a constant."""

    def halve(_, bracket):
        low, high = bracket
        middle = (low + high) / 2
        below = increasing(jnp.exp(middle)) < 0
        return jnp.where(below, middle, low), jnp.where(below, high, middle)

    low, high = (jnp.log(jnp.maximum(x, 1e-300)) for x in (low, high))
    low, high = jax.lax.fori_loop(0, iterations, halve, (low, jnp.maximum(low, high)))
    return jnp.exp((low + high) / 2)


def prepare(eigvals: Float[Array, " modes"], mass: Float[Array, " modes"], width, samples) -> Modes:
    """Find kappa_0: df(kappa_0) = min(width, samples), 0 if no more modes than that have an eigenvalue > 0."""
    lam, m, least = jax.lax.stop_gradient((eigvals, mass, jnp.minimum(width, samples)))
    present = (lam > 0) & (m != 0)
    safe = jnp.where(present, lam, 1.0)
    rank = jnp.where(present, m, 0).sum()
    missing = jnp.maximum(1 - rank / least, 0.0)
    low, high = (rank - least) / jnp.where(present, m / safe, 0).sum(), (m * lam).sum() / least
    kappa = _bisect(lambda x: least - (m * lam / (lam + x)).sum(), low, high, 60)
    for _ in range(2):
        total, change = (m * lam / (lam + kappa)).sum(), (m * lam / (lam + kappa) ** 2).sum()
        kappa = kappa + (total - least) / change
    origin = jnp.where(rank > least, kappa, 0.0)
    fraction = jnp.where(present, eigvals / jnp.where(present, eigvals + origin, 1.0), 0.0)
    # The value is exact; the derivatives are those of 1 - df(kappa_0) / least at a fixed kappa_0.
    moving = 1 - (mass * fraction).sum() / jnp.minimum(width, samples)
    base = missing + moving - jax.lax.stop_gradient(moving)
    return Modes(eigvals, mass, width, samples, origin, base, fraction)


def locate(modes: Modes, delta: Inexact[Array, "..."]) -> Point:
    """The penalty of kappa_0 + delta, explicitly, any shape."""
    kappa = modes.origin + delta
    pole = reciprocal(modes.eigvals + kappa[..., None])
    total, steep = pole @ (modes.mass * modes.fraction), pole**2 @ (modes.mass * modes.eigvals)
    least, most = jnp.minimum(modes.width, modes.samples), jnp.maximum(modes.width, modes.samples)
    ratio = jnp.where(jnp.isinf(most), 0.0, least / jnp.where(jnp.isinf(most), 1.0, most))
    small = modes.base + delta * total / least
    large = (1 - ratio) + ratio * small
    narrow = modes.width <= modes.samples
    of_width, of_samples = jnp.where(narrow, small, large), jnp.where(narrow, large, small)
    slope = small * large + kappa * steep * (of_width / modes.samples + of_samples / modes.width)
    return Point(kappa * small * large, delta, kappa, slope, of_width, of_samples)


def _newton(modes: Modes, rho, delta):
    """One Newton step for rho(delta) = rho, and the slope at its start."""
    at = locate(modes, delta)
    return delta - (at.rho - rho) / at.slope, at.slope


def positive_root(modes: Modes, rho: Float[Array, "..."]) -> Float[Array, "..."]:
    """delta > 0 of penalties rho > 0: rho <= delta <= rho + tr / N + tr / P."""
    modes, rho = jax.lax.stop_gradient((modes, rho))
    trace = (modes.mass * modes.eigvals).sum()
    high = rho + trace / modes.width + trace / modes.samples
    return _bisect(lambda x: locate(modes, x).rho - rho, rho, high)


def right_edge(modes: Modes) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Largest eigenvalue of the sample covariance, and the kappa < -max(lambda) where rho is stationary.

    With kappa = -(1 + x) max(lambda), d rho / d kappa is negative where sum (lambda / (lambda + kappa))^2 > min(N, P)
    and positive where x exceeds the bounds below.
    """
    fixed = jax.lax.stop_gradient(modes)
    lam, mass = fixed.eigvals, fixed.mass
    top, least = lam.max(), jnp.minimum(fixed.width, fixed.samples)
    low = 0.99 * jnp.sqrt(jnp.where(lam == top, mass, 0).sum() / least)
    first, second = (mass * lam).sum() / (top * least), (mass * lam**2).sum() / (top**2 * least)
    high = jnp.maximum(first / 0.3, jnp.sqrt(second / 0.3))
    at = lambda modes, x: locate(modes, -(1 + x) * modes.eigvals.max() - modes.origin)  # noqa: E731
    x = _bisect(lambda x: at(fixed, x).slope, jnp.maximum(low, 1e-9), jnp.maximum(high, 1.01e-9))
    return -at(modes, x).rho, -(1 + x) * top


def negative_root(modes: Modes, rho: Float[Array, "..."], edge, turning) -> Float[Array, "..."]:
    """delta of real penalties rho < -edge, beyond the spectrum: kappa = turning - y with 0 < y < turning - rho."""
    modes, rho, edge, turning = jax.lax.stop_gradient((modes, rho, edge, turning))
    at = lambda y: locate(modes, turning - y - modes.origin)  # noqa: E731
    return turning - modes.origin - _bisect(lambda y: rho - at(y).rho, -edge - rho, turning - rho)


def follow(modes: Modes, rho, delta, path: Inexact[Array, "points ..."]) -> Inexact[Array, "points ..."]:
    """delta along a path of penalties that starts near (rho, delta), by extrapolation and Newton's method.

    The path may have further axes, each followed by itself. A constant to differentiation: see `polish`.
    """
    modes, rho, delta, path = jax.lax.stop_gradient((modes, rho, delta, path))

    def advance(carry, target):
        rho, delta, slope = carry
        delta = delta + (target - rho) / slope
        for _ in range(FOLLOW):
            delta, slope = _newton(modes, target, delta)
        return (target, delta, slope), delta

    start = (rho.astype(complex), delta.astype(complex), locate(modes, delta).slope.astype(complex))
    return jax.lax.scan(advance, start, path)[1]


def polish(modes: Modes, rho: Inexact[Array, "..."], delta: Inexact[Array, "..."]) -> Point:
    """The point of penalty rho, from a delta that is nearly right; differentiable, twice."""
    for _ in range(POLISH):
        delta, _ = _newton(modes, rho, delta)
    return locate(modes, delta)._replace(rho=rho)
