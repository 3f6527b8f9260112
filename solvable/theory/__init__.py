"""Theories of the risk curve, one a file."""

from solvable.theory.exact import Exact
from solvable.theory.frontier import Frontier, frontier_map, theory_frontier
from solvable.theory.recursion import Recursion
from solvable.theory.stability import Stability, stability
from solvable.theory.volterra import Volterra, forcing, kernel

__all__ = [
    "Exact",
    "Frontier",
    "Recursion",
    "Stability",
    "Volterra",
    "forcing",
    "frontier_map",
    "kernel",
    "stability",
    "theory_frontier",
]
