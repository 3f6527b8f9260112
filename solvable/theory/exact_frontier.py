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

from solvable.algorithms.base import AbstractModewise
from solvable.arguments import answer, check_broadcast, check_flag, check_integer, is_function, refusal
from solvable.models.base import AbstractModel
from solvable.numerics.precision import in_float64
from solvable.numerics.resolvent import default_nodes
from solvable.theory.frontier import Frontier
from solvable.theory.frontier_checks import check_longest, checked_builder, checked_compute, checked_points
from solvable.theory.optimum import optimum, stages_for
from solvable.theory.run_ends import Ends, OneLaw, Plane
from solvable.theory.run_search import Planned

MOST_WORKERS = 256  # threads
FEW = 4  # points whose runs are searched side by side
CHUNKS = (1, 8, 16)  # points of a map solved by one compiled call: fewer are repeated, which costs less than a program


@in_float64
def theory_frontier(
    model: AbstractModel,
    algorithm: AbstractModewise | Callable[..., AbstractModewise],
    compute: Any,
    *,
    tune_rate: bool = False,
    nodes: int | None = None,
) -> Frontier:
    """The exact frontier of ``model``'s law over all widths.

    Constant settings with one moment a mode (SGD) are solved in closed form in time. Everything else is run, in blocks
    of steps whose error is bounded, to the end of every run that is tried; so are runs whose rate is tuned.

    Args:
        model: a law with ``at_width``: `PowerLawRF`, whose own width only fixes the ratio ambient / width, or
            `RandomFeatures`, whose inputs are the same at every width.
        algorithm: an algorithm with second moments (SGD, any `AbstractLinear`, wrappers), as it is at every width and
            however long it runs; or a function that returns one. A function of one argument is given the model at each
            width, for rates that depend on it: ``lambda model: SGD(0.5 / model.trace())``. One of two arguments is
            given the number of steps of the run as well, so that every point of the frontier is a run of its own:
            ``lambda model, horizon: SGD(schedules.cosine(0.5 / model.trace(), horizon))``. The horizon is a whole
            number, at times a traced one. Before all that it is called with concrete ones, to check what it returns.
        compute: values of f, any shape; they must allow FIRST steps at width 2.
        tune_rate: whether to multiply the learning rate (of a schedule: the peak) by the factor that gives the least
            risk at each width and horizon.
        nodes: contour nodes of the spectrum; the default is enough for the widest model met.

    Raises:
        ValueError: an argument is impossible, or the algorithm's settings are not smooth between stated kinks.
    """
    build, batch, closed = checked_builder(model, algorithm)
    values = checked_compute(compute, batch)
    widest = min(float(values.max()) ** 0.7, model.widest)  # pyright: ignore[reportAttributeAccessIssue]
    nodes = _nodes(nodes) or model.default_nodes(widest)  # pyright: ignore[reportAttributeAccessIssue]
    tuned, stages = check_flag("tune_rate", tune_rate), stages_for(values.max())
    if closed and not tuned:
        return _frontier(model, build, values, nodes, stages)
    check_longest(build, model, values.max() / (2 * batch))
    found = Planned(Ends(OneLaw(model), build, nodes), batch, tuned, stages, model.widest)(values.reshape(-1, 1))  # pyright: ignore[reportAttributeAccessIssue]
    return jax.tree.map(lambda x: x.reshape(values.shape), found)


