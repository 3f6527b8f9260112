"""A fitted law of scaling: the runs and their residuals, what it extrapolates to, its contours, its parabolas."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from solvable.arguments import check_choice, check_real, refusal
from solvable.fits import Fit, IsoFLOP
from solvable.plots.series import add_legend, check_axes, line_styles, new_axes, spans_decades
from solvable.plots.style import COLORS, style

NAMES = {"N": "parameters N", "D": "tokens D", "C": "compute C (FLOPs)", "L": "loss L"}


def law(fit: Fit, kind: str = "fit", *, reach: float = 1000.0, ax: Axes | None = None) -> Axes:
    """A figure of a fitted law.

    Args:
        fit: what `sv.fit` returned.
        kind: "fit" for the runs and the law, with the residuals below; "extrapolation" for the law with its band up to
            ``reach`` times the data; "contours" for lines of equal loss over N and D with the best split of compute;
            "isoflop" for the parabolas of the method `IsoFLOP`.
        reach: how far an extrapolation is drawn, as a factor of the largest value (of compute, for a law of N and D).
        ax: axes to draw into; None makes a figure. The residuals of "fit" are drawn only into a figure of its own.

    Returns:
        The (upper) axes, to be edited further.

    Raises:
        ValueError: the fit has no such figure.
    """
    if not isinstance(fit, Fit):
        raise refusal("fit", "what sv.fit returned", fit)
    draw = {"fit": _fit, "extrapolation": _extrapolation, "contours": _contours, "isoflop": _isoflop}
    check_choice("kind", kind, draw)
    check_real("reach", reach, "a number >= 1", lambda x: x >= 1)
    if ax is not None:
        check_axes(ax)
    with style():
        return draw[kind](fit, ax, float(reach))


def _label(name: str) -> str:
    return NAMES.get(name, name)


def _predicted(fit: Fit) -> np.ndarray:
    return np.asarray(fit.law(fit.values, {name: fit.data[name] for name in fit.law.variables}))


def _fit(fit: Fit, ax: Axes | None, reach: float) -> Axes:
    del reach
    if isinstance(fit.method, IsoFLOP) or len(fit.residual) != len(fit.data[fit.law.target]):
        return _optima(fit, ax)
    top, bottom = _two(ax)
    one = len(fit.law.variables) == 1
    place = fit.data[fit.law.variables[0]] if one else _predicted(fit)
    name = _label(fit.law.variables[0]) if one else f"fitted {_label(fit.law.target)}"
    top.plot(place, fit.data[fit.law.target], "o", color=COLORS[1], markersize=3, alpha=0.7, label="runs")
    grid = np.geomspace(place.min(), place.max(), 200)
    if one:
        band = fit.predict(**{fit.law.variables[0]: grid})
        top.plot(grid, band.value, color=COLORS[0], label="fit")
        top.fill_between(grid, band.low, band.high, color=COLORS[0], alpha=0.2, linewidth=0)
    else:
        top.plot(grid, grid, color=COLORS[0], label="measured = fitted")
    _scales(top, place, fit.data[fit.law.target])
    top.set_ylabel(_label(fit.law.target))
    add_legend(top)
    if bottom is None:
        top.set_xlabel(name)
        return top
    bottom.plot(place, 100 * fit.residual, "o", color=COLORS[1], markersize=3, alpha=0.7)
    bottom.axhline(0, color="0.35", linewidth=0.8)
    bottom.set(xlabel=name, ylabel="measured − fitted\n(%)", xscale=top.get_xscale())
    return top


def _optima(fit: Fit, ax: Axes | None) -> Axes:
    """Approaches 1 and 2: the best size at each compute and the line through them."""
    ax = new_axes(ax)
    compute = fit.data["C"]
    best: Any = fit.method.optima(fit.data, np.ones(len(compute)))  # pyright: ignore[reportAttributeAccessIssue]
    grid = np.geomspace(compute.min(), compute.max(), 100)
    split = fit.allocate(grid)
    ax.plot(best.compute, best.size, "o", color=COLORS[1], markersize=4, label="best size")
    ax.plot(grid, split.N.value, color=COLORS[0], label=f"N ∝ C^{fit['a'].value:.3f}")
    ax.fill_between(grid, split.N.low, split.N.high, color=COLORS[0], alpha=0.2, linewidth=0)
    ax.set(xscale="log", yscale="log", xlabel=_label("C"), ylabel=_label("N"))
    add_legend(ax)
    return ax


def _extrapolation(fit: Fit, ax: Axes | None, reach: float) -> Axes:
    """The law beyond the data; for N and D along the best split of compute."""
    ax, target = new_axes(ax), fit.law.target
    if len(fit.law.variables) == 1:
        name = fit.law.variables[0]
        place = fit.data[name]
        grid = np.geomspace(place.min(), reach * place.max(), 200)
        band = fit.predict(**{name: grid})
    elif set(fit.law.variables) == {"N", "D"}:
        name, place = "C", 6 * fit.data["N"] * fit.data["D"]
        grid = np.geomspace(place.min(), reach * place.max(), 60)
        band = fit.allocate(grid).L
    else:
        raise ValueError(f"kind: wanted a law of one variable or of N and D to extrapolate; got {fit.law.formula}")
    ax.plot(place, fit.data[target], "o", color=COLORS[1], markersize=3, alpha=0.6, label="runs")
    ax.plot(grid, band.value, color=COLORS[0], label="fit" if name != "C" else "best split of compute")
    shade = f"{100 * fit.confidence:g}% of the parameters"
    ax.fill_between(grid, band.low, band.high, color=COLORS[0], alpha=0.2, linewidth=0, label=shade)
    ax.axvline(place.max(), color="0.35", linewidth=0.8, linestyle="--", label="end of the data")
    ax.set(xlabel=_label(name), ylabel=_label(target))
    _scales(ax, grid, np.r_[band.value, fit.data[target]])
    add_legend(ax)
    return ax


def _contours(fit: Fit, ax: Axes | None, reach: float) -> Axes:
    """Lines of equal loss over D and N, the runs, and the best split of compute."""
    del reach
    if set(fit.law.variables) != {"N", "D"}:
        raise ValueError(f"kind: wanted a law of N and D for contours; got {fit.law.formula}")
    ax, size, data = new_axes(ax), fit.data["N"], fit.data["D"]
    x, y = (np.geomspace(v.min() / 1.5, v.max() * 1.5, 80) for v in (data, size))
    loss = fit(N=y[:, None], D=x[None])
    lines = ax.contour(x, y, loss, levels=np.quantile(loss, np.linspace(0.04, 0.96, 9)), colors="0.5", linewidths=0.8)
    ax.clabel(lines, fmt="%.3g", fontsize=7)
    ax.plot(data, size, "o", color=COLORS[1], markersize=3, alpha=0.6, label="runs")
    split = fit.allocate(np.geomspace(6 * x[0] * y[0], 6 * x[-1] * y[-1], 60))
    ax.plot(split.D.value, split.N.value, color=COLORS[2], label="best split of C = 6 N D")
    ax.set(xscale="log", yscale="log", xlim=(x[0], x[-1]), ylim=(y[0], y[-1]), xlabel=_label("D"), ylabel=_label("N"))
    add_legend(ax)
    return ax


def _isoflop(fit: Fit, ax: Axes | None, reach: float) -> Axes:
    """Loss against size at each compute, with the parabolas."""
    del reach
    if not isinstance(fit.method, IsoFLOP):
        raise ValueError(f"kind: wanted a fit by IsoFLOP() for its parabolas; got {type(fit.method).__name__}()")
    ax, budget = new_axes(ax), fit.method.budgets(fit.data["C"])
    rows = list(fit.method.parabolas(fit.data, np.ones(len(budget))))
    for entry, row in zip(line_styles(len(rows), ordered=True), rows, strict=True):
        value, found, centre, _, (low, high), top = row
        here = budget == value
        ax.plot(fit.data["N"][here], fit.data["L"][here], entry["marker"], color=entry["color"], markersize=4,
                label=f"C = {value:.2g}")  # fmt: skip
        grid = np.linspace(low, high, 60)
        ax.plot(np.exp(grid), np.polyval(found, grid - centre), color=entry["color"], linewidth=1.2)
        if found[0] > 0 and low <= top <= high:
            ax.plot(np.exp(top), np.polyval(found, top - centre), "*", color=COLORS[0], markersize=8, zorder=4)
    ax.set(xscale="log", xlabel=_label("N"), ylabel=_label("L"))
    add_legend(ax)
    return ax


def _scales(ax: Axes, x: np.ndarray, y: np.ndarray) -> None:
    for values, scale in ((x, ax.set_xscale), (y, ax.set_yscale)):
        if spans_decades(values):
            scale("log")


def _two(ax: Axes | None) -> tuple[Axes, Axes | None]:
    if ax is not None:
        return ax, None
    from matplotlib import pyplot

    _, (top, bottom) = pyplot.subplots(2, 1, sharex=True, height_ratios=(2.6, 1), figsize=(5.8, 5.2))
    return top, bottom
