"""The folder that holds a sweep: one file for the plan, one for every finished chunk.

A file is renamed into place when it is complete, and a chunk is done when its file is there. Every file carries a
digest of its content and of its name: one that was truncated, edited or copied over another is noticed. Files that the
store did not write are left alone.
"""

import errno
import glob
import json
import logging
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import numpy as np

from solvable.io.files import Damaged, StrPath, pack, put, read_arrays, remove_abandoned
from solvable.io.hashing import sha
from solvable.sweeps.identity import Description

LOG = logging.getLogger("solvable.sweeps")
MARK = "solvable sweep"  # what a plan.json of this package says of itself


class Store:
    """The files of one sweep.

    Args:
        folder: where; made if it does not exist.
        write: make the folders, and remove what killed processes of this store left behind.
    """

    def __init__(self, folder: StrPath, *, write: bool = False):
        self.folder = Path(folder)
        self.plan_path = self.folder / "plan.json"
        self.chunks, self.partial = self.folder / "chunks", self.folder / "partial"
        self.owner = ""
        self.damaged: dict[str, str] = {}
        if write:
            with explained(self.folder):
                for path in (self.chunks, self.partial):
                    path.mkdir(parents=True, exist_ok=True)
            self.read_plan()
            if self.owner:
                self._remove_leftovers()

    def read_plan(self) -> Description | None:
        """The plan's description, None if there is none yet.

        Raises:
            ValueError: it cannot be read, was edited, or is no plan of a sweep.
        """
        try:
            text = self.plan_path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise self._bad_plan(str(error)) from None
        try:
            found = json.loads(text)
        except ValueError as error:
            raise self._bad_plan("an empty file" if not text.strip() else f"no JSON ({error})") from None
        if not isinstance(found, dict) or found.pop("made_by", None) != MARK:
            raise ValueError(
                f"store: wanted a folder of a sweep, or one without a plan.json; {self.plan_path} is no plan of a sweep"
            )
        if found.pop("digest", None) != sha(found):
            raise self._bad_plan("contents that do not match their digest")
        self.owner = found.pop("id")
        return cast(Description, found)

    def _bad_plan(self, what: str) -> ValueError:
        return ValueError(
            f"store: wanted a sound plan in {self.plan_path}; got {what}. It may be deleted: the same sweep then "
            "writes it again and goes on, and finds the chunks that are divided as before; without it nothing in "
            "the folder can be collected"
        )

    def write_plan(self, description: Description, *, replace: bool = False) -> Description:
        """Write the plan unless another process was faster; returns the one that stands."""
        content = json.loads(json.dumps({**description, "id": self.owner or secrets.token_hex(8)}))
        data = json.dumps({**content, "made_by": MARK, "digest": sha(content)}, indent=1, sort_keys=True).encode()
        with explained(self.folder):
            put(self.plan_path, data, replace=replace, owner=content["id"])
        stands = self.read_plan()
        assert stands is not None
        return stands

    def chunk_path(self, name: str) -> Path:
        """The file of a finished chunk."""
        return self.chunks / f"{name}.npz"

    def has(self, name: str) -> bool:
        """Whether a chunk's file is there; `read` says whether it is sound."""
        return self.chunk_path(name).exists()

    def read(self, name: str) -> dict[str, np.ndarray] | None:
        """A chunk's arrays; None if it is missing or damaged. A damaged one is logged and kept in `damaged`."""
        try:
            return read_arrays(self.chunk_path(name), name)
        except FileNotFoundError:
            return None
        except (Damaged, OSError) as error:
            if name not in self.damaged:
                LOG.warning("store: a damaged chunk is computed again: %s", error)
            self.damaged[name] = str(error)
            return None

    def write(self, name: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Put a finished chunk in place, and remove what led to it."""
        with explained(self.folder):
            put(self.chunk_path(name), pack(arrays, name), owner=self.owner)
            self.damaged.pop(name, None)
            for path in self.partial.glob(f"{glob.escape(name)}-*"):
                if path.is_file():
                    path.unlink(missing_ok=True)

    def partial_path(self, name: str, part: object) -> Path:
        """A file of a chunk that is under way: a checkpoint, a cell's result, or who is at work."""
        return self.partial / f"{name}-{part}"

    def read_partial(self, name: str, part: object) -> dict[str, np.ndarray] | None:
        """Arrays of a chunk that is under way; None if they are missing or damaged."""
        try:
            return read_arrays(self.partial_path(name, part), f"{name}-{part}")
        except (FileNotFoundError, Damaged, OSError):
            return None

    def write_partial(self, name: str, part: object, arrays: Mapping[str, np.ndarray]) -> None:
        """Keep arrays of a chunk that is under way."""
        with explained(self.folder):
            put(self.partial_path(name, part), pack(arrays, f"{name}-{part}"), owner=self.owner)

    def _remove_leftovers(self) -> None:
        """Remove this store's temporary files of processes that are gone, and what led to finished chunks."""
        for folder in (self.folder, self.chunks, self.partial):
            remove_abandoned(folder, self.owner)
        plan = self.read_plan()
        for chunk in [] if plan is None else plan["chunks"]:
            if self.has(chunk["name"]):
                for path in self.partial.glob(f"{glob.escape(chunk['name'])}-*"):
                    if path.is_file():
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
        if error.errno == errno.ENOENT:
            raise OSError(error.errno, f"store: {self.folder} was deleted while the sweep ran; run it again") from error
        raise OSError(error.errno, f"store: {self.folder}: {error.strerror}; {safe}") from error
