"""What comes in behind the curves, a part at a time: simulated runs, and the compute-optimal frontier."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from solvable.algorithms.momentum import HeavyBall
from solvable.algorithms.sgd import SGD
from solvable.explore.curves import RATIO, STEPS, TracedSGD
from solvable.explore.wish import REALS, Wish
from solvable.models.power_law_rf import PowerLawRF
from solvable.numerics.precision import in_float64
from solvable.numerics.resolvent import default_nodes
from solvable.simulation.streaming import Simulation
from solvable.theory.optimum import optimum, stages_for
from solvable.verbs.solve import solve

RUNS = 4  # of one part, each on its own draw of the features
PARTS = 12  # of a simulation
WIDEST, MOST_SAMPLES, LAST_STEP = 512, 1024, 6144  # what is simulated within a second or so
PER_BATCH = np.geomspace(1e4, 1e12, 9)  # computes of the frontier, in units of the batch size
TOGETHER = 3  # computes of one part


class Runs(NamedTuple):
    """Risk of ``RUNS`` runs; shapes (steps,) and (runs, steps)."""

    steps: np.ndarray
    runs: np.ndarray


def simulated(wish: Wish, part: int) -> Runs | None:
    """Runs number ``part * RUNS`` and on, up to ``LAST_STEP``; None where a run would take too long for a page."""
    if wish.width > WIDEST or wish.samples > MOST_SAMPLES:
        return None
    grid = STEPS[wish.world]
    steps = grid[grid <= LAST_STEP]
    model = page_model(wish)
    algorithm = page_algorithm(wish, wish.rate / model.trace())
    key = jax.random.fold_in(jax.random.key(0), part)
    curve = solve(model, algorithm, Simulation(num_runs=RUNS), steps, key=key)
    return Runs(steps, np.asarray(curve.stats["runs"], np.float64))


def page_model(wish: Wish) -> PowerLawRF:
    """The law that the page shows."""
    sizes = dict(width=wish.width, ambient=RATIO * wish.width, samples=wish.samples or None)
    return PowerLawRF(wish.alpha, wish.beta, noise=wish.noise, **sizes)


def page_algorithm(wish: Wish, rate: Any) -> SGD | HeavyBall:
    """The optimizer that the page shows, at a learning rate."""
    if wish.momentum and not wish.samples:
        momentum: Any = wish.momentum
        return HeavyBall(rate, momentum=momentum, batch_size=wish.batch)
    return SGD(rate, None if wish.samples else wish.batch)


class Optima(NamedTuple):
    """A part of the frontier, as `Frontier`; arrays of shape (computes,)."""

    compute: Float[Array, " computes"]
    risk: Float[Array, " computes"]
    width: Float[Array, " computes"]
    loss_exponent: Float[Array, " computes"]
    width_exponent: Float[Array, " computes"]
    interior: Bool[Array, " computes"]


def frontier(wish: Wish, part: int) -> Optima | None:
    """Part ``part`` of the frontier, ``TOGETHER`` computes; None where it has no exact one (momentum, a data set)."""
    if wish.world != "stream":
        return None
    compute: Any = PER_BATCH[part * TOGETHER : (part + 1) * TOGETHER] * wish.batch
    numbers = {name: np.float64(getattr(wish, name)) for name in ("alpha", "beta", "noise", "rate", "batch")}
    return jax.tree.map(np.asarray, in_float64(_optima)(numbers, compute))


@eqx.filter_jit
def _optima(of: dict[str, Any], compute: Float[Array, " computes"]) -> Optima:
    model = PowerLawRF(of["alpha"], of["beta"], 1.0, float(RATIO), of["noise"])
    nodes, stages = default_nodes(2 * REALS["alpha"][1] * np.log(PER_BATCH[-1]) * 0.7), stages_for(PER_BATCH[-1])

    def build(at_width: PowerLawRF) -> TracedSGD:
        return TracedSGD(of["rate"] / at_width.trace(), of["batch"])

    def one(c: Float[Array, ""]) -> Any:
        return optimum(model, build, jnp.log(c), jnp.log(of["batch"]), nodes, stages)

    log_width, log_risk, eta, xi, interior, _ = jax.vmap(one)(compute)
    return Optima(compute, jnp.exp(log_risk), jnp.exp(log_width), eta, xi, interior)
