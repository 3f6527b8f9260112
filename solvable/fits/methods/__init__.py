"""Methods of fitting, as values."""

from solvable.fits.methods.base import AbstractFitMethod as AbstractFitMethod
from solvable.fits.methods.frontier import AbstractFrontierMethod as AbstractFrontierMethod
from solvable.fits.methods.frontier import Envelope as Envelope
from solvable.fits.methods.frontier import IsoFLOP as IsoFLOP
from solvable.fits.methods.losses import AbsoluteDeviation as AbsoluteDeviation
from solvable.fits.methods.losses import AbstractLoss as AbstractLoss
from solvable.fits.methods.losses import Huber as Huber
from solvable.fits.methods.losses import LeastSquares as LeastSquares
