"""Theory over simulation, with what is left between them in standard errors."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from solvable.arguments import refusal
from solvable.plots.series import (
    add_legend,
    axis_label,
    check_axes,
    check_names,
    line_styles,
    mean_and_error,
    set_scales,
    value_label,
)
from solvable.plots.style import style

ALLOWED = 4.5  # standard errors: what the package's own checks accept


def compare(
    data: xr.Dataset,
    simulation: str = "risk",
    *,
    theory: str | xr.DataArray = "theory",
    x: str = "step",
    hue: str | None = None,
    over: tuple[str, ...] | None = None,
    axes: tuple[Axes, Axes] | None = None,
) -> tuple[Axes, Axes]:
    """Simulation as points with bars of two standard errors, theory as lines; below, the residual z.

    z = (simulation - theory) / stderr, where the error is known and not 0; the grey band is |z| <= 2, the dashed
    lines are at 4.5.

    Args:
        data: a dataset of the schema.
        simulation: variable that was simulated.
        theory: variable of the same dataset, or an array on the same coordinates (of another dataset).
        x: dim along the horizontal axis.
        hue: dim that tells the series apart; None for one.
        over: dims the simulation is averaged over; by default ``seed``, ``run`` and ``draw`` where present.
        axes: upper and lower axes to draw into; None makes a figure.

    Returns:
        Both axes, to be edited further.

    Raises:
        ValueError: a name is absent, a dim is not accounted for, or the simulation has no standard error.
    """
    check_names("dims", (x,))
    if axes is not None and not (isinstance(axes, tuple | list) and len(axes) == 2):
        raise refusal("axes", "two axes of matplotlib, or None", axes)
    mean, error = mean_and_error(data, simulation, (x, hue), over)
    if error is None:
        raise ValueError(f"simulation: wanted repetitions, or a variable {simulation}_stderr; got neither")
    exact = _theory(data, theory, mean, (x, hue))
    z = residuals(mean, error, exact)
    with style():
        top, bottom = _two_panels() if axes is None else map(check_axes, axes)
        set_scales(top, mean[x], mean)
        if top.get_xscale() == "log":
            bottom.set_xscale("log")
            use = {x: np.flatnonzero(mean[x].values > 0)}
            mean, error, exact, z = (array.isel(use) for array in (mean, error, exact, z))
        _draw(top, bottom, (mean, error, exact, z), x, hue)
        top.set_ylabel(axis_label(mean))
        bottom.axhspan(-2, 2, color="0.88", zorder=0, linewidth=0)
        for level in (-ALLOWED, 0, ALLOWED):
            bottom.axhline(level, color="0.35", linewidth=0.8, linestyle="--" if level else "-", zorder=1)
        reach = float(np.nanmax(np.abs(z.values), initial=0.0)) * 1.1
        bottom.set(xlabel=axis_label(mean[x]), ylabel="z: difference\nin std. errors")
        bottom.set_ylim(-max(6.0, reach), max(6.0, reach))
        add_legend(top)
    return top, bottom


def residuals(mean: xr.DataArray, error: xr.DataArray, theory: xr.DataArray) -> xr.DataArray:
    """(mean - theory) / error; NaN where the error is 0, as before the first step."""
    return (mean - theory) / error.where(error > 0)


def _theory(data: xr.Dataset, theory: str | xr.DataArray, like: xr.DataArray, keep) -> xr.DataArray:
    """The theory on the simulation's coordinates."""
    if isinstance(theory, str):
        theory = mean_and_error(data, theory, tuple(name for name in keep if name is not None))[0]
    if not isinstance(theory, xr.DataArray):
        raise refusal("theory", "the name of a variable, or an xarray.DataArray", theory)
    if set(theory.dims) != set(like.dims) or any(not theory[d].equals(like[d]) for d in like.dims):
        raise ValueError(f"theory: wanted the coordinates of the simulation, {dict(like.sizes)}; got "
                         f"{dict(theory.sizes)} or other values: select the common ones first")
    return theory.transpose(*like.dims)


def _draw(top: Axes, bottom: Axes, parts: tuple[xr.DataArray, ...], x: str, hue: str | None) -> None:
    count = 1 if hue is None else parts[0].sizes[hue]
    for i, entry in enumerate(line_styles(count)):
        mean, error, exact, z = parts if hue is None else (part.isel({hue: i}) for part in parts)
        place, color, marker = mean[x].values, entry["color"], entry["marker"]
        suffix = "" if hue is None else f", {value_label(hue, mean[hue])}"
        top.plot(place, exact.values, color=color, linestyle=entry["linestyle"], linewidth=1.4, label="theory" + suffix)
        points: dict[str, Any] = {"color": color, "linestyle": "", "markersize": 4, "markerfacecolor": "white"}
        top.errorbar(place, mean.values, 2 * error.values, fmt=marker, capsize=2, label="simulation" + suffix,
                     elinewidth=1, **{k: v for k, v in points.items() if k != "linestyle"})
        bottom.plot(place, z.values, marker=marker, **points)


def _two_panels() -> tuple[Axes, Axes]:
    from matplotlib import pyplot

    _, (top, bottom) = pyplot.subplots(2, 1, sharex=True, height_ratios=(2.6, 1), figsize=(5.8, 5.2))
    return top, bottom
