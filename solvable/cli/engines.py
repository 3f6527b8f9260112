"""Where the chunks of a sweep are computed, and how a run is stopped."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
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
    for _ in range(FRESH_POOLS):
        try:
            with _processes(workers) as executor:
                return config.run(executor=executor, **shared)
        except BrokenProcessPool:
            print("solvable: a worker process was killed; going on with new ones", file=sys.stderr)
    raise OSError(f"workers were killed {FRESH_POOLS} times (out of memory?); finished chunks are in {config.folder()}")


@contextmanager
def _processes(count: int) -> "Iterator[Executor]":
    """Worker processes, spawned because forking after JAX has started deadlocks; an interrupt ends them at once."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import active_children, get_context

    spawn = get_context("spawn")
    executor = ProcessPoolExecutor(count, spawn, _begin_worker, (spawn.Value("i", 0), count))
    try:
        yield executor
    except KeyboardInterrupt:
        for process in active_children():
            process.terminate()
        raise
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _begin_worker(begun: "Synchronized[int]", count: int) -> None:
    """End at an interrupt, and keep to a share of the cores: threads of several processes hold each other up.

    Args:
        begun: shared number of workers that have begun.
        count: number of workers.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    with begun.get_lock():
        place, begun.value = begun.value, begun.value + 1
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, cores[place % len(cores) :: count])


def _on_dask(config: SweepConfig, address: str, shared: Running) -> "xr.Dataset":
    try:
        from distributed import Client  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise WrongUsage("--dask: wanted the package `distributed`; python -m pip install distributed") from None
    with Client(address) as client:
        return config.run(executor=client.get_executor(), **shared)


@contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """Within, SIGTERM (a job's time is up) ends as Ctrl-C does: with the store in order and a word on how to go on."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
