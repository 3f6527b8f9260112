"""Lines with error bands over one axis, and the same lines rescaled to fall on one curve."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from solvable.arguments import check_real, shown
from solvable.plots.series import (
    add_legend,
    axis_label,
    check_names,
    line_styles,
    mean_and_error,
    new_axes,
    set_scales,
    spans_decades,
    value_label,
)
from solvable.plots.style import style

Series = tuple[str | None, dict[str, Any], xr.DataArray, np.ndarray | None]
BAND = 2.0  # half height of a band, in standard errors
MARKS = 10  # markers along a line, about


def curves(
    data: xr.Dataset,
    y: str = "risk",
    *,
    x: str = "step",
    hue: str | None = None,
    over: tuple[str, ...] | None = None,
    ax: Axes | None = None,
    **line: Any,
) -> Axes:
    """``y`` against ``x``, one line for each value of ``hue``, with bands of two standard errors.

    Args:
        data: a dataset of the schema.
        y: variable to draw; its dims must be ``x``, ``hue`` and those averaged over.
        x: dim along the horizontal axis.
        hue: dim that tells the lines apart; None for one line.
        over: dims averaged over; by default ``seed``, ``run`` and ``draw`` where present.
        ax: axes to draw into; None makes a figure.
        line: options of every line, such as ``linewidth``.

    Returns:
        The axes, to be edited further. Axes that span a decade are logarithmic; x = 0 is then left out.

    Raises:
        ValueError: a name is absent, or a dim is not accounted for.
    """
    check_names("dims", (x,))
    mean, error = mean_and_error(data, y, (x, hue), over)
    with style():
        ax = new_axes(ax)
        set_scales(ax, mean[x], mean)
        for label, entry, here, spread in _series(mean, error, hue):
            _line(ax, here[x].values, here.values, spread, label, {**entry, **line})
        ax.set(xlabel=axis_label(mean[x]), ylabel=axis_label(mean))
        add_legend(ax)
    return ax


def collapse(
    data: xr.Dataset,
    y: str = "risk",
    *,
    x: str = "step",
    by: str = "width",
    x_power: float,
    y_power: float,
    floor: str | float = 0.0,
    over: tuple[str, ...] | None = None,
    ax: Axes | None = None,
    **line: Any,
) -> Axes:
    """(y - floor) * by^y_power against x * by^x_power: curves of a scaling form fall on one.

    With ``y - floor = by^(-b) F(x / by^a)``, the curves of all ``by`` coincide for x_power = -a and y_power = b.

    Args:
        data, y, x, over, ax, line: as for `curves`.
        by: positive dim whose powers rescale the axes.
        x_power, y_power: exponents of ``by`` that multiply x and y.
        floor: what to subtract first, a number or the name of a variable without the dim ``x``.

    Raises:
        ValueError: as `curves`, or ``by`` has a value that is not positive.
    """
    for name, power in (("x_power", x_power), ("y_power", y_power)):
        check_real(name, power, "a number from -100 to 100", lambda p: abs(p) <= 100)
    if not isinstance(floor, str):
        check_real("floor", floor, "a finite number or the name of a variable")
    check_names("dims", (x, by))
    mean, error = mean_and_error(data, y, (x, by), over)
    scale = mean[by]
    if not (scale > 0).all():
        raise ValueError(f"by: wanted positive values of {by!r}; got {shown(scale.values)}")
    level = mean_and_error(data, floor, (by,))[0] if isinstance(floor, str) else floor
    rescaled, spread = (mean - level) * scale**y_power, None if error is None else error * scale**y_power
    place = mean[x] * scale**x_power
    with style():
        ax = new_axes(ax)
        set_scales(ax, place, rescaled)
        for label, entry, here, errors in _series(rescaled, spread, by):
            _line(ax, place.sel({by: here[by]}).values, here.values, errors, label, {**entry, **line})
        lowered = f"({y} − floor)" if isinstance(floor, str) or floor else y
        ax.set_xlabel(_product(x, by, x_power))
        ax.set_ylabel(_product(lowered, by, y_power))
        add_legend(ax)
    return ax


def _series(mean: xr.DataArray, error: xr.DataArray | None, hue: str | None) -> Iterator[Series]:
    """(label, style, mean, error values) of every line."""
    if hue is None:
        yield None, line_styles(1)[0], mean, None if error is None else error.values
        return
    for i, entry in enumerate(line_styles(mean.sizes[hue])):
        here = mean.isel({hue: i})
        yield value_label(hue, here[hue]), entry, here, None if error is None else error.isel({hue: i}).values


def _line(
    ax: Axes, x: np.ndarray, y: np.ndarray, error: np.ndarray | None, label: str | None, entry: dict[str, Any]
) -> None:
    """One line with its band; on a log axis the band stops at a tenth of the line instead of at zero."""
    use = x > 0 if ax.get_xscale() == "log" else np.ones(len(x), bool)
    x, y = x[use], y[use]
    every = max(1, len(x) // MARKS)
    (drawn,) = ax.plot(x, y, label=label, **{"markersize": 4, "markevery": every, "linewidth": 1.4, **entry})
    if error is None or not (error[use] > 0).any():
        return
    low, high = y - BAND * error[use], y + BAND * error[use]
    if ax.get_yscale() == "log" or spans_decades(y):
        low = np.maximum(low, y / 10)
    ax.fill_between(x, low, high, color=drawn.get_color(), alpha=0.22, linewidth=0)


def _product(name: str, by: str, power: float) -> str:
    name, by = name.replace("_", " "), by.replace("_", " ")
    return name if power == 0 else rf"{name} $\times$ {by}$^{{{power:.4g}}}$"
