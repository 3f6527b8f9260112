"""The same bits from any division of the work: chunks, order, devices, threads, processes, machines."""

import os
import pickle
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import jax
import numpy as np
import pytest
import sweep_worker
from test_sweep_store import contents, expected_contents, same

import solvable as sv
from solvable.sweeps import store
from solvable.sweeps.cells import Recipe
from solvable.sweeps.executors import task
from solvable.sweeps.identity import describe
from solvable.sweeps.plan import make_plan

HERE = Path(__file__).parent


def python(program, *arguments, **environment):
    """A process that runs a program with the tests' folder importable."""
    paths = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": paths, **environment}
    command = [sys.executable, "-c", textwrap.dedent(program), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)


def ended(process):
    output, _ = process.communicate()
    assert process.returncode == 0, output
    return output


class Whole(dict):
    """The undivided sweeps, each run when it is first asked for."""

    def __missing__(self, name):
        self[name] = sweep_worker.run(name)
        return self[name]


@pytest.fixture(scope="module")
def whole():
    return Whole()


@pytest.mark.parametrize("method", ["simulation", "theory"])
def test_chunks_order_and_other_cells_change_no_bit(whole, method):
    same(sweep_worker.run(method, chunk=1), whole[method])
    same(sweep_worker.run(method, chunk=48), whole[method])
    axes = {"seed": [3, 1], "learning_rate": [0.4], "width": [6, 4]}
    few = sv.sweep(
        sweep_worker.build, axes, sweep_worker.METHODS[method], sweep_worker.STEPS, key=sweep_worker.KEY, progress=False
    )
    same(few.transpose("width", "learning_rate", "seed", "step"), whole[method].sel(axes))


def test_threads_of_an_executor(tmp_path, whole):
    with ThreadPoolExecutor(2) as pool:
        same(sweep_worker.run("theory", tmp_path, executor=pool), whole["theory"])
    assert contents(tmp_path) == expected_contents(tmp_path)


