"""What happens to a store and to its processes: damage is said, foreign files stay, a crash costs one cell."""

import json
import logging
import os
import random
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import jax
import numpy as np
import psutil
import pytest
import sweep_worker

import solvable as sv
from solvable.io.hashing import sha

HERE = Path(__file__).parent


def chunk_files(folder):
    return sorted(path for path in (folder / "chunks").glob("*.npz") if path.name[0] != ".")


def test_one_chunk_copied_over_another_is_noticed_said_and_computed_again(finished, whole, caplog):
    first, second, *_ = chunk_files(finished)
    shutil.copy(first, second)
    status = sv.sweep_status(finished)
    assert (status.chunks_done, status.counts["missing"], len(status.damaged)) == (15, 3, 1)
    assert f"damaged {second}" in str(status)
    with caplog.at_level(logging.WARNING, "solvable.sweeps"):
        again = sweep_worker.run("slow", finished)
    assert "a damaged chunk is computed again" in caplog.text
    np.testing.assert_array_equal(again.risk, whole.risk)
    assert sv.sweep_status(finished).damaged == []


@pytest.mark.parametrize("edit", ["cells", "swapped", "steps", "truncated", "emptied"])
def test_an_edited_plan_is_refused_and_what_to_do_is_said(finished, edit):
    path = finished / "plan.json"
    content = json.loads(path.read_text())
    if edit == "cells":
        content["chunks"][0]["cells"].reverse()
    elif edit == "swapped":
        one, two = content["chunks"][:2]
        one["name"], two["name"] = two["name"], one["name"]
    elif edit == "steps":
        content["steps"][-1] += 1
    text = {"truncated": path.read_text()[:300], "emptied": ""}.get(edit, json.dumps(content))
    path.write_text(text)
    for read in (sv.collect, sv.sweep_status, lambda folder: sweep_worker.run("slow", folder)):
        with pytest.raises(ValueError, match=r"store: wanted a sound plan .* may be deleted"):
            read(finished)
    path.unlink()
    calls = []
    sweep_worker.run("slow", finished, progress=lambda *call: calls.append(call))
    assert calls[-1][2]["computed"] == 0


def test_any_flipped_bit_of_a_plan_or_a_chunk_is_an_error_or_no_change(finished, whole):
    rng, messages = random.Random(3), []
    for path, count in ((finished / "plan.json", 100), (chunk_files(finished)[0], 60)):
        data = path.read_bytes()
        for _ in range(count):
            place = rng.randrange(len(data))
            path.write_bytes(data[:place] + bytes([data[place] ^ 1 << rng.randrange(8)]) + data[place + 1 :])
            try:
                found = sv.collect(finished)
            except ValueError as error:
                messages.append(str(error))
            else:
                np.testing.assert_array_equal(found.risk, whole.risk)
        path.write_bytes(data)
    assert len(messages) > 100
    assert all(text.startswith("store: wanted") for text in messages)


def test_foreign_files_and_folders_stay_and_confuse_nothing(tmp_path, whole):
    foreign = [
        tmp_path / ".notes.tmp", tmp_path / "results.csv", tmp_path / "chunks" / ".x.tmp.npz",
        tmp_path / "partial" / "mine-1.npz", tmp_path / "deep" / ".er" / ".old.tmp",
    ]  # fmt: skip
    for path in foreign:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
        os.utime(path, (0, 0))
    np.testing.assert_array_equal(sweep_worker.run("slow", tmp_path).risk, whole.risk)
    name = chunk_files(tmp_path)[0]
    name.unlink()
    name.mkdir()  # a folder where a file should be
    with pytest.raises(OSError, match=r"store: .* Is a directory"):
        sweep_worker.run("slow", tmp_path)
    name.rmdir()
    sweep_worker.run("slow", tmp_path)
    assert all(path.exists() for path in foreign)
    sv.collect(tmp_path)


def test_a_plan_json_of_somebody_else_is_left_alone(tmp_path):
    (tmp_path / "plan.json").write_text('{"name": "holiday"}')
    with pytest.raises(ValueError, match="is no plan of a sweep"):
        sweep_worker.run("slow", tmp_path)
    assert json.loads((tmp_path / "plan.json").read_text()) == {"name": "holiday"}


