"""A sweep with a store loses nothing: kills, full disks, damaged files, other versions, other sweeps."""

import errno
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import h5netcdf
import jax
import numpy as np
import optax
import pytest
import sweep_worker
import xarray as xr

import solvable as sv
from solvable.io import files
from solvable.io.hashing import sha
from solvable.sweeps import store
from solvable.sweeps import walk as segments
from solvable.sweeps.program import Program

HERE = Path(__file__).parent


def same(one, other):
    """Bit by bit the same results."""
    assert set(one.data_vars) == set(other.data_vars)
    for name in one.data_vars:
        np.testing.assert_array_equal(one[name].values, other[name].values)


def contents(folder):
    """Every file of a store, by its path."""
    return {str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file()}


def expected_contents(folder):
    description = json.loads((folder / "plan.json").read_text())
    return {"plan.json", *(f"chunks/{chunk['name']}.npz" for chunk in description["chunks"])}


def start(folder, share, shares, method="slow"):
    command = [sys.executable, str(HERE / "sweep_worker.py"), method, str(folder), str(share), str(shares)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish(processes):
    for process in processes:
        output, _ = process.communicate()
        assert process.returncode == 0, output


def kill_and_restart(folder, kills, shares, method="slow", longest=1.0):
    """Several workers of one store, each killed with signal 9 and started again, until ``kills`` are spent."""
    rng, workers = random.Random(0), [start(folder, i, shares, method) for i in range(shares)]
    try:
        for number in range(kills):
            victim = number % shares
            workers[victim].stdout.readline()  # it has imported everything and begins
            time.sleep(rng.uniform(0, longest))
            workers[victim].kill()
            workers[victim].communicate()
            workers[victim] = start(folder, victim, shares, method)
        finish(workers)
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
            worker.stdout.close()


def test_a_store_changes_nothing_and_is_read_without_the_build(finished, whole):
    same(sv.collect(finished), whole)
    assert contents(finished) == expected_contents(finished)
    status = sv.sweep_status(finished)
    assert status.complete
    assert (status.cells, status.chunks_done) == (48, 16)
    assert status.counts["success"] == 48


def test_one_netcdf_file_that_anything_opens(finished, whole):
    sv.collect(finished, finished / "all.nc")
    with xr.open_dataset(finished / "all.nc", engine="h5netcdf") as loaded:
        same(loaded.load(), whole)
    with h5netcdf.File(finished / "all.nc") as file:
        assert file["risk"].dimensions == ("width", "learning_rate", "seed", "step")
        assert json.loads(file.attrs["config"])["steps"] == sweep_worker.STEPS
    assert not list(finished.glob(".*"))


def test_the_training_risk_is_stored_and_collected(tmp_path):
    """NaN for a fresh stream, which has no training data; also from a store of which a part is missing."""
    axes = {"samples": [5, None], "seed": [0, 1]}
    build = lambda samples: (sv.LinearRegression(1.0, 0.5, 6, samples=samples), sv.SGD(0.1, 2))  # noqa: E731
    given = (build, axes, sv.Simulation(), [0, 3, 30])
    whole = sv.sweep(*given, key=sweep_worker.KEY)
    np.testing.assert_array_equal(np.isfinite(whole.train_risk).all(("seed", "step")), [True, False])
    assert np.isnan(whole.train_risk.isel(samples=1)).all()
    assert np.isfinite(whole.risk).all()
    assert np.isnan(whole.train_stderr).all()  # of one run
    same(sv.sweep(*given, key=sweep_worker.KEY, store=tmp_path / "store", chunk=1), whole)
    sv.collect(tmp_path / "store", tmp_path / "all.nc")
    with xr.open_dataset(tmp_path / "all.nc", engine="h5netcdf") as loaded:
        same(loaded.load(), whole)
        assert loaded.train_risk.long_name == "mean squared error on the training data"
    description = json.loads((tmp_path / "store" / "plan.json").read_text())
    (tmp_path / "store" / "chunks" / f"{description['chunks'][0]['name']}.npz").unlink()
    some = sv.collect(tmp_path / "store", partial=True)
    missing = some.result == -2
    assert missing.sum() == 1
    np.testing.assert_array_equal(some.train_risk, whole.train_risk.where(~missing))


def test_a_finished_store_computes_nothing(finished, whole, monkeypatch):
    monkeypatch.setattr(sweep_worker.time, "sleep", None)  # what every cell calls
    calls = []
    same(sweep_worker.run("slow", finished, progress=lambda *call: calls.append(call)), whole)
    assert calls[-1][:2] == (48, 48)
    assert calls[-1][2]["computed"] == 0


def test_kill_9_and_restart(tmp_path, whole):
    """Two real processes on one store, each killed once."""
    kill_and_restart(tmp_path, kills=2, shares=2, longest=0.5)
    same(sv.collect(tmp_path), whole)
    assert contents(tmp_path) == expected_contents(tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("method", ["slow", "simulation"])
def test_kill_9_twenty_times(tmp_path, method):
    """Three uncoordinated processes, twenty kills: nothing torn, nothing twice, no leftovers, the same bits."""
    kill_and_restart(tmp_path, kills=20, shares=3, method=method, longest=1.5 if method == "slow" else 12.0)
    same(sv.collect(tmp_path), sweep_worker.run(method))
    assert contents(tmp_path) == expected_contents(tmp_path)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_dying_at_the_rename_leaves_nothing_torn(tmp_path, whole, monkeypatch, moment):
    """A process that dies between writing and renaming leaves a temporary file, which the next one removes."""
    replace, count = os.replace, []

    class Dead(BaseException):
        pass

    def dying(source, target):
        count.append(target)
        if len(count) == 5:
            if moment == "after":
                replace(source, target)
            raise Dead
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", dying)
        patch.setattr(Path, "unlink", lambda *_, **__: None)  # a dead process cleans nothing up
        with pytest.raises(Dead):
            sweep_worker.run("slow", tmp_path)
    monkeypatch.setattr(files, "alive", lambda process: False)
    assert len(contents(tmp_path) - expected_contents(tmp_path)) >= (moment == "before")
    same(sweep_worker.run("slow", tmp_path), whole)
    assert contents(tmp_path) == expected_contents(tmp_path)


@pytest.mark.parametrize("damage", ["truncated", "edited", "emptied", "swapped"])
def test_a_damaged_chunk_is_redone_and_no_other(finished, whole, damage):
    shards = sorted((finished / "chunks").iterdir())
    data = bytearray(shards[0].read_bytes())
    if damage == "edited":
        place = data.index(b"risk.npy") + 200  # inside the numbers: the zip archive itself stays readable or not
        data[place] ^= 1
    if damage == "swapped":  # a sound archive with other numbers
        arrays = files.read_arrays(shards[0], shards[0].stem)
        np.savez(shards[0].with_suffix(""), **{**arrays, "risk": arrays["risk"] + 1, "digest": np.zeros(32, np.uint8)})
    else:
        shards[0].write_bytes({"truncated": data[: len(data) // 2], "edited": data, "emptied": b""}[damage])
    times = {path: path.stat().st_mtime_ns for path in shards}
    status = sv.sweep_status(finished)
    assert (status.chunks_done, status.counts["missing"]) == (15, 3)
    with pytest.raises(ValueError, match="store: wanted a finished sweep; 1 of 16 chunks are missing"):
        sv.collect(finished)
    assert sv.collect(finished, partial=True).attrs["cells_missing"] == 3
    same(sweep_worker.run("slow", finished), whole)
    assert {path for path in shards if path.stat().st_mtime_ns != times[path]} == {shards[0]}


def test_a_full_disk_is_one_clear_error(tmp_path, whole, monkeypatch):
    fsync, count = os.fsync, []

    def full(handle):
        count.append(handle)
        if len(count) > 8:
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(handle)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match=r"store: no space left for .*what is finished is safe"):
            sweep_worker.run("slow", tmp_path)
    assert 0 < sv.sweep_status(tmp_path).chunks_done < 16
    same(sweep_worker.run("slow", tmp_path), whole)
    assert contents(tmp_path) == expected_contents(tmp_path)


def test_a_read_only_folder_is_one_clear_error(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(OSError, match=r"store: wanted a folder that can be written; .* cannot"):
        sweep_worker.run("slow", tmp_path / "new")


def test_a_finished_store_on_a_read_only_disk_can_be_collected(finished, whole, monkeypatch):
    monkeypatch.setattr(store, "put", None)
    same(sv.collect(finished), whole)


CHANGES = {
    "axes": {"axes": {**sweep_worker.AXES, "seed": [0, 1]}},
    "steps": {"steps": [0, 3, 31]},
    "key": {"key": jax.random.key(12)},
    "method": {"method": sv.Recursion()},
    "build": {"build": lambda width, learning_rate: (sv.PowerLawRF(width=width), sv.SGD(learning_rate))},
}


@pytest.mark.parametrize("change", CHANGES)
def test_another_sweep_is_refused_by_name(finished, change):
    plain = {"build": sweep_worker.build, "axes": sweep_worker.AXES, "method": sweep_worker.METHODS["slow"]}
    given = {**plain, "steps": sweep_worker.STEPS, "key": sweep_worker.KEY, "progress": False, **CHANGES[change]}
    before = contents(finished)
    with pytest.raises(ValueError, match=f"store: wanted a folder of this sweep; .*{change}"):
        sv.sweep(**given, store=finished)
    assert contents(finished) == before


def test_another_version_is_refused_by_name(finished):
    path = finished / "plan.json"
    content = json.loads(path.read_text())
    content["solvable_version"] = "0.0." + content["solvable_version"]
    del content["digest"], content["made_by"]
    path.write_text(json.dumps({**content, "digest": sha(content), "made_by": store.MARK}))
    with pytest.raises(ValueError, match=r"differs in solvable_version \(store: 0.0.0"):
        sweep_worker.run("slow", finished)


def test_no_sweep_or_a_damaged_plan(tmp_path):
    with pytest.raises(ValueError, match=r"store: wanted the folder of a sweep; there is no plan\.json"):
        sv.collect(tmp_path)
    (tmp_path / "plan.json").write_text("{}")
    with pytest.raises(ValueError, match=r"store: wanted a folder of a sweep.*is no plan of a sweep"):
        sweep_worker.run("slow", tmp_path)


def test_the_chunks_of_whoever_came_first_stay(finished, whole):
    before = contents(finished)
    same(sweep_worker.run("slow", finished, chunk=7), whole)
    assert contents(finished) == before


def test_failed_cells_are_listed_and_retried(tmp_path, monkeypatch, whole):
    with monkeypatch.context() as patch:
        patch.setenv("LOST", "0.2 5")
        broken = sweep_worker.run("slow", tmp_path)
        assert broken.attrs["cells_failed"] == 4
        assert sweep_worker.run("slow", tmp_path).attrs["cells_failed"] == 4
        assert sv.sweep_status(tmp_path).chunks_done == 16  # failures are results too, until a retry is asked for
    status = sv.sweep_status(tmp_path)
    assert [values["width"] for values, _ in status.failed] == [5] * 4
    assert "lost the accelerator" in str(status)
    done = sweep_worker.run("slow", tmp_path, retry_failed=True)
    same(done, whole)
    assert contents(tmp_path) == expected_contents(tmp_path)


def test_cells_that_could_not_be_built_are_retried(tmp_path):
    broken = [True]

    def build(width):
        if width == 5 and broken:
            raise OSError("no such file")
        return sweep_worker.build(width, 0.1)

    given = (build, {"width": [4, 5], "seed": [0]}, sweep_worker.METHODS["slow"], [0, 1])
    first = sv.sweep(*given, key=sweep_worker.KEY, store=tmp_path)
    assert first.attrs["cells_failed"] == 1
    broken.clear()
    assert sv.sweep(*given, key=sweep_worker.KEY, store=tmp_path).attrs["cells_failed"] == 1
    again = sv.sweep(*given, key=sweep_worker.KEY, store=tmp_path, retry_failed=True)
    same(again, sv.sweep(*given, key=sweep_worker.KEY))
    same(sv.collect(tmp_path), again)


def adam(width):
    return sweep_worker.build(width, 0.1)[0], sv.Optax(optax.adam(1e-2), 2)


def noisy(width):
    """An optimizer whose state holds a random key."""
    return adam(width)[0], sv.Optax(optax.chain(optax.add_noise(0.01, 0.55, jax.random.key(0)), optax.sgd(0.01)), 2)


def reused(width):
    return sv.PowerLawRF(alpha=1.0, beta=0.5, width=width, ambient=2 * width, samples=10), sv.SGD(0.1, 3)


WALKS = {
    "stacked": (lambda width: sweep_worker.build(width, 0.1), sv.Simulation(2)),
    "adam": (adam, sv.Simulation(2)),
    "noisy": (noisy, sv.Simulation(2)),
    "direct": (lambda width: sweep_worker.build(width, 0.1), sv.Simulation(2, "direct")),
    "replacement": (reused, sv.Simulation(2)),
    "epochs": (reused, sv.Simulation(2, order="epochs")),
}


def walk(kind, store=None):
    """One run, in segments that start at 512 steps and double."""
    build, method = WALKS[kind]
    axes = {"width": [6], "seed": [0]}
    return sv.sweep(build, axes, method, [0, 7, 1500, 40_000], key=sweep_worker.KEY, store=store, on_error="raise")


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=pytest.mark.slow if kind in ("noisy", "direct") else ()) for kind in WALKS]
)
def test_a_long_run_goes_on_from_where_it_was_stopped(tmp_path, monkeypatch, kind):
    """Checkpoints inside the run: stopped between segments, it takes the steps that are missing, to the same bits."""
    uninterrupted, each, seen = walk(kind), Program.each, []

    class Dead(BaseException):
        pass

    def dying(self, function, tiles, *common):
        if function == self.advance:
            seen.append(int(common[2]))
            if len(seen) == 6:
                raise Dead
        return each(self, function, tiles, *common)

    monkeypatch.setattr(Program, "each", dying)
    monkeypatch.setattr(segments, "FIRST_WORK", 1)
    monkeypatch.setattr(segments, "SAVE_SECONDS", 0.0)
    with pytest.raises(Dead):
        walk(kind, tmp_path)
    (checkpoint,) = (tmp_path / "partial").iterdir()
    assert int(files.read_arrays(checkpoint, checkpoint.name)["since"]) == seen[-1] > 0
    same(walk(kind, tmp_path), uninterrupted)
    assert seen[6] == seen[5]
    assert contents(tmp_path) == expected_contents(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["stacked", "adam"])
def test_a_damaged_checkpoint_is_a_fresh_start(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(segments, "FIRST_WORK", 1)
    monkeypatch.setattr(segments, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(store.Store, "write", lambda self, name, arrays: None)
    uninterrupted = walk(kind)
    walk(kind, tmp_path)
    (checkpoint,) = (tmp_path / "partial").iterdir()
    checkpoint.write_bytes(checkpoint.read_bytes()[:100])
    same(walk(kind, tmp_path), uninterrupted)


def test_an_interruption_says_how_to_go_on(tmp_path, whole, monkeypatch):
    def stop(done, total, info):
        if done > 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match="stopped after 12 of 48 cells; run the same sweep with store="):
        sweep_worker.run("slow", tmp_path, progress=stop)
    assert sv.sweep_status(tmp_path).counts["success"] == 12
    same(sweep_worker.run("slow", tmp_path), whole)
