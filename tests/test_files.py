"""Files are whole or not there, and equal content has one hash."""

import os
import socket
import subprocess
import sys

import numpy as np
import pytest

from solvable.io.files import Damaged, abandoned, pack, put, read_arrays, write_atomically
from solvable.io.hashing import sha, two_words


def test_a_writer_that_fails_leaves_what_was_there_and_nothing_else(tmp_path):
    path = tmp_path / "figure.png"
    put(path, b"before")

    def failing(temporary):
        assert temporary.suffix == ".png"  # libraries read the format off the name
        temporary.write_bytes(b"half")
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        write_atomically(path, failing)
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_who_comes_first_stays_unless_replaced(tmp_path):
    path = tmp_path / "plan.json"
    put(path, b"first", replace=False)
    put(path, b"second", replace=False)
    assert path.read_bytes() == b"first"
    put(path, b"third")
    assert path.read_bytes() == b"third"


def test_the_file_of_a_living_process_is_not_abandoned(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        path = tmp_path / f".part.{socket.gethostname()}.{child.pid}.1.tmp.npz"
        path.write_bytes(b"")
        assert not abandoned(path)
    finally:
        child.communicate(b"\n")
    assert abandoned(path)
    elsewhere = tmp_path / f".part.another-machine.{child.pid}.1.tmp.npz"
    elsewhere.write_bytes(b"")
    assert not abandoned(elsewhere)
    os.utime(elsewhere, (0, 0))
    assert abandoned(elsewhere)


def test_arrays_come_back_and_any_other_content_is_noticed(tmp_path):
    arrays = {"risk": np.arange(6.0).reshape(2, 3), "errors": np.asarray(["", "x"]), "seconds": np.asarray(1.5)}
    path = tmp_path / "a.npz"
    put(path, pack(arrays))
    for name, x in read_arrays(path).items():
        np.testing.assert_array_equal(x, arrays[name])
        assert x.dtype == arrays[name].dtype
    digest = np.load(path)["digest"]
    risk = arrays["risk"]
    for changed in ({"risk": risk.T}, {"risk": risk.astype(np.float32)}, {"seconds": np.asarray(2.5)}):
        np.savez(path, digest=digest, **{**arrays, **changed})
        with pytest.raises(Damaged, match="do not match"):
            read_arrays(path)


def test_the_hash_tells_lists_of_parts_apart_and_not_the_order_of_keys():
    assert sha({"a": 1, "b": 2.5}) == sha({"b": 2.5, "a": 1})
    assert len({sha("ab", "c"), sha(["ab", "c"]), sha("abc"), sha(b"ab", b"c"), sha(b"a", b"bc"), sha(b"abc")}) == 6
    assert two_words({"width": 8, "seed": 0}) == bytes.fromhex("7def721023d24428")
