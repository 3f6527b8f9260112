"""The Volterra equation of one-pass training: forcing function, kernel, and their solution."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from solvable.algorithms.base import AbstractAlgorithm
from solvable.arguments import check_reals
from solvable.forms.algorithms import Moments
from solvable.forms.base import AbstractSubject, Reading
from solvable.forms.curve import Curve
from solvable.forms.spectrum import Spectrum
from solvable.method import AbstractMethod, read
from solvable.numerics.grouping import map_in_groups
from solvable.numerics.padding import padded, rounded_up
from solvable.numerics.precision import in_float64
from solvable.numerics.volterra import convolve, multiply, solve_convolution, solve_triangular
from solvable.theory import renewal
from solvable.theory.stability import finish
from solvable.theory.typical import typical

LONGEST = 100_000  # steps of a constant rate: the equation is solved at every step, in time steps^2
LONGEST_SCHEDULE = 4_000  # steps of a schedule: the kernel has two times and is stored whole


class Volterra(AbstractMethod):
    """P(t) = floor + F(t) + sum_{s<t} K(t, s) P(s), solved forward (Paquette et al. 2024, arXiv 2405.15074).

        F(t) = sum_j lambda_j [Phi_j(t, 0) M_j(0)]_0,     K(t, s) = sum_j lambda_j mass_j [Phi_j(t, s+1) i_j(s)]_0,

    where Phi_j propagates the moments of mode j and i_j injects risk. With a constant learning rate K depends on
    t - 1 - s only. Equal to `Recursion`; its forcing and kernel are what people plot. Where averaged iterates are
    judged, P is the risk where gradients are taken, and the risk that is reported is read from P by the same formula
    with the moments of the judged parameters in place of [ ]_0.
    """

    references: ClassVar[tuple[str, ...]] = ("paquette2024",)

    @property
    def reads(self):
        return (Reading(Spectrum, Moments),)

    def curve(self, subject: Spectrum, algorithm: Moments, steps: np.ndarray, *, key=None) -> Curve:
        """The expected risk at ``steps``, with the forcing there among the ``stats``.

        Raises:
            ValueError: a step is too late.
        """
        longest = int(steps[-1])
        limit = LONGEST if algorithm.stationary else LONGEST_SCHEDULE
        if longest > limit:
            raise ValueError(
                f"steps: wanted at most {limit} for Volterra() (every step is solved for, Recursion() has no limit); "
                f"got {longest}"
            )
        return _solved(subject, algorithm, longest + 1, padded(steps, rounded_up(len(steps)))).at(steps)


@in_float64
def forcing(model: AbstractSubject, algorithm: AbstractAlgorithm, steps: np.ndarray) -> Float[Array, " steps"]:
    """F(t) at integer steps, without the floor: sum_j lambda_j error_j (1 - decay_j)^t, any t for a constant rate."""
    return _powers(*_lowered(model, algorithm, "forcing(...)"), _times(steps), False)


@in_float64
def kernel(model: AbstractSubject, algorithm: AbstractAlgorithm, steps: np.ndarray) -> Float[Array, " steps"]:
    """K(r) at integer lags r = t - 1 - s: sum_j lambda_j injection_j mass_j (1 - decay_j)^r, constant rate."""
    return _powers(*_lowered(model, algorithm, "kernel(...)"), _times(steps), True)


def _lowered(model: AbstractSubject, algorithm: AbstractAlgorithm, reader: str) -> tuple[Spectrum, Moments]:
    spectrum, moments = read(model, algorithm, Spectrum, Moments, reader=reader)
    renewal.require(moments, reader)
    return spectrum, moments


def _times(steps: np.ndarray) -> np.ndarray:
    return check_reals("steps", steps, "a vector of integers >= 0", lambda t: np.isfinite(t) & (t >= 0), ndim=1)


@eqx.filter_jit
def _powers(spectrum: Spectrum, algorithm: Moments, steps, of_kernel: bool):
    spectrum = typical(spectrum, algorithm)
    decay = algorithm.decay(spectrum.eigvals, 0)[:, 0, 0]
    injection = algorithm.injection(spectrum.eigvals, 0)[:, 0]
    weight = spectrum.eigvals * (injection * spectrum.mass if of_kernel else spectrum.error)
    return map_in_groups(lambda t: (weight * _power(decay, t)).sum().real, steps, 64)


def _power(decay, t):
    """(1 - decay)^t, accurate for tiny decay and huge t, and 1 at t = 0."""
    gone = decay == 1
    log = jnp.where(gone, -jnp.inf, jnp.log1p(-jnp.where(gone, 0, decay)))
    return jnp.where(t == 0, 1.0, jnp.exp(jnp.where(t == 0, 0.0, t) * log))


@eqx.filter_jit
def _solved(spectrum: Spectrum, algorithm: Moments, count: int, steps) -> Curve:
    forcing, kernel = _impulses(spectrum, algorithm, count)
    solve = solve_convolution if algorithm.stationary else solve_triangular
    risk = solve(spectrum.floor + forcing[0], kernel[0])
    if not algorithm.plain:
        respond = convolve if algorithm.stationary else multiply
        risk = spectrum.floor + forcing[1] + respond(kernel[1], risk)
    curve = finish(spectrum, algorithm, steps, risk[steps])
    return eqx.tree_at(lambda c: c.stats, curve, curve.stats | {"forcing": forcing[-1][steps]})


def _impulses(spectrum: Spectrum, algorithm: Moments, count: int):
    """Forcing at 0 ... count-1 and the kernel: K(lag) if stationary, otherwise K(t, s) with s < t.

    Both have a leading axis: of the risk that feeds noise and, where that is another, of the judged risk.
    """
    spectrum = typical(spectrum, algorithm, jnp.arange(count))
    eigvals, mass = spectrum.eigvals, spectrum.mass
    start, judged = algorithm.start(spectrum), algorithm.observation()

    def advance(moments, t):
        return moments - jnp.einsum("jab,...jb->...ja", algorithm.decay(eigvals, t), moments)

    def observe(moments):
        seen = (moments[..., 0],) if algorithm.plain else (moments[..., 0], moments @ judged)
        return jnp.stack([(eigvals * x).sum(-1).real for x in seen])

    def born(t):
        return algorithm.injection(eigvals, t) * mass[:, None]

    if algorithm.stationary:
        pair = jnp.stack([start, born(0)])
        both = jax.lax.scan(lambda m, t: (advance(m, t), observe(m)), pair, jnp.arange(count))[1]
        return both[:, :, 0].T, both[:, :, 1].T

    def step(carry, t):
        free, pulses = carry
        seen = observe(free), observe(pulses)
        pulses = advance(pulses, t).at[t].set(born(t))
        return (advance(free, t), pulses), seen

    pulses = jnp.zeros((count, *start.shape), start.dtype)
    forcing, kernel = jax.lax.scan(step, (start, pulses), jnp.arange(count))[1]
    return forcing.T, jnp.swapaxes(kernel, 0, 1)
