"""Dataset in, figure out: no computing."""

from solvable.plots.phase_plane import phase_centers, plot_phase_boundaries, plot_phase_map
from solvable.plots.style import COLORS, LINES, MARKERS, style

__all__ = ["COLORS", "LINES", "MARKERS", "phase_centers", "plot_phase_boundaries", "plot_phase_map", "style"]
