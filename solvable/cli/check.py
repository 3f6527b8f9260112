"""``solvable check``: a theory beside a simulation of the same thing."""

import json
from typing import Any

from solvable.cli.about import Shown
from solvable.cli.options import parse
from solvable.config import CheckConfig


def command(arguments: list[str]) -> int:
    """Print both risks, z and the relative error at each step; 1 if any |z| is too large."""
    about = "Put a theory beside a simulation of the same model and algorithm; exit code 1 if any |z| is too large."
    config, shown = parse(CheckConfig, arguments, program="solvable check", about=about, extra=Shown)
    content = results(config, config.run())
    if shown.json:
        print(json.dumps(content, indent=1))
    else:
        _print(content)
    return 0 if content["ok"] else 1


def results(config: CheckConfig, check: Any) -> dict[str, Any]:
    """The curves, z and relative error as lists, and whether they agree; a number that is not finite becomes None."""
    import dataclasses

    import numpy as np

    columns = {
        "step": check.theory.steps,
        "theory": check.theory.risk,
        "simulation": check.simulation.risk,
        "stderr": check.simulation.stderr,
        "z": check.z,
        "relative_error": check.relative_error,
    }
    rows = [[x if np.isfinite(x) else None for x in np.asarray(column).tolist()] for column in columns.values()]
    return {
        "config": dataclasses.asdict(config),
        **dict(zip(columns, rows, strict=True)),
        "theory_outcome": check.theory.message,
        "ok": bool((np.abs(check.z) <= config.allowed).all()),
    }


def _print(content: dict[str, Any]) -> None:
    allowed = content["config"]["allowed"]
    print(f"{'step':>12}  {'theory':>11}  {'simulation':>11}  {'stderr':>9}  {'z':>7}  {'rel. error':>10}")
    names = ("step", "theory", "simulation", "stderr", "z", "relative_error")
    for row in zip(*(content[name] for name in names), strict=True):
        step, *numbers = (float("nan") if x is None else x for x in row)
        theory, simulation, stderr, z, error = numbers
        print(f"{step:12d}  {theory:11.5g}  {simulation:11.5g}  {stderr:9.2g}  {z:7.2f}  {error:10.2g}")
    finite = [abs(z) for z in content["z"] if z is not None]
    worst = f"largest |z| = {max(finite, default=float('nan')):.2f}, allowed {allowed:g}"
    print(f"\n{'agree' if content['ok'] else 'DISAGREE'}: {worst}; {content['theory_outcome']}")
