"""Theories of the risk curve, one a file."""

from solvable.theory.dmft import DMFT
from solvable.theory.exact import Exact
from solvable.theory.exact_frontier import frontier_map, theory_frontier
from solvable.theory.feature_learning.diffusion import Diffusion
from solvable.theory.feature_learning.flow import Flow
from solvable.theory.feature_learning.passage import passage_time
from solvable.theory.frontier import Frontier
from solvable.theory.mean_field import Correlations, Responses, correlations, responses
from solvable.theory.noise_scale import NoiseScale, noise_scale
from solvable.theory.optimal_penalty import OptimalPenalty, optimal_penalty, optimal_power_law
from solvable.theory.perceptron.replica import Replica, Student, perceptron_map
from solvable.theory.recursion import Recursion
from solvable.theory.regimes import REGIMES, Regime, Resource, regime
from solvable.theory.ridge import DeterministicEquivalent, decompose, ridge_map, ridgeless_mean
from solvable.theory.ridge_equations import RidgeRisk
from solvable.theory.risk_parts import RiskParts
from solvable.theory.sign_closure import SignClosure
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
    "NoiseScale",
    "OptimalPenalty",
    "Recursion",
    "Regime",
    "Replica",
    "Resource",
    "Responses",
    "RidgeRisk",
    "RiskParts",
    "SignClosure",
    "Stability",
    "Student",
    "Volterra",
    "correlations",
    "decompose",
    "decompose_training",
    "ensemble",
    "forcing",
    "frontier_map",
    "kernel",
    "noise_scale",
    "optimal_penalty",
    "optimal_power_law",
    "passage_time",
    "perceptron_map",
    "regime",
    "responses",
    "ridge_map",
    "ridgeless_mean",
    "stability",
    "theory_frontier",
]
