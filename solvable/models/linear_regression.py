"""Linear regression on Gaussian inputs: a given problem, and the power law of them."""

from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from solvable.arguments import MOST, as_real, check_real
from solvable.arrays import as_float64, is_concrete
from solvable.forms.population import Population
from solvable.forms.signs import Coordinates
from solvable.forms.spectrum import Spectrum
from solvable.keys import require_key, stream
from solvable.models.ambient import DiagonalFeatures
from solvable.models.base import AbstractModel, AbstractProblem, AbstractStream, HasPopulation, HasSpectrum, sizes
from solvable.models.checks import (
    check_power_law,
    check_samples,
    check_started_at_zero,
    check_width,
    concrete_size,
)
from solvable.models.finite import FiniteProblem
from solvable.numerics.mode_sums import power_law_modes
from solvable.numerics.precision import in_float64

LISTED = 10 * MOST  # eigenvalues listed one by one


@in_float64
def diagonal_features(problem: AbstractProblem) -> DiagonalFeatures:
    """The eigenbasis itself as ambient coordinates: F = diag(sqrt(eigvals)), readout = sqrt(eigvals) * target."""
    eigvals, target, initial, floor = (
        jnp.asarray(x, float) for x in (problem.eigvals, problem.target, problem.initial, problem.floor)
    )
    scale = jnp.sqrt(eigvals)
    return DiagonalFeatures(scale, scale * target, jnp.sqrt(floor), initial)


class LinearProblem(AbstractStream):
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

    def __init__(self, eigvals: Any = (1.0,), target: Any = (1.0,), floor: Any = 0.0, initial: Any = None):
        self.eigvals, self.target, self.floor = as_real(eigvals), as_real(target), as_real(floor)
        if initial is None:
            initial = 0 * self.eigvals if isinstance(self.eigvals, jax.Array) else np.zeros(np.shape(self.eigvals))
        self.initial = as_real(initial)

    def __check_init__(self):
        check_real("floor", self.floor, "a finite value >= 0", lambda x: 0 <= x < np.inf)

    def basis(self):
        return jnp.eye(self.eigvals.shape[0])

    def lowerings(self):
        return {**super().lowerings(), Coordinates: self.coordinates}

    @in_float64
    def coordinates(self) -> Coordinates:
        """The covariance is diagonal, and the start is given."""
        eigvals, target, floor, initial = (as_float64(x) for x in (self.eigvals, self.target, self.floor, self.initial))
        return Coordinates(eigvals, initial - target, jnp.zeros_like(eigvals), floor)

    def ambient_draw(self):
        return diagonal_features(self)


class LinearRegression(HasSpectrum, HasPopulation, AbstractModel):
    """x ~ N(0, diag(j^{-2 alpha})), y = <x, b> + noise * eps with b_j = j^{-beta}, j <= width; all x are trained on.

    The random-feature model without its random projection (Paquette et al. 2024, arXiv 2405.15074, with W = I). A draw
    is a `LinearProblem`; nothing of it is random but the initial parameters.

    Attributes:
        alpha: exponent of the input's standard deviations, > 0: eigenvalues j^{-2 alpha}.
        beta: exponent of the target; alpha + beta > 1/2.
        width: number of coordinates and parameters.
        noise: standard deviation of the label noise; the floor is noise^2.
        init_std: standard deviation of the initial parameters, independent Gaussians; 0 starts at zero.
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

    def _index(self) -> Float[np.ndarray, " width"]:
        return np.arange(1.0, concrete_size("width", self.width, "the list of eigenvalues", LISTED) + 1)

    @property
    def eigvals(self) -> Any:
        """Eigenvalues of the feature covariance, j^{-2 alpha}; shape (width,)."""
        return self._index() ** (-2 * self.alpha)

    @property
    def target(self) -> Any:
        """Best parameters, j^{-beta}; shape (width,)."""
        return self._index() ** (-self.beta)

    @property
    def deterministic(self):
        return self.samples is None and is_concrete(self.init_std) and float(self.init_std) == 0

    def trace(self) -> Float[Array, ""]:
        """Trace of the feature covariance, sum_j j^{-2 alpha}."""
        return self.eigvals.sum()

    @in_float64
    def spectrum(self) -> Spectrum:
        """The eigenvalues themselves, with initial error b_j^2 + init_std^2 on average."""
        eigvals, power = jnp.asarray(self.eigvals, float), jnp.asarray(self.target, float) ** 2
        floor, spread = jnp.asarray(self.noise, float) ** 2, jnp.asarray(self.init_std, float) ** 2
        return Spectrum(eigvals, jnp.ones_like(eigvals), power + spread, floor, eigvals.max(), -power, power)

    def lowerings(self):
        stream_only = {Coordinates: self.coordinates} if self.samples is None else {}
        return {**super().lowerings(), **stream_only}

    @in_float64
    def coordinates(self) -> Coordinates:
        """The covariance is diagonal, and the initial error is -b with variance init_std^2."""
        eigvals, target = as_float64(self.eigvals), as_float64(self.target)
        spread = jnp.full_like(jnp.asarray(eigvals), as_float64(self.init_std) ** 2)
        return Coordinates(eigvals, -target, spread, as_float64(self.noise) ** 2)

    @in_float64
    def population(self) -> Population:
        """Eigenvalues j^{-2 alpha} with target power j^{-2 alpha - 2 beta}, all trained: no bottleneck of width."""
        check_started_at_zero(self.init_std)
        alpha, beta = jnp.asarray(self.alpha, float), jnp.asarray(self.beta, float)
        modes = power_law_modes(alpha, 2 * alpha + 2 * beta, self.width)
        return Population(*modes, *sizes(jnp.inf, self), jnp.asarray(self.noise, float))

    @in_float64
    def draw(self, key):
        """Initial parameters, and the data set where ``samples`` is set; more samples extend fewer."""
        require_key(key, "to draw from")
        normals = jax.random.normal(stream(key, "initial"), (self.width,), jnp.float32).astype(float)
        problem = LinearProblem(self.eigvals, self.target, self.noise**2, self.init_std * normals)
        return problem if self.samples is None else FiniteProblem.gaussian(problem, key, self.samples)
