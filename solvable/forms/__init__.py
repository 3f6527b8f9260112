"""Lowered forms: all that a method may look at in a model, a draw or an algorithm. What each is, one file a family."""

from solvable.forms.algorithms import (
    Descent,
    Filter,
    Flowing,
    Minibatches,
    Moments,
    Penalty,
    Rotatable,
    Solution,
    Spherical,
    Steps,
)
from solvable.forms.base import AbstractForm, AbstractSubject, Form, Reading
from solvable.forms.classifiers import HardMargin, LogisticLoss, Rounds
from solvable.forms.curve import Curve, Result
from solvable.forms.draws import DataDraw, DataLaw, Reduction, StreamDraw, StreamLaw
from solvable.forms.feature_learning import Network, NetworkDraw, NetworkLaw, NeuronDraw, NeuronLaw, Overlap
from solvable.forms.labels import LabelledDraw, LabelledLaw, Selected, SelectedByTeacher
from solvable.forms.linear_map import LinearMap
from solvable.forms.population import Endless, Population
from solvable.forms.sample import Sample
from solvable.forms.signs import Coordinates, Signs
from solvable.forms.spectrum import Spectrum

__all__ = [
    "AbstractForm",
    "AbstractSubject",
    "Coordinates",
    "Curve",
    "DataDraw",
    "DataLaw",
    "Descent",
    "Endless",
    "Filter",
    "Flowing",
    "Form",
    "HardMargin",
    "LabelledDraw",
    "LabelledLaw",
    "LinearMap",
    "LogisticLoss",
    "Minibatches",
    "Moments",
    "Network",
    "NetworkDraw",
    "NetworkLaw",
    "NeuronDraw",
    "NeuronLaw",
    "Overlap",
    "Penalty",
    "Population",
    "Reading",
    "Reduction",
    "Result",
    "Rotatable",
    "Rounds",
    "Sample",
    "Selected",
    "SelectedByTeacher",
    "Signs",
    "Solution",
    "Spectrum",
    "Spherical",
    "Steps",
    "StreamDraw",
    "StreamLaw",
]
