"""Theories of the risk curve, one a file."""

from solvable.theory.recursion import Recursion
from solvable.theory.stability import Stability, stability
from solvable.theory.volterra import Volterra, forcing, kernel

__all__ = ["Recursion", "Stability", "Volterra", "forcing", "kernel", "stability"]
