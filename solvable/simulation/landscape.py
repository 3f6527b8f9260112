"""The quadratic risk of one problem in the coordinates in which it is simulated.

With Gaussian features the whole problem is floor + Delta^T K Delta, Delta = params - target, and features are
drawn with covariance K (the Gaussian reduction). In the eigenbasis K is diagonal and a step costs O(width).
An optimizer that does not commute with rotations needs the original feature coordinates, where it costs
O(width^2).
"""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

from solvable.arrays import as_array, library
from solvable.forms.draws import Reduction
from solvable.models.base import AbstractProblem
from solvable.numerics.normals import split_order, split_parts
from solvable.numerics.precision import in_float64

HIGHEST = jax.lax.Precision.HIGHEST


class AbstractLandscape(eqx.Module):
    """The quadratic risk and its features, in some basis of the parameters."""

    target: eqx.AbstractVar[Float[Array, " coords"]]
    initial: eqx.AbstractVar[Float[Array, " coords"]]
    floor: eqx.AbstractVar[Float[Array, ""]]

    @abc.abstractmethod
    def features(self, pairs: Complex[Array, "*batch pairs"]) -> Float[Array, "*batch coords"]:
        """Features with covariance K, from standard normals; meant for a whole chunk of steps at once."""

    @abc.abstractmethod
    def hessian(self, delta: Float[Array, " coords"]) -> Float[Array, " coords"]:
        """K @ delta: the population gradient at target + delta."""

    def risk(self, params: Float[Array, " coords"]) -> Float[Array, ""]:
        """Population mean squared error."""
        delta = params - self.target
        return self.floor + (delta * self.hessian(delta)).sum()


class Eigenbasis(AbstractLandscape):
    """Coordinates are eigendirections in `split_order`, an absent mode (all zero) added to an odd width."""

    eigvals: Float[Array, " coords"]
    roots: Float[Array, " coords"]
    target: Float[Array, " coords"]
    initial: Float[Array, " coords"]
    floor: Float[Array, ""]

    @classmethod
    def of(cls, problem: AbstractProblem | Reduction, dtype) -> "Eigenbasis":
        eigvals, target, initial, floor = (
            as_array(x, dtype) for x in (problem.eigvals, problem.target, problem.initial, problem.floor)
        )
        eigvals, target, initial = (_split(x) for x in (eigvals, target, initial))
        return cls(eigvals, library(eigvals).sqrt(eigvals), target, initial, floor)

    def features(self, pairs):
        return self.roots * split_parts(pairs)

    def hessian(self, delta):
        return self.eigvals * delta


class OriginalBasis(AbstractLandscape):
    """Coordinates are the original features; ``factor`` (normals to features) and the Hessian are dense."""

    factor: Float[Array, "normals coords"]
    matrix: Float[Array, "coords coords"]
    target: Float[Array, " coords"]
    initial: Float[Array, " coords"]
    floor: Float[Array, ""]

    @classmethod
    def of(cls, problem: AbstractProblem, dtype) -> "OriginalBasis":
        basis, eigvals = jnp.asarray(in_float64(problem.basis)(), dtype), jnp.asarray(problem.eigvals, dtype)
        factor = (basis * jnp.sqrt(eigvals)).T
        rotate = lambda x: jnp.matmul(basis, jnp.asarray(x, dtype), precision=HIGHEST)  # noqa: E731
        return cls(
            factor=_split(factor),
            matrix=jnp.matmul(factor.T, factor, precision=HIGHEST),
            target=rotate(problem.target),
            initial=rotate(problem.initial),
            floor=jnp.asarray(problem.floor, dtype),
        )

    def features(self, pairs):
        return jnp.matmul(split_parts(pairs), self.factor, precision=HIGHEST)

    def hessian(self, delta):
        return jnp.matmul(self.matrix, delta, precision=HIGHEST)


def _split(x: Float[Array, "width ..."]) -> Float[Array, "coords ..."]:
    """Rows in the order in which `split_parts` delivers the normals; an odd count gets one row of zeros."""
    padding = [(0, x.shape[0] % 2)] + [(0, 0)] * (x.ndim - 1)
    return library(x).pad(x, padding)[split_order(x.shape[0])]
