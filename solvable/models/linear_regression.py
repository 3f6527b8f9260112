"""Linear regression on Gaussian inputs with a power-law covariance, and the problem every draw becomes."""

from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from solvable.arguments import as_real, is_concrete
from solvable.keys import stream
from solvable.models.ambient import DiagonalFeatures
from solvable.models.base import AbstractProblem, sizes
from solvable.models.checks import (
    check_power_law,
    check_samples,
    check_started_at_zero,
    check_width,
    concrete_size,
)
from solvable.numerics.mode_sums import power_law_modes
from solvable.numerics.precision import in_float64
from solvable.population import Population
from solvable.spectrum import Spectrum


def gaussian_batch(problem: AbstractProblem, key: Key[Array, ""], size: int):
    """``size`` samples of the Gaussian reduction: phi = sqrt(eigvals) z, y = phi . target + sqrt(floor) eps."""
    eigvals, target = jnp.asarray(problem.eigvals), jnp.asarray(problem.target)
    z = jax.random.normal(stream(key, "features"), (size, *eigvals.shape), eigvals.dtype)
    eps = jax.random.normal(stream(key, "residual"), (size,), eigvals.dtype)
    features = jnp.sqrt(eigvals) * z
    noise = jnp.sqrt(jnp.asarray(problem.floor, eigvals.dtype))
    return features, jnp.matmul(features, target, precision="highest") + noise * eps


def problem_spectrum(problem: AbstractProblem) -> Spectrum:
    """The spectrum of one draw: every present mode has mass 1."""
    eigvals = jnp.asarray(problem.eigvals, float)
    error = (jnp.asarray(problem.initial, float) - jnp.asarray(problem.target, float)) ** 2
    floor = jnp.asarray(problem.floor, float)
    return Spectrum(eigvals, (eigvals > 0).astype(float), error, floor, eigvals.max())


@in_float64
def diagonal_features(problem: AbstractProblem) -> DiagonalFeatures:
    """The eigenbasis itself as ambient coordinates: F = diag(sqrt(eigvals)), readout = sqrt(eigvals) * target."""
    eigvals, target, initial, floor = (
        jnp.asarray(x, float) for x in (problem.eigvals, problem.target, problem.initial, problem.floor)
    )
    scale = jnp.sqrt(eigvals)
    return DiagonalFeatures(scale, scale * target, jnp.sqrt(floor), initial)


class LinearProblem(AbstractProblem):
    """Any linear regression on Gaussian features, given by its eigenvalues: the model for a measured spectrum.

    Attributes:
        eigvals: eigenvalues of the feature covariance, nonnegative; shape (width,).
        target: best parameters in the eigenbasis; shape (width,).
        floor: risk of the best parameters (label noise variance), nonnegative.
        initial: parameters before the first step; zeros by default; shape (width,).
    """

    eigvals: Float[Array, " width"]
    target: Float[Array, " width"]
    floor: Float[Array, ""]
    initial: Float[Array, " width"]

    def __init__(self, eigvals=(1.0,), target=(1.0,), floor=0.0, initial=None):
        self.eigvals, self.target, self.floor = as_real(eigvals), as_real(target), as_real(floor)
        self.initial = 0 * self.eigvals if initial is None else as_real(initial)

    def __check_init__(self):
        if np.ndim(self.eigvals) != 1 or np.shape(self.eigvals)[0] < 1:
            raise ValueError(f"eigvals: wanted a vector of at least one value; got shape {np.shape(self.eigvals)}")
        for name in ("target", "initial"):
            shape = np.shape(getattr(self, name))
            if shape != np.shape(self.eigvals):
                raise ValueError(f"{name}: wanted the shape of eigvals, {np.shape(self.eigvals)}; got {shape}")
        for name, accept, wanted in (
            ("eigvals", lambda x: x >= 0, "finite values >= 0"),
            ("target", lambda x: x == x, "finite values"),
            ("initial", lambda x: x == x, "finite values"),
            ("floor", lambda x: x >= 0, "a finite value >= 0"),
        ):
            value = getattr(self, name)
            if is_concrete(value) and not (np.isfinite(value) & accept(np.asarray(value))).all():
                raise ValueError(f"{name}: wanted {wanted}; got {np.asarray(value)}")

    @in_float64
    def spectrum(self) -> Spectrum:
        return problem_spectrum(self)

    def batch(self, key, size):
        return gaussian_batch(self, key, size)

    def basis(self):
        return jnp.eye(self.eigvals.shape[0])

    def ambient(self):
        return diagonal_features(self)

    def ambient_features(self):
        scale = jnp.sqrt(jnp.asarray(self.eigvals))
        return jnp.diag(scale), scale * self.target, jnp.sqrt(jnp.asarray(self.floor))


