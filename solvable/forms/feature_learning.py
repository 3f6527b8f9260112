"""The forms of features that learn: two-layer linear networks, and one neuron that finds a direction."""

from typing import ClassVar, Generic, TypeVar

from jaxtyping import Array, Float

from solvable.forms.base import AbstractForm, AbstractSubject
from solvable.forms.spectrum import Spectrum

SubjectT = TypeVar("SubjectT", bound=AbstractSubject)


class Network(AbstractForm):
    """A two-layer linear network in the limit of many hidden units, on inputs with this spectrum.

    Attributes:
        spectrum: of the inputs; `error` is the target's squared parameter at each mode.
        gamma: richness, >= 0; 0 is the lazy limit, in which the features do not move.
    """

    spectrum: Spectrum
    gamma: Float[Array, ""]
    what: ClassVar[str] = "a two-layer network with many hidden units (Network)"


class NetworkDraw(AbstractForm, Generic[SubjectT]):
    """One draw of a network's initial weights, trained on a fresh stream."""

    problem: SubjectT
    what: ClassVar[str] = "one draw of a network's weights (NetworkDraw)"


class NetworkLaw(AbstractForm, Generic[SubjectT]):
    """A law of networks of finite width, each trained on a fresh stream."""

    law: SubjectT
    what: ClassVar[str] = "a law of networks of finite width (NetworkLaw)"


class Overlap(AbstractForm):
    """One neuron f(x) = g(w . x) on the unit sphere, taught by y = g(w* . x) + noise * eps, x ~ N(0, I).

    All that matters is the overlap m = w . w*.

    Attributes:
        link: coefficients c_k of g in orthonormal Hermite polynomials; shape (degree + 1,).
        dimension: of the inputs.
        noise: standard deviation of the label noise.
        start: the overlap before the first step; None where w is uniform on the sphere.
    """

    link: Float[Array, " coefficients"]
    dimension: Float[Array, ""]
    noise: Float[Array, ""]
    start: Float[Array, ""] | None
    what: ClassVar[str] = "the overlap of one neuron with a direction (Overlap)"


class NeuronDraw(AbstractForm, Generic[SubjectT]):
    """One initial direction of a neuron, trained on a fresh stream."""

    problem: SubjectT
    what: ClassVar[str] = "one initial direction of a neuron (NeuronDraw)"


class NeuronLaw(AbstractForm, Generic[SubjectT]):
    """A neuron whose initial direction is uniform on the sphere, trained on a fresh stream."""

    law: SubjectT
    what: ClassVar[str] = "a neuron of random initial direction (NeuronLaw)"
