"""``solvable curve`` and ``solvable frontier``: the README's first example, printed and drawn."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from solvable.cli.options import WrongUsage, parse
from solvable.config.curve import CurveConfig, FrontierConfig

KINDS = ("png", "pdf", "svg")
Columns = Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Drawn:
    """How it is shown.

    Attributes:
        json: print JSON.
        figure: file for a figure, such as curve.png, curve.pdf or curve.svg.
    """

    json: bool = False
    figure: Path | None = None


def curve_command(arguments: list[str]) -> int:
    """Print the risk at each step; 1 if it diverges."""
    about = "Risk against steps, by a theory or a simulation; exit code 1 if it diverges."
    config, shown = parse(CurveConfig, arguments, program="solvable curve", about=about, extra=Drawn)
    check_kind(shown.figure)
    curve = config.run()
    columns = {name: _list(getattr(curve, name)) for name in ("steps", "risk", "stderr")}
    show(columns, shown, {"config": asdict(config), "outcome": curve.message})
    if shown.figure:
        draw(
            shown.figure,
            columns["steps"][1:],
            {config.method: columns["risk"][1:]},
            "steps",
            f"{config.model}, {config.algorithm}: {curve.message}",
        )
    return int(curve.result != 0)


def frontier_command(arguments: list[str]) -> int:
    """Print width, steps, risk and both exponents at each compute."""
    about = "The exact compute-optimal frontier: at each compute the best width, its risk and both local exponents."
    config, shown = parse(FrontierConfig, arguments, program="solvable frontier", about=about, extra=Drawn)
    check_kind(shown.figure)
    found = config.run()
    names = ("compute", "width", "steps", "risk", "loss_exponent", "width_exponent", "interior")
    columns = {name: _list(getattr(found, name)) for name in names}
    eta, xi = columns["loss_exponent"][-1], columns["width_exponent"][-1]
    summary = f"at the largest compute risk ~ compute^-{eta:.3f}, width ~ compute^{xi:.3f}"
    show(columns, shown, {"config": asdict(config), "summary": summary})
    if shown.figure:
        draw(shown.figure, columns["compute"], {"least risk": columns["risk"]}, "compute", summary)
    return 0


def check_kind(figure: Path | None) -> None:
    """Refuse a format that cannot be drawn, before anything is computed.

    Raises:
        WrongUsage: the file's name ends otherwise.
    """
    if figure is not None and figure.suffix[1:].lower() not in KINDS:
        raise WrongUsage(f"--figure: wanted a file that ends in .{', .'.join(KINDS)}; got {figure}")


def show(columns: Columns, shown: Drawn, content: dict[str, object]) -> None:
    """A table, with the last of ``content`` below it, or all as JSON."""
    import math

    if shown.json:
        finite = {name: [x if math.isfinite(x) else None for x in column] for name, column in columns.items()}
        print(json.dumps({**content, **finite}, indent=1))
        return
    print("  ".join(f"{name.replace('_', ' '):>14}" for name in columns))
    for row in zip(*columns.values(), strict=True):
        print("  ".join(f"{str(x) if isinstance(x, bool) else format(x, '.6g'):>14}" for x in row))
    print(f"\n{list(content.values())[-1]}")


def draw(path: Path, x: Sequence[float], lines: Columns, xlabel: str, title: str) -> None:
    """Save a figure; a file of that name is replaced in one move."""
    from solvable.io.files import put
    from solvable.plots.family import family_figure

    drawn = io.BytesIO()
    family_figure(x, lines, title, xlabel).savefig(drawn, format=path.suffix[1:].lower(), dpi=160)
    put(path, drawn.getvalue())


def _list(column: object) -> list[float]:
    import numpy as np

    return np.asarray(column).tolist()
