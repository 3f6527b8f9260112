"""Laws of scaling: values with a formula, the names of their parameters, and where a search begins."""

from solvable.fits.laws.annealing import Annealing as Annealing
from solvable.fits.laws.annealing import annealing_areas as annealing_areas
from solvable.fits.laws.base import AbstractLaw as AbstractLaw
from solvable.fits.laws.broken_power_law import BrokenPowerLaw as BrokenPowerLaw
from solvable.fits.laws.chinchilla import Chinchilla as Chinchilla
from solvable.fits.laws.compute_optimal import ComputeOptimal as ComputeOptimal
from solvable.fits.laws.data_constrained import DataConstrained as DataConstrained
from solvable.fits.laws.farseer import Farseer as Farseer
from solvable.fits.laws.kaplan import CriticalBatch as CriticalBatch
from solvable.fits.laws.kaplan import KaplanD as KaplanD
from solvable.fits.laws.kaplan import KaplanN as KaplanN
from solvable.fits.laws.kaplan import KaplanND as KaplanND
from solvable.fits.laws.kaplan import KaplanNS as KaplanNS
from solvable.fits.laws.multi_power import MultiPower as MultiPower
from solvable.fits.laws.over_training import OverTraining as OverTraining
from solvable.fits.laws.power_law import PowerLaw as PowerLaw
from solvable.fits.laws.rectified import Rectified as Rectified
