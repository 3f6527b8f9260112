"""``solvable check``: a theory beside a simulation of the same thing."""

import json
from typing import TYPE_CHECKING, TypedDict

from solvable.cli.about import Shown
from solvable.cli.options import parse
from solvable.config import CheckConfig

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from solvable.verbs.check import Check


class Agreement(TypedDict):
    """Both curves step by step, and whether they agree; a number that is not finite is None."""

    config: dict[str, object]
    step: list[float | None]
    theory: list[float | None]
    simulation: list[float | None]
    stderr: list[float | None]
    z: list[float | None]
    relative_error: list[float | None]
    theory_outcome: str
    ok: bool


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


def results(config: CheckConfig, check: "Check") -> Agreement:
    """The curves, z and relative error as lists, and whether they agree."""
    import dataclasses

    import numpy as np

    return {
        "config": dataclasses.asdict(config),
        "step": _finite(check.theory.steps),
        "theory": _finite(check.theory.risk),
        "simulation": _finite(check.simulation.risk),
        "stderr": _finite(check.simulation.stderr),
        "z": _finite(check.z),
        "relative_error": _finite(check.relative_error),
        "theory_outcome": check.theory.message,
        "ok": bool((np.abs(check.z) <= config.allowed).all()),
    }


def _finite(column: "ArrayLike") -> list[float | None]:
    import numpy as np

    return [x if np.isfinite(x) else None for x in np.asarray(column).tolist()]


def _print(content: Agreement) -> None:
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
