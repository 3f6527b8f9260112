"""Compiled programs of the command line, by variables that JAX reads: kept between processes unless told otherwise, and
compiled in the quickest way for a trial."""

import os
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

FLAG = "--no-compilation-cache"
VARIABLE = "SOLVABLE_COMPILATION_CACHE"
NO = ("0", "no", "off", "false")
TRIAL = "--tiny"
QUICK = "--xla_backend_optimization_level=0"  # code that is half as fast, compiled in half the time
OLDER = "--xla_cpu_use_fusion_emitters=false"  # the older way of emitting loops, in half the time again
KNOWS_OLDER = "0.10."  # versions of jaxlib that know this flag: others would end the process at it


def take_flag(arguments: Sequence[str]) -> tuple[bool, list[str]]:
    """Whether ``FLAG`` is not among the arguments, and the others."""
    return FLAG not in arguments, [word for word in arguments if word != FLAG]


def keep() -> None:
    """Set the variables of `settings` for this process and its workers.

    Nothing where JAX is imported already, which reads them once, and where the default folder cannot be made.

    Raises:
        OSError: the folder that ``VARIABLE`` names cannot be made.
    """
    if "jax" in sys.modules:
        return
    try:
        os.environ.update(settings(os.environ))
    except OSError:
        if os.environ.get(VARIABLE):
            raise


def compile_quickly() -> None:
    """Set the variables of `quick_settings` for this process and its workers; nothing where JAX is imported already."""
    if "jax" not in sys.modules:
        os.environ.update(quick_settings(os.environ, version("jaxlib")))


def quick_settings(environ: Mapping[str, str], jaxlib: str) -> dict[str, str]:
    """Variables by which XLA compiles in a third of the time or less, for a trial, whose work is mostly that.

    The user's own flags come last, and so they count.
    """
    flags = [QUICK, *([OLDER] if jaxlib.startswith(KNOWS_OLDER) else []), environ.get("XLA_FLAGS", "")]
    return {"XLA_FLAGS": " ".join(filter(None, flags))}


def settings(environ: Mapping[str, str]) -> dict[str, str]:
    """Variables by which JAX keeps its programs in a folder, which is made and trimmed; none where that is unwanted.

    ``VARIABLE`` says which folder, or one of ``NO``. A folder in JAX's own JAX_COMPILATION_CACHE_DIR stays as it is.
    """
    from solvable.io.program_folder import FOLDER, THRESHOLDS, default_folder, trim

    said = environ.get(VARIABLE, "")
    if said.lower() in NO or FOLDER.upper() in environ:
        return {}
    folder = Path(said) if said else default_folder()
    folder.mkdir(parents=True, exist_ok=True)
    trim(folder if said else folder.parent)
    return {name.upper(): str(value) for name, value in {FOLDER: folder.resolve(), **THRESHOLDS}.items()}
