"""One call for a whole sweep."""

from collections.abc import Iterator
from typing import Literal

import xarray as xr
from jax.sharding import Mesh
from jaxtyping import Array, Key

from solvable.io.compilation import compilation_cached
from solvable.io.files import StrPath
from solvable.method import AbstractMethod
from solvable.sweeps.adopt import adopt, layout_of
from solvable.sweeps.assemble import assemble
from solvable.sweeps.axes import AxesLike
from solvable.sweeps.cells import Build, Recipe, StepsLike
from solvable.sweeps.chunk import Worker
from solvable.sweeps.executors import Executor, Todo, compute_elsewhere, gather, least, share_of, spans_processes
from solvable.sweeps.identity import Description, describe
from solvable.sweeps.outcome import Outcome
from solvable.sweeps.plan import Chunk, Plan, local_devices, make_plan
from solvable.sweeps.progress import CellCounter, Report
from solvable.sweeps.store import Store


def plan(
    build: Build,
    axes: AxesLike,
    method: AbstractMethod,
    steps: StepsLike,
    *,
    key: Key[Array, ""] | None = None,
    mesh: Mesh | None = None,
    chunk: int | None = None,
) -> Plan:
    """What `sweep` would do with the same arguments: cells, compilations, operations, bytes. Nothing is run.

    Raises:
        ValueError: as `sweep`.
    """
    recipe, common = Recipe(build, axes, method, steps, key=key), least if spans_processes(mesh) else None
    return make_plan(recipe, local_devices(mesh), check_chunk(chunk), common)


def sweep(
    build: Build,
    axes: AxesLike,
    method: AbstractMethod,
    steps: StepsLike,
    *,
    key: Key[Array, ""] | None = None,
    store: StrPath | None = None,
    executor: Executor | None = None,
    mesh: Mesh | None = None,
    shard: tuple[int, int] | None = None,
    chunk: int | None = None,
    progress: Report | bool | None = None,
    on_error: Literal["record", "raise"] = "record",
    retry_failed: bool = False,
    compilation_cache: StrPath | None = None,
) -> xr.Dataset:
    """Solve every combination of the axes' values, as one labelled dataset.

    A cell's result depends on the cell and the key alone: not on the other cells, their order, the chunks, the number
    of devices or processes, nor on an interruption.

    Args:
        build: function of the axes' values (without ``seed``), by name, that returns ``(model, algorithm)``.
        axes: name -> list or array of values; a tuple of names -> tuples of values that vary together, on one
            dimension ("point"). ``seed``: integers, each a draw of the model, common to all other axes.
        method: how each curve is obtained.
        steps: steps to record, or a function of the axes' values that returns them.
        key: ``jax.random.key(...)``, for draws and simulations.
        store: folder that keeps every finished chunk; the same call again goes on from there.
        executor: anything with ``submit`` as in `concurrent.futures`; needs a store, and its workers see that folder.
        mesh: a `jax.sharding.Mesh` whose devices share the cells, of this process or of several.
        shard: (i, n): this is process i of n on one store. It begins with its own share, then takes what is missing.
        chunk: cells per chunk; by default from the work they are and the memory there is.
        progress: None for a bar on a terminal, False for none, or a function (done, total, info).
        on_error: "record": a cell that raises becomes a failed cell with its traceback; "raise": let it through.
        retry_failed: compute again the cells of the store that failed.
        compilation_cache: folder that keeps compiled programs between processes.

    Returns:
        Dataset with ``risk`` and ``stderr`` over the axes and ``step`` (``record`` where steps are a function),
        ``result`` codes and the ``error`` of failed cells.

    Raises:
        ValueError: an argument is impossible, or the store belongs to another sweep.
        OSError: the store cannot be written; what is finished is safe.
        KeyboardInterrupt: with a message that says how to go on, if there is a store.
    """
    if on_error not in ("record", "raise"):
        raise ValueError(f"on_error: wanted 'record' or 'raise'; got {on_error!r}")
    check_shard(shard, store)
    if executor is not None and (store is None or mesh is not None):
        raise ValueError("executor: wanted a store, through which the results come, and no mesh; got otherwise")
    recipe, devices = Recipe(build, axes, method, steps, key=key), local_devices(mesh)
    with compilation_cached(compilation_cache):
        made = make_plan(recipe, devices, check_chunk(chunk), least if spans_processes(mesh) else None)
        if on_error == "raise" and made.failures:
            raise next(e for index in made.failures if (e := recipe.setting(index).error) is not None)
        folder = None if store is None else Store(store, write=True)
        made = made if folder is None else adopt(made, folder, retry_failed)
        worker = Worker(recipe, devices, folder, on_error)
        watch = CellCounter(progress, made.cells)
        try:
            watch.add(len(made.failures), len(made.failures), computed=False)
            outcomes = compute(made, worker, watch, executor, shard, retry_failed, mesh)
        except KeyboardInterrupt as stop:
            raise KeyboardInterrupt(_how_to_resume(store, watch)) from stop
        finally:
            watch.close()
    description: Description = {**describe(recipe, made.platform), **layout_of(made)}
    return assemble(description, [(c.cells, outcomes[c.name]) for c in made.chunks])


