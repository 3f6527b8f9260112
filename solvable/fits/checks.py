"""What a fit accepts: clear errors for everything else."""

from typing import Any

import numpy as np

from solvable.arguments import check_reals, refusal, shown


def check_points(x: Any, y: Any, stderr: Any, parameters: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x, y and the weights of the log residuals as float64 vectors; ValueError if they cannot be fitted."""
    positive = lambda v: np.isfinite(v) & (v > 0)  # noqa: E731
    x = check_reals("x", x, "finite values > 0", positive)
    y = check_reals("y", y, "finite values > 0", positive)
    if x.ndim != 1 or y.shape != x.shape:
        raise ValueError(f"x, y: wanted two vectors of one length; got shapes {x.shape} and {y.shape}")
    if x.size <= parameters or np.unique(x).size < parameters:
        raise ValueError(
            f"x: wanted more than {parameters} points, at {parameters} or more distinct x, for {parameters} "
            f"parameters with an interval; got {x.size} points at {np.unique(x).size} distinct x"
        )
    if stderr is None:
        return x, y, np.ones_like(y)
    error = check_reals("stderr", stderr, f"finite values > 0 of shape {y.shape}", positive)
    if error.shape != y.shape:
        raise ValueError(f"stderr: wanted finite values > 0 of shape {y.shape}; got shape {error.shape}")
    return x, y, y / error


def check_curves(width, steps, risk):
    """Width, positive steps, and risk of shape (widths, runs, steps), as float64."""
    width, steps = (check_reals(n, v, "increasing finite values >= 0") for n, v in (("width", width), ("steps", steps)))
    risk = check_reals("risk", risk, "finite values > 0", lambda v: ~np.isnan(v))
    for name, values, least in (("width", width, 3), ("steps", steps, 2)):
        if values.ndim != 1 or len(values) < least or not (np.diff(values) > 0).all() or not values[0] >= 0:
            raise ValueError(f"{name}: wanted {least} or more increasing values >= 0; got {shown(values)}")
    if width[0] < 1:
        raise ValueError(f"width: wanted values >= 1; got {width[0]:g}")
    if (steps > 0).sum() < 2:
        raise ValueError(f"steps: wanted 2 or more values > 0; got {shown(steps)}")
    if risk.ndim == 2:
        risk = risk[:, None]
    if risk.ndim != 3 or risk.shape[::2] != (len(width), len(steps)) or risk.shape[1] < 1:
        wanted = f"({len(width)}, {len(steps)}) or ({len(width)}, runs, {len(steps)})"
        raise ValueError(f"risk: wanted shape {wanted}; got {risk.shape}")
    if not (np.isfinite(risk) & (risk > 0)).all():
        index = tuple(np.argwhere(~(np.isfinite(risk) & (risk > 0)))[0].tolist())
        raise ValueError(f"risk: wanted finite values > 0; got {risk[index]} at width {width[index[0]]:g}")
    return width, steps[steps > 0], risk[..., steps > 0]


def check_increasing(name: str, values: Any) -> np.ndarray:
    """A vector of increasing finite values; ValueError if they are none."""
    array = check_reals(name, values, "increasing finite values")
    if array.ndim != 1 or not (np.diff(array) > 0).all():
        raise refusal(name, "increasing values", values)
    return array


def check_compute(compute, cost) -> np.ndarray:
    """The grid of compute: given, or log-spaced over what at least three widths reach."""
    first, last = cost[:, :1], cost[:, -1:]
    if compute is None:
        grid = np.geomspace(np.sort(first, axis=None)[2], np.sort(last, axis=None)[-3], 64)[1:-1]
        grid = grid[((first <= grid) & (grid <= last)).sum(axis=0) >= 3]
        if grid.size == 0:
            ranges = ", ".join(f"{a:.3g} to {b:.3g}" for a, b in cost[:, [0, -1]])
            raise ValueError(f"steps: wanted curves of which three overlap in compute; got {ranges}")
        return np.sort(grid)
    compute = check_increasing("compute", compute)
    reached = (compute >= first.min()) & (compute <= last.max())
    if compute.size == 0 or not reached.all():
        span = f"{cost.min():.3g} to {cost.max():.3g}"
        raise ValueError(f"compute: wanted values that a curve reaches, {span}; got {shown(compute)}")
    return compute
