"""Powers that change smoothly from one to the next."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp

from solvable.arguments import check_integer
from solvable.fits.laws.base import AbstractLaw
from solvable.fits.laws.power_law import as_name


class BrokenPowerLaw(AbstractLaw):
    """L(x) = E + A x^-c0 prod_i (1 + (x / d_i)^(1 / f_i))^(-c_i f_i): slope c0, then c0 + c1 beyond d1, and so on.

    f_i is the width of break i in log x.

    Attributes:
        variable: the name of x.
        breaks: how many.

    Source: Caballero et al. 2022, eq. 1.
    """

    variable: str = eqx.field(static=True, converter=as_name, default="x")
    breaks: int = eqx.field(static=True, converter=lambda n: check_integer("breaks", n, 1, 8), default=1)
    references: ClassVar[tuple[str, ...]] = ("caballero2022",)
    formula: ClassVar[str] = "L = E + A x^-c0 prod_i (1 + (x / d_i)^(1 / f_i))^(-c_i f_i)"
    floor: ClassVar[str | None] = "E"

    @property
    def variables(self) -> tuple[str, ...]:
        return (self.variable,)

    @property
    def parameters(self) -> tuple[str, ...]:
        return ("E", "A", "c0", *(f"{x}{i}" for i in range(1, self.breaks + 1) for x in "cdf"))

    @property
    def positive(self) -> tuple[str, ...]:
        return ("E", "A", *(f"{x}{i}" for i in range(1, self.breaks + 1) for x in "df"))

    def __call__(self, parameters, variables):
        p, x = parameters, jnp.log(variables[self.variable])
        log = -p["c0"] * x
        for i in range(1, self.breaks + 1):
            bend = jnp.logaddexp(0.0, (x - jnp.log(p[f"d{i}"])) / p[f"f{i}"])  # the power itself overflows
            log = log - p[f"c{i}"] * p[f"f{i}"] * bend
        return p["E"] + p["A"] * jnp.exp(log)

    def factors(self, parameters, units):
        x = units[self.variable]
        breaks = {f"d{i}": x for i in range(1, self.breaks + 1)}
        return {"E": units["L"], "A": units["L"] * x ** parameters["c0"], **breaks}

    def starts(self):
        found = {"E": (0.02, 0.5), "A": (0.3, 1.0), "c0": (0.05, 0.5)}
        for i in range(1, self.breaks + 1):
            places = (0.1, 1.0, 10.0) if self.breaks == 1 else (10.0 ** (2 * i - self.breaks - 1),)
            found |= {f"c{i}": (-0.3, 0.3), f"d{i}": places, f"f{i}": (0.3,)}
        return found
