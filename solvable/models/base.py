"""What a model and one draw of it must offer.

A model is a law over problems: it can be drawn. A problem is one draw: nothing of it is random but its samples. They
share no method, but both state forms (`solvable.forms`), which is all that a method looks at.
"""

import abc
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from solvable.arguments import check_real, check_reals
from solvable.arrays import as_float64, is_concrete
from solvable.forms.base import AbstractSubject, Lowerings
from solvable.forms.draws import DataLaw, Reduction, StreamDraw, StreamLaw
from solvable.forms.population import Endless, Population
from solvable.forms.spectrum import Spectrum
from solvable.keys import stream
from solvable.models.ambient import AbstractAmbientDraw
from solvable.numerics.precision import in_float64

ROUNDING = 1e-9  # below zero, of a floor that is a difference


class AbstractModel(AbstractSubject):
    """A law over learning problems.

    A subclass says by its other bases what theories may read of it: `HasSpectrum`, `HasPopulation`, `HasWidths`.
    """

    references: ClassVar[tuple[str, ...]] = ()

    @abc.abstractmethod
    def draw(self, key: Key[Array, ""]) -> AbstractSubject:
        """One draw of all that is frozen: features, and the data set where ``samples`` is set."""

    @classmethod
    def example(cls):
        """A small one that can be drawn, for tables and tests: the one of no arguments, unless that has no draw."""
        return cls()

    def ambient_draw(self, key: Key[Array, ""]) -> AbstractAmbientDraw:
        """``draw(key).ambient_draw()``; a law that can say it without the eigenbasis does."""
        problem = self.draw(key)
        assert isinstance(problem, AbstractProblem)
        return problem.ambient_draw()

    @property
    def deterministic(self) -> bool:
        """Whether every draw is the same."""
        return False

    def lowerings(self) -> Lowerings:
        """A law is simulated by drawing it; theories read what it derives from (`HasSpectrum`, `HasPopulation`)."""
        law = StreamLaw if self.samples is None else DataLaw
        return {**super().lowerings(), law: lambda: law(self)}


class HasSpectrum(AbstractSubject):
    """A law whose typical draw has a known spectrum, for theories of a fresh stream."""

    @abc.abstractmethod
    def spectrum(self) -> Spectrum:
        """The spectrum of the typical draw (deterministic equivalent)."""

    def lowerings(self):
        return {**super().lowerings(), **({Spectrum: self.spectrum} if self.samples is None else {})}


class HasPopulation(AbstractSubject):
    """A law with a known population, for theories of finite data."""

    @abc.abstractmethod
    def population(self) -> Population:
        """The population spectrum with width, samples and noise."""

    def lowerings(self):
        if self.samples is not None:
            return {**super().lowerings(), Population: self.population}
        return {**super().lowerings(), Endless: lambda: Endless.of(self.population())}


class HasWidths(HasSpectrum):
    """A law at every real width, for compute-optimal frontiers."""

    @abc.abstractmethod
    def at_width(self, width: Any) -> "HasWidths":
        """The same law at another width, which may be real or traced."""

    @abc.abstractmethod
    def trace(self) -> Float[Array, ""]:
        """Expected trace of the feature covariance."""


class AbstractProblem(AbstractSubject):
    """One draw, in the eigenbasis of its feature covariance.

    In that basis (Gaussian features; the Gaussian reduction) the features are ``phi = sqrt(eigvals) * z``
    with ``z ~ N(0, I)`` and the targets are ``y = phi . target + eps`` with ``eps ~ N(0, floor)`` independent of phi.

    Attributes:
        eigvals: eigenvalues of the feature covariance; shape (width,).
        target: best parameters theta*, in the eigenbasis; shape (width,).
        initial: parameters before the first step, in the eigenbasis; shape (width,).
        floor: risk of the best parameters, label noise included; shape ().
    """

    eigvals: eqx.AbstractVar[Float[Array, " width"]]
    target: eqx.AbstractVar[Float[Array, " width"]]
    initial: eqx.AbstractVar[Float[Array, " width"]]
    floor: eqx.AbstractVar[Float[Array, ""]]
    references: ClassVar[tuple[str, ...]] = ()

    @abc.abstractmethod
    def batch(self, key: Key[Array, ""], size: int) -> tuple[Float[Array, "size width"], Float[Array, " size"]]:
        """``size`` samples: features in the eigenbasis, and targets."""

    def risk(self, params: Float[Array, " width"]) -> Float[Array, ""]:
        """Population mean squared error of ``params`` (eigenbasis): floor + sum_j eigvals_j (params - target)_j^2."""
        return self.floor + (self.eigvals * (params - self.target) ** 2).sum()

    @abc.abstractmethod
    def basis(self) -> Float[Array, "width width"]:
        """Columns: eigenvectors in the original feature coordinates, so original params = basis @ params."""

    @abc.abstractmethod
    def ambient_draw(self) -> AbstractAmbientDraw:
        """What the papers' own code draws from: features z @ F and targets z @ b + noise * eps, z ~ N(0, I)."""


