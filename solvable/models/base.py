"""What a model and one draw of it must offer.

A model is a law: it can be drawn, and its typical draw has a spectrum. A problem is one draw: a model whose
randomness is spent, so drawing it again returns itself.
"""

import abc
from typing import Any, ClassVar, cast

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from solvable.arguments import is_concrete
from solvable.models.ambient import AbstractAmbientDraw, GivenFeatures
from solvable.numerics.precision import in_float64
from solvable.population import Population
from solvable.sample_spectrum import SampleSpectrum
from solvable.spectrum import Spectrum


class AbstractModel(eqx.Module):
    """A law over learning problems.

    ``samples`` is the size of the data set that is trained on, None for a fresh stream.
    """

    samples = cast(Any, None)  # not annotated, or it would take its place before the fields of subclasses
    references: ClassVar[tuple[str, ...]] = ()

    @abc.abstractmethod
    def spectrum(self) -> Spectrum:
        """The spectrum of the typical draw (deterministic equivalent): what a one-pass theory may look at."""

    def population(self) -> Population:
        """The population spectrum with width, samples and noise: what a theory of finite data may look at."""
        raise ValueError(f"model: wanted one that states its population; got {type(self).__name__}, which does not")

    @abc.abstractmethod
    def draw(self, key: Key[Array, ""]) -> "AbstractProblem":
        """One draw of the frozen randomness."""

    def draw_ambient(self, key: Key[Array, ""]) -> AbstractAmbientDraw:
        """``draw(key).ambient()``; a law that can say it without the eigenbasis does."""
        return self.draw(key).ambient()

    def sample_spectrum(self) -> SampleSpectrum:
        """The lowered form of one draw of a finite data set."""
        raise ValueError(
            "model: wanted one draw of a finite data set, model.draw(key) of a model with samples=n; "
            f"got {type(self).__name__}"
        )


class AbstractProblem(AbstractModel):
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

    def init(self) -> Float[Array, " width"]:
        """Parameters before the first step, in the eigenbasis."""
        return self.initial

    @abc.abstractmethod
    def batch(self, key: Key[Array, ""], size: int) -> tuple[Float[Array, "size width"], Float[Array, " size"]]:
        """``size`` fresh samples: features in the eigenbasis, and targets."""

    def risk(self, params: Float[Array, " width"]) -> Float[Array, ""]:
        """Population mean squared error of ``params`` (eigenbasis): floor + sum_j eigvals_j (params - target)_j^2."""
        return self.floor + (self.eigvals * (params - self.target) ** 2).sum()

    @in_float64
    def population(self) -> Population:
        """Given the features: the eigenvalues are the modes, all are trained, and the floor is the label noise."""
        eigvals, target = jnp.asarray(self.eigvals, float), jnp.asarray(self.target, float)
        _require_zero(self.initial)
        floor = jnp.asarray(self.floor, float)
        noise = jnp.where(floor > 0, jnp.sqrt(jnp.where(floor > 0, floor, 1.0)), 0.0)
        return Population(eigvals, (eigvals > 0).astype(float), eigvals * target**2, *sizes(jnp.inf, self), noise)

    @abc.abstractmethod
    def basis(self) -> Float[Array, "width width"]:
        """Columns: eigenvectors in the original feature coordinates, so original params = basis @ params."""

    @abc.abstractmethod
    def ambient_features(self) -> tuple[Float[Array, "ambient width"], Float[Array, " ambient"], Float[Array, ""]]:
        """What the papers' own code draws from: ``(F, b, noise)`` with features z @ F, targets z @ b + noise * eps.

        Here z ~ N(0, I) in the ambient coordinates and F = sqrt(D) W in the original feature coordinates.
        """

    @in_float64
    def ambient(self) -> AbstractAmbientDraw:
        """The problem in the ambient coordinates, its features not necessarily held."""
        factor, readout, noise = self.ambient_features()
        start = jnp.asarray(self.basis(), float) @ jnp.asarray(self.init(), float)
        return GivenFeatures(factor, readout, noise, start)

    def draw(self, key: Key[Array, ""]) -> "AbstractProblem":
        """The problem itself; with its data, where ``samples`` is set and they are still to be drawn."""
        if self.samples is None:
            return self
        from solvable.models.finite import FiniteProblem  # a problem itself, defined on top of this file

        return FiniteProblem.gaussian(self, key, self.samples)


def sizes(width: Any, model: AbstractModel) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """(width, samples) as float64 scalars, infinite samples for a fresh stream."""
    return jnp.asarray(width, float), jnp.asarray(jnp.inf if model.samples is None else model.samples, float)


def _require_zero(initial: Any) -> None:
    if is_concrete(initial) and np.any(np.asarray(initial) != 0):
        raise ValueError("initial: wanted zero parameters at the start for a theory of finite data; got others")


def require_fresh_stream(model: AbstractModel, caller: str) -> None:
    """Raise unless ``model`` sees every sample once, as one-pass theories and simulations assume."""
    if model.samples is not None:
        raise ValueError(
            f"samples: wanted None (a fresh stream) for {caller}; got {model.samples}. Use DMFT(), which takes a "
            "finite data set."
        )
