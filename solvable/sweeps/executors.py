"""Sweeps beyond one process: executors, shares of a job array, and the processes of a mesh."""

import copy
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor
from typing import Protocol

import jax
import numpy as np
from jax.sharding import Mesh

from solvable.io.files import pack, unpack
from solvable.sweeps.attempts import TRIES, blame
from solvable.sweeps.cells import Recipe
from solvable.sweeps.chunk import Worker
from solvable.sweeps.groups import Grouping
from solvable.sweeps.outcome import Outcome
from solvable.sweeps.plan import Chunk, Plan, chunk_name, local_devices
from solvable.sweeps.store import Store

Todo = list[tuple[Chunk, Outcome | None]]


class Pending(Protocol):
    """What an executor returns."""

    def result(self) -> object:
        """Wait for the result; raises what the function raised."""

    def cancel(self) -> object:
        """Give up what has not begun."""


class Executor(Protocol):
    """Anything with ``submit`` as in `concurrent.futures`."""

    def submit(self, fn: Callable[..., object], /, *args: object) -> Pending:
        """Call ``fn(*args)`` elsewhere."""
        ...


def share_of(todo: Todo, shard: tuple[int, int] | None, mesh: Mesh | None) -> tuple[Todo, Todo]:
    """The chunks that this process computes first, and those that it computes later if they are still missing."""
    if spans_processes(mesh):
        return todo[jax.process_index() :: jax.process_count()], []
    if shard is None:
        return todo, []
    i, n = shard
    return todo[i::n], [c for k in range(1, n) for c in todo[(i + k) % n :: n]]


def compute_elsewhere(todo: Todo, worker: Worker, executor: Executor) -> Iterator[tuple[Chunk, Outcome]]:
    """Let the executor's workers compute chunks. They return names; the results are read from the store."""
    store = worker.store
    assert store is not None
    folder = str(store.folder.absolute())

    def submit(c: Chunk, before: Outcome | None) -> Pending:
        recipe, retry = copy.copy(worker.recipe), before is not None
        return executor.submit(task, recipe, folder, c.cells, c.name, worker.on_error, retry)

    futures = [submit(*todo_one) for todo_one in todo]
    try:
        for i, (c, before) in enumerate(todo):
            for _ in range(TRIES + 1):
                try:
                    futures[i].result()
                    break
                except BrokenExecutor:  # none of its workers is left
                    for other, _ in todo:
                        blame(store, other.name)
                    raise
                except Exception as error:
                    if not _lost_a_worker(error):
                        raise
                    blame(store, c.name)
                    futures[i] = submit(c, before)
            yield c, Outcome.of(_computed(store, c))
    finally:
        for future in futures:
            future.cancel()


def _lost_a_worker(error: Exception) -> bool:
    """Whether an executor that lives on says that its workers died."""
    return type(error).__name__ == "KilledWorker"


def _computed(store: Store, c: Chunk) -> dict[str, np.ndarray]:
    found = store.read(c.name)
    if found is None:
        raise OSError(
            f"store: wanted workers that see the folder {store.folder}; chunk {c.name[:12]} was computed and is not "
            "there"
        )
    return found


def task(recipe: Recipe, folder: str, cells: tuple[int, ...], name: str, on_error: str, retry: bool) -> str:
    """What a worker process does: one chunk, into the store; returns its name.

    Raises:
        ValueError: this process builds other cells than the one that made the plan.
    """
    with jax.enable_x64(recipe.x64):
        devices = local_devices(None)
        platform = devices[0].platform
        group = Grouping(recipe, platform).of(cells[0])
        if chunk_name(recipe, group, cells, platform) != name:
            raise ValueError(
                f"executor: wanted workers with the same software, device and build as the process that made the plan; "
                f"this one has another description of the chunk of {recipe.values(cells[0])}"
            )
        store = Store(folder)
        store.read_plan()
        found = store.read(name)
        before = None if found is None else Outcome.of(found)
        if before is not None and not (retry and before.errors):
            return name
        only = None if before is None else sorted(before.errors)
        out = Worker(recipe, devices, store, on_error).run(Chunk(name, cells, group), only, before)
        store.write(name, out.arrays())
    return name


def spans_processes(mesh: Mesh | None) -> bool:
    """Whether a mesh has devices of several processes."""
    return mesh is not None and len({device.process_index for device in np.asarray(mesh.devices).flat}) > 1


def least(value: int) -> int:
    """The smallest of the numbers of all processes, so that they make the same plan."""
    from jax.experimental import multihost_utils

    return int(np.asarray(multihost_utils.process_allgather(np.asarray([value / 2**20]))).min()) * 2**20


def gather(outcomes: dict[str, Outcome], plan: Plan, mesh: Mesh | None) -> dict[str, Outcome]:
    """The results of all processes of a mesh, on every one of them."""
    if not spans_processes(mesh):
        return outcomes
    from jax.experimental import multihost_utils

    mine = np.frombuffer(pack({f"{n}/{k}": v for n, o in outcomes.items() for k, v in o.arrays().items()}), np.uint8)
    sizes = np.asarray(multihost_utils.process_allgather(np.asarray([len(mine)]))).ravel()
    padded = np.zeros(int(sizes.max()), np.uint8)
    padded[: len(mine)] = mine
    everything = np.asarray(multihost_utils.process_allgather(padded)).reshape(len(sizes), -1)
    merged: dict[str, dict[str, np.ndarray]] = {}
    for row, size in zip(everything, sizes, strict=True):
        for name, values in unpack(row[: int(size)].tobytes()).items():
            chunk, field = name.split("/")
            merged.setdefault(chunk, {})[field] = values
    return {name: Outcome.of(arrays) for name, arrays in merged.items()}
