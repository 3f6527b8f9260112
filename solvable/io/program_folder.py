"""Where compiled programs are kept between processes, and how many of them: a folder of the user's, and a bound."""

import os
import platform
import re
import sys
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from solvable.io.hashing import sha

LIMIT = 1 << 29  # bytes of all programs kept in a folder; those that were not used for longest go first
ENTRY = re.compile(r".*-[0-9a-f]{64}-(cache|atime)")  # the names that JAX gives to programs
FOLDER = "jax_compilation_cache_dir"
THRESHOLDS = {  # below which a program is not worth keeping: none is, because small ones are many
    "jax_persistent_cache_min_compile_time_secs": 0.0,
    "jax_persistent_cache_min_entry_size_bytes": 0,
}


def default_folder() -> Path:
    """The folder of this user for this kind of machine; all kinds are beside each other."""
    return _user_caches() / "solvable" / "programs" / sha(version("jaxlib"), platform.machine(), _processor())[:16]


def _user_caches() -> Path:
    """Where programs of this user keep what can be made again, by the custom of the system."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    name, otherwise = ("LOCALAPPDATA", "AppData/Local") if os.name == "nt" else ("XDG_CACHE_HOME", ".cache")
    said = os.environ.get(name, "")
    return Path(said) if os.path.isabs(said) else Path.home() / otherwise


def _processor() -> str:
    """What code compiled for this processor depends on: its model and its instructions."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.processor()
    return "\n".join(sorted(set(re.findall(r"^(?:model name|flags|Features|CPU part)\s*:.*$", text, re.MULTILINE))))


def trim(folder: Path, limit: int = LIMIT) -> None:
    """Remove the programs in and below a folder that were not used for longest, until the rest is within ``limit``.

    Nothing but files named as JAX names programs is removed.
    """
    found = []
    for path in folder.rglob("*"):
        with suppress(OSError):  # another process removed it
            if ENTRY.fullmatch(path.name) and path.is_file():
                facts = path.stat()
                found.append((max(facts.st_atime, facts.st_mtime), facts.st_size, path))
    total = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if total <= limit:
            return
        with suppress(OSError):
            path.unlink()
        total -= size
