"""Files are whole or not there, and equal content has one hash."""

import errno
import os
import socket
import subprocess
import sys

import numpy as np
import psutil
import pytest

from solvable.io.files import Damaged, pack, put, read_arrays, remove_abandoned
from solvable.io.hashing import sha, two_words


@pytest.mark.parametrize("anonymous", [True, False], ids=["anonymous", "named"])
def test_a_full_disk_leaves_what_was_there_and_nothing_else(tmp_path, monkeypatch, anonymous):
    path = tmp_path / "figure.png"
    put(path, b"before")

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    if not anonymous:
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        put(path, b"after")
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="files without names are Linux's")
def test_a_process_killed_while_it_writes_leaves_nothing(tmp_path):
    program = f"""
import os, signal
from pathlib import Path
from solvable.io.files import put
os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGKILL)
put(Path({str(tmp_path)!r}) / "dataset.nc", b"x" * 1000)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -9
    assert list(tmp_path.iterdir()) == []


def test_who_comes_first_stays_unless_replaced(tmp_path):
    path = tmp_path / "plan.json"
    put(path, b"first", replace=False)
    put(path, b"second", replace=False)
    assert path.read_bytes() == b"first"
    put(path, b"third")
    assert path.read_bytes() == b"third"


def test_only_what_an_owner_wrote_in_a_process_that_is_gone_is_removed(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    start = int(psutil.Process(child.pid).create_time())
    mine = tmp_path / f".ab12-{socket.gethostname()}-{child.pid}-{start}-7.tmp"
    reborn = tmp_path / f".ab12-{socket.gethostname()}-{child.pid}-{start - 99}-7.tmp"  # the number, another process
    elsewhere = tmp_path / f".ab12-another-machine-{child.pid}-{start}-7.tmp"
    others = [tmp_path / ".notes.tmp", tmp_path / ".ab12-notes.tmp", tmp_path / mine.name.replace("ab12", "cd34")]
    for path in (mine, reborn, elsewhere, *others):
        path.write_bytes(b"")
        if path in others:
            os.utime(path, (0, 0))
    try:
        remove_abandoned(tmp_path, "ab12")
        assert set(tmp_path.iterdir()) == {mine, elsewhere, *others}
    finally:
        child.communicate(b"\n")
    os.utime(elsewhere, (0, 0))
    remove_abandoned(tmp_path, "ab12")
    assert set(tmp_path.iterdir()) == set(others)


def test_arrays_come_back_and_any_other_content_is_noticed(tmp_path):
    arrays = {"risk": np.arange(6.0).reshape(2, 3), "errors": np.asarray(["", "x"]), "seconds": np.asarray(1.5)}
    path = tmp_path / "a.npz"
    put(path, pack(arrays, "a"))
    for name, x in read_arrays(path, "a").items():
        np.testing.assert_array_equal(x, arrays[name])
        assert x.dtype == arrays[name].dtype
    digest = np.load(path)["digest"]
    risk = arrays["risk"]
    for changed in ({"risk": risk.T}, {"risk": risk.astype(np.float32)}, {"seconds": np.asarray(2.5)}):
        np.savez(path, digest=digest, **{**arrays, **changed})
        with pytest.raises(Damaged, match="do not match"):
            read_arrays(path, "a")
    put(path, pack(arrays, "a"))
    with pytest.raises(Damaged, match="do not match"):
        read_arrays(path, "b")  # one file copied over another


def test_the_hash_tells_lists_of_parts_apart_and_not_the_order_of_keys():
    assert sha({"a": 1, "b": 2.5}) == sha({"b": 2.5, "a": 1})
    assert len({sha("ab", "c"), sha(["ab", "c"]), sha("abc"), sha(b"ab", b"c"), sha(b"a", b"bc"), sha(b"abc")}) == 6
    assert two_words({"width": 8, "seed": 0}) == bytes.fromhex("7def721023d24428")
