"""Single-index models: one neuron looks for the direction that its targets depend on."""

import math
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from solvable.arguments import answer, as_real, check_integer, check_real, check_reals, is_function, refusal
from solvable.arrays import as_float64, is_concrete
from solvable.forms.base import AbstractSubject, Lowerings
from solvable.forms.feature_learning import NeuronDraw, NeuronLaw, Overlap
from solvable.keys import require_key, stream
from solvable.models.base import AbstractModel
from solvable.models.checks import LARGEST_SIZE
from solvable.numerics.hermite import gauss_hermite
from solvable.numerics.precision import in_float64

HIGHEST = 12  # degree of a link
NODES = 200  # of the quadrature of a function
LINK = "coefficients c_0, c_1, ... of a finite Hermite expansion, the highest of degree 1 to 12 and not all 0 after c_0"


def _as_dimension(value: Any) -> int:
    return check_integer("dimension", value, 4, LARGEST_SIZE)


def _check(link: Any, noise: Any) -> None:
    if is_function(link):
        raise refusal("link", f"{LINK} (sv.models.hermite_coefficients gives those of a function)", link)
    found = check_reals("link", link, LINK, ndim=1)
    if not 2 <= np.shape(found)[0] <= HIGHEST + 1 or (is_concrete(found) and not np.any(np.asarray(found)[1:])):
        raise refusal("link", LINK, link)
    check_real("noise", noise, "a finite number >= 0 (a standard deviation)", lambda x: 0 <= x < math.inf)


def hermite_coefficients(function: Any, degree: int) -> Float[np.ndarray, " coefficients"]:
    """E g(x) h_k(x) for k = 0, ..., degree: a function's coefficients in orthonormal Hermite polynomials, x ~ N(0, 1).

    The sum up to ``degree`` is the function itself for a polynomial of no higher degree, else its projection.

    Args:
        function: of a vector, elementwise.
        degree: from 1 to 12.

    Raises:
        ValueError: the function is no function of a vector, or has no expansion because E g(x)^2 is infinite.
    """
    degree = check_integer("degree", degree, 1, HIGHEST)
    nodes, weights = gauss_hermite(NODES)
    wanted = "a function of a vector with finite E g(x)^2, x ~ N(0, 1)"
    values = check_reals("function", answer("function", wanted, function, nodes), wanted, largest=math.inf)
    if np.shape(values) != nodes.shape:
        raise refusal("function", wanted, function)
    basis = [np.ones_like(nodes), nodes]
    for k in range(1, degree):
        basis.append((nodes * basis[k] - k**0.5 * basis[k - 1]) / (k + 1) ** 0.5)
    # Where the tails decide, the quadrature has not converged: a coarser one gives another norm.
    few, at = gauss_hermite(NODES // 2)
    coarse = np.asarray(answer("function", wanted, function, few), float)
    with np.errstate(over="ignore", invalid="ignore"):
        norm, other = (weights * values**2).sum(), (at * coarse**2).sum()
    if not abs(norm - other) <= 0.1 * norm:
        raise refusal("function", wanted, function)
    return np.array([(weights * values * h).sum() for h in basis])


class NeuronProblem(AbstractSubject):
    """One initial direction of the neuron, at a known overlap with the one it looks for.

    Attributes:
        link, dimension, noise: as in `SingleIndex`.
        start: overlap w . w* before the first step, in [-1, 1].
    """

    link: Float[Array, " coefficients"] = eqx.field(converter=as_real)
    dimension: int = eqx.field(static=True, converter=_as_dimension)
    noise: Float[Array, ""] = eqx.field(converter=as_real, default=0.0)
    start: Float[Array, ""] = eqx.field(converter=as_real, default=0.0)
    references: ClassVar[tuple[str, ...]] = ("benarous2021",)

    def __check_init__(self):
        _check(self.link, self.noise)
        check_real("start", self.start, "an overlap in [-1, 1]", lambda x: -1 <= x <= 1)

    @in_float64
    def overlap(self) -> Overlap:
        """All that a theory looks at."""
        link, noise, start = (as_float64(x) for x in (self.link, self.noise, self.start))
        return Overlap(link, as_float64(self.dimension), noise, start)

    def lowerings(self) -> Lowerings:
        return {Overlap: self.overlap, NeuronDraw: lambda: NeuronDraw(self)}


class SingleIndex(AbstractModel):
    """y = g(w* . x) + noise * eps, x ~ N(0, I), learnt by one neuron f(x) = g(w . x) with |w| = |w*| = 1.

    Ben Arous, Gheissari, Jagannath 2021 (arXiv 2003.10409). With g = sum_k c_k h_k in orthonormal Hermite polynomials
    the risk is a function of the overlap m = w . w* alone,

        risk = 2 sum_k c_k^2 (1 - m^k) + noise^2.

    Its first power of m, the smallest k >= 1 with c_k not 0, is the information exponent s: the number of samples that
    it takes to leave the plateau at m ~ d^(-1/2) grows as d for s = 1, d log d for s = 2, d^(s - 1) for s > 2.

    Attributes:
        link: the coefficients c_0, c_1, ...; by default g = h_2, a phase retrieval.
        dimension: of the inputs, an integer >= 4.
        noise: standard deviation of the label noise.
    """

    link: Float[Array, " coefficients"] = eqx.field(converter=as_real, default=(0.0, 0.0, 1.0))
    dimension: int = eqx.field(static=True, converter=_as_dimension, default=100)
    noise: Float[Array, ""] = eqx.field(converter=as_real, default=0.0)
    references: ClassVar[tuple[str, ...]] = ("benarous2021",)

    def __check_init__(self):
        _check(self.link, self.noise)

    @property
    def information_exponent(self) -> int:
        """The smallest k >= 1 whose coefficient is not 0."""
        return int(np.flatnonzero(np.asarray(self.link)[1:])[0]) + 1

    @in_float64
    def overlap(self) -> Overlap:
        """The overlap, w being uniform on the sphere before the first step."""
        return Overlap(as_float64(self.link), as_float64(self.dimension), as_float64(self.noise), None)

    def lowerings(self) -> Lowerings:
        return {Overlap: self.overlap, NeuronLaw: lambda: NeuronLaw(self)}

    @in_float64
    def draw(self, key: Key[Array, ""]) -> NeuronProblem:
        """A direction that is uniform on the sphere, of which the overlap is all that matters."""
        require_key(key, "to draw from")
        along = jax.random.normal(stream(key, "along"), (), jnp.float32).astype(float)
        across = jax.random.chisquare(stream(key, "across"), self.dimension - 1.0, (), jnp.float32).astype(float)
        return NeuronProblem(self.link, self.dimension, self.noise, along / jnp.sqrt(along**2 + across))
