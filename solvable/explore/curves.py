"""The curves of the page: one compiled program for each kind of theory, every value traced, so that dragging is fast.

The numbers are those of `solve`. A batch size is part of the shape of an optimizer elsewhere; here it is a number like
the others, in a row of the same table.
"""

from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from solvable.algorithms.linear import AbstractLinear
from solvable.algorithms.sgd import SGD
from solvable.arguments import as_real
from solvable.explore.wish import Wish
from solvable.forms.curve import Curve
from solvable.forms.linear_map import LinearMap
from solvable.models.power_law_rf import PowerLawRF
from solvable.numerics.precision import in_float64
from solvable.theory.dmft import DMFT
from solvable.theory.recursion import Recursion
from solvable.theory.volterra import forcing
from solvable.verbs.solve import solve

RATIO = 4  # inputs a feature
FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0)  # widths of the family, in units of the one that is asked for
CHOSEN = FACTORS.index(1.0)


def powers_up_to(last: int) -> np.ndarray:
    """0 and all 2^k and 3 * 2^k up to ``last``: twice a step is two places on."""
    twos = 2 ** np.arange(40)
    grid = np.unique(np.concatenate([[0], twos, 3 * twos]))
    return grid[grid <= last].astype(np.int64)


# A visited step costs the same everywhere, a window of the closed form [t, 4 t] too: these take 20 to 60 ms of a core.
STEPS = {"stream": powers_up_to(3 * 2**18), "momentum": powers_up_to(3 * 2**8), "data": powers_up_to(3 * 2**12)}
WIDTHS = {"stream": FACTORS, "momentum": (1.0,), "data": (1.0,)}


class TracedSGD(AbstractLinear):
    """`SGD` whose batch size is a traced number."""

    learning_rate: jax.Array = eqx.field(converter=as_real, default=0.1)
    batch_size: Any = eqx.field(converter=as_real, default=1.0)
    references: ClassVar[tuple[str, ...]] = ("paquette2024",)

    def linear_map(self, step):
        """K = 1 and b = g."""
        return LinearMap(jnp.zeros((1, 1)), jnp.asarray(self.learning_rate)[None])


class TracedHeavyBall(AbstractLinear):
    """`HeavyBall` whose batch size is a traced number."""

    learning_rate: jax.Array = eqx.field(converter=as_real, default=0.1)
    momentum: jax.Array = eqx.field(converter=as_real, default=0.9)
    batch_size: Any = eqx.field(converter=as_real, default=1.0)
    origin = ((1.0, 0.0), (0.0, 0.0))
    references: ClassVar[tuple[str, ...]] = ("polyak1964",)

    def linear_map(self, step):
        """v <- momentum v + G, theta <- theta - g v."""
        g, mu = self.learning_rate, self.momentum
        return LinearMap(jnp.array([[0, g * mu], [0, 1 - mu]]), jnp.stack([g, -jnp.ones_like(g)]))


class Family(NamedTuple):
    """Curves of one or five widths; arrays of shape (widths, steps) or (widths,).

    ``learned`` is the risk without the noise of SGD, floor + forcing; NaN where the theory does not split it off.
    ``floor`` is the risk of the best parameters, ``rate`` the learning rate, ``result`` a `Result` code.
    """

    risk: Float[Array, "widths steps"]
    learned: Float[Array, "widths steps"]
    train_risk: Float[Array, "widths steps"] | None
    floor: Float[Array, " widths"]
    rate: Float[Array, " widths"]
    result: Int[Array, " widths"]


def family(wish: Wish) -> Family:
    """Every curve of the page at the steps ``STEPS[wish.world]``."""
    names = ("alpha", "beta", "noise", "rate", "batch", "momentum", "samples")
    numbers = {name: np.float64(getattr(wish, name)) for name in names}
    widths: Any = wish.width * np.array(WIDTHS[wish.world])
    found = in_float64(_family)(wish.world, numbers, widths)
    return jax.tree.map(np.asarray, found)


@eqx.filter_jit
def _family(world: str, of: dict[str, Any], widths: Float[Array, " widths"]) -> Family:
    steps = STEPS[world]

    def one(width):
        samples = of["samples"] if world == "data" else None
        model = PowerLawRF(of["alpha"], of["beta"], width, RATIO * width, of["noise"], samples=samples)
        rate = of["rate"] / model.trace()
        unknown = jnp.full(len(steps), jnp.nan)
        if world == "data":
            curve = solve(model, SGD(rate, batch_size=None), DMFT(), steps)
            return Family(curve.risk, unknown, curve.train_risk, model.floor(), rate, curve.result)
        if world == "momentum":
            risk = solve(model, TracedHeavyBall(rate, of["momentum"], of["batch"]), Recursion(), steps).risk
            # The analysis of its stability would take three times as long as the curve: the records decide.
            result = Curve.of(steps, risk, start=risk[0]).result
            return Family(risk, unknown, None, model.floor(), rate, result)
        algorithm = TracedSGD(rate, of["batch"])
        curve, learned = solve(model, algorithm, Recursion(), steps), forcing(model, algorithm, steps)
        return Family(curve.risk, model.floor() + learned, None, model.floor(), rate, curve.result)

    return jax.vmap(one)(widths)
