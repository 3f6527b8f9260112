"""Sweeps from the command line: one file of options, a store that survives, exit codes that tell what happened."""

import json
import os
import pickle
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest
import xarray as xr

import solvable as sv
from solvable.cli import main
from solvable.cli.sweep import read_shard
from solvable.config import SweepConfig
from solvable.config.values import expand, read_pair, read_value, write_value

PLAN = """
method = "Recursion"
last_step = 50
num_steps = 4
store = "{store}"
chunk = 2

[parameters]
beta = 0.8

[axes]
width = [8, 12]
learning_rate = {{ start = 0.1, stop = 0.4, num = 3, log = true }}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "plan.toml"
    path.write_text(PLAN.format(store=tmp_path / "store"))
    return path


def expected(**changes) -> xr.Dataset:
    """The same sweep, written in Python."""
    def build(width, learning_rate):
        return sv.PowerLawRF(beta=0.8, width=width), sv.SGD(learning_rate)

    axes = {"width": [8, 12], "learning_rate": [0.1, 0.1 * 4**0.5, 0.4], **changes}
    return sv.sweep(build, axes, sv.Recursion(), sv.log_steps(50, 4), key=jax.random.key(0), progress=False)


def test_run_status_and_collect(file, tmp_path, capsys):
    assert main(["sweep", "status", str(file)]) == 2  # nothing there yet
    assert main(["sweep", "run", str(file), "--json"]) == 0
    captured = capsys.readouterr()
    ran = json.loads(captured.out)
    assert ran["cells"] == {"missing": 0, "failed": 0, "success": 6, "divergent": 0, "nonfinite": 0}
    assert "%" not in captured.err  # no bar where there is no terminal
    assert main(["sweep", "status", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["chunks_done"] == 3
    assert main(["sweep", "collect", str(tmp_path / "store"), "--json"]) == 0
    collected = json.loads(capsys.readouterr().out)
    assert collected["output"] == str(tmp_path / "store.nc")
    with xr.open_dataset(collected["output"], engine="h5netcdf") as dataset:
        wanted = expected()
        np.testing.assert_array_equal(dataset.risk, wanted.risk)
        np.testing.assert_array_equal(dataset.learning_rate, wanted.learning_rate)
        assert dataset.risk.dims == ("width", "learning_rate", "step")


def test_a_missing_chunk_is_exit_code_3_and_only_it_is_done_again(file, tmp_path, capsys):
    assert main(["sweep", "run", str(file)]) == 0
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "store" / "chunks").iterdir()}
    lost = sorted(before)[1]
    lost.unlink()
    assert main(["sweep", "status", str(file), "--json"]) == 3
    capsys.readouterr()
    assert main(["sweep", "collect", str(file)]) == 3
    assert "cells are missing" in capsys.readouterr().err
    assert main(["sweep", "collect", str(file), "--partial", "--output", str(tmp_path / "some.nc")]) == 3
    with xr.open_dataset(tmp_path / "some.nc", engine="h5netcdf") as dataset:
        assert np.isnan(dataset.risk.values).any()
    assert main(["sweep", "run", str(file), "--shard", "1/2"]) == 0
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / "store" / "chunks").iterdir()}
    assert {path for path in after if after[path] != before[path]} == {lost}


def test_a_plan_runs_nothing(file, tmp_path, capsys):
    for words in (["plan", str(file), "--json"], ["run", str(file), "--dry-run", "--json"]):
        assert main(["sweep", *words]) == 0
        plan = json.loads(capsys.readouterr().out)
        assert plan["axes"] == {"width": 2, "learning_rate": 3}
        assert (plan["cells"], plan["store"]) == (6, str(tmp_path / "store"))
    assert main(["sweep", "plan", str(file), "--axes", "width=8"]) == 0
    assert "3 (width 1 x learning_rate 3)" in capsys.readouterr().out
    assert not (tmp_path / "store").exists()


def test_cells_that_cannot_be_built_are_data_and_exit_code_3(file, tmp_path, capsys):
    words = [str(file), "--axes", "width=0,8", "--axes", "learning_rate=0.1"]
    assert main(["sweep", "run", *words]) == 3
    assert "1 failed, 1 success" in capsys.readouterr().out
    assert main(["sweep", "status", *words, "--json"]) == 3
    (failure,) = json.loads(capsys.readouterr().out)["failures"]
    assert failure["cell"] == {"width": 0, "learning_rate": 0.1}
    assert "width: wanted" in failure["error"]
    assert main(["sweep", "retry", *words]) == 3


def test_a_store_of_another_sweep_is_refused(file, capsys):
    assert main(["sweep", "run", str(file), "--axes", "width=8"]) == 0
    assert main(["sweep", "run", str(file), "--axes", "width=12"]) == 2
    assert "store: wanted a folder of this sweep" in capsys.readouterr().err


def test_the_default_store_is_named_after_what_comes_out():
    plain = SweepConfig(axes={"width": [8]})
    assert plain.folder() == SweepConfig(axes={"width": [8]}, chunk=5).folder()
    assert plain.folder() != SweepConfig(axes={"width": [8]}, key=1).folder()
    ranges = ("8:32:3log", {"start": 8, "stop": 32, "num": 3, "log": True}, [8, 16, 32], np.array([8, 16, 32]))
    assert len({SweepConfig(axes={"width": values}).folder() for values in ranges}) == 1
    assert plain.folder().parent.name == "results"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "--axes", "widht=8"], "axes: wanted parameters of PowerLawRF, SGD, Recursion; got 'widht'; did you"),
        (["run", "--axes", "width=8", "--parameters", "bta=1"], "got 'bta'; did you mean 'beta'?"),
        (["run", "--axes", "width=8", "--parameters", "width=3"], "parameters and axes: wanted every name in one"),
        (["run"], "axes: wanted at least one axis"),
        (["plan", "--axes", "beta=0.8", "--per-width", "ambient=4"], "per_width: wanted a width"),
        (["plan", "--method", "Simulation", "--axes", "num_runs=1,2"], "got ['num_runs'] of Simulation"),
        (["plan", "--axes", "width=1:2:1"], "width: wanted a range of at least 2 values; got num = 1"),
        (["plan", "--axes", "width=0:8:3log"], "width: wanted positive ends"),
        (["plan", "--axes", "width=8", "--seeds", "-1"], "seeds: wanted a number of draws >= 0; got -1"),
        (["run", "--axes", "width=8", "--shard", "3/3"], "--shard: wanted I/N with I from 0 to N - 1"),
        (["run", "--axes", "width=8", "--workers", "-1"], "--workers: wanted a number of processes >= 0"),
        (["rnu"], "unknown command 'sweep rnu'; did you mean 'run'?"),
        (["run", "absent.toml"], "absent.toml"),
    ],
)
def test_a_mistake_is_named(words, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["sweep", *words]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "results").exists()


def test_the_file_in_the_readme_is_a_plan(tmp_path, monkeypatch, capsys):
    text = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    (tmp_path / "rates.toml").write_text(re.search(r"^```toml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)[1])
    monkeypatch.chdir(tmp_path)
    assert main(["sweep", "plan", "rates.toml", "--json", "--axes", "width=8,16", "--axes", "learning_rate=0.5"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert (plan["cells"], plan["failures"]) == (16, 0)


def test_a_range_in_a_file_says_what_is_mistyped(file, capsys):
    file.write_text(file.read_text().replace("stop =", "stpo ="))
    assert main(["sweep", "plan", str(file)]) == 2
    assert "learning_rate: wanted a range with start, stop, num and perhaps log" in capsys.readouterr().err


def test_values_are_read_as_they_are_written():
    assert read_value("64") == 64
    assert read_value("64,128") == [64, 128] == read_value("[64, 128]")
    assert read_value("0.5") == 0.5
    assert (read_value("true"), read_value("none"), read_value("inf")) == (True, None, float("inf"))
    assert read_value("shuffled") == "shuffled"
    assert read_pair("a = 1, 2") == ("a", [1, 2])
    for value in (3, 2.5, 1e-30, True, None, "word", "3", [1, 2.5], ["a", "b"], [[8, 16], [12, 24]], float("inf"),
                  {"start": 1, "stop": 2.5, "num": 4, "log": True}):
        assert read_value(write_value(value)) == value


def test_ranges():
    assert expand("width", read_value("64:4096:7log")) == [64, 128, 256, 512, 1024, 2048, 4096]
    assert expand("rate", read_value("1.0:10.0:4")) == [1.0, 4.0, 7.0, 10.0]
    np.testing.assert_allclose(expand("rate", read_value("1e-3:1.0:4log")), [1e-3, 1e-2, 1e-1, 1], rtol=1e-14)
    assert expand("rate", [1, 2]) == [1, 2]
    assert read_shard("3/16") == (3, 16)


def test_units_of_the_learning_rate():
    values = {"width": 16, "learning_rate": 0.5}
    for unit in ("absolute", "inverse_trace", "critical"):
        model, algorithm = SweepConfig(learning_rate_in=unit).build(**values)
        times = {
            "absolute": 1.0,
            "inverse_trace": 1 / model.trace(),
            "critical": sv.stability(model, sv.SGD()).critical_learning_rate,
        }[unit]
        assert float(algorithm.learning_rate) == pytest.approx(0.5 * float(times), rel=1e-12)


def test_isoflop_steps_and_parameters_that_grow_with_the_width():
    config = SweepConfig(
        parameters={"batch_size": 2}, per_width={"ambient": 10}, axes={"width": [8, 16], "compute": [1600]}
    )
    assert config.steps(width=16, compute=3200) == [100]
    model, algorithm = config.build(width=16, compute=1600)
    assert (model.ambient, algorithm.batch_size) == (160, 2)
    dataset = sv.sweep(**config.arguments(), progress=False)
    np.testing.assert_array_equal(dataset["step"].isel(record=0), [[100], [50]])
    exact = sv.solve(sv.PowerLawRF(width=16, ambient=160), sv.SGD(batch_size=2), sv.Recursion(), [50]).risk
    np.testing.assert_allclose(dataset.risk.sel(width=16, compute=1600).values, exact, rtol=1e-10)


def test_names_that_vary_together():
    config = SweepConfig(axes={"width,ambient": [[8, 80], [16, 64]]})
    dataset = sv.sweep(**config.arguments(), progress=False)
    assert dataset.ambient.values.tolist() == [80, 64]
    assert dataset.risk.dims == ("point", "step")


def test_what_builds_a_cell_can_be_sent_to_another_process():
    build = pickle.loads(pickle.dumps(SweepConfig(parameters={"beta": 0.9}).build))
    model, _ = build(width=12)
    assert (model.width, float(model.beta)) == (12, 0.9)


def start(*words: str, **options) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-m", "solvable", "sweep", *words], text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, **options)


def long_plan(folder: Path) -> Path:
    path = folder / "long.toml"
    path.write_text(
        f'method = "Simulation"\nseeds = 4\nlast_step = 40000\nnum_steps = 5\nchunk = 4\n'
        f'store = "{folder / "store"}"\n'
        "[axes]\nwidth = [8, 12, 16]\nlearning_rate = [0.1, 0.2, 0.3, 0.4]\n"
    )
    return path


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize(("number", "workers"), [(signal.SIGINT, "0"), (signal.SIGTERM, "0"), (signal.SIGINT, "2")])
def test_an_interrupted_sweep_says_how_to_go_on_and_ends_the_same(number, workers, tmp_path):
    file, chunks = long_plan(tmp_path), tmp_path / "store" / "chunks"
    running = start("run", str(file), "--workers", workers)
    deadline = time.monotonic() + 200
    while not (chunks.is_dir() and any(chunks.glob("*.npz"))):
        assert running.poll() is None, running.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    running.send_signal(number)
    out, err = running.communicate(timeout=100)
    assert running.returncode == 130, (out, err)
    assert "again to go on from there" in err
    assert "Traceback" not in err
    done = len(list(chunks.glob("*.npz")))
    assert 0 < done < 12
    again = start("run", str(file))
    out, err = again.communicate(timeout=200)
    assert again.returncode == 0, (out, err)
    np.testing.assert_array_equal(sv.collect(tmp_path / "store").risk, long_plan_dataset(tmp_path).risk)


def long_plan_dataset(folder: Path) -> xr.Dataset:
    """The uninterrupted sweep."""
    config = SweepConfig(method="Simulation", seeds=4, last_step=40000, num_steps=5, store=folder / "clean",
                         axes={"width": [8, 12, 16], "learning_rate": [0.1, 0.2, 0.3, 0.4]})
    return config.run(progress=False)


@pytest.mark.slow
def test_worker_processes_give_the_same_numbers(file, tmp_path):
    running = start("run", str(file), "--workers", "2", "--json", "--compilation-cache", str(tmp_path / "cache"))
    out, err = running.communicate(timeout=280)
    assert running.returncode == 0, err
    assert json.loads(out)["cells"]["success"] == 6
    np.testing.assert_array_equal(sv.collect(tmp_path / "store").risk, expected().risk)
