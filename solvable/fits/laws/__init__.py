"""Laws of scaling, one a file: values with a formula, the names of their parameters, and where a search begins."""

from solvable.fits.laws.base import AbstractLaw as AbstractLaw
from solvable.fits.laws.chinchilla import Chinchilla as Chinchilla
from solvable.fits.laws.compute_optimal import ComputeOptimal as ComputeOptimal
from solvable.fits.laws.power_law import PowerLaw as PowerLaw
