"""Who is at work on a chunk, and how often a process died of it: a file for each attempt.

A process that ends in order, by an error or an interruption, takes its file away. A crash writes its traceback there,
and a process that outlives its workers writes that they were killed. Such a file counts. An empty one that was left
behind does not: somebody ended the whole job.
"""

import contextlib
import faulthandler
import glob
from collections.abc import Iterator
from pathlib import Path

from solvable.io.files import alive, is_here, this_process
from solvable.sweeps.store import Store, explained

TRIES = 3  # deaths of a process at one cell alone, after which the cell counts as failed
WAS_KILLED = "a worker process was killed, perhaps because memory ran out"


@contextlib.contextmanager
def attempt(store: Store, name: str, part: str = "") -> Iterator[None]:
    """Within, this process is at work on a chunk, or on one cell of it: ``part``."""
    path = store.partial_path(name, f"{part}started-{this_process()}")
    with explained(store.folder):
        file = path.open("wb")
    traced = not faulthandler.is_enabled()
    if traced:
        faulthandler.enable(file)
    try:
        yield
    finally:
        if traced:
            faulthandler.disable()
        file.close()
        path.unlink(missing_ok=True)


def deaths(store: Store, name: str, part: str = "") -> list[str]:
    """How processes died of a chunk, or of one cell of it computed alone: a text for each that counts."""
    return [text for _, text in _left_behind(store, name, part) if text]


def acquit(store: Store, name: str, part: str) -> None:
    """Forget the deaths: what they were laid to goes on."""
    for path, _ in _left_behind(store, name, part):
        path.unlink(missing_ok=True)


def blame(store: Store, name: str) -> bool:
    """Let the attempts at a chunk count whose process was killed; whether there were any."""
    found = [path for part in ("", "cell*-") for path, text in _left_behind(store, name, part) if not text]
    for path in found:
        path.write_text(WAS_KILLED)
    return bool(found)


def _left_behind(store: Store, name: str, part: str) -> Iterator[tuple[Path, str]]:
    """Files of attempts whose process is gone, and what is written there."""
    for path in store.partial.glob(f"{glob.escape(name)}-{part}started-*"):
        process = path.name.split("started-", 1)[1]
        if is_here(process) and alive(process):
            continue
        with contextlib.suppress(OSError):
            text = path.read_text(errors="replace").strip()
            # Of another machine's process nothing is known but what it wrote itself.
            if text or is_here(process):
                yield path, text
