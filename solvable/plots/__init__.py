"""Dataset in, figure out: one call each, matplotlib axes in and out. A view of the numbers, no computing."""

from solvable.plots.laws import law
from solvable.plots.learning_curve import learning_curve
from solvable.plots.lines import collapse, curves
from solvable.plots.maps import heatmap
from solvable.plots.phase_plane import phase_centers, plot_phase_boundaries, plot_phase_map
from solvable.plots.residuals import compare
from solvable.plots.scaling import frontier, isoflop
from solvable.plots.style import COLORS, LINES, MARKERS, style

__all__ = [
    "COLORS",
    "LINES",
    "MARKERS",
    "collapse",
    "compare",
    "curves",
    "frontier",
    "heatmap",
    "isoflop",
    "law",
    "learning_curve",
    "phase_centers",
    "plot_phase_boundaries",
    "plot_phase_map",
    "style",
]
