"""Inputs with eigenvalues j^{-2 alpha} and target powers j^{-2 alpha - 2 beta}, j <= v, v real or infinite."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from solvable.arrays import library
from solvable.numerics.inputs import AbstractInputs, Rest
from solvable.numerics.mode_sums import power_law_modes
from solvable.numerics.power_sums import harmonic_sum, power_sum_and_slope


class PowerLawInputs(AbstractInputs):
    """One power law; sums up to a real v are those of `power_sums`."""

    alpha: Float[Array, ""]
    beta: Float[Array, ""]
    ambient: Any

    @property
    def count(self):
        return self.ambient

    @property
    def scale(self):
        return jnp.ones(())

    @property
    def second(self):
        return 2.0 ** (-2 * self.alpha)

    def sums(self, w):
        return power_sum_and_slope(jnp.zeros(()), w, self.alpha, self.ambient)

    def all_sums(self, w):
        powers = jnp.stack([jnp.zeros_like(self.beta), 2 * self.beta]).reshape(2, *(1,) * jnp.ndim(w))
        (total, target), (slope, _) = power_sum_and_slope(powers, jnp.asarray(w, complex), self.alpha, self.ambient)
        return total, slope, target

    def moments(self):
        return harmonic_sum(2 * self.alpha, self.ambient), harmonic_sum(4 * self.alpha, self.ambient)

    def ridge_bracket(self, width, trace):
        alpha, d, v = self.alpha, width, self.ambient
        spare = jnp.where(jnp.isinf(v) | (v <= d), 1.0, v / d - 1)
        finite = jnp.log(spare) - 2 * alpha * jnp.log(jnp.where(jnp.isinf(v), 2 * d + 2, v))
        low = jnp.where(v >= 2 * d + 2, -2 * alpha * jnp.log(2 * d + 2), finite)
        high = jnp.where(jnp.isinf(trace), 0.0, jnp.log(trace / d))
        return low, high

    def depth(self, width):
        xp = library(self.alpha, width)
        return 2 * self.alpha * xp.log(xp.maximum(width, 1.0))

    def coordinates(self, count):
        j = jnp.arange(1.0, count + 1)
        return j**-self.alpha, j ** -(self.alpha + self.beta)

    def beyond(self, count):
        rest = lambda p: harmonic_sum(p, jnp.inf) - harmonic_sum(p, jnp.asarray(float(count)))  # noqa: E731
        a, b = 2 * self.alpha, 2 * self.beta
        return Rest(rest(a), rest(2 * a), rest(2 * a + b), rest(a + b))

    def nodes(self):
        return power_law_modes(self.alpha, 2 * self.alpha + 2 * self.beta, self.ambient)
