"""From a labelled dataset to what a figure draws: means with errors, styles, labels and scales."""

import textwrap
from typing import Any

import matplotlib
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.ticker import NullLocator
from numpy.typing import ArrayLike

from solvable.arguments import refusal, shown
from solvable.plots.style import COLORS, LINES, MARKERS

REPEATS = ("seed", "run", "draw")  # dims of independent repetitions, averaged over unless told otherwise
MOST_TICKS = 9
DECADE = 10.0  # a positive axis that spans this factor is drawn on a log scale


def mean_and_error(
    data: xr.Dataset, y: str, keep: tuple[str | None, ...], over: tuple[str, ...] | None = None
) -> tuple[xr.DataArray, xr.DataArray | None]:
    """``data[y]`` averaged over repetitions, and the standard error of that mean.

    The error is the spread over the repetitions, std / sqrt(n); without repetitions it is the variable
    ``{y}_stderr`` (of ``risk`` and ``train_risk``: ``stderr``, ``train_stderr``), and None if there is neither.
    A mean is NaN wherever one of its terms is: a divergent run has no mean.

    Args:
        data: a dataset of the schema.
        y: name of a variable.
        keep: dims the figure shows; names that are None are skipped. Other dims of length 1 are dropped.
        over: dims to average over; by default those of `REPEATS` that are present and not kept.

    Raises:
        ValueError: a name is absent, or a dim is neither kept nor averaged over.
    """
    variable(data, y)
    check_names("dims", tuple(name for name in keep if name is not None))
    over = None if over is None else check_names("over", over)
    kept = [name for name in keep if name is not None]
    data = data.squeeze([d for d, size in data.sizes.items() if size == 1 and d not in (*kept, *(over or ()))])
    values = data[y]
    if over is None:
        over = tuple(name for name in REPEATS if name in values.dims and name not in kept)
    for name in (*kept, *over):
        if name not in values.dims:
            raise ValueError(f"dims: wanted some of {values.dims}, the dims of {y!r}; got {shown(name)}")
    rest = [str(name) for name in values.dims if name not in kept and name not in over]
    if rest:
        raise ValueError(
            f"dims: wanted only {kept} in {y!r} besides {list(over)}, which are averaged over; got {rest} too: "
            f"select first, data.sel({rest[0]}=...), or average over them with over=..."
        )
    count = int(np.prod([values.sizes[name] for name in over])) if over else 1
    mean = values.mean(over, skipna=False, keep_attrs=True)
    if count > 1:
        return mean, values.std(over, ddof=1, skipna=False) / np.sqrt(count)
    short = f"{y.removesuffix('risk')}stderr" if y.endswith("risk") else ""
    named = next((name for name in (f"{y}_stderr", short) if name in data), None)
    return mean, None if named is None else data[named].mean(over)


def variable(data: Any, y: Any) -> xr.DataArray:
    """``data[y]``.

    Raises:
        ValueError: ``data`` is no dataset or has no such variable.
    """
    if not isinstance(data, xr.Dataset):
        raise refusal("data", "an xarray.Dataset of labelled results", data)
    if not isinstance(y, str) or y not in data:
        raise ValueError(f"y: wanted one of {sorted(map(str, data.data_vars))}; got {shown(y)}")
    return data[y]


def check_names(name: str, value: Any) -> tuple[str, ...]:
    """``value`` as a tuple of names of dims.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, tuple | list) or not all(isinstance(each, str) for each in value):
        raise refusal(name, "names of dims", value)
    return tuple(value)


def check_axes(ax: Any) -> Axes:
    """``ax``, axes of matplotlib.

    Raises:
        ValueError: it is something else.
    """
    if not isinstance(ax, Axes):
        raise refusal("ax", "axes of matplotlib or None", ax)
    return ax


def axis_label(values: xr.DataArray, width: int = 52) -> str:
    """The variable's long name with its units, broken into lines; its name if it has none."""
    text, units = str(values.attrs.get("long_name", values.name)), str(values.attrs.get("units", ""))
    return textwrap.fill(f"{text} ({units})" if units not in ("", "1") else text, width)


def value_label(name: str, value: ArrayLike) -> str:
    """An entry of a legend: ``width 64``, or the value alone where it is a word."""
    value = np.asarray(value)[()]
    return str(value) if isinstance(value, str) else f"{name.replace('_', ' ')} {value:.4g}"


def line_styles(count: int, *, ordered: bool = False) -> list[dict[str, Any]]:
    """Colour, line and marker of each of ``count`` series: every pair differs without colour.

    Up to seven named colours; beyond, or where the series are ``ordered``, shades from dark to light.
    """
    if ordered or count > len(COLORS):
        shades = matplotlib.colormaps["viridis"](np.linspace(0, 0.85, count))
        colors = [to_hex(shade) for shade in shades]
    else:
        colors = list(COLORS[1:] + COLORS[:1])[:count]
    # 4 lines and 7 markers have no common factor: 28 combinations before one returns
    return [
        {"color": color, "linestyle": LINES[i % len(LINES)], "marker": MARKERS[i % len(MARKERS)]}
        for i, color in enumerate(colors)
    ]


def spans_decades(*values: ArrayLike) -> bool:
    """Whether the positive finite values span a factor of ten or more, so that a log axis shows them."""
    flat = np.concatenate([np.ravel(np.asarray(v, float)) for v in values])
    if (flat[np.isfinite(flat)] < 0).any():
        return False
    flat = flat[np.isfinite(flat) & (flat > 0)]
    return bool(flat.size > 1 and flat.max() >= DECADE * flat.min())


def set_scales(ax: Axes, x: ArrayLike, y: ArrayLike) -> None:
    """Log axes where the values span decades; ticks at the values themselves where they are a few integers."""
    for axis, values, scale in ((ax.xaxis, x, ax.set_xscale), (ax.yaxis, y, ax.set_yscale)):
        if spans_decades(values):
            scale("log")
        values = np.ravel(np.asarray(values))
        if len(values) <= MOST_TICKS and np.issubdtype(values.dtype, np.integer):
            axis.set_ticks(values, [str(v) for v in values])
            axis.set_minor_locator(NullLocator())


def new_axes(ax: Axes | None, **size: Any) -> Axes:
    """``ax`` itself, or the axes of a new pyplot figure, which a notebook shows by itself."""
    if ax is not None:
        return check_axes(ax)
    from matplotlib import pyplot

    return pyplot.subplots(**size)[1]


def add_legend(ax: Axes, *, most: int = 12) -> None:
    """A legend of at most ``most`` entries, the first and the last always among them; none for a single series."""
    handles, labels = ax.get_legend_handles_labels()
    if len(labels) < 2:
        return
    keep = np.unique(np.linspace(0, len(labels) - 1, min(most, len(labels))).round().astype(int))
    ax.legend([handles[i] for i in keep], [labels[i] for i in keep], ncols=1 + (len(keep) > 6))
