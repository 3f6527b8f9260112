"""Files that are whole or not there: written aside, synced and renamed into place, each with a digest of its arrays."""

import errno
import hashlib
import io
import os
import socket
import time
from pathlib import Path

import numpy as np

STALE = 3600.0  # seconds after which somebody else's temporary file is abandoned
_writing: set[str] = set()  # temporary files of this process


class Damaged(Exception):
    """A file that is not what was written."""


def pack(arrays: dict[str, np.ndarray]) -> bytes:
    """Arrays and their digest as the bytes of an npz file."""
    buffer = io.BytesIO()
    np.savez(buffer, digest=np.frombuffer(_digest(arrays), np.uint8), **arrays)  # pyright: ignore[reportArgumentType]
    return buffer.getvalue()


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file written by `put`.

    Raises:
        FileNotFoundError: it is not there.
        Damaged: it is not what was written.
    """
    try:
        data = path.read_bytes()
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        digest = arrays.pop("digest").tobytes()
    except FileNotFoundError:
        raise
    except Exception as error:  # zip, zlib, header and end-of-file errors come in many classes
        raise Damaged(f"{path}: {error}") from None
    if digest != _digest(arrays):
        raise Damaged(f"{path}: its contents do not match its digest")
    return arrays


def _digest(arrays: dict[str, np.ndarray]) -> bytes:
    total = hashlib.sha256()
    for name in sorted(arrays):
        x = np.ascontiguousarray(arrays[name])
        total.update(f"{name}{x.dtype.str}{x.shape}".encode())
        total.update(x.tobytes())
    return total.digest()


def put(path: Path, data: bytes, *, replace: bool = True) -> None:
    """Write a file so that nobody ever sees part of it, also after a crash of the machine.

    With ``replace=False`` a file that is already there stays.
    """
    temporary = path.with_name(f".{path.name}.{socket.gethostname()}.{os.getpid()}.{time.monotonic_ns()}.tmp")
    _writing.add(temporary.name)
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if replace or not _link(temporary, path):
            os.replace(temporary, path)
        _sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)
        _writing.discard(temporary.name)


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
    head, pid, _ = path.name.removesuffix(".tmp").rsplit(".", 2)
    try:
        old = time.time() - path.stat().st_mtime > STALE
    except FileNotFoundError:
        return False
    if old or not head.endswith(f".{socket.gethostname()}") or not pid.isdigit():
        return old
    if int(pid) == os.getpid():
        return True  # an earlier process of the same number
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return False


class explained:
    """Turns the file system's refusals into errors that say what to do; nothing that was finished is lost."""

    def __init__(self, folder: Path):
        self.folder = folder

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if not isinstance(error, OSError) or isinstance(error, FileExistsError):
            return
        safe = "what is finished is safe, and the same sweep goes on from there"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise OSError(error.errno, f"store: no space left for {self.folder}; {safe} once there is") from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise OSError(error.errno, f"store: wanted a folder that can be written; {self.folder} cannot") from error
        raise OSError(error.errno, f"store: {self.folder}: {error.strerror}; {safe}") from error