class LinearRegression(AbstractProblem):
    """x ~ N(0, diag(j^{-2 alpha})), y = <x, b> + noise * eps with b_j = j^{-beta}, j <= width; all x are trained on.

    The random-feature model without its random projection (Paquette et al. 2024, arXiv 2405.15074, with W = I).
    Nothing is frozen at random but the initial parameters, so drawing it returns itself.

    Attributes:
        alpha: exponent of the input's standard deviations, > 0: eigenvalues j^{-2 alpha}.
        beta: exponent of the target; alpha + beta > 1/2.
        width: number of coordinates and parameters.
        noise: standard deviation of the label noise; the floor is noise^2.
        init_std: initial parameters are init_std in every coordinate.
        samples: size of the data set, an integer to draw, any real number >= 1 for theory; None is a fresh stream.
    """

    alpha: Float[Array, ""] = eqx.field(converter=as_real, default=1.0)
    beta: Float[Array, ""] = eqx.field(converter=as_real, default=0.7)
    width: int = eqx.field(default=64)
    noise: Float[Array, ""] = eqx.field(converter=as_real, default=0.0)
    init_std: Float[Array, ""] = eqx.field(converter=as_real, default=0.0)
    samples: Any = None
    references: ClassVar[tuple[str, ...]] = ("paquette2024",)

    def __check_init__(self):
        check_power_law(self.alpha, self.beta, self.noise, self.init_std)
        check_width(self.width)
        check_samples(self.samples)
        concrete_size("width", self.width, "the list of eigenvalues")

    def _index(self):
        return np.arange(1.0, concrete_size("width", self.width, "the list of eigenvalues") + 1)

    @property
    def eigvals(self):
        return self._index() ** (-2 * self.alpha)

    @property
    def target(self):
        return self._index() ** (-self.beta)

    @property
    def initial(self):
        return self.init_std + 0 * self._index()

    @property
    def floor(self):
        return self.noise**2

    def trace(self) -> Float[Array, ""]:
        """Trace of the feature covariance, sum_j j^{-2 alpha}."""
        return self.eigvals.sum()

    @in_float64
    def spectrum(self) -> Spectrum:
        return problem_spectrum(self)

    @in_float64
    def population(self) -> Population:
        """Eigenvalues j^{-2 alpha} with target power j^{-2 alpha - 2 beta}, all trained: no bottleneck of width."""
        check_started_at_zero(self.init_std)
        alpha, beta = jnp.asarray(self.alpha, float), jnp.asarray(self.beta, float)
        modes = power_law_modes(alpha, 2 * alpha + 2 * beta, self.width)
        return Population(*modes, *sizes(jnp.inf, self), jnp.asarray(self.noise, float))

    def batch(self, key, size):
        return gaussian_batch(self, key, size)

    def basis(self):
        return jnp.eye(self.width)

    def ambient(self):
        return diagonal_features(self)

    def ambient_features(self):
        scale = jnp.sqrt(jnp.asarray(self.eigvals))
        return jnp.diag(scale), scale * self.target, jnp.asarray(self.noise)
