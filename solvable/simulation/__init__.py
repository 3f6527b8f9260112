"""Run the optimizer itself: what every theory is checked against."""

from solvable.simulation.ensemble import Ensemble as Ensemble
from solvable.simulation.ensemble import simulate_ensemble as simulate_ensemble
from solvable.simulation.learning_curve import LearningCurve as LearningCurve
from solvable.simulation.learning_curve import measure_learning_curve as measure_learning_curve
from solvable.simulation.noise_scale import MeasuredNoiseScale as MeasuredNoiseScale
from solvable.simulation.noise_scale import measure_noise_scale as measure_noise_scale
from solvable.simulation.passage import passage_steps as passage_steps
from solvable.simulation.prediction_band import PredictionBand as PredictionBand
from solvable.simulation.prediction_band import prediction_band as prediction_band
from solvable.simulation.streaming import Simulation as Simulation

__all__ = ["Ensemble", "LearningCurve", "Simulation", "measure_learning_curve", "passage_steps", "simulate_ensemble"]
