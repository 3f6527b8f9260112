"""``solvable sweep plan|run|status|collect|retry``: a whole sweep from one file, resumable at any moment."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from solvable.cli.about import Shown
from solvable.cli.engines import run_through, terminated_as_interrupted
from solvable.cli.options import WrongUsage, parse
from solvable.config import SweepConfig
from solvable.config.sweep import Running
from solvable.config.values import suggest

OptionsT = TypeVar("OptionsT")
USAGE = """usage: solvable sweep {plan,run,status,collect,retry} [PLAN.toml] [OPTIONS]

A sweep is a file of options (or the same options as flags, which override the file) and a store, the folder that
keeps every finished chunk. Whatever interrupts it, the same command goes on from there.

  plan      what it would take: cells, compilations, operations, bytes; nothing is run
  run       compute what is missing; many processes may run the same plan at once
  status    what the store holds: done, missing, failed and divergent cells
  collect   one netCDF file of what the store holds
  retry     compute again the cells that failed

`solvable sweep run --help` explains the options. exit codes: 0 complete, 2 wrong usage, 3 cells failed or are missing,
4 a file cannot be read or written, 130 interrupted
"""


@dataclass(frozen=True)
class RunOptions:
    """How it is run.

    Attributes:
        shard: I/N, this process is number I (from 0) of N that share the store, as in a job array.
        workers: processes on this machine; 0 computes in this one.
        dask: address of a Dask scheduler, such as tcp://127.0.0.1:8786; its workers must see the store.
        compilation_cache: folder that keeps compiled programs between processes.
        dry_run: only say what it would take.
        json: print JSON.
    """

    shard: str | None = None
    workers: int = 0
    dask: str | None = None
    compilation_cache: Path | None = None
    dry_run: bool = False
    json: bool = False


@dataclass(frozen=True)
class CollectOptions:
    """Where the results go.

    Attributes:
        output: the netCDF file; by default the store's name with .nc.
        partial: collect what is there although cells are missing.
        json: print JSON.
    """

    output: Path | None = None
    partial: bool = False
    json: bool = False


def command(arguments: list[str]) -> int:
    """``solvable sweep ...``."""
    name, rest = (arguments[0], arguments[1:]) if arguments else ("--help", [])
    if name in ("-h", "--help"):
        print(USAGE, end="")
        return 0
    if name not in COMMANDS:
        hint = suggest(name, COMMANDS) or f"; wanted one of {', '.join(COMMANDS)}"
        raise WrongUsage(f"unknown command 'sweep {name}'{hint}")
    return COMMANDS[name](rest)


def _parse(arguments: list[str], name: str, about: str, extra: type[OptionsT]) -> tuple[SweepConfig, OptionsT]:
    """The plan, from a file named first or by --config, and from flags; the command's own options."""
    if arguments and not arguments[0].startswith("-"):
        first = Path(arguments[0])
        place = ["--store", str(first)] if first.is_dir() else ["--config", str(first)]
        arguments = [*place, *arguments[1:]]
    program = f"solvable sweep {name} [PLAN.toml]"
    return parse(SweepConfig, arguments, program=program, about=about, extra=extra)


def _plan(arguments: list[str]) -> int:
    config, shown = _parse(arguments, "plan", "Say what a sweep would take; nothing is run.", Shown)
    return _show_plan(config, shown.json)


def _show_plan(config: SweepConfig, as_json: bool) -> int:
    plan = config.plan()
    if as_json:
        print(json.dumps({**plan.as_dict(), "store": str(config.folder())}, indent=1))
    else:
        print(f"{plan}\n\nstore         {config.folder()}/")
    return 0


def _run(arguments: list[str], retry: bool = False) -> int:
    about = "Compute again the cells that failed." if retry else "Compute what is missing, and keep it in the store."
    config, options = _parse(arguments, "retry" if retry else "run", about, RunOptions)
    if options.dry_run:
        return _show_plan(config, options.json)
    shared: Running = {
        "retry_failed": retry,
        "compilation_cache": options.compilation_cache,
        "shard": read_shard(options.shard),
    }
    with terminated_as_interrupted():
        dataset = run_through(config, options.workers, options.dask, shared)
    counts = {name.removeprefix("cells_"): int(n) for name, n in dataset.attrs.items() if name.startswith("cells_")}
    if options.json:
        print(json.dumps({"store": str(config.folder()), "sizes": dict(dataset.sizes), "cells": counts}, indent=1))
    else:
        print(f"{', '.join(f'{n} {name}' for name, n in counts.items() if n)}. Store: {config.folder()}/")
        print(
            "solvable sweep collect makes one netCDF file of it"
            if not counts["failed"]
            else "solvable sweep status lists the failed cells, solvable sweep retry computes them again"
        )
    return 3 if counts["failed"] or counts["missing"] else 0


def _retry(arguments: list[str]) -> int:
    return _run(arguments, retry=True)


def read_shard(text: str | None) -> tuple[int, int] | None:
    """(i, n) of ``i/n``.

    Raises:
        WrongUsage: it is no such text.
    """
    if text is None:
        return None
    place, _, total = text.partition("/")
    if not (place.isdecimal() and total.isdecimal() and int(place) < int(total)):
        raise WrongUsage(f"--shard: wanted I/N with I from 0 to N - 1, such as 3/16; got {text!r}")
    return int(place), int(total)


def _status(arguments: list[str]) -> int:
    about = "Say what the store holds. Instead of PLAN.toml, the folder of a store may be named."
    config, shown = _parse(arguments, "status", about, Shown)
    from solvable.sweeps import sweep_status

    found = sweep_status(config.folder())
    failed = [{"cell": values, "error": text} for values, text in found.failed]
    if shown.json:
        numbers = {"cells": found.cells, "chunks": found.chunks, "chunks_done": found.chunks_done}
        print(json.dumps({**numbers, **found.counts, "failures": failed}, indent=1))
    else:
        print(found)
    return 0 if found.complete and not found.failed else 3


def _collect(arguments: list[str]) -> int:
    about = "Make one netCDF file of a store. Instead of PLAN.toml, the folder of a store may be named."
    config, options = _parse(arguments, "collect", about, CollectOptions)
    from solvable.sweeps import collect, sweep_status

    folder = config.folder()
    found = sweep_status(folder)
    if not found.complete and not options.partial:
        print(
            f"solvable: {found.counts['missing']} of {found.cells} cells are missing in {folder}: run the sweep, or "
            "collect with --partial",
            file=sys.stderr,
        )
        return 3
    path = options.output or folder.with_name(folder.name + ".nc")
    dataset = collect(folder, path, partial=options.partial)
    if options.json:
        print(json.dumps({"output": str(path), "sizes": dict(dataset.sizes), "cells": found.counts}, indent=1))
    else:
        print(f"{path}: {', '.join(f'{name} {size}' for name, size in dataset.sizes.items())}\n{found}")
    return 3 if found.failed or not found.complete else 0


COMMANDS = {"plan": _plan, "run": _run, "status": _status, "collect": _collect, "retry": _retry}
