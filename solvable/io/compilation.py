"""Compiled programs kept between processes: JAX's compilation cache, in a folder of the user's and bounded.

Nothing here happens at import. A sweep keeps programs where it is told to, a library user by one call. The command line
does by default, by variables of the environment that JAX reads and worker processes inherit (`solvable.cli.programs`).
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import jax
from jax.experimental.compilation_cache.compilation_cache import reset_cache

from solvable.arguments import refusal
from solvable.io.program_folder import FOLDER, THRESHOLDS, default_folder, trim


def keep_compiled_programs(folder: str | os.PathLike[str] | None = None) -> Path:
    """From now on, this process looks up compiled programs in a folder and adds those that it compiles.

    The folder is trimmed to half a gigabyte by this call. JAX's own ``jax_compilation_cache_max_size`` bounds it at
    every write, where the package ``filelock`` is installed.

    Args:
        folder: one for each kind of machine, because programs suit the processor they were compiled for; by default
            one of this user and this machine.

    Returns:
        the folder.

    Raises:
        ValueError: ``folder`` is no path.
        OSError: it cannot be made.
    """
    if folder is not None and (not isinstance(folder, str | os.PathLike) or not os.fspath(folder)):
        raise refusal("folder", "a path or None", folder)
    chosen = default_folder() if folder is None else Path(folder)
    chosen.mkdir(parents=True, exist_ok=True)
    trim(chosen.parent if folder is None else chosen)
    _configure({FOLDER: str(chosen), **THRESHOLDS})
    return chosen


@contextmanager
def compilation_cached(folder: str | os.PathLike[str] | None) -> Iterator[None]:
    """Within, compiled programs are looked up in and added to ``folder``; the configuration is restored after."""
    if folder is None:
        yield
        return
    before = {name: jax.config.values[name] for name in (FOLDER, *THRESHOLDS)}
    Path(folder).mkdir(parents=True, exist_ok=True)
    try:
        _configure({FOLDER: str(folder), **THRESHOLDS})
        yield
    finally:
        _configure(before)


def _configure(values: Mapping[str, object]) -> None:
    for name, value in values.items():
        jax.config.update(name, value)
    reset_cache()  # JAX opens the folder once a process
