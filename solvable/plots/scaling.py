"""Risk against compute: curves of all widths with their lower envelope, and IsoFLOP parabolas."""

from typing import Any, Protocol

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from solvable.arguments import check_real, check_reals, real_numbers, refusal
from solvable.plots.series import (
    add_legend,
    axis_label,
    line_styles,
    mean_and_error,
    new_axes,
    set_scales,
    value_label,
    variable,
)
from solvable.plots.style import COLORS, style

COMPUTE = "compute: width × steps × batch size"
FEWEST = 3  # widths that must reach a compute, so that its optimum can be bracketed


class Envelope(Protocol):
    """A frontier: the least risk at each compute."""

    @property
    def compute(self) -> ArrayLike:
        """Shape (points,)."""
        ...

    @property
    def risk(self) -> ArrayLike:
        """Shape (points,)."""
        ...


def frontier(
    data: xr.Dataset,
    y: str = "risk",
    *,
    envelope: Envelope | None = None,
    over: tuple[str, ...] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Risk against compute, one line a width, with the lower envelope over all of them.

    Args:
        data: a dataset with the dims ``width`` and ``step``, or ``width`` and ``compute`` (IsoFLOP).
        y: variable to draw.
        envelope: what to draw instead of the lower envelope of the lines: anything with ``compute`` and ``risk``,
            such as what `solvable.compute_frontier` or `solvable.fits.measure_frontier` returns.
        over: dims averaged over; by default ``seed``, ``run`` and ``draw`` where present.
        ax: axes to draw into; None makes a figure.

    Raises:
        ValueError: a name is absent, or a dim is not accounted for.
    """
    cost, risk = _against_compute(data, y, over)
    with style():
        ax = new_axes(ax)
        ax.set(xscale="log", yscale="log", xlabel=COMPUTE, ylabel=axis_label(data[y]))
        for i, entry in enumerate(line_styles(risk.sizes["width"], ordered=True)):
            here = risk.isel(width=i)
            entry |= {"marker": "", "linewidth": 1.2}
            ax.plot(cost[i], here.values, label=value_label("width", here["width"]), **entry)
        if envelope is None:
            compute = np.geomspace(np.nanmin(cost), np.nanmax(cost), 200)
            lowest, label = lower_envelope(cost, risk.values, compute), "lower envelope"
        else:
            compute, lowest, label = *_given_envelope(envelope), "frontier"
        ax.plot(compute, lowest, color=COLORS[0], linewidth=3, alpha=0.45, zorder=1, label=label)
        add_legend(ax)
    return ax


def _given_envelope(envelope: Any) -> tuple[np.ndarray, np.ndarray]:
    wanted = "compute and risk of one length, or None"
    pair = [real_numbers(getattr(envelope, name, None)) for name in ("compute", "risk")]
    if any(x is None or np.ndim(x) != 1 for x in pair) or len(pair[0]) != len(pair[1]):
        raise refusal("envelope", wanted, envelope)
    return np.asarray(pair[0]), np.asarray(pair[1])


def isoflop(
    data: xr.Dataset,
    y: str = "risk",
    *,
    compute: ArrayLike | None = None,
    span: float = 4.0,
    over: tuple[str, ...] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Risk against width at fixed compute, with the parabola in log-log around each minimum and its vertex.

    The parabola is that of ``measure_frontier(approach="isoflop")``: least squares over the widths within a factor
    ``span`` of the lowest one.

    Args:
        data, y, over, ax: as for `frontier`.
        compute: values of compute; by default those of the dataset, or five that three widths or more reach.
        span: half the window of a parabola, as a factor of the width.

    Raises:
        ValueError: as `frontier`, or no compute is reached by three widths.
    """
    cost, risk = _against_compute(data, y, over)
    if compute is None:
        compute = data["compute"].values if "compute" in risk.dims else _reached(cost)
    positive = lambda f: np.isfinite(f) & (f > 0)  # noqa: E731
    compute = np.atleast_1d(check_reals("compute", compute, "finite values > 0", positive)).ravel()
    check_real("span", span, "a number > 1", lambda s: s > 1)
    span = float(span)
    width = risk["width"].values.astype(float)
    at = np.stack([_at_compute(f, r, compute) for f, r in zip(cost, risk.values, strict=True)])
    with style():
        ax = new_axes(ax)
        ax.set(xscale="log", yscale="log", xlabel=axis_label(risk["width"]), ylabel=axis_label(data[y]))
        set_scales(ax, risk["width"], risk)
        for i, entry in enumerate(line_styles(len(compute), ordered=True)):
            line = {"linestyle": entry.pop("linestyle"), "color": entry["color"]}
            entry |= {"linestyle": "", "markersize": 5, "markerfacecolor": "white"}
            ax.plot(width, at[:, i], label=f"compute {compute[i]:.2g}", **entry)
            curve = parabola(np.log(width), np.log(at[:, i]), np.log(span))
            if curve is None:
                ax.plot(width, at[:, i], linewidth=0.8, alpha=0.6, **line)
                continue
            x, height, vertex = curve
            ax.plot(np.exp(x), np.exp(height), linewidth=1.3, **line)
            ax.plot(*np.exp(vertex), marker="*", markersize=10, color=COLORS[2], markeredgecolor="black", zorder=4)
        add_legend(ax)
    return ax


def lower_envelope(cost: np.ndarray, risk: np.ndarray, compute: np.ndarray) -> np.ndarray:
    """The least risk at each compute over all curves, interpolated in log-log; NaN where no curve reaches.

    Args:
        cost, risk: each curve's compute and risk; shape (widths, steps).
        compute: where to look; shape (points,).
    """
    every = np.stack([_at_compute(f, r, compute) for f, r in zip(cost, risk, strict=True)])
    lowest = np.where(np.isnan(every), np.inf, every).min(axis=0)
    return np.where(np.isinf(lowest), np.nan, lowest)


def parabola(
    log_width: np.ndarray, log_risk: np.ndarray, span: float
) -> tuple[np.ndarray, np.ndarray, tuple[float, float]] | None:
    """The least-squares parabola around the lowest point: (x, height, vertex), None where the optimum is not bracketed.

    ``span`` is half the window in log width; the two neighbours of the lowest point are always in it.
    """
    finite = np.isfinite(log_risk)
    if finite.sum() < FEWEST:
        return None
    lowest = int(np.argmin(np.where(finite, log_risk, np.inf)))
    neighbours = np.abs(np.arange(len(log_width)) - lowest) <= 1
    near = finite & (neighbours | (np.abs(log_width - log_width[lowest]) <= span + 1e-12))
    if near.sum() < FEWEST:
        return None
    x = log_width[near] - log_width[lowest]
    fit = np.polyfit(x, log_risk[near], 2)
    if fit[0] <= 0 or not x[0] < -fit[1] / (2 * fit[0]) < x[-1]:
        return None
    vertex = -fit[1] / (2 * fit[0])
    grid = np.linspace(x[0], x[-1], 60)
    return grid + log_width[lowest], np.polyval(fit, grid), (vertex + log_width[lowest], np.polyval(fit, vertex))


def _against_compute(data: xr.Dataset, y: str, over: tuple[str, ...] | None) -> tuple[np.ndarray, xr.DataArray]:
    """Compute of every point and the mean risk there, both (width, step) without step 0."""
    along = "compute" if "compute" in variable(data, y).dims else "step"
    risk = mean_and_error(data, y, ("width", along), over)[0].transpose("width", along)
    if along == "compute":
        return np.broadcast_to(risk["compute"].values.astype(float), risk.shape), risk
    risk = risk.isel(step=np.flatnonzero(risk["step"].values > 0))
    batch = float(data["batch_size"]) if "batch_size" in data and data["batch_size"].ndim == 0 else 1.0
    return risk["width"].values[:, None].astype(float) * risk["step"].values * batch, risk


def _at_compute(cost: np.ndarray, risk: np.ndarray, compute: np.ndarray) -> np.ndarray:
    """One curve at each compute, by straight lines in log-log; NaN beyond its ends."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.exp(np.interp(np.log(compute), np.log(cost), np.log(risk), left=np.nan, right=np.nan))


def _reached(cost: np.ndarray) -> np.ndarray:
    """Five values of compute that at least three widths reach."""
    low, high = np.sort(cost.min(axis=1)), np.sort(cost.max(axis=1))[::-1]
    if len(low) < FEWEST or low[FEWEST - 1] >= high[FEWEST - 1]:
        raise ValueError("compute: wanted values that three widths reach; got curves that have none in common")
    return np.geomspace(low[FEWEST - 1], high[FEWEST - 1], 7)[1:-1]
