"""Repeated data: tokens and parameters that are worth less each time."""

from typing import ClassVar

import jax.numpy as jnp

from solvable.fits.laws.base import AbstractLaw


class DataConstrained(AbstractLaw):
    """L(N, D, U) = E + A / N'^alpha + B / D'^beta, for D tokens of which U are unique.

    D' = U + U R_D (1 - exp(-(D / U - 1) / R_D)), and the same for N with R_N and U_N = min(N, N_opt(U)), N_opt(U) =
    (alpha A / (beta B))^(1 / alpha) U^(beta / alpha) the best size for U tokens. For U >= D it is Chinchilla's law.
    R_D and R_N are told by repeated data only: fit E, A, B, alpha, beta first, and give them as ``fixed``. The authors
    fitted alpha = beta, and varied neither dropout nor the learning rate.

    Source: Muennighoff et al. 2023, eq. 5 and 6.
    """

    references: ClassVar[tuple[str, ...]] = ("muennighoff2023",)
    formula: ClassVar[str] = "L = E + A / N'^alpha + B / D'^beta"
    floor: ClassVar[str | None] = "E"
    shared = {"U": "D"}  # noqa: RUF012
    variables = ("N", "D", "U")
    parameters = ("E", "A", "B", "alpha", "beta", "R_D", "R_N")
    positive = ("E", "A", "B", "alpha", "beta", "R_D", "R_N")

    def __call__(self, parameters, variables):
        p, v = parameters, variables
        unique = jnp.minimum(v["U"], v["D"])
        best = (p["alpha"] * p["A"] / (p["beta"] * p["B"])) ** (1 / p["alpha"]) * unique ** (p["beta"] / p["alpha"])
        size, data = _worth(v["N"], jnp.minimum(v["N"], best), p["R_N"]), _worth(v["D"], unique, p["R_D"])
        return p["E"] + p["A"] * size ** -p["alpha"] + p["B"] * data ** -p["beta"]

    def factors(self, parameters, units):
        power = {"A": units["N"] ** parameters["alpha"], "B": units["D"] ** parameters["beta"]}
        return {"E": units["L"], **{name: units["L"] * factor for name, factor in power.items()}}

    def starts(self):
        share, exponent = (0.05, 0.3), (0.2, 0.5)
        first = {"E": (0.3, 0.8), "A": share, "B": share, "alpha": exponent, "beta": exponent}
        return {**first, "R_D": (3.0, 20.0), "R_N": (5.0,)}


def _worth(total, unique, constant):
    """unique (1 + constant (1 - exp(-(total / unique - 1) / constant)))."""
    return unique * (1 - constant * jnp.expm1(-(total / unique - 1) / constant))
