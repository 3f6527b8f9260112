"""Power-law random features (PLRF): the model of the 4+3 phases of compute-optimal scaling."""

import math
from typing import Any, ClassVar

import equinox as eqx
from jaxtyping import Array, Float

from solvable.arguments import as_real, check_real
from solvable.arrays import as_float64, is_concrete
from solvable.models.checks import check_power_law, check_samples, check_width
from solvable.models.random_feature_law import AbstractRandomFeatures
from solvable.numerics.power_law_inputs import PowerLawInputs
from solvable.numerics.precision import in_float64


class PowerLawRF(AbstractRandomFeatures):
    """x ~ N(0, diag(j^{-2 alpha})) in R^ambient, features W^T x, W_ij ~ N(0, 1/width), targets <x, b> + noise * eps.

    b_j = j^{-beta}; the width parameters theta are trained on E (W^T x . theta - y)^2 (Paquette et al. 2024,
    arXiv 2405.15074, section 1; no factor 1/2). `RandomFeatures` takes any other spectrum.

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

    @in_float64
    def inputs(self) -> PowerLawInputs:
        """Eigenvalues j^{-2 alpha} with target power j^{-2 alpha - 2 beta}, j <= ambient."""
        return PowerLawInputs(*(as_float64(x) for x in (self.alpha, self.beta, self.ambient)))

    @property
    def input_count(self):
        return self.ambient

    def _narrow(self, where):
        return f"ambient: wanted a number of coordinates >= width = {self.width} {where}; got {self.ambient}"
