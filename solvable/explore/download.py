"""The curves as files: CSV, and a figure as PNG or SVG."""

import csv
import io
from collections.abc import Callable

from solvable.explore import answers
from solvable.explore.wish import Wish
from solvable.plots.family import family_figure

File = tuple[bytes, str]  # content and type


def table(wish: Wish) -> File:
    """One row a step; columns are the step, the risk of every width, and the training risk of a data set."""
    found, text = answers.theory(wish), io.StringIO(newline="")
    columns = {f"risk, width {line['width']:g}": line["risk"] for line in found["curves"]}
    columns |= {f"training risk, width {x['width']:g}": x["train_risk"] for x in found["curves"] if x["train_risk"]}
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["step", *columns])
    writer.writerows(zip(found["steps"], *columns.values(), strict=True))
    return text.getvalue().encode(), "text/csv"


def _figure(kind: str) -> Callable[[Wish], File]:
    def draw(wish: Wish) -> File:
        found, drawn = answers.theory(wish), io.BytesIO()
        lines = {f"width {line['width']:g}": line["risk"][1:] for line in found["curves"] if not line["diverges"]}
        name, eta = found["phase"]["name"], found["phase"]["loss_exponent"]
        where = f"Phase {name} at alpha = {wish.alpha:g}, beta = {wish.beta:g}"
        title = f"{where}: risk ~ compute^-{eta:.3f} along the frontier"
        family_figure(found["steps"][1:], lines, title).savefig(drawn, format=kind, dpi=160)
        return drawn.getvalue(), {"png": "image/png", "svg": "image/svg+xml"}[kind]

    return draw


DOWNLOADS: dict[str, Callable[[Wish], File]] = {
    "curves.csv": table, "curves.png": _figure("png"), "curves.svg": _figure("svg"),
}  # fmt: skip
