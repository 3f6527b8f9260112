"""Compiled programs kept in a folder, for the length of a sweep."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jax

from solvable.io.files import StrPath

_OPTIONS = {
    "jax_persistent_cache_min_compile_time_secs": 0.1,
    "jax_persistent_cache_min_entry_size_bytes": 0,
}


@contextmanager
def compilation_cached(folder: StrPath | None) -> Iterator[None]:
    """Within, compiled programs are looked up in and added to ``folder``; the configuration is restored after.

    Programs suit the processor they were compiled for: one folder for each kind of machine.
    """
    if folder is None:
        yield
        return
    names = ("jax_compilation_cache_dir", *_OPTIONS)
    before = {name: jax.config.values[name] for name in names}
    Path(folder).mkdir(parents=True, exist_ok=True)
    try:
        for name, value in {"jax_compilation_cache_dir": str(folder), **_OPTIONS}.items():
            jax.config.update(name, value)
        yield
    finally:
        for name, value in before.items():
            jax.config.update(name, value)
