"""A predicted learning curve with its band."""

from typing import Any

from matplotlib.axes import Axes

from solvable.arguments import refusal
from solvable.plots.series import add_legend, new_axes
from solvable.plots.style import COLORS, style
from solvable.verbs.predict import PredictedLearningCurve


def learning_curve(curve: PredictedLearningCurve, *, ax: Axes | None = None, **line: Any) -> Axes:
    """Risk against training samples, with the band; a dashed line at half of the data, beyond which none is measured.

    Args:
        curve: what `sv.predict_learning_curve` returned.
        ax: axes to draw into; None makes a figure.
        line: options of the line.

    Raises:
        ValueError: it is something else.
    """
    if not isinstance(curve, PredictedLearningCurve):
        raise refusal("curve", "what sv.predict_learning_curve returned", curve)
    order = curve.sizes.argsort()
    sizes = curve.sizes[order]
    with style():
        ax = new_axes(ax)
        shade = f"{100 * curve.confidence:g}% band of the mean"
        low, high = curve.low[order], curve.high[order]
        ax.fill_between(sizes, low, high, color=COLORS[1], alpha=0.25, linewidth=0, label=shade)
        options = {"color": COLORS[1], "marker": "o", "markersize": 4, "label": "predicted", **line}
        ax.plot(sizes, curve.risk[order], **options)
        ax.axvline(curve.num_data / 2, color="0.35", linewidth=0.8, linestyle="--", label="half of the data")
        ax.set(xscale="log", yscale="log", xlabel="training samples", ylabel="risk (mean squared error)")
        add_legend(ax)
    return ax
