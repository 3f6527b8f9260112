"""A learning problem given by data alone: features to train on, and a test set that stands for the population."""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from solvable.arguments import check_reals
from solvable.models.ambient import GivenFeatures
from solvable.models.base import AbstractStream
from solvable.models.finite import FiniteProblem
from solvable.numerics.precision import in_float64

NULL = 1e-14  # directions of the test covariance below this part of the largest eigenvalue count as null


class EmpiricalProblem(AbstractStream):
    """A population risk measured on a test set, as a quadratic form.

    Everything that needs a *law* of the features (one-pass theories, `batch`) takes them to be Gaussian with this
    covariance: an approximation, unlike the risk itself.

    Attributes:
        eigvals: eigenvalues of the test covariance; shape (width,).
        target: best parameters on the test set, in the eigenbasis; shape (width,).
        initial: parameters before the first step; shape (width,).
        floor: mean squared test error of the best parameters; shape ().
        vectors: eigenvectors in the original feature coordinates, as columns; shape (features, width).
    """

    eigvals: Float[Array, " width"]
    target: Float[Array, " width"]
    initial: Float[Array, " width"]
    floor: Float[Array, ""]
    vectors: Float[Array, "features width"]
    references: ClassVar[tuple[str, ...]] = ("bordelon2024",)

    def __check_init__(self):
        check_reals("vectors", self.vectors, "finite values", ndim=2)
        width = np.shape(self.vectors)[1:]
        if hasattr(self.eigvals, "shape") and width != self.eigvals.shape:
            wanted = f"shape (features, width), width that of eigvals, {self.eigvals.shape}"
            raise ValueError(f"vectors: wanted {wanted}; got {np.shape(self.vectors)}")

    def basis(self):
        return jnp.asarray(self.vectors)

    @in_float64
    def ambient_draw(self):
        eigvals, target, initial, floor = (jnp.asarray(x, float) for x in self.reduction())
        scale, vectors = jnp.sqrt(eigvals), jnp.asarray(self.vectors, float)
        return GivenFeatures(scale[:, None] * vectors.T, scale * target, jnp.sqrt(floor), vectors @ initial)


@in_float64
def empirical_problem(train_features: Any, train_targets: Any, test_features: Any, test_targets: Any) -> FiniteProblem:
    """Linear regression on given features; its population risk is *exactly* the mean squared error on the test set.

    The test error is a quadratic function of the parameters: in the eigenbasis of the test covariance with eigenvalues
    lambda_j it is floor + sum_j lambda_j (theta - best)_j^2, floor being the test error of the best parameters. That is
    the form every theory and simulation of a `FiniteProblem` knows.

    Args:
        train_features, test_features: shapes (samples, width) and (tests, width).
        train_targets, test_targets: shapes (samples,) and (tests,).
    """
    given = {"train_features": train_features, "test_features": test_features}
    train_features, test_features = (check_reals(name, x, "finite values", ndim=2) for name, x in given.items())
    given = {"train_targets": train_targets, "test_targets": test_targets}
    train_targets, test_targets = (check_reals(name, x, "finite values", ndim=1) for name, x in given.items())
    shapes = [np.shape(x) for x in (train_features, train_targets, test_features, test_targets)]
    if len(shapes[0]) != 2 or len(shapes[2]) != 2 or shapes[0][1] != shapes[2][1] or shapes[0][1] < 1:
        raise ValueError(f"features: wanted (samples, width) and (tests, width); got {shapes[0]} and {shapes[2]}")
    if shapes[1] != shapes[0][:1] or shapes[3] != shapes[2][:1]:
        raise ValueError(f"targets: wanted shapes {shapes[0][:1]} and {shapes[2][:1]}; got {shapes[1]} and {shapes[3]}")
    eigvals, target, floor, features, basis = _rotate(train_features, test_features, test_targets)
    return FiniteProblem(EmpiricalProblem(eigvals, target, 0 * target, floor, basis), features, train_targets)


@jax.jit
def _rotate(train_features, test_features, test_targets):
    """Eigenvalues, best parameters and floor of the test error, the training features in that eigenbasis, the basis."""
    train, test, targets = (jnp.asarray(x, float) for x in (train_features, test_features, test_targets))
    tests = len(targets)
    eigvals, basis = jnp.linalg.eigh(test.T @ test / tests)
    eigvals, basis = eigvals[::-1], basis[:, ::-1]
    present = eigvals > NULL * eigvals[0]
    eigvals = jnp.where(present, eigvals, 0.0)
    rotated = test @ basis
    best = jnp.where(present, rotated.T @ targets / tests / jnp.where(present, eigvals, 1.0), 0.0)
    floor = ((targets - rotated @ best) ** 2).mean()
    return eigvals, best, floor, train @ basis, basis
