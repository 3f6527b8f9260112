"""Curves of several sizes against steps, from plain lists: the figure that the page of `solvable explore` saves."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from solvable.plots.series import line_styles
from solvable.plots.style import style


def family_figure(
    x: Sequence[float], lines: Mapping[str, Sequence[float | None]], title: str, xlabel: str = "steps"
) -> Figure:
    """Risk against ``x`` on logarithmic axes, one line a label, the legend beside the axes.

    Args:
        x: steps or computes > 0.
        lines: label -> risk there; None where there is none.
        title: of the figure.
        xlabel: what ``x`` is.

    Returns:
        A figure outside pyplot's list: it may be made in any thread.
    """
    with style():
        figure = Figure(figsize=(7, 3.6))
        axes = figure.subplots()
        axes.set(xscale="log", yscale="log", xlabel=xlabel, ylabel="risk E (f(x) - y)^2")
        axes.set_title(title, wrap=True)
        for (label, risk), entry in zip(lines.items(), line_styles(len(lines), ordered=True), strict=True):
            values = np.array(risk, float)
            axes.plot(x, values, label=label, markersize=3, markevery=4, linewidth=1.4, **entry)
        if len(lines) > 1:
            axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0)
        figure.draw_without_rendering()
    return figure
