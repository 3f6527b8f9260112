"""Where the chunks of a sweep are computed, and how a run is stopped."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from solvable.cli.options import WrongUsage
from solvable.config import SweepConfig
from solvable.config.sweep import Running

if TYPE_CHECKING:
    from concurrent.futures import Executor
    from multiprocessing.sharedctypes import Synchronized

    import xarray as xr

FRESH_POOLS = 3  # times that worker processes are started, should one of them be killed


def run_through(config: SweepConfig, workers: int, dask: str | None, shared: Running) -> "xr.Dataset":
    """The dataset, computed in this process, by ``workers`` others of this machine, or by a Dask cluster.

    Args:
        config: the sweep.
        workers: number of processes, 0 for this one.
        dask: address of a scheduler, or None.
        shared: further options of `solvable.sweep`.

    Raises:
        WrongUsage: both engines are asked for, or one that is not installed.
        OSError: workers were killed again and again.
    """
    if workers < 0 or (workers and dask):
        raise WrongUsage(f"--workers: wanted a number of processes >= 0, and no --dask; got {workers}")
    if dask is not None:
        return _on_dask(config, dask, shared)
    if not workers:
        return config.run(**shared)
    from concurrent.futures.process import BrokenProcessPool

    if (cache := shared.get("compilation_cache")) is not None:  # the workers' JAX reads it from their environment
        os.environ["JAX_COMPILATION_CACHE_DIR"] = str(cache)
        os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.1"
    in_vain, before = 0, _files(config.folder())
    while in_vain < FRESH_POOLS:
        try:
            with _processes(workers) as executor:
                return config.run(executor=executor, **shared)
        except BrokenProcessPool:
            print("solvable: a worker process was killed; going on with new ones", file=sys.stderr)
        # What was finished, and at which cell a process died, is in the store.
        after = _files(config.folder())
        in_vain, before = (in_vain + 1 if after == before else 0), after
    raise OSError(f"workers were killed {FRESH_POOLS} times (out of memory?); finished chunks are in {config.folder()}")


def _files(folder: Path) -> set[tuple[str, int]]:
    """What is in a store: every file's name and size."""
    return {(str(path), path.stat().st_size) for path in folder.glob("*/*") if path.is_file()}


@contextmanager
def _processes(count: int) -> "Iterator[Executor]":
    """Worker processes, spawned because forking after JAX has started deadlocks; an interrupt ends them at once."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import active_children, get_context

    spawn = get_context("spawn")
    executor = ProcessPoolExecutor(count, spawn, _begin_worker, (spawn.Value("i", 0), count, os.getpid()))
    try:
        yield executor
    except KeyboardInterrupt:
        for process in active_children():
            process.terminate()
        raise
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _begin_worker(begun: "Synchronized[int]", count: int, parent: int) -> None:
    """End at an interrupt and with the parent, and keep to a share of the cores.

    Threads of several processes on the same cores hold each other up.

    Args:
        begun: shared number of workers that have begun.
        count: number of workers.
        parent: number of the process that started them; it may be gone by now.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # in order: it takes its marks away
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    with begun.get_lock():
        place, begun.value = begun.value, begun.value + 1
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, cores[place % len(cores) :: count])


def _end_with(parent: int) -> None:
    """End this process when its parent is gone, however that died."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)


def _on_dask(config: SweepConfig, address: str, shared: Running) -> "xr.Dataset":
    try:
        from distributed import Client  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise WrongUsage("--dask: wanted the package `distributed`; python -m pip install distributed") from None
    with Client(address) as client:
        return config.run(executor=client.get_executor(), **shared)


@contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """Within, SIGTERM (a job's time is up) and SIGHUP (the terminal is gone) end as Ctrl-C does.

    The store is in order then, and a word says how to go on.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = [signal.signal(number, interrupt) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
