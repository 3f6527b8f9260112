"""Theories of the risk curve, one a file."""

from solvable.theory.dmft import DMFT
from solvable.theory.exact import Exact
from solvable.theory.exact_frontier import Frontier, frontier_map, theory_frontier
from solvable.theory.feature_learning.diffusion import Diffusion
from solvable.theory.feature_learning.flow import Flow
from solvable.theory.feature_learning.passage import passage_time
from solvable.theory.mean_field import Correlations, Responses, correlations, responses
from solvable.theory.optimal_penalty import OptimalPenalty, optimal_penalty, optimal_power_law
from solvable.theory.recursion import Recursion
from solvable.theory.regimes import REGIMES, Regime, Resource, regime
from solvable.theory.ridge import DeterministicEquivalent, decompose, ridge_map, ridgeless_mean
from solvable.theory.ridge_equations import RidgeRisk
from solvable.theory.risk_parts import RiskParts
from solvable.theory.stability import Stability, stability
from solvable.theory.training_parts import decompose_training, ensemble
from solvable.theory.volterra import Volterra, forcing, kernel

__all__ = [
    "DMFT",
    "REGIMES",
    "Correlations",
    "DeterministicEquivalent",
    "Diffusion",
    "Exact",
    "Flow",
    "Frontier",
    "OptimalPenalty",
    "Recursion",
    "Regime",
    "Resource",
    "Responses",
    "RidgeRisk",
    "RiskParts",
    "Stability",
    "Volterra",
    "correlations",
    "decompose",
    "decompose_training",
    "ensemble",
    "forcing",
    "frontier_map",
    "kernel",
    "optimal_penalty",
    "optimal_power_law",
    "passage_time",
    "regime",
    "responses",
    "ridge_map",
    "ridgeless_mean",
    "stability",
    "theory_frontier",
]
