"""Solvable models, one a file."""

from solvable.models.base import AbstractModel, AbstractProblem, AbstractStream, HasPopulation, HasSpectrum, HasWidths
from solvable.models.empirical import EmpiricalProblem, empirical_problem
from solvable.models.finite import DataSets, FiniteProblem
from solvable.models.from_data import from_data
from solvable.models.kernels import arc_cosine, kernel_eigvals, relu_ntk, sphere_eigvals
from solvable.models.linear_regression import LinearProblem, LinearRegression
from solvable.models.nonlinear_rf import NonlinearRF
from solvable.models.perceptron import PerceptronProblem, TeacherPerceptron
from solvable.models.power_law_rf import PowerLawRF
from solvable.models.power_tail import PowerTail
from solvable.models.random_feature_draw import RandomFeatureProblem
from solvable.models.random_features import RandomFeatures
from solvable.models.single_index import NeuronProblem, SingleIndex, hermite_coefficients
from solvable.models.two_layer_linear import NetworkProblem, TwoLayerLinear

__all__ = [
    "AbstractModel",
    "AbstractProblem",
    "AbstractStream",
    "DataSets",
    "EmpiricalProblem",
    "FiniteProblem",
    "HasPopulation",
    "HasSpectrum",
    "HasWidths",
    "LinearProblem",
    "LinearRegression",
    "NetworkProblem",
    "NeuronProblem",
    "NonlinearRF",
    "PerceptronProblem",
    "PowerLawRF",
    "PowerTail",
    "RandomFeatureProblem",
    "RandomFeatures",
    "SingleIndex",
    "TeacherPerceptron",
    "TwoLayerLinear",
    "arc_cosine",
    "empirical_problem",
    "from_data",
    "hermite_coefficients",
    "kernel_eigvals",
    "relu_ntk",
    "sphere_eigvals",
]
