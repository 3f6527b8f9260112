"""The compute-optimal frontier of a model's deterministic equivalent, exact and continuous in width.

One compute is `solvable.theory.optimum`; here are many of them: one law at many computes, or a plane of laws.
"""

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from solvable.algorithms.base import AbstractModewise
from solvable.arguments import answer, check_broadcast, check_flag, check_integer, is_function, refusal
from solvable.arrays import is_concrete
from solvable.models.base import AbstractModel
from solvable.numerics.precision import in_float64
from solvable.numerics.resolvent import default_nodes
from solvable.showing import described
from solvable.theory.frontier_checks import Builder, checked_builder, checked_compute, checked_points
from solvable.theory.optimum import optimum, stages_for

MOST_WORKERS = 256  # threads
CHUNKS = (1, 8, 32)  # points of a map solved by one compiled call: fewer are repeated, which costs less than a program
STAIRCASE = 1.0  # modes learned per e-fold of steps below which single modes show in the exponents


class Frontier(eqx.Module):
    """Compute-optimal risk against compute.

    Attributes:
        compute: f = width * steps * batch_size; every attribute has its shape.
        risk: least risk at that compute.
        width: width that attains it, a real number.
        steps: compute / (width * batch_size).
        loss_exponent: eta, the local exponent: risk ~ compute^-eta.
        width_exponent: xi, the local exponent: width ~ compute^xi.
        interior: whether this is the least risk over widths, at a minimum inside those tried (at least FIRST steps and
            width above 2) that moves with compute. It is False for a saturated optimum, as near alpha + beta = 1/2:
            there the ambient dimension grows with the width, the target with it, and the smallest stable model is the
            best one at any compute.
        modes_per_fold: number of modes learned while the steps grow e-fold, sum_j mass_j u_j e^{-u_j} with u_j =
            decay_j * steps. Where it is small modes are learned one by one and the frontier is a staircase: around its
            trend eta swings by less than 0.002 from 2 on, by 0.02 to 0.05 at 1, by 0.1 at 0.8 and by 1 at 0.3.
        staircase: whether ``modes_per_fold`` is below 1: the exponents are those of one step of a staircase, not of a
            smooth power law. So at alpha = 5 with 10 inputs a feature up to compute 10^11; never seen at alpha <= 2.
    """

    compute: Float[Array, "..."]
    risk: Float[Array, "..."]
    width: Float[Array, "..."]
    steps: Float[Array, "..."]
    loss_exponent: Float[Array, "..."]
    width_exponent: Float[Array, "..."]
    interior: Bool[Array, "..."]
    modes_per_fold: Float[Array, "..."]
    references = ("paquette2024",)

    def __repr__(self) -> str:
        if not is_concrete(self.compute, self.risk):
            return described(self)
        compute, eta, xi = (np.ravel(x) for x in (self.compute, self.loss_exponent, self.width_exponent))
        best = int(np.argmax(compute))
        reach = f"{compute.size} points, compute {compute.min():.3g} to {compute.max():.3g}"
        end = f"there width ~ compute^{xi[best]:.3f}, risk ~ compute^-{eta[best]:.3f}"
        return f"Frontier({reach}; {end}; {int(np.sum(~np.asarray(self.interior)))} not interior)"

    def summary(self) -> str:
        """A table, one line a point: compute, width, steps, risk, eta, xi, whether it is interior."""
        names = ("compute", "width", "steps", "risk", "loss_exponent", "width_exponent")
        columns = [np.ravel(np.asarray(getattr(self, name))).tolist() for name in names]
        titles = ("compute", "width", "steps", "risk", "eta", "xi")
        rows = ["  ".join(f"{x:>11.5g}" for x in row) for row in zip(*columns, strict=True)]
        inside = ("" if inner else "  not interior" for inner in np.ravel(np.asarray(self.interior)))
        return "\n".join(["  ".join(f"{x:>11}" for x in titles), *map(str.__add__, rows, inside)])

    @property
    def staircase(self) -> Bool[Array, "..."]:
        """Whether single modes show: ``modes_per_fold < 1``; False where it is NaN."""
        return self.modes_per_fold < STAIRCASE


@in_float64
def theory_frontier(
    model: AbstractModel, algorithm: AbstractModewise | Builder, compute: Any, *, nodes: int | None = None
) -> Frontier:
    """The exact frontier of ``model``'s law over all widths.

    Args:
        model: a law with ``at_width`` (`PowerLawRF`); its own width only fixes the ratio ambient / width.
        algorithm: a stationary algorithm, or a function of the model at each width that returns one, for learning
            rates that depend on the width: ``lambda m: SGD(0.5 / m.trace())``. It is called once or twice before, with
            concrete models, to check what it returns.
        compute: values of f, any shape; they must allow FIRST steps at width 2.
        nodes: contour nodes of the spectrum; the default is enough for the widest model met.

    Raises:
        ValueError: an argument is impossible.
    """
    build, batch = checked_builder(model, algorithm)
    values = checked_compute(compute, batch)
    widest = float(values.max()) ** 0.7
    nodes = _nodes(nodes) or default_nodes(getattr(model, "alpha", 1.0), widest)
    return _frontier(model, build, values, nodes, stages_for(values.max()))


