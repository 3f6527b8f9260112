"""Maps over the (alpha, beta) plane, with the phases drawn in."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.patheffects import withStroke

from solvable.arguments import check_flag, check_window, refusal
from solvable.exponents import PHASES, boundaries, phase
from solvable.plots.series import check_axes


def plot_phase_boundaries(ax: Axes, *, labels: bool = True) -> None:
    """Draw the lines between the phases inside the axes' window, and each phase's name at its middle."""
    window, labels = (check_axes(ax).get_xlim(), ax.get_ylim()), check_flag("labels", labels)
    outline = [withStroke(linewidth=2.6, foreground="white")]
    for line in boundaries(*window).values():
        ax.plot(line[:, 0], line[:, 1], color="black", linewidth=1.1, path_effects=outline, zorder=3)
    if labels:
        for name, (x, y) in phase_centers(*window).items():
            ax.text(x, y, name, ha="center", va="center", fontweight="bold", path_effects=outline, zorder=4)
    ax.set_xlim(*window[0])
    ax.set_ylim(*window[1])


def phase_centers(alpha: tuple[float, float], beta: tuple[float, float]) -> dict[str, tuple[float, float]]:
    """A point well inside each phase that the window shows: farthest from the other phases and the frame."""
    a = np.linspace(*check_window("alpha", alpha), 121)
    b = np.linspace(*check_window("beta", beta), 121)
    inside = np.where((a[:, None] > 0) & (a[:, None] + b > 0.5), 1, 0)
    names = np.where(inside, phase(np.maximum(a, 1e-6)[:, None], b[None, :]).name, "none")
    centers = {}
    for name in PHASES:
        region = names == name
        if region.sum() < 30:
            continue
        depth = _depth(region)
        i, j = np.unravel_index(np.argmax(depth), depth.shape)
        centers[name] = float(a[i]), float(b[j])
    return centers


def _depth(region: np.ndarray) -> np.ndarray:
    """How many erosions each cell of a region survives."""
    depth, alive = np.zeros(region.shape), np.pad(region, 1)
    while alive.any():
        depth += alive[1:-1, 1:-1]
        core = alive[1:-1, 1:-1] & alive[2:, 1:-1] & alive[:-2, 1:-1] & alive[1:-1, 2:] & alive[1:-1, :-2]
        alive = np.pad(core, 1)
    return depth


def plot_phase_map(values: xr.DataArray, ax: Axes, **kwargs: Any) -> QuadMesh:
    """A heat map of ``values`` over its dims (alpha, beta), missing points grey, phase boundaries on top.

    Returns the mesh, for a colour bar and for further editing.
    """
    if not isinstance(values, xr.DataArray) or set(values.dims) != {"alpha", "beta"}:
        raise refusal("values", "an xarray.DataArray over alpha and beta", values)
    check_axes(ax)
    ordered = values.transpose("alpha", "beta")
    ax.set_facecolor("0.85")
    mesh = ax.pcolormesh(ordered["alpha"], ordered["beta"], ordered.values.T, shading="nearest", **kwargs)
    mesh.set_rasterized(True)
    ax.set_xlabel(r"$\alpha$  (inputs: eigenvalues $j^{-2\alpha}$)")
    ax.set_ylabel(r"$\beta$  (target: coefficients $j^{-\beta}$)")
    plot_phase_boundaries(ax)
    return mesh
