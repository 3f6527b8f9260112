"""Compute-optimal frontiers of populations that are no single power law."""
