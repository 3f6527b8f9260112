"""The command line: the commands below, their help, and how a command ends.

Exit codes, the same for every command:

    0    finished, and everything agreed
    1    finished and written, but a check or a row of the report disagrees (never after --tiny, which is too small),
         or a fit did not converge
    2    wrong usage: an unknown command, flag or key, or an impossible value
    3    a sweep is not complete: cells failed or are missing
    4    a file or folder cannot be read or written
    130  interrupted; finished chunks of a sweep are kept, nothing else was written

Nothing heavy (JAX, NumPy, xarray, matplotlib) is imported before the options are known to be right, but for those of
an experiment: they are read from its module.
"""

import importlib
import sys
from importlib.metadata import version

from solvable.cli.experiments import experiment_names, experiments_folder, load_experiment
from solvable.cli.options import WrongUsage
from solvable.cli.programs import TRIAL, compile_quickly, keep, take_flag

__all__ = ["COMMANDS", "experiment_names", "experiments_folder", "load_experiment", "main"]

USAGE = """usage: solvable COMMAND [OPTIONS]

Solvable models of neural scaling laws: simulated, solved exactly, and predicted, side by side.

commands:
  phase-diagram    measure the compute-optimal exponents over the (alpha, beta) plane (a minute or two)
  explore          a local page: drag the exponents and sliders, theory at once, SGD and frontier behind
  check            put a theory beside a simulation of the same model and algorithm
  sweep            plan, run, status, collect, retry: every combination of some parameters, resumable
  fit RUNS         fit a scaling law to a table of runs (CSV, JSON lines or Parquet), with intervals
  curve            risk against steps, by a theory or a simulation, printed and drawn
  frontier         the compute-optimal frontier with its local exponents, printed and drawn
  run NAME         run an experiment: figure, dataset and report in a folder of its own
  list [KIND]      experiments with what they show and minutes, models, algorithms, methods or laws, one a line
  methods          which method takes which model and algorithm
  cite [KEY ...]   BibTeX of the package, or of the given keys
  info             versions, devices, precision and compilation cache
  completion SHELL what bash, zsh or fish need to complete commands, names and flags

`solvable COMMAND --help` explains the options of a command. Most take `--config FILE.toml` in place of flags and
`--json` for results that programs read; `--tiny` makes any experiment a quick trial.

Compiled programs are kept in the user's cache folder, half a gigabyte at most, so that a command starts faster the next
time. `--no-compilation-cache` does without, SOLVABLE_COMPILATION_CACHE=no always; SOLVABLE_COMPILATION_CACHE=FOLDER
keeps them elsewhere, and where JAX_COMPILATION_CACHE_DIR is set, that counts alone.

exit codes: 0 finished, 1 finished but a report or check disagrees, 2 wrong usage, 3 a sweep is not complete,
4 a file cannot be read or written, 130 interrupted
"""
COMMANDS = {
    "phase-diagram": "experiments:phase_diagram",
    "explore": "explore:command",
    "check": "check:command",
    "sweep": "sweep:command",
    "curve": "curve:curve_command",
    "frontier": "curve:frontier_command",
    "fit": "fit:command",
    "run": "experiments:command",
    "list": "about:list_command",
    "methods": "about:methods_command",
    "cite": "about:cite_command",
    "info": "about:info_command",
    "completion": "completion:command",
}
FINISHED, DISAGREES, WRONG, INCOMPLETE, UNREADABLE, INTERRUPTED = 0, 1, 2, 3, 4, 130


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns the exit code. Compiled programs are kept if it is the process's own command line."""
    keeps, arguments = take_flag(sys.argv[1:] if argv is None else argv)
    name, rest = (arguments[0], arguments[1:]) if arguments else ("--help", [])
    if name in ("-h", "--help"):
        print(USAGE, end="")
        return FINISHED
    if name == "--version":
        print(f"solvable {version('solvable')}")
        return FINISHED
    try:
        if name not in COMMANDS:
            from solvable.config.values import suggest

            raise WrongUsage(f"unknown command {name!r}{suggest(name, COMMANDS) or '; wanted ' + ', '.join(COMMANDS)}")
        if argv is None:  # a caller within Python has its own configuration
            if keeps:
                keep()
            if TRIAL in rest:
                compile_quickly()
        module, function = COMMANDS[name].split(":")
        return getattr(importlib.import_module(f"solvable.cli.{module}"), function)(rest)
    except SystemExit as done:  # the parser of flags: after a help text, or for wrong flags
        return done.code if isinstance(done.code, int) else WRONG
    except (WrongUsage, ValueError) as error:
        return _stop(WRONG, error)
    except BrokenPipeError:  # the reader of a pipe, such as `head`, has seen enough
        sys.stderr.close()
        return FINISHED
    except OSError as error:
        return _stop(UNREADABLE, error)
    except KeyboardInterrupt as interrupt:
        return _stop(INTERRUPTED, interrupt.args[0] if interrupt.args else "interrupted: nothing was written")


def _stop(code: int, message: object) -> int:
    print(f"solvable: {message}", file=sys.stderr)
    return code
