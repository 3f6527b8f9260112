"""Run the optimizer itself: what every theory is checked against."""

from solvable.simulation.ensemble import Ensemble as Ensemble
from solvable.simulation.ensemble import simulate_ensemble as simulate_ensemble
from solvable.simulation.streaming import Simulation as Simulation
