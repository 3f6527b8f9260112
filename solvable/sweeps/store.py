"""The folder that holds a sweep: one file for the plan, one for every finished chunk.

A file is renamed into place when it is complete, and a chunk is done when its file is there. Every file carries a
digest of its content: a file that was truncated or edited is noticed and computed again.
"""

import errno
import glob
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from solvable.io.files import TEMPORARY, Damaged, StrPath, abandoned, pack, put, read_arrays
from solvable.sweeps.identity import Description


class Store:
    """The files of one sweep.

    Args:
        folder: where; made if it does not exist.
        write: make the folders, and remove what killed processes left behind.
    """

    def __init__(self, folder: StrPath, *, write: bool = False):
        self.folder = Path(folder)
        self.plan_path = self.folder / "plan.json"
        self.shards, self.partial = self.folder / "shards", self.folder / "partial"
        if write:
            with explained(self.folder):
                for path in (self.shards, self.partial):
                    path.mkdir(parents=True, exist_ok=True)
                self.remove_leftovers()

    def read_plan(self) -> Description | None:
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

    def write_plan(self, description: Description, *, replace: bool = False) -> Description:
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

    def read(self, name: str) -> dict[str, np.ndarray] | None:
        """A chunk's arrays; None if it is missing or damaged."""
        try:
            return read_arrays(self.shard(name))
        except (FileNotFoundError, Damaged):
            return None

    def write(self, name: str, arrays: Mapping[str, np.ndarray]) -> None:
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
        for path in self.folder.rglob(TEMPORARY):
            if abandoned(path):
                path.unlink(missing_ok=True)
        for path in self.partial.glob("*-*.npz"):
            if self.has(path.name.rsplit("-", 1)[0]):
                path.unlink(missing_ok=True)


class explained:
    """Within, an error of the file system says what to do, and that finished chunks are safe."""

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