def frontier_map(
    model: AbstractModel,
    algorithm: AbstractModewise | Builder,
    compute: Any,
    *,
    alpha: Any,
    beta: Any,
    ratio: Any = None,
    paired: bool = False,
    nodes: int | None = None,
    stages: int | None = None,
    workers: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> Frontier:
    """The exact frontier at many (alpha, beta), compiled once.

    Every attribute has shape (*points, *compute), or that of the points if paired.

    Args:
        model: a law whose other parameters (noise, initial parameters) are kept.
        algorithm, compute, nodes: as `theory_frontier`.
        alpha, beta: exponents of the points, arrays that broadcast.
        ratio: ambient / width at each point, broadcast against them; the model's own by default.
        paired: ``compute`` holds one value a point, broadcast against them, instead of every value at every point.
        stages: stages of the search for the optimal width; the default suits the largest compute. Calls with the
            same ``nodes`` and ``stages`` share one compilation.
        workers: threads, each with its own chunk of points.
        progress: called with (optima done, optima in all) after each chunk.

    Returns:
        A `Frontier`, NaN (and not interior) where alpha + beta <= 1/2: there the risk is infinite.
    """
    build, batch = checked_builder(model, algorithm, "alpha", "beta", "width", "ambient")
    values = checked_compute(compute, batch)
    ratio = model.ambient / model.width if ratio is None else ratio  # pyright: ignore[reportAttributeAccessIssue]
    points, nodes, stages = checked_points(alpha, beta, ratio), _nodes(nodes), _stages(stages)
    workers = check_integer("workers", workers, 1, MOST_WORKERS)
    extra = () if check_flag("paired", paired) else values.shape
    if paired:
        values = check_broadcast(points=points[0], compute=values)[1]
        points = [np.broadcast_to(x, values.shape) for x in points]
    shape = (*points[0].shape, *extra)
    tasks = [np.broadcast_to(x.reshape((*x.shape, *(1,) * len(extra))), shape).reshape(-1) for x in points]
    tasks.append(np.broadcast_to(values, shape).reshape(-1))
    nodes = nodes or default_nodes(tasks[0].max(), float(values.max()) ** 0.7)
    stages = stages_for(values.max()) if stages is None else stages
    if progress is not None and not is_function(progress):
        raise refusal("progress", "a function of (done, in all) or None", progress)
    finite = np.flatnonzero(tasks[0] + tasks[1] > 0.5)

    @in_float64
    def solve(index):
        return _frontier_points(model, build, *(x[index] for x in tasks), nodes, stages)  # pyright: ignore[reportCallIssue]

    if not finite.size:
        nothing: Any = {field: np.full(shape, np.nan) for field in Frontier.__annotations__}
        return Frontier(**nothing | {"interior": np.zeros(shape, bool)})
    result = _in_chunks(solve, finite, shape, workers, progress)
    return eqx.tree_at(lambda f: f.interior, result, result.interior == 1)


def _nodes(nodes: int | None) -> int | None:
    return None if nodes is None else check_integer("nodes", nodes, 64, 10**5)


def _stages(stages: int | None) -> int | None:
    return None if stages is None else check_integer("stages", stages, 1, 10)


def _in_chunks(solve: Callable, places: np.ndarray, shape: tuple[int, ...], workers: int, progress) -> Any:
    """``solve`` of places in chunks of one size, by threads; arrays of the whole shape, NaN elsewhere."""
    size = next((size for size in CHUNKS if size >= len(places)), CHUNKS[-1])
    chunks = [np.resize(places[i : i + size], size) for i in range(0, len(places), size)]
    parts, done = [], lambda count: min(count * size, len(places))
    with ThreadPoolExecutor(workers) as pool:
        # The first chunk compiles; the others then share what it compiled.
        first = [pool.submit(solve, index).result() for index in chunks[:1]]
        for part in itertools.chain(first, pool.map(solve, chunks[1:])):
            parts.append(part)
            if progress is not None:
                answer("progress", "a function of (done, in all)", progress, done(len(parts)), len(places))

    def gather(*columns):
        whole = np.full(np.prod(shape, dtype=int), np.nan)
        for index, column in zip(chunks, columns, strict=True):
            whole[index] = column
        return whole.reshape(shape)

    return jax.tree.map(gather, *parts)


@eqx.filter_jit
def _frontier_points(model, build, alpha, beta, ratio, compute, nodes: int, stages: int) -> Frontier:
    def point(alpha, beta, ratio, compute):
        law = eqx.tree_at(lambda m: (m.alpha, m.beta, m.width, m.ambient), model, (alpha, beta, 1.0, ratio))
        return _frontier(law, build, compute, nodes, stages)

    return jax.vmap(point)(alpha, beta, ratio, compute)


@eqx.filter_jit
def _frontier(model, build, compute, nodes: int, stages: int) -> Frontier:
    batch = build(model).batch_size
    flat = jnp.log(compute.reshape(-1))
    columns = jax.vmap(lambda c: optimum(model, build, c, jnp.log(float(batch)), nodes, stages))(flat)
    log_width, log_risk, eta, xi, interior, modes = (x.reshape(compute.shape) for x in columns)
    width = jnp.exp(log_width)
    return Frontier(compute, jnp.exp(log_risk), width, compute / (width * batch), eta, xi, interior, modes)
