"""Files that are whole or not there, and arrays in files that know when they were damaged."""

import io
import os
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import psutil

from solvable.io.hashing import sha

StrPath = str | os.PathLike[str]
STALE = 3600.0  # seconds after which the temporary file of another machine is abandoned
TEMPORARY = ".*.tmp*"  # pattern of the names of unfinished files
_writing: set[str] = set()  # temporary files of this process


class Damaged(Exception):
    """A file that is not what was written."""


def pack(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Arrays and their digest as the bytes of an npz file."""
    buffer = io.BytesIO()
    np.savez(buffer, digest=np.asarray(_digest(arrays)), **arrays)  # pyright: ignore[reportArgumentType]
    return buffer.getvalue()


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file that holds what `pack` made.

    Raises:
        FileNotFoundError: it is not there.
        Damaged: it is not what was written.
    """
    try:
        data = path.read_bytes()
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        digest = str(arrays.pop("digest"))
    except FileNotFoundError:
        raise
    except Exception as error:  # zip, zlib, header and end-of-file errors come in many classes
        raise Damaged(f"{path}: {error}") from None
    if digest != _digest(arrays):
        raise Damaged(f"{path}: its contents do not match its digest")
    return arrays


def _digest(arrays: Mapping[str, np.ndarray]) -> str:
    parts = ((f"{name}{x.dtype.str}{x.shape}", x.tobytes()) for name, x in sorted(arrays.items()))
    return sha(*(item for part in parts for item in part))


def write_atomically(path: Path, write: Callable[[Path], object], *, replace: bool = True) -> None:
    """Let ``write(temporary)`` make a file and put it in place: nobody ever sees part of it, also after a crash.

    The temporary file has the suffix of ``path`` and lies beside it. With ``replace=False`` a file that is already
    there stays.
    """
    owner = f"{socket.gethostname()}.{os.getpid()}.{time.monotonic_ns()}"
    temporary = path.with_name(f".{path.stem}.{owner}.tmp{path.suffix}")
    _writing.add(temporary.name)
    try:
        write(temporary)
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        if replace or not _link(temporary, path):
            os.replace(temporary, path)
        _sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)
        _writing.discard(temporary.name)


def put(path: Path, data: bytes, *, replace: bool = True) -> None:
    """Write bytes as `write_atomically` does."""
    write_atomically(path, lambda temporary: temporary.write_bytes(data), replace=replace)


def _link(temporary: Path, path: Path) -> bool:
    """Put the file in place unless there is one; False on file systems without links."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        return True
    except OSError:
        return path.exists()
    return True


def _sync(folder: Path) -> None:
    """Make the renaming durable; some file systems cannot open a folder, and need not."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)


def abandoned(path: Path) -> bool:
    """Whether the process that was writing a temporary file is gone."""
    if path.name in _writing:
        return False
    head, pid, _ = path.name.rpartition(".tmp")[0].rsplit(".", 2)
    try:
        old = time.time() - path.stat().st_mtime > STALE
    except FileNotFoundError:
        return False
    if old or not head.endswith(f".{socket.gethostname()}") or not pid.isdigit():
        return old
    return int(pid) == os.getpid() or not psutil.pid_exists(int(pid))  # its own: an earlier process of that number