def frontier_map(
    model: AbstractModel,
    algorithm: AbstractModewise | Callable[..., AbstractModewise],
    compute: Any,
    *,
    alpha: Any,
    beta: Any,
    ratio: Any = None,
    paired: bool = False,
    tune_rate: bool = False,
    nodes: int | None = None,
    stages: int | None = None,
    workers: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> Frontier:
    """The exact frontier at many (alpha, beta), compiled once.

    Every attribute has shape (*points, *compute), or that of the points if paired.

    Args:
        model: a law whose other parameters (noise, initial parameters) are kept.
        algorithm, compute, tune_rate, nodes: as `theory_frontier`.
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
    build, batch, closed = checked_builder(model, algorithm, "alpha", "beta", "width", "ambient")
    values = checked_compute(compute, batch)
    ratio = model.ambient / model.width if ratio is None else ratio  # pyright: ignore[reportAttributeAccessIssue]
    points, nodes, stages = checked_points(alpha, beta, ratio), _nodes(nodes), _stages(stages)
    workers = check_integer("workers", workers, 1, MOST_WORKERS)
    tuned, extra = check_flag("tune_rate", tune_rate), () if check_flag("paired", paired) else values.shape
    if paired:
        values = check_broadcast(points=points[0], compute=values)[1]
        points = [np.broadcast_to(x, values.shape) for x in points]
    shape = (*points[0].shape, *extra)
    tasks = [np.broadcast_to(x.reshape((*x.shape, *(1,) * len(extra))), shape).reshape(-1) for x in points]
    tasks.append(np.broadcast_to(values, shape).reshape(-1))
    nodes = nodes or default_nodes(2 * tasks[0].max() * np.log(values.max()) * 0.7)
    stages = stages_for(values.max()) if stages is None else stages
    if progress is not None and not is_function(progress):
        raise refusal("progress", "a function of (done, in all) or None", progress)
    finite = np.flatnonzero(tasks[0] + tasks[1] > 0.5)
    if not finite.size:
        nothing: Any = {field: np.full(shape, np.nan) for field in Frontier.__annotations__}
        return Frontier(**nothing | {"interior": np.zeros(shape, bool)})
    if tuned or not closed:
        check_longest(build, model, values.max() / (2 * batch))
        search = Planned(Ends(Plane(model), build, nodes, workers), batch, tuned, stages)
        few = [finite[i : i + FEW] for i in range(0, len(finite), FEW)]
        return _gathered(lambda index: search(np.stack([x[index] for x in tasks], -1)), few, shape, 1, progress)

    @in_float64
    def solve(index):
        return _frontier_points(model, build, *(x[index] for x in tasks), nodes, stages)  # pyright: ignore[reportCallIssue]

    size = next((size for size in CHUNKS if size * min(workers, 2) >= len(finite)), CHUNKS[-1])
    chunks = [np.resize(finite[i : i + size], size) for i in range(0, len(finite), size)]
    return _gathered(solve, chunks, shape, workers, progress)


def _nodes(nodes: int | None) -> int | None:
    return None if nodes is None else check_integer("nodes", nodes, 64, 10**5)


def _stages(stages: int | None) -> int | None:
    return None if stages is None else check_integer("stages", stages, 1, 10)


def _gathered(solve: Callable, chunks: list[np.ndarray], shape: tuple[int, ...], workers: int, progress) -> Frontier:
    """``solve`` of chunks of places, by threads; a frontier of the whole shape, NaN elsewhere."""
    parts, places = [], np.concatenate(chunks)
    with ThreadPoolExecutor(workers) as pool:
        # The first chunk compiles; the others then share what it compiled.
        first = [pool.submit(solve, index).result() for index in chunks[:1]]
        for part in itertools.chain(first, pool.map(solve, chunks[1:])):
            parts.append(part)
            if progress is not None:
                done = len(np.unique(np.concatenate(chunks[: len(parts)])))
                answer("progress", "a function of (done, in all)", progress, done, len(np.unique(places)))

    def gather(*columns):
        whole = np.full(np.prod(shape, dtype=int), np.nan)
        whole[places] = np.concatenate(columns)
        return whole.reshape(shape)

    result = jax.tree.map(gather, *parts)
    return eqx.tree_at(lambda f: f.interior, result, result.interior == 1)


@eqx.filter_jit
def _frontier_points(model, build, alpha, beta, ratio, compute, nodes: int, stages: int) -> Frontier:
    def point(alpha, beta, ratio, compute):
        return _frontier(Plane(model)((alpha, beta, ratio)), build, compute, nodes, stages)

    return jax.vmap(point)(alpha, beta, ratio, compute)


@eqx.filter_jit
def _frontier(model, build, compute, nodes: int, stages: int) -> Frontier:
    batch = build(model).batch_size
    flat = jnp.log(compute.reshape(-1))
    columns = jax.vmap(lambda c: optimum(model, build, c, jnp.log(float(batch)), nodes, stages))(flat)
    log_width, log_risk, eta, xi, interior, modes = (x.reshape(compute.shape) for x in columns)
    width = jnp.exp(log_width)
    steps = compute / (width * batch)
    return Frontier(compute, jnp.exp(log_risk), width, steps, eta, xi, interior, modes, jnp.ones_like(width))
