"""Solvable models of neural scaling laws: simulated, solved exactly, and predicted, side by side.

The names below are imported when they are first used, so that ``import solvable`` and the command line's help are
immediate.
"""

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from solvable.algorithms import SGD as SGD
    from solvable.algorithms import AbstractAlgorithm as AbstractAlgorithm
    from solvable.algorithms import AbstractModewise as AbstractModewise
    from solvable.algorithms import AbstractSpectral as AbstractSpectral
    from solvable.algorithms import GradientFlow as GradientFlow
    from solvable.algorithms import Optax as Optax
    from solvable.algorithms import Ridge as Ridge
    from solvable.check import Check as Check
    from solvable.check import check as check
    from solvable.exponents import phase as phase
    from solvable.fits import fit_power_law as fit_power_law
    from solvable.fits import fit_spectrum as fit_spectrum
    from solvable.fits import measure_frontier as measure_frontier
    from solvable.forms import Curve as Curve
    from solvable.forms import Result as Result
    from solvable.forms import Spectrum as Spectrum
    from solvable.frontier import compute_frontier as compute_frontier
    from solvable.method import AbstractMethod as AbstractMethod
    from solvable.models import AbstractModel as AbstractModel
    from solvable.models import AbstractProblem as AbstractProblem
    from solvable.models import FiniteProblem as FiniteProblem
    from solvable.models import LinearProblem as LinearProblem
    from solvable.models import LinearRegression as LinearRegression
    from solvable.models import NonlinearRF as NonlinearRF
    from solvable.models import PowerLawRF as PowerLawRF
    from solvable.references import cite as cite
    from solvable.simulation import Ensemble as Ensemble
    from solvable.simulation import Simulation as Simulation
    from solvable.simulation import measure_learning_curve as measure_learning_curve
    from solvable.simulation import simulate_ensemble as simulate_ensemble
    from solvable.solve import log_steps as log_steps
    from solvable.solve import solve as solve
    from solvable.sweep import collect as collect
    from solvable.sweep import plan as plan
    from solvable.sweep import sweep as sweep
    from solvable.sweep import sweep_status as sweep_status
    from solvable.theory import DMFT as DMFT
    from solvable.theory import Correlations as Correlations
    from solvable.theory import DeterministicEquivalent as DeterministicEquivalent
    from solvable.theory import Exact as Exact
    from solvable.theory import Frontier as Frontier
    from solvable.theory import OptimalPenalty as OptimalPenalty
    from solvable.theory import Recursion as Recursion
    from solvable.theory import Regime as Regime
    from solvable.theory import Responses as Responses
    from solvable.theory import RidgeRisk as RidgeRisk
    from solvable.theory import RiskParts as RiskParts
    from solvable.theory import Stability as Stability
    from solvable.theory import Volterra as Volterra
    from solvable.theory import correlations as correlations
    from solvable.theory import decompose as decompose
    from solvable.theory import decompose_training as decompose_training
    from solvable.theory import ensemble as ensemble
    from solvable.theory import forcing as forcing
    from solvable.theory import frontier_map as frontier_map
    from solvable.theory import kernel as kernel
    from solvable.theory import optimal_penalty as optimal_penalty
    from solvable.theory import optimal_power_law as optimal_power_law
    from solvable.theory import regime as regime
    from solvable.theory import responses as responses
    from solvable.theory import ridge_map as ridge_map
    from solvable.theory import ridgeless_mean as ridgeless_mean
    from solvable.theory import stability as stability

_FACE = {
    "algorithms": (
        "SGD", "AbstractAlgorithm", "AbstractModewise", "AbstractSpectral", "GradientFlow", "Optax", "Ridge",
    ),
    "check": ("Check", "check"),
    "forms": ("Curve", "Result", "Spectrum"),
    "exponents": ("phase",),
    "fits": ("fit_power_law", "fit_spectrum", "measure_frontier"),
    "frontier": ("compute_frontier",),
    "method": ("AbstractMethod",),
    "models": (
        "AbstractModel", "AbstractProblem", "FiniteProblem", "LinearProblem", "LinearRegression", "NonlinearRF",
        "PowerLawRF",
    ),
    "references": ("cite",),
    "simulation": ("Ensemble", "Simulation", "measure_learning_curve", "simulate_ensemble"),
    "solve": ("log_steps", "solve"),
    "sweep": ("collect", "plan", "sweep", "sweep_status"),
    "theory": (
        "DMFT", "Correlations", "DeterministicEquivalent", "Exact", "Frontier", "OptimalPenalty", "Recursion",
        "Regime", "Responses", "RidgeRisk", "RiskParts", "Stability", "Volterra", "correlations", "decompose",
        "decompose_training", "ensemble", "forcing", "frontier_map", "kernel", "optimal_penalty", "optimal_power_law",
        "regime", "responses", "ridge_map", "ridgeless_mean", "stability",
    ),
}
_HOME = {name: module for module, names in _FACE.items() for name in names}
_FOLDERS = ("algorithms", "config", "exponents", "fits", "models", "numerics", "plots", "simulation", "theory")

__all__ = sorted(_HOME)  # pyright: ignore[reportUnsupportedDunderAll]


class _Face(ModuleType):
    """A package whose public names win over submodules of the same name: ``sv.solve`` is always the function."""

    def __getattr__(self, name: str) -> Any:
        if name in _HOME:
            value = getattr(importlib.import_module(f"solvable.{_HOME[name]}"), name)
            self.__dict__[name] = value
            return value
        if name in _FOLDERS:
            return importlib.import_module(f"solvable.{name}")
        raise AttributeError(f"module 'solvable' has no attribute {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _HOME and isinstance(value, ModuleType):
            return  # the import system binds a submodule when it is first loaded
        super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *__all__, *_FOLDERS})


sys.modules[__name__].__class__ = _Face
