"""The folder that holds a sweep: one file for the plan, one for every finished chunk.

Files appear by renaming a finished one into place, so none is ever half there; the set of files is what is done. Every
file carries a digest of its own payload, so one that was truncated or edited is found out and made again.
"""

import errno
import glob
import hashlib
import io
import json
import os
import socket
import time
from pathlib import Path
from typing import Any

import numpy as np

STALE = 3600.0  # seconds after which somebody else's temporary file is abandoned
_writing: set[str] = set()  # temporary files of this process


class Damaged(Exception):
    """A file that is not what was written."""


class Store:
    """The files of one sweep.

    Args:
        folder: where; made if it does not exist.
        write: make the folders, and remove what killed processes left behind.
    """

    def __init__(self, folder: Any, *, write: bool = False):
        self.folder = Path(folder)
        self.plan_path = self.folder / "plan.json"
        self.shards, self.partial = self.folder / "shards", self.folder / "partial"
        if write:
            with explained(self.folder):
                for path in (self.shards, self.partial):
                    path.mkdir(parents=True, exist_ok=True)
                self.remove_leftovers()

    def read_plan(self) -> dict[str, Any] | None:
        """The plan's description, None if there is none yet.

        Raises:
            ValueError: it cannot be read.
        """
        try:
            return json.loads(self.plan_path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (ValueError, OSError) as error:
            raise ValueError(f"store: wanted a plan in {self.plan_path}; got a damaged file ({error})") from None

    def write_plan(self, description: dict[str, Any], *, replace: bool = False) -> dict[str, Any]:
        """Write the plan unless another process was faster; returns the one that stands."""
        data = json.dumps(description, indent=1, sort_keys=True).encode()
        with explained(self.folder):
            put(self.plan_path, data, replace=replace)
        stands = self.read_plan()
        assert stands is not None
        return stands

    def shard(self, name: str) -> Path:
        """The file of a finished chunk."""
        return self.shards / f"{name}.npz"

    def has(self, name: str) -> bool:
        """Whether a chunk's file is there; `read` says whether it is sound."""
        return self.shard(name).exists()

    def done(self) -> set[str]:
        """Names of all chunks whose file is there."""
        if not self.shards.is_dir():
            return set()
        return {entry.name.removesuffix(".npz") for entry in os.scandir(self.shards) if entry.name.endswith(".npz")}

    def read(self, name: str) -> dict[str, np.ndarray] | None:
        """A chunk's arrays; None if it is missing or damaged."""
        try:
            return read_arrays(self.shard(name))
        except (FileNotFoundError, Damaged):
            return None

    def write(self, name: str, arrays: dict[str, np.ndarray]) -> None:
        """Put a finished chunk in place, and remove the checkpoints that led to it."""
        with explained(self.folder):
            put(self.shard(name), pack(arrays))
            for path in self.partial.glob(f"{glob.escape(name)}-*.npz"):
                path.unlink(missing_ok=True)

    def checkpoint(self, name: str, part: int) -> Path:
        """The file of a run that is under way: part ``part`` of a chunk."""
        return self.partial / f"{name}-{part}.npz"

    def remove_leftovers(self) -> None:
        """Remove temporary files of processes that are gone, and checkpoints of chunks that are finished."""
        for path in self.folder.rglob(".*.tmp"):
            if _abandoned(path):
                path.unlink(missing_ok=True)
        for path in self.partial.glob("*-*.npz"):
            if self.has(path.name.rsplit("-", 1)[0]):
                path.unlink(missing_ok=True)


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


def _abandoned(path: Path) -> bool:
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
