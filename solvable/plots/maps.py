"""A variable over two axes."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.patheffects import AbstractPathEffect, withStroke
from matplotlib.ticker import Locator, LogLocator, MaxNLocator

from solvable.arguments import check_integer, refusal
from solvable.plots.series import axis_label, check_names, mean_and_error, new_axes, set_scales, spans_decades
from solvable.plots.style import style


def heatmap(
    data: xr.Dataset,
    y: str = "risk",
    *,
    dims: tuple[str, str],
    over: tuple[str, ...] | None = None,
    contours: int = 5,
    ax: Axes | None = None,
    **mesh: Any,
) -> Axes:
    """``y`` over two dims: colour, contour lines that read in grey, and hatching where there is no finite value.

    Args:
        data: a dataset of the schema.
        y: variable to draw; log colours where it spans decades.
        dims: the horizontal dim and the vertical one.
        over: dims averaged over; by default ``seed``, ``run`` and ``draw`` where present.
        contours: number of labelled contour lines, about; 0 for none.
        ax: axes to draw into; None makes a figure.
        mesh: options of ``pcolormesh``, such as ``cmap``, ``vmin``, ``vmax``, ``norm``.

    Returns:
        The axes; ``ax.collections[0]`` is the mesh. Axes that span a decade are logarithmic; 0 is then left out.

    Raises:
        ValueError: a name is absent, or a dim is not accounted for.
    """
    if len(check_names("dims", dims)) != 2 or dims[0] == dims[1]:
        raise refusal("dims", "two names of dims", dims)
    contours = check_integer("contours", contours, 0, 1000)
    across, up = dims
    values = mean_and_error(data, y, dims, over)[0].transpose(up, across)
    log_axes = {name: spans_decades(values[name]) for name in dims}
    values = values.isel({name: np.flatnonzero(values[name].values > 0) for name in dims if log_axes[name]})
    x, z, shown = values[across].values, values[up].values, np.ma.masked_invalid(values.values)
    log = spans_decades(shown.compressed()) and "norm" not in mesh
    with style():
        ax = new_axes(ax, figsize=(5.6, 4.2))
        set_scales(ax, x, z)
        if log:
            limits = {"vmin": mesh.pop("vmin", None), "vmax": mesh.pop("vmax", None)}
            shown, mesh["norm"] = np.ma.masked_less_equal(shown, 0), LogNorm(**limits)
        ax.patch.set(facecolor="0.92", edgecolor="0.6", hatch="///", linewidth=0)
        edges = [cell_edges(values[name].values, log=log_axes[name]) for name in dims]
        drawn = ax.pcolormesh(*edges, shown, rasterized=True, **mesh)
        assert ax.figure is not None
        ax.figure.colorbar(drawn, ax=ax, label=axis_label(values))
        if contours and min(shown.shape) > 1 and shown.min() < shown.max():
            _contours(ax, x, z, shown, contours, log)
        ax.set(xlabel=axis_label(values[across]), ylabel=axis_label(values[up]))
    return ax


def cell_edges(centres: np.ndarray, *, log: bool = False) -> np.ndarray:
    """Edges of the cells around increasing centres: halfway between them, in the logarithm on a log axis."""
    c = np.log(centres) if log else np.asarray(centres, float)
    middle = (c[1:] + c[:-1]) / 2
    first, last = (c[0] - 0.5, c[0] + 0.5) if len(c) == 1 else (2 * c[0] - middle[0], 2 * c[-1] - middle[-1])
    edges = np.concatenate([[first], middle, [last]])
    return np.exp(edges) if log else edges


def _contours(ax: Axes, x: np.ndarray, z: np.ndarray, shown: np.ma.MaskedArray, count: int, log: bool) -> None:
    """Labelled level lines between the cells' centres, white under black so that they show on any colour."""
    low, high = float(shown.min()), float(shown.max())
    levels = round_levels(low, high, count, log=log)
    window = ax.get_xlim(), ax.get_ylim()
    halo: list[AbstractPathEffect] = [withStroke(linewidth=2.4, foreground="white")]
    lines = ax.contour(x, z, shown, levels=levels, colors="black", linewidths=0.8)
    lines.set_path_effects(halo)
    for text in ax.clabel(lines, fmt=lambda level: f"{level:.3g}", fontsize=8):
        text.set_path_effects(halo)
    ax.set(xlim=window[0], ylim=window[1])


def round_levels(low: float, high: float, count: int, *, log: bool) -> np.ndarray:
    """About ``count`` round numbers strictly between low and high, on a log scale powers of ten where they suffice."""
    if log:
        levels = np.array([])
        for subs in ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0)):
            levels = _inside(LogLocator(subs=subs, numticks=100), low, high)
            if len(levels) >= count:
                break
        return levels[:: max(1, round(len(levels) / count))]
    return _inside(MaxNLocator(count), low, high)


def _inside(locator: Locator, low: float, high: float) -> np.ndarray:
    ticks = np.asarray(locator.tick_values(low, high), float)
    return ticks[(ticks > low) & (ticks < high)]