def test_shares_of_a_job_array_make_one_sweep(tmp_path, monkeypatch):
    """A share begins with its own chunks and then takes what is missing."""
    seen = []
    monkeypatch.setattr(store.Store, "write", lambda self, name, arrays: seen.append(name))
    sweep_worker.run("slow", tmp_path, shard=(0, 3))
    first = list(seen)
    seen.clear()
    sweep_worker.run("slow", tmp_path, shard=(1, 3))
    assert set(first) == set(seen)
    assert len(seen) == 16
    assert not set(first[:6]) & set(seen[:5])


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("devices", [2, 4])
@pytest.mark.parametrize("method", ["simulation", "theory", "direct"])
def test_any_number_of_devices(tmp_path, whole, devices, method):
    """Meshes as `jax.make_mesh` makes them now, with explicit axes."""
    program = """
        import sys, jax
        jax.config.update("jax_num_cpu_devices", int(sys.argv[1]))
        import sweep_worker
        mesh = jax.make_mesh((jax.device_count(),), ("anything",))
        sweep_worker.run(sys.argv[2], mesh=mesh, chunk=48).to_netcdf(sys.argv[3], engine="h5netcdf")
    """
    ended(python(program, devices, method, tmp_path / "all.nc"))
    same(load(tmp_path / "all.nc"), whole[method])


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_two_processes_with_two_devices_each(tmp_path, whole):
    """`jax.distributed` over loopback: every process ends with the whole dataset."""
    program = """
        import sys, jax
        jax.config.update("jax_num_cpu_devices", 2)
        jax.distributed.initialize(f"127.0.0.1:{sys.argv[1]}", 2, int(sys.argv[2]))
        import sweep_worker
        assert (jax.device_count(), jax.local_device_count()) == (4, 2)
        mesh = jax.make_mesh((4,), ("cells",))
        for name in ("simulation", "theory"):
            sweep_worker.run(name, mesh=mesh).to_netcdf(f"{sys.argv[3]}/{name}{sys.argv[2]}.nc", engine="h5netcdf")
    """
    port = free_port()
    for process in [python(program, port, i, tmp_path) for i in range(2)]:
        ended(process)
    for name in ("simulation", "theory"):
        for i in range(2):
            same(load(tmp_path / f"{name}{i}.nc"), whole[name])


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_processes_of_an_executor(tmp_path, whole):
    """Spawned, never forked: a fork after JAX has started hangs."""
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        same(sweep_worker.run("simulation", tmp_path, executor=pool), whole["simulation"])
    assert contents(tmp_path) == expected_contents(tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_dask_workers_of_which_one_is_killed(tmp_path, whole):
    """A scheduler and three workers, each a process of its own on loopback."""
    distributed = pytest.importorskip("distributed")
    address = f"tcp://127.0.0.1:{free_port()}"
    environment = {**os.environ, "PYTHONPATH": str(HERE)}
    command = [sys.executable, "-m", "dask"]
    options = ["--no-dashboard", "--host", "127.0.0.1"]
    scheduler = subprocess.Popen(
        [*command, "scheduler", *options, "--port", address.rsplit(":")[-1]], env=environment, stderr=subprocess.DEVNULL
    )
    worker = [*command, "worker", address, *options, "--no-nanny", "--nthreads", "1"]
    workers = [subprocess.Popen(worker, env=environment, stderr=subprocess.DEVNULL) for _ in range(3)]
    try:
        with distributed.Client(address, timeout=60, set_as_default=False) as client:
            client.wait_for_workers(3, timeout=120)

            def kill(done, total, info):
                if done > 6 and workers[0].poll() is None:
                    workers[0].kill()

            dataset = sweep_worker.run("simulation", tmp_path, executor=client.get_executor(), progress=kill)
        assert workers[0].poll() is not None
    finally:
        for process in [*workers, scheduler]:
            process.kill()
            process.wait()
    same(dataset, whole["simulation"])
    assert contents(tmp_path) == expected_contents(tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_long_run_is_killed_and_goes_on(tmp_path):
    """kill -9 in the middle of one long run: its checkpoint is taken up by the next process, to the same bits."""
    program = """
        import sys
        import solvable as sv, sweep_worker
        from solvable.sweeps import walk
        walk.SAVE_SECONDS, walk.FIRST_WORK = 0.2, 1 << 20
        dataset = sv.sweep(sweep_worker.build, {"width": [6], "learning_rate": [0.1], "seed": [0]}, sv.Simulation(2),
                           [0, 10, 3_000_000], key=sweep_worker.KEY, store=sys.argv[1], progress=False)
        dataset.to_netcdf(sys.argv[2], engine="h5netcdf")
    """
    ended(python(program, tmp_path / "whole", tmp_path / "whole.nc"))
    killed = python(program, tmp_path / "killed", tmp_path / "killed.nc")
    partial, deadline = tmp_path / "killed" / "partial", time.monotonic() + 120
    while not (partial.is_dir() and list(partial.glob("*-walk*"))):
        assert killed.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    killed.kill()
    killed.communicate()
    assert not (tmp_path / "killed.nc").exists()
    ended(python(program, tmp_path / "killed", tmp_path / "killed.nc"))
    same(load(tmp_path / "killed.nc"), load(tmp_path / "whole.nc"))
    assert contents(tmp_path / "killed") == expected_contents(tmp_path / "killed")


def test_a_worker_that_builds_something_else_is_refused(tmp_path):
    def other(width, learning_rate):
        return sweep_worker.build(width + 1, learning_rate)

    given = (sweep_worker.AXES, sweep_worker.METHODS["slow"], sweep_worker.STEPS)
    made = make_plan(Recipe(sweep_worker.build, *given, key=sweep_worker.KEY), (jax.local_devices()[0],))
    chunk = made.chunks[0]
    with pytest.raises(ValueError, match="executor: wanted workers with the same software, device and build"):
        task(Recipe(other, *given, key=sweep_worker.KEY), str(tmp_path), chunk.cells, chunk.name, "record", False)


@pytest.mark.parametrize("method", ["slow", "simulation", "theory"])
def test_a_pickled_sweep_is_the_same_sweep(method):
    """Otherwise no process of an executor would recognise its chunks."""
    given = (sweep_worker.AXES, sweep_worker.METHODS[method], sweep_worker.STEPS)
    recipe = Recipe(sweep_worker.build, *given, key=sweep_worker.KEY)
    copied = pickle.loads(pickle.dumps(recipe))
    assert describe(copied, "cpu") == describe(recipe, "cpu")
    assert [copied.content(i) for i in range(9)] == [recipe.content(i) for i in range(9)]
    assert (jax.random.key_data(copied.run_key(3)) == jax.random.key_data(recipe.run_key(3))).all()


def load(path):
    import xarray as xr

    with xr.open_dataset(path, engine="h5netcdf") as dataset:
        return dataset.load()


def free_port():
    import socket

    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


def test_the_datasets_compared_here_are_not_trivial(whole):
    for dataset in (whole["simulation"], whole["theory"]):
        assert np.isfinite(dataset.risk).all()
        assert len(np.unique(dataset.risk)) > 100
