"""Which resource limits the risk of ridge regression, at a point or over a whole map of width and samples."""

from functools import partial
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from solvable.forms.base import AbstractSubject
from solvable.forms.population import Endless, Population
from solvable.method import read_model
from solvable.numerics.precision import in_float64
from solvable.theory.optimal_penalty import optimal
from solvable.theory.ridge import TOGETHER, map_points
from solvable.theory.ridge_equations import ridge_risk

REGIMES = (
    "width, resolution-limited",
    "width, variance-limited",
    "samples, resolution-limited",
    "samples, variance-limited",
    "noise",
    "nothing",
)


class Regime(eqx.Module):
    """What limits the risk at each point; all of one shape.

    Attributes:
        code: index into `REGIMES`.
        width_exponent: -d log risk / d log width at fixed samples; 0 at infinite width.
        samples_exponent: -d log risk / d log samples at fixed width; 0 at infinite samples.
        noise_share: share of the risk that is the noise of the test labels, which no resource removes.
        risk: the typical risk.
    """

    code: Int[Array, "*points"]
    width_exponent: Float[Array, "*points"]
    samples_exponent: Float[Array, "*points"]
    noise_share: Float[Array, "*points"]
    risk: Float[Array, "*points"]
    references = ("bahri2024", "maloney2022")

    @property
    def name(self) -> Any:
        """The regimes in words: an array of `REGIMES`, or one of them for a single point."""
        names = np.asarray(REGIMES)[np.asarray(self.code)]
        return names if names.ndim else str(names)


@in_float64
def regime(
    model: AbstractSubject,
    *,
    width: Any = None,
    samples: Any = None,
    penalty: Float[Array, "*points"] | float | Literal["optimal"] = 0.0,
) -> Regime:
    """The resource of which a little more lowers the typical risk most, and how it limits it.

    - "noise": at least half of the risk is the noise of the labels.
    - otherwise the resource with the larger local exponent, -d log risk / d log resource;
    - it is resolution-limited if it is the smaller of the two (N < T for width): the learned modes fill it, the
      effective ridge follows it, and the risk is a power of it that depends on the spectrum and the target;
    - it is variance-limited if it is the larger one: it only averages fluctuations, and what it can remove,
      risk - risk(infinitely much of it), falls as its inverse. This happens beside the peak at equal sizes, and where
      label noise amplified by N / T outweighs what the width leaves out.
    - "nothing": the risk is 0, as for a noiseless target when sizes exceed the number of inputs.

    These are the four regimes of Bahri et al. 2021 (arXiv 2102.06701), and the two in which no resource matters. At
    equal exponents width is named; an infinite risk (equal sizes, no penalty) counts as limited by the variance of
    samples, though more width would help as much.

    Args:
        model, width, samples, penalty: as `ridge_map`.
    """
    population = read_model(model, Population, Endless, reader="regime(...)")
    points = map_points(population, width, samples, penalty)
    flat = _regimes(population, *(x.reshape(-1) for x in points), isinstance(penalty, str))
    return jax.tree.map(lambda x: x.reshape(points[0].shape), flat)


@partial(jax.jit, static_argnames="best")
def _regimes(population: Population, width, samples, penalty, best: bool) -> Regime:
    def one(point):
        width, samples, penalty = point

        def log_risk(steps):
            sizes = _scaled(width, steps[0]), _scaled(samples, steps[1])
            at = eqx.tree_at(lambda p: (p.width, p.samples), population, sizes)
            parts = optimal(at)[1] if best else ridge_risk(at, penalty)
            return jnp.log(parts.risk), parts

        slopes, parts = jax.jacfwd(log_risk, has_aux=True)(jnp.zeros(2))
        share = jnp.where(parts.risk > 0, parts.label / jnp.where(parts.risk > 0, parts.risk, 1.0), 0.0)
        by_width = slopes[0] <= slopes[1]
        resolution = jnp.where(by_width, width < samples, samples < width)
        code = jnp.where(by_width, 0, 2) + jnp.where(resolution, 0, 1)
        code = jnp.where(jnp.isinf(parts.risk), 3, jnp.where(share >= 0.5, 4, code))
        return Regime(jnp.where(parts.risk == 0, 5, code), -slopes[0], -slopes[1], share, parts.risk)

    return jax.lax.map(one, (width, samples, penalty), batch_size=TOGETHER)


def _scaled(size, log_factor):
    """size e^log_factor, and infinity, with derivative 0, where size is infinite."""
    infinite = jnp.isinf(size)
    return jnp.where(infinite, jnp.inf, jnp.where(infinite, 1.0, size) * jnp.exp(log_factor))
