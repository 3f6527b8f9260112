"""A power of the data whose exponent and prefactor depend on the size of the model."""

from typing import ClassVar

import jax.numpy as jnp

from solvable.fits.laws.base import AbstractLaw


class Farseer(AbstractLaw):
    """L(N, D) = exp(a3 N^gamma + b3) + exp(a2 N^beta + b2) D^(-exp(a1 N^alpha + b1)).

    Nine parameters: it needs many runs over decades of both. D keeps its unit, as the law is not closed under changing
    it.

    Source: Li et al. 2025, arXiv 2506.10972.
    """

    references: ClassVar[tuple[str, ...]] = ("li2025",)
    formula: ClassVar[str] = "L = exp(a3 N^gamma + b3) + exp(a2 N^beta + b2) D^(-exp(a1 N^alpha + b1))"
    raw: ClassVar[tuple[str, ...]] = ("D", "L")
    variables = ("N", "D")
    parameters = ("a1", "b1", "alpha", "a2", "b2", "beta", "a3", "b3", "gamma")

    def __call__(self, parameters, variables):
        p, size = parameters, jnp.log(variables["N"])
        part = lambda a, b, power: p[a] * jnp.exp(p[power] * size) + p[b]  # noqa: E731
        rate = jnp.exp(part("a1", "b1", "alpha"))
        floor = jnp.exp(part("a3", "b3", "gamma"))
        return floor + jnp.exp(part("a2", "b2", "beta") - rate * jnp.log(variables["D"]))

    def factors(self, parameters, units):
        powers = {"a1": "alpha", "a2": "beta", "a3": "gamma"}
        return {name: units["N"] ** -parameters[power] for name, power in powers.items()}

    def starts(self):
        one = {"a1": (0.1,), "b1": (-1.5, -0.8), "alpha": (0.1,), "a2": (-0.3, 0.3), "b2": (3.0, 8.0)}
        return {**one, "beta": (-0.1, 0.1), "a3": (0.3,), "b3": (-0.5, 0.5), "gamma": (-0.2,)}