def test_a_deleted_store_is_noticed(tmp_path):
    def delete(done, total, info):
        shutil.rmtree(tmp_path / "store")

    with pytest.raises(OSError, match=r"store: .* was deleted while the sweep ran"):
        sweep_worker.run("slow", tmp_path / "store", progress=delete)


def test_a_cell_larger_than_the_memory_is_refused_before_anything_runs():
    def build(width):
        return sv.PowerLawRF(alpha=1.0, beta=0.5, width=width, ambient=4 * width), sv.SGD(0.1, 1)

    axes = {"width": [16, 2_000_000], "seed": [0]}
    with pytest.raises(ValueError, match=r"memory: wanted cells of at most .*'width': 2000000.* needs at least .* TB"):
        sv.sweep(build, axes, sv.Recursion(), [0, 1], key=jax.random.key(0))


# ---- processes

CRASH = """
import os, sys, signal
import numpy as np
import solvable as sv
import sweep_worker
from solvable.cli.engines import run_through
from solvable.forms import Curve


class Crashing(sweep_worker.Slow):
    def curve(self, subject, algorithm, steps, *, key):
        if float(algorithm.learning_rate) == 0.3:
            if {how!r} == "segmentation fault":
                import ctypes
                ctypes.string_at(0)
            os.kill(os.getpid(), signal.SIGKILL)
        return super().curve(subject, algorithm, steps, key=key)


class Config:
    def folder(self):
        from pathlib import Path
        return Path({store!r})

    def run(self, **options):
        axes = dict(width=[4], learning_rate=[0.1, 0.2, 0.3, 0.4], seed=[0, 1])
        return sv.sweep(sweep_worker.build, axes, Crashing(), [0, 3], key=sweep_worker.KEY, store={store!r}, chunk=4,
                        progress=False, **options)


if __name__ == "__main__":
    found = run_through(Config(), {workers}, None, {{}})
    print("ended", found.attrs["cells_success"], found.attrs["cells_failed"])
"""


def crash_script(tmp_path, how, workers):
    path = tmp_path / "crash_script.py"
    path.write_text(textwrap.dedent(CRASH.format(how=how, store=str(tmp_path / "store"), workers=workers)))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), *sys.path])}
    return [sys.executable, str(path)], environment


def said_of_failures(folder):
    status = sv.sweep_status(folder)
    assert {values["learning_rate"] for values, _ in status.failed} == {0.3}
    return status.failed[0][1]


@pytest.mark.slow
@pytest.mark.parametrize("how", ["segmentation fault", "killed"])
def test_a_cell_that_kills_its_worker_is_a_failed_cell_and_the_rest_completes(tmp_path, how):
    command, environment = crash_script(tmp_path, how, workers=2)
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=280, check=False)
    assert "ended 6 2" in ended.stdout, ended.stderr[-2000:]
    text = said_of_failures(tmp_path / "store")
    assert ("Segmentation fault" if how == "segmentation fault" else "was killed") in text
    assert "died 3 times" in text


@pytest.mark.slow
def test_a_crash_without_workers_is_known_after_a_restart(tmp_path):
    """The process itself dies: started again often enough, it gets past the cell."""
    command, environment = crash_script(tmp_path, "segmentation fault", workers=0)
    for _ in range(10):
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100, check=False)
        if ended.returncode == 0:
            break
    assert "ended 6 2" in ended.stdout
    assert "Segmentation fault" in said_of_failures(tmp_path / "store")


@pytest.mark.slow
def test_workers_end_with_a_parent_that_was_killed(tmp_path):
    command, environment = crash_script(tmp_path, "segmentation fault", workers=2)
    source = Path(command[1]).read_text().replace("== 0.3", "== 99.0")
    source = source.replace("dict(width=[4]", "dict(width=range(4, 400)")
    Path(command[1]).write_text(source)
    parent = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline, children = time.monotonic() + 60, []
    while len(children) < 2 or not (tmp_path / "store" / "chunks").is_dir():
        children = psutil.Process(parent.pid).children(recursive=True)
        assert time.monotonic() < deadline
        time.sleep(0.1)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    gone, alive = psutil.wait_procs(children, timeout=20)
    assert not [process for process in alive if "spawn_main" in " ".join(process.cmdline())]
    assert gone


def test_the_digest_of_a_plan_covers_all_of_it(finished):
    content = json.loads((finished / "plan.json").read_text())
    digest, made_by = content.pop("digest"), content.pop("made_by")
    assert (digest, made_by) == (sha(content), "solvable sweep")
