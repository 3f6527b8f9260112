"""What limits the risk of ridge regression, at a point or over a whole map of width, samples and penalty."""

from functools import partial
from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int

from solvable.forms.base import AbstractSubject
from solvable.forms.population import Endless, Population
from solvable.method import read_model
from solvable.numerics.grouping import map_in_groups
from solvable.numerics.precision import in_float64
from solvable.theory.optimal_penalty import optimal
from solvable.theory.ridge import TOGETHER, map_points, over_points
from solvable.theory.ridge_equations import ridge_risk

REGIMES = (
    "width, resolution-limited",
    "width, variance-limited",
    "samples, resolution-limited",
    "samples, variance-limited",
    "penalty, too large",
    "penalty, too small",
    "noise",
    "nothing",
)
HALF = 0.5  # share of the risk from which on label noise, or a penalty that is not the best, is what limits it
SAME = 1e-9  # relative difference below which two exponents are equal
ROUNDING = 1e-12  # share of the risk below which an excess is made of rounding errors


class Resource(eqx.Module):
    """How the typical risk depends on one resource, the others fixed.

    Attributes:
        exponent: -d log risk / d log resource, exactly at this point; + d log risk / d log penalty, which is negative
            where a larger penalty would lower the risk. 0 at infinite sizes and no penalty, NaN at an infinite risk.
        limit: the risk at infinite width, at infinitely many samples, or at the best penalty.
        removable: 1 - limit / risk, the share of the risk that would go; close to 0 the risk is at its limit.
    """

    exponent: Float[Array, "*points"]
    limit: Float[Array, "*points"]
    removable: Float[Array, "*points"]

    @property
    def excess_exponent(self) -> Float[np.ndarray, "*points"]:
        """-d log(risk - limit) / d log resource = exponent / removable; NaN where there is no excess."""
        exponent, removable = np.asarray(self.exponent), np.asarray(self.removable)
        absent = np.abs(removable) < ROUNDING
        return np.where(absent, np.nan, exponent / np.where(absent, 1.0, removable))


class Regime(eqx.Module):
    """What limits the risk at each point; all of one shape.

    Attributes:
        code: index into `REGIMES`.
        width, samples, penalty: how the risk depends on each of them.
        noise_share: share of the risk that is the noise of the test labels, which no resource removes.
        risk: the typical risk.
    """

    code: Int[Array, "*points"]
    width: Resource
    samples: Resource
    penalty: Resource
    noise_share: Float[Array, "*points"]
    risk: Float[Array, "*points"]
    references = ("bahri2024", "maloney2022")

    @property
    def name(self) -> str | np.ndarray:
        """The regimes in words: an array of `REGIMES`, or one of them for a single point."""
        names = np.asarray(REGIMES)[np.asarray(self.code)]
        return names if names.ndim else str(names)


@in_float64
def regime(
    model: AbstractSubject,
    *,
    width: ArrayLike | None = None,
    samples: ArrayLike | None = None,
    penalty: ArrayLike | Literal["optimal"] = 0.0,
) -> Regime:
    """What limits the typical risk, and how it depends on width, samples and penalty.

    - "nothing": the risk is 0, as for a noiseless target when sizes exceed the number of inputs.
    - "noise": at least half of the risk is the noise of the test labels.
    - "penalty, too large" or "penalty, too small": the best penalty would remove at least half of the risk. Too small
      is also none at all: at width = samples the risk is infinite without one.
    - Otherwise width or samples, the one of which a little more lowers the risk most (the larger exponent); width,
      where they are equal to 1e-9. It is *resolution-limited* if it is not the larger of the two sizes: it bounds the
      number of modes learned. It is *variance-limited* if it is the larger: it only averages fluctuations.

    Let m be the smaller size and x the larger. Without a penalty, whatever the spectrum, target and noise,

        risk = limit / (1 - m/x):   exponent m / (x - m),   removable m / x,   excess_exponent x / (x - m).

    So the excess over the limit falls as the inverse of x where x >> m, and faster closer to the peak at x = m. Where
    x >> m both kinds meet: m limits the risk by resolution (``exponent`` is set by spectrum and target, ``removable``
    is near 1), and what x could still remove is variance (``removable`` near 0, ``excess_exponent`` near 1). With
    width and samples in turn as x these are the four regimes of Bahri et al. 2021 (arXiv 2102.06701). A point named
    variance-limited is not in such a corner: there x is so close to m, as beside the peak, that more of x lowers the
    risk faster than more of m.

    Args:
        model, width, samples, penalty: as `ridge_map`.
    """
    population = read_model(model, Population, Endless, reader="regime(...)")
    points = map_points(population, width, samples, penalty)
    return over_points(lambda *flat: _regimes(population, *flat, isinstance(penalty, str)), points)


