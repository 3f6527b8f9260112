"""``solvable fit``: a law of scaling fitted to a table of runs."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from solvable.cli.options import WrongUsage, parse
from solvable.config import FitConfig

ABOUT = """Fit a law of scaling to a table of runs, one run a row, with intervals.

  solvable fit runs.csv --law chinchilla --parameters N --data D --loss L --json

RUNS is a CSV, TSV, JSON-lines or Parquet file. What is doubtful about the fit is said on the error output; exit code 1
where it did not converge, or the data do not determine the parameters."""


@dataclass(frozen=True)
class FitOptions:
    """How it is shown.

    Attributes:
        json: print JSON: law, parameters, intervals, objective, num_points.
        report: print the checklist that a reader needs to reproduce the fit, as JSON.
        plot: file for a figure, such as fit.png.
        allocate: FLOPs to split into parameters and tokens.
    """

    json: bool = False
    report: bool = False
    plot: Path | None = None
    allocate: tuple[float, ...] = ()


def command(arguments: list[str]) -> int:
    """Fit, and print the table, JSON or the checklist."""
    runs, rest = take_file(arguments)
    config, shown = parse(FitConfig, rest, program="solvable fit RUNS", about=ABOUT, extra=FitOptions)
    if runs is None:
        raise WrongUsage("RUNS: wanted the name of a file of runs before the options; got none")
    fit = config.fit(runs)
    if shown.json:
        print(fit.to_json())
    elif shown.report:
        print(json.dumps(fit.report(), indent=1))
    else:
        print(fit.summary())
    if shown.json or shown.report:
        for doubt in fit.doubts:
            print(f"solvable: {doubt.text}", file=sys.stderr)
    if shown.allocate and not shown.json:
        _print_split(fit.allocate(list(shown.allocate)))
    if shown.plot is not None:
        fit.plot().figure.savefig(shown.plot)
    return 0 if fit.converged else 1


def take_file(arguments: list[str]) -> tuple[str | None, list[str]]:
    """The file of runs, which comes first, and the options."""
    if arguments and not arguments[0].startswith("-"):
        return arguments[0], arguments[1:]
    return None, arguments


def _print_split(split) -> None:
    print(f"\n{'compute':>10}  {'N':>31}  {'D':>31}")
    for i, compute in enumerate(split.compute.tolist()):
        cells = [f"{b.value[i]:9.3g} ({b.low[i]:8.3g} to {b.high[i]:8.3g})" for b in (split.N, split.D)]
        print(f"{compute:10.3g}  {cells[0]:>31}  {cells[1]:>31}")