class AbstractStream(AbstractProblem):
    """One draw, trained on a fresh stream of samples."""

    def __check_init__(self):
        check_reals("eigvals", self.eigvals, "finite values >= 0", lambda x: (x >= 0) & (x < np.inf), ndim=1)
        for name in ("target", "initial"):
            check_reals(name, getattr(self, name), "finite values")
            shape = np.shape(getattr(self, name))
            if shape != np.shape(self.eigvals):
                raise ValueError(f"{name}: wanted the shape of eigvals, {np.shape(self.eigvals)}; got {shape}")
        check_real("floor", self.floor, "a finite value >= 0", lambda x: -ROUNDING <= x < np.inf)

    def batch(self, key, size):
        """``size`` samples of the Gaussian reduction: phi = sqrt(eigvals) z, y = phi . target + sqrt(floor) eps."""
        eigvals, target = jnp.asarray(self.eigvals), jnp.asarray(self.target)
        z = jax.random.normal(stream(key, "features"), (size, *eigvals.shape), eigvals.dtype)
        eps = jax.random.normal(stream(key, "residual"), (size,), eigvals.dtype)
        features = jnp.sqrt(eigvals) * z
        noise = jnp.sqrt(jnp.asarray(self.floor, eigvals.dtype))
        return features, jnp.matmul(features, target, precision="highest") + noise * eps

    @in_float64
    def spectrum(self) -> Spectrum:
        """The spectrum of this draw: every present mode has mass 1."""
        eigvals, target, initial, floor = (as_float64(x) for x in self.reduction())
        error = initial - target
        mass = (eigvals > 0).astype(float)
        return Spectrum(eigvals, mass, error**2, floor, eigvals.max(), error * target, target**2)

    @in_float64
    def population(self) -> Population:
        """Given the features: the eigenvalues are the modes, all are trained, and the floor is the label noise."""
        return given_features(self, jnp.inf)

    def reduction(self) -> tuple[Float[Array, "..."], ...]:
        """(eigvals, target, initial, floor)."""
        return self.eigvals, self.target, self.initial, self.floor

    def lowerings(self):
        return {
            Spectrum: self.spectrum,
            Endless: lambda: Endless.of(self.population()),
            Reduction: lambda: Reduction(*self.reduction()),
            StreamDraw: lambda: StreamDraw(self),
        }


@in_float64
def given_features(problem: AbstractProblem, samples: Any) -> Population:
    """The population of ``samples`` data drawn for one problem: its eigenvalues are the modes, all of them trained.

    Raises:
        ValueError: the problem does not start at zero.
    """
    eigvals, target = as_float64(problem.eigvals), as_float64(problem.target)
    if is_concrete(problem.initial) and np.any(np.asarray(problem.initial) != 0):
        raise ValueError("initial: wanted zero parameters at the start for a theory of finite data; got others")
    floor = as_float64(problem.floor)
    noise = jnp.where(floor > 0, jnp.sqrt(jnp.where(floor > 0, floor, 1.0)), 0.0)
    sizes = as_float64(np.inf), as_float64(samples)
    return Population(eigvals, (eigvals > 0).astype(float), eigvals * target**2, *sizes, noise)


def sizes(width: Any, model: AbstractModel) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """(width, samples) as float64 scalars, infinite samples for a fresh stream."""
    return as_float64(width), as_float64(np.inf if model.samples is None else model.samples)