@partial(jax.jit, static_argnames="best")
def _regimes(population: Population, width, samples, penalty, best: bool) -> Regime:
    def parts_at(width, samples, penalty):
        at = eqx.tree_at(lambda p: (p.width, p.samples), population, (width, samples))
        return optimal(at)[1] if best else ridge_risk(at, penalty)

    def one(point):
        def log_risk(steps):
            parts = parts_at(*(_scaled(size, step) for size, step in zip(point, steps, strict=True)))
            return jnp.log(parts.risk), parts

        slopes, parts = jax.jacfwd(log_risk, has_aux=True)(jnp.zeros(3))
        width, samples, penalty = point
        unlimited = jnp.array([jnp.inf, width]), jnp.array([samples, jnp.inf]), jnp.array([penalty, penalty])
        by_sizes = jax.vmap(lambda *sizes: parts_at(*sizes).risk)(*unlimited)
        here = eqx.tree_at(lambda p: (p.width, p.samples), population, (width, samples))
        best_penalty, best_parts = (penalty, parts) if best else optimal(here)
        limits = jnp.append(by_sizes, jnp.minimum(best_parts.risk, parts.risk))
        at_limit = jnp.array([jnp.isinf(width), jnp.isinf(samples), False])
        limits = jnp.where(at_limit, parts.risk, limits)  # not equal up to rounding, but the same
        exponents = jnp.where(parts.risk == 0, 0.0, slopes) * jnp.array([-1.0, -1.0, 1.0]) + 0.0  # no -0
        removable = _removable(limits, parts.risk)
        share = jnp.where(parts.risk > 0, parts.label / jnp.where(parts.risk > 0, parts.risk, 1.0), 0.0)
        off = jnp.where(removable[2] >= HALF, jnp.where(penalty > best_penalty, 1, -1), 0)
        code = _code(exponents[0], exponents[1], width <= samples, samples <= width, off, share, parts.risk)
        of_width, of_samples, of_penalty = (Resource(exponents[i], limits[i], removable[i]) for i in range(3))
        return Regime(code, of_width, of_samples, of_penalty, share, parts.risk)

    return map_in_groups(one, (width, samples, penalty), TOGETHER)


def _code(of_width, of_samples, narrow, scarce, penalty_off, noise_share, risk):
    """The index into `REGIMES`; what is decided later wins.

    Args:
        of_width, of_samples: the exponents.
        narrow, scarce: whether the width, and the samples, are not the larger size.
        penalty_off: 1 if the penalty is too large by the rule above, -1 if too small, otherwise 0.
        noise_share, risk: of `Regime`.
    """
    by_width = of_width >= of_samples - SAME * jnp.abs(of_samples)
    code = jnp.where(by_width, jnp.where(narrow, 0, 1), jnp.where(scarce, 2, 3))
    code = jnp.where(penalty_off == 0, code, jnp.where(penalty_off > 0, 4, 5))
    return jnp.where(risk == 0, 7, jnp.where(noise_share >= HALF, 6, code))


def _removable(limit, risk):
    """1 - limit / risk, and 0 where the risk is 0; for an infinite risk 1, if the limit is finite."""
    return jnp.where(limit == risk, 0.0, 1 - limit / jnp.where(risk == 0, 1.0, risk))


def _scaled(size, log_factor):
    """size e^log_factor, and infinity, with derivative 0, where size is infinite."""
    infinite = jnp.isinf(size)
    return jnp.where(infinite, jnp.inf, jnp.where(infinite, 1.0, size) * jnp.exp(log_factor))
