"""Fits of measured curves. Nothing here knows a theory."""

from solvable.fits.measured_features import measured_features as measured_features
from solvable.fits.measured_frontier import FrontierFit as FrontierFit
from solvable.fits.measured_frontier import MeasuredFrontier as MeasuredFrontier
from solvable.fits.measured_frontier import measure_frontier as measure_frontier
from solvable.fits.noise_scale import NoiseScaleEstimate as NoiseScaleEstimate
from solvable.fits.noise_scale import estimate_noise_scale as estimate_noise_scale
from solvable.fits.power_law import Estimate as Estimate
from solvable.fits.power_law import PowerLawFit as PowerLawFit
from solvable.fits.power_law import PowerLawWarning as PowerLawWarning
from solvable.fits.power_law import fit_power_law as fit_power_law
from solvable.fits.spectrum import SpectrumFit as SpectrumFit
from solvable.fits.spectrum import fit_spectrum as fit_spectrum
