"""Power-law random features (PLRF): the model of the 4+3 phases of compute-optimal scaling."""

import math
from typing import Any, ClassVar

import equinox as eqx
from jaxtyping import Array, Float, Key

from solvable.arguments import as_real, check_integer, check_real
from solvable.arrays import as_float64, is_concrete
from solvable.forms.population import Population
from solvable.forms.spectrum import Spectrum
from solvable.keys import require_key
from solvable.models.base import AbstractModel, AbstractProblem, HasPopulation, HasWidths, sizes
from solvable.models.checks import check_power_law, check_samples, check_started_at_zero, check_width
from solvable.models.finite import FiniteProblem
from solvable.models.power_law_spectrum import (
    expected_trace,
    typical_density,
    typical_floor,
    typical_spectrum,
    typical_support,
)
from solvable.models.random_feature_draw import AbstractPowerLaw, ProjectedFeatures, RandomFeatureProblem
from solvable.numerics.mode_sums import power_law_modes
from solvable.numerics.precision import in_float64
from solvable.numerics.resolvent import Law, default_nodes

FEWEST_NODES, MOST_NODES = 64, 10**6


class PowerLawRF(HasWidths, HasPopulation, AbstractModel, AbstractPowerLaw):
    """x ~ N(0, diag(j^{-2 alpha})) in R^ambient, features W^T x, W_ij ~ N(0, 1/width), targets <x, b> + noise * eps.

    b_j = j^{-beta}; the width parameters theta are trained on E (W^T x . theta - y)^2 (Paquette et al. 2024,
    arXiv 2405.15074, section 1; no factor 1/2).

    Attributes:
        alpha: exponent of the input's standard deviations, > 0: eigenvalues of the input covariance j^{-2 alpha}.
        beta: exponent of the target; alpha + beta > 1/2.
        width: number of random features d, an integer to draw, any real number >= 1 for theory.
        ambient: input dimension v >= 1, 4 * width by default; ``math.inf`` if 2 alpha > 1. One-pass theories need
            v >= width.
        noise: standard deviation of the label noise.
        init_std: standard deviation of the initial parameters, independent Gaussians; 0 starts at zero.
        samples: size of the data set, an integer to draw, any real number >= 1 for theory; None is a fresh stream.
    """

    alpha: Float[Array, ""] = eqx.field(converter=as_real, default=1.0)
    beta: Float[Array, ""] = eqx.field(converter=as_real, default=0.7)
    width: Any = 64
    ambient: Any = None
    noise: Float[Array, ""] = eqx.field(converter=as_real, default=0.0)
    init_std: Float[Array, ""] = eqx.field(converter=as_real, default=0.0)
    samples: Any = None
    references: ClassVar[tuple[str, ...]] = ("paquette2024", "silverstein1995")

    def __post_init__(self):
        if self.ambient is None:
            check_width(self.width)
            self.ambient = 4 * self.width

    def __check_init__(self):
        check_power_law(self.alpha, self.beta, self.noise, self.init_std)
        check_width(self.width)
        check_samples(self.samples)
        check_real("ambient", self.ambient, "a number of coordinates >= 1", lambda v: v >= 1)
        if is_concrete(self.ambient) and math.isinf(float(self.ambient)):
            check_real("alpha", self.alpha, "alpha > 1/2 where ambient is infinite (finite trace)", lambda a: a > 0.5)

    def at_width(self, width: Any) -> "PowerLawRF":
        """The same law at another width, the ratio ambient / width kept; ``width`` may be real or traced."""
        ambient = width * (self.ambient / self.width)
        if isinstance(width, int) and math.isfinite(ambient):
            ambient = round(ambient)
        return PowerLawRF(self.alpha, self.beta, width, ambient, self.noise, self.init_std, self.samples)

    def law(self) -> Law:
        """alpha, width and ambient as float64 scalars."""
        return Law(*(as_float64(x) for x in (self.alpha, self.width, self.ambient)))

    @in_float64
    def trace(self) -> Float[Array, ""]:
        """Expected trace of the feature covariance, sum_{j <= ambient} j^{-2 alpha}."""
        return expected_trace(self.law())

    @in_float64
    def floor(self) -> Float[Array, ""]:
        """Risk of the best parameters, F_0 + noise^2, F_0 = sum_j j^{-2 alpha - 2 beta} / (1 + tau j^{-2 alpha}).

        tau is the inverse effective ridge, sum_j D_j tau / (1 + D_j tau) = width with D_j = j^{-2 alpha}.
        """
        return typical_floor(self.law(), as_float64(self.beta), as_float64(self.noise))

    @in_float64
    def support(self) -> tuple[Float[Array, ""], Float[Array, ""]]:
        """Smallest and largest eigenvalue of the typical feature covariance (edges of the density's support)."""
        _require_wide_ambient(self, "support()")
        return typical_support(self.law())

    @in_float64
    def density(self, eigvals: Float[Array, " points"]) -> Float[Array, " points"]:
        """Eigenvalue density of the typical feature covariance, normalised to the width: Im S(w) / (pi lambda)."""
        _require_wide_ambient(self, "density()")
        return typical_density(self.law(), as_float64(eigvals))

    @in_float64
    def spectrum(self, nodes: int | None = None) -> Spectrum:
        """The typical draw's spectrum as ``nodes`` contour nodes; the default suits the decades it must span.

        The sum of the masses is the width (to 1e-12), ``sum(eigvals * error) + floor`` the risk at the start: what
        they miss measures the quadrature error.
        """
        if nodes is not None:
            nodes = check_integer("nodes", nodes, FEWEST_NODES, MOST_NODES)
        _require_wide_ambient(self, "spectrum()")
        law = self.law()
        parameters = (as_float64(x) for x in (self.beta, self.noise, self.init_std))
        return typical_spectrum(law, *parameters, nodes or default_nodes(self.alpha, self.width))

    @in_float64
    def population(self) -> Population:
        """Eigenvalues j^{-2 alpha} with target power j^{-2 alpha - 2 beta}, j <= ambient, behind ``width`` features."""
        check_started_at_zero(self.init_std)
        alpha, beta = as_float64(self.alpha), as_float64(self.beta)
        modes = power_law_modes(alpha, 2 * alpha + 2 * beta, self.ambient)
        return Population(*modes, *sizes(self.width, self), as_float64(self.noise))

    def draw(self, key: Key[Array, ""]) -> AbstractProblem:
        """One draw of W (and of the initial parameters), with its data where ``samples`` is set.

        A wider model extends a narrower one with the same key, and more samples extend fewer.
        """
        require_key(key, "to draw from")
        problem = RandomFeatureProblem.of(self, key)
        return problem if self.samples is None else FiniteProblem.gaussian(problem, key, self.samples)

    def ambient_draw(self, key):
        return ProjectedFeatures.of(self, require_key(key, "to draw from"))


def _require_wide_ambient(model: PowerLawRF, caller: str) -> None:
    """Raise where fewer inputs than features leave the typical feature covariance singular."""
    if is_concrete(model.ambient, model.width) and float(model.ambient) < float(model.width):
        raise ValueError(
            f"ambient: wanted a number of coordinates >= width = {model.width} for {caller} and one-pass theories of "
            f"a model (a draw of it may have fewer); got {model.ambient}"
        )
