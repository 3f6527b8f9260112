"""Solvable models of neural scaling laws: simulated, solved exactly, and predicted, side by side."""

from solvable.algorithms import SGD, AbstractAlgorithm, AbstractModewise, Optax
from solvable.check import Check, check
from solvable.curve import Curve, Result
from solvable.exponents import phase
from solvable.fits import fit_power_law, measure_frontier
from solvable.frontier import compute_frontier
from solvable.method import AbstractMethod
from solvable.models import AbstractModel, AbstractProblem, LinearProblem, LinearRegression, PowerLawRF
from solvable.references import cite
from solvable.simulation import Simulation
from solvable.solve import log_steps, solve
from solvable.spectrum import Spectrum
from solvable.theory import Frontier, Recursion, Stability, Volterra, forcing, frontier_map, kernel, stability

__version__ = "0.1.0"

__all__ = [
    "SGD",
    "AbstractAlgorithm",
    "AbstractMethod",
    "AbstractModel",
    "AbstractModewise",
    "AbstractProblem",
    "Check",
    "Curve",
    "Frontier",
    "LinearProblem",
    "LinearRegression",
    "Optax",
    "PowerLawRF",
    "Recursion",
    "Result",
    "Simulation",
    "Spectrum",
    "Stability",
    "Volterra",
    "check",
    "cite",
    "compute_frontier",
    "fit_power_law",
    "forcing",
    "frontier_map",
    "kernel",
    "log_steps",
    "measure_frontier",
    "phase",
    "solve",
    "stability",
]