def compute(
    made: Plan,
    worker: Worker,
    watch: CellCounter,
    executor: Executor | None,
    shard: tuple[int, int] | None,
    retry: bool,
    mesh: Mesh | None,
) -> dict[str, Outcome]:
    """The results of all chunks, from the store or computed now."""
    outcomes: dict[str, Outcome] = {}
    todo: dict[str, tuple[Chunk, Outcome | None]] = {}
    for c in made.chunks:
        found = None if worker.store is None else worker.store.read(c.name)
        out = None if found is None else Outcome.of(found)
        if out is None or (retry and out.errors):
            todo[c.name] = (c, out)
        else:
            outcomes[c.name] = out
            watch.add(len(c.cells), len(out.errors), computed=False)
    mine, others = share_of(list(todo.values()), shard, mesh)
    ordered = [*mine, *others]
    found = compute_here(ordered, worker) if executor is None else compute_elsewhere(ordered, worker, executor)
    for c, out in found:
        outcomes[c.name] = out
        watch.add(len(c.cells), len(out.errors), computed=True)
    return gather(outcomes, made, mesh)


def compute_here(todo: Todo, worker: Worker) -> Iterator[tuple[Chunk, Outcome]]:
    """Chunks computed in this process; one that another process has finished meanwhile is taken from the store."""
    for c, before in todo:
        if worker.store is not None and before is None and (found := worker.store.read(c.name)) is not None:
            yield c, Outcome.of(found)
            continue
        only = None if before is None else sorted(before.errors)
        out = worker.run(c, only, before)
        if worker.store is not None:
            worker.store.write(c.name, out.arrays())
        yield c, out


def check_chunk(chunk: object) -> int | None:
    """A number of cells, or None.

    Raises:
        ValueError: it is neither.
    """
    if chunk is not None and (isinstance(chunk, bool) or not isinstance(chunk, int) or chunk < 1):
        raise ValueError(f"chunk: wanted a number of cells >= 1 or None; got {chunk!r}")
    return chunk


def check_shard(shard: tuple[int, int] | None, store: StrPath | None) -> None:
    """Raise a ValueError unless ``shard`` is (i, n) with 0 <= i < n, on a store."""
    if shard is None:
        return
    whole = isinstance(shard, tuple | list) and len(shard) == 2 and all(type(x) is int for x in shard)
    if not whole or not 0 <= shard[0] < shard[1]:
        raise ValueError(f"shard: wanted (i, n) with 0 <= i < n; got {shard!r}")
    if store is None:
        raise ValueError("shard: wanted a store, which the processes share; got store=None")


def _how_to_resume(store: StrPath | None, watch: CellCounter) -> str:
    done = f"stopped after {watch.done} of {watch.total} cells"
    if store is None:
        return f"{done}; nothing is kept without a store"
    return f"{done}; run the same sweep with store={str(store)!r} again to go on from there"
