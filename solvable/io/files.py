"""Files that are whole or not there, and arrays in files that know when they were damaged."""

import io
import os
import re
import socket
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import psutil

from solvable.io.hashing import sha

StrPath = str | os.PathLike[str]
STALE = 86_400.0  # seconds after which the temporary file of another machine is abandoned
_TEMPORARY = re.compile(r"\.(?P<owner>[0-9a-z]+)-(?P<process>.*-\d+-\d+)-\d+\.tmp")


class Damaged(Exception):
    """A file that is not what was written."""


def pack(arrays: Mapping[str, np.ndarray], bound: str = "") -> bytes:
    """Arrays and a digest as the bytes of an npz file; ``bound``: what else the digest covers, such as its name."""
    buffer = io.BytesIO()
    np.savez(buffer, digest=np.asarray(_digest(arrays, bound)), **arrays)  # pyright: ignore[reportArgumentType]
    return buffer.getvalue()


def unpack(data: bytes, bound: str = "") -> dict[str, np.ndarray]:
    """The arrays in what `pack` made of them with the same ``bound``.

    Raises:
        Damaged: it is not what was packed.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        digest = str(arrays.pop("digest"))
    except Exception as error:  # zip, zlib, header and end-of-file errors come in many classes
        raise Damaged(str(error)) from None
    if digest != _digest(arrays, bound):
        raise Damaged("its contents do not match its digest")
    return arrays


def read_arrays(path: Path, bound: str = "") -> dict[str, np.ndarray]:
    """The arrays of a file that holds what `pack` made.

    Raises:
        FileNotFoundError: it is not there.
        Damaged: it is not what was written.
    """
    try:
        return unpack(path.read_bytes(), bound)
    except Damaged as error:
        raise Damaged(f"{path}: {error}") from None


def _digest(arrays: Mapping[str, np.ndarray], bound: str) -> str:
    parts = ((f"{name}{x.dtype.str}{x.shape}", x.tobytes()) for name, x in sorted(arrays.items()))
    return sha(bound, *(item for part in parts for item in part))


def put(path: Path, data: bytes | memoryview, *, replace: bool = True, owner: str = "0") -> None:
    """Make a file with these bytes: nobody ever sees part of it, also after a crash.

    The bytes are written and synced to a file that has no name yet, where the system offers that, so that a killed
    process leaves nothing. Elsewhere the temporary file lies beside ``path`` and carries ``owner`` (letters and
    digits); `remove_abandoned` removes it.

    Args:
        replace: whether a file that is already there is replaced; otherwise it stays.
    """
    temporary = _temporary(path.parent, owner)
    try:
        if not _written_without_a_name(path, data, temporary, replace):
            with open(temporary, "xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            if replace or not _link(temporary, path):
                os.replace(temporary, path)
        _sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _temporary(folder: Path, owner: str) -> Path:
    """A name that says whose it is: its owner, and the process."""
    return folder / f".{owner}-{this_process()}-{time.monotonic_ns()}.tmp"


def this_process() -> str:
    """Machine, number and start of this process: host-number-second."""
    return f"{socket.gethostname()}-{os.getpid()}-{int(psutil.Process().create_time())}"


def _written_without_a_name(path: Path, data: bytes | memoryview, temporary: Path, replace: bool) -> bool:
    """Write an anonymous file (Linux) and give it its name when it is complete; False where that is not possible."""
    flag = getattr(os, "O_TMPFILE", None)
    if flag is None:
        return False
    try:
        handle = os.open(path.parent, flag | os.O_WRONLY, 0o644)
    except FileNotFoundError:
        raise
    except OSError:  # a file system without anonymous files
        return False
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(handle)
        try:
            # Naming a source folder makes Python follow the link to the open file.
            os.link(f"/proc/self/fd/{handle}", temporary if replace else path, src_dir_fd=0)
        except FileExistsError:
            return True
        except OSError:
            return False
    if replace:
        os.replace(temporary, path)
    return True


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


def remove_abandoned(folder: Path, owner: str) -> None:
    """Remove the temporary files that ``owner`` wrote in this folder by `put`, in processes that are gone."""
    for path in folder.glob(f".{owner}-*.tmp"):
        name = _TEMPORARY.fullmatch(path.name)
        if name is None or name["owner"] != owner or not path.is_file():
            continue
        if is_here(name["process"]):
            gone = not alive(name["process"])
        else:
            gone = time.time() - path.stat().st_mtime > STALE
        if gone:
            path.unlink(missing_ok=True)


def is_here(process: str) -> bool:
    """Whether a process, named as by `this_process`, is or was one of this machine."""
    return process.rsplit("-", 2)[0] == socket.gethostname()


def alive(process: str) -> bool:
    """Whether a process of this machine still runs."""
    _, number, start = process.rsplit("-", 2)
    try:
        found = psutil.Process(int(number))
        return int(found.create_time()) == int(start) and found.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
