"""Run the optimizer itself: what every theory is checked against."""

from solvable.simulation.streaming import Simulation as Simulation
