"""Learning curves of a real data set, measured by training on subsets of it."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from solvable.algorithms.base import AbstractAlgorithm, check_settings
from solvable.algorithms.ridge import Ridge
from solvable.arguments import check_integer, check_real, check_reals, refusal
from solvable.forms.algorithms import Filter
from solvable.keys import require_key, stream
from solvable.method import recorded_steps
from solvable.models.from_data import check_data
from solvable.numerics.precision import in_float64

MOST_TRAINED = 10**6  # subsets of one size


class LearningCurve(eqx.Module):
    """Risk against the number of samples, mean and standard error over subsets.

    The subsets of one size overlap where they are a large part of the data: the standard error is then too small.

    Attributes:
        sizes: numbers of training samples; shape (sizes,).
        steps: recorded steps; shape (steps,), one for an algorithm without steps.
        risk, train_risk: mean squared error on the data left out, and on the subset; shape (sizes, steps).
        stderr, train_stderr: their standard errors; shape (sizes, steps).
    """

    sizes: Int[np.ndarray, " sizes"]
    steps: Int[np.ndarray, " steps"]
    risk: Float[np.ndarray, "sizes steps"]
    stderr: Float[np.ndarray, "sizes steps"]
    train_risk: Float[np.ndarray, "sizes steps"]
    train_stderr: Float[np.ndarray, "sizes steps"]


def measure_learning_curve(
    features: Any = None,
    targets: Any = None,
    sizes: Any = (),
    algorithm: AbstractAlgorithm | float = 0.0,
    steps: Any = None,
    *,
    kernel: Any = None,
    num_subsets: int = 16,
    key: Key[Array, ""],
) -> LearningCurve:
    """Train on random subsets of every size and test on the data left out.

    Args:
        features, targets, kernel: as in `from_data`.
        sizes: numbers of samples, from 1 to one less than the data.
        algorithm: `Ridge` (or its penalty as a number), `GradientFlow` or full-batch `SGD`, started at zero.
        steps: increasing steps >= 0; None for `Ridge`.
        num_subsets: subsets of every size, at least 2; a larger subset extends a smaller one.
        key: random key.

    Raises:
        ValueError: an argument is impossible.
    """
    require_key(key, "to choose subsets")
    matrix, targets = check_data(features, targets, kernel)
    algorithm, recorded = check_training(algorithm, steps)
    num_subsets = check_integer("num_subsets", num_subsets, 2, MOST_TRAINED)
    sizes = check_sizes(sizes, len(matrix) - 1, f"integers from 1 to {len(matrix) - 1}")
    keys = [jax.random.fold_in(stream(key, "subset"), i) for i in range(num_subsets)]
    orders = [np.asarray(jax.random.permutation(k, len(matrix))) for k in keys]
    found = np.stack([
        np.stack([train_once(matrix, targets, algorithm, recorded, kernel is not None, order[:size], order[size:])
                  for order in orders])
        for size in sizes
    ])  # (sizes, subsets, 2, steps)  # fmt: skip
    mean, stderr = found.mean(1), found.std(1, ddof=1) / num_subsets**0.5
    return LearningCurve(sizes, recorded, mean[:, 0], stderr[:, 0], mean[:, 1], stderr[:, 1])


def check_training(algorithm: AbstractAlgorithm | float, steps: Any) -> tuple[AbstractAlgorithm, Int[np.ndarray, " s"]]:
    """The algorithm, a number standing for the penalty of `Ridge`, and the recorded steps (one 0 for `Ridge`).

    Raises:
        ValueError: as `measure_learning_curve`.
    """
    if not isinstance(algorithm, AbstractAlgorithm):
        wanted = "Ridge(), its penalty as a finite number >= 0, GradientFlow() or SGD(batch_size=None)"
        check_real("algorithm", algorithm, wanted, lambda x: 0 <= x < np.inf)
        algorithm = Ridge(algorithm)
    if Filter not in algorithm.states():
        raise refusal("algorithm", "Ridge(), GradientFlow() or SGD(batch_size=None)", algorithm)
    recorded = recorded_steps(algorithm, steps)
    check_settings(algorithm, int(recorded[-1]))
    return algorithm, recorded


def check_sizes(sizes: Any, most: int, wanted: str) -> Int[np.ndarray, " sizes"]:
    """Numbers of training samples, from 1 to ``most``, in any order.

    Raises:
        ValueError: they are none.
    """
    return check_reals("sizes", sizes, wanted, lambda p: (p >= 1) & (p <= most) & (p == np.rint(p)), ndim=1).astype(int)


@in_float64
def train_once(matrix, targets, algorithm, steps, is_kernel: bool, train, test) -> Float[Array, "2 steps"]:
    """(test risk, training risk) at every step of training on the data ``train`` (indices), tested on ``test``."""
    steps = jnp.asarray(steps, float)
    if is_kernel:
        inside, across = matrix[np.ix_(train, train)], matrix[np.ix_(test, train)]
        return _train_kernel(inside, across, targets[train], targets[test], algorithm, steps)
    return _train(matrix[train], matrix[test], targets[train], targets[test], algorithm, steps)


@eqx.filter_jit
def _train(train, test, targets, others, algorithm, steps):
    """By the singular values of the training features."""
    left, values, right = jnp.linalg.svd(jnp.asarray(train), full_matrices=False)
    eigvals, present = values**2 / len(train), values > max(train.shape) * jnp.finfo(float).eps * values[0]
    learned = algorithm.filter(jnp.where(present, eigvals, 0.0), steps)[1]
    best = jnp.where(present[:, None], left.T @ targets / jnp.where(present, values, 1.0)[:, None], 0.0)
    return _risks(right.T, test, train, learned, best, targets, others)


@eqx.filter_jit
def _train_kernel(train, test, targets, others, algorithm, steps):
    """By the eigenvalues of the training kernel matrix."""
    eigvals, left = jnp.linalg.eigh(jnp.asarray(train) / len(train))
    present = eigvals > len(train) * jnp.finfo(float).eps * eigvals[-1]
    learned = algorithm.filter(jnp.where(present, eigvals, 0.0), steps)[1]
    best = left.T @ targets / len(train) / jnp.where(present, eigvals, 1.0)[:, None]
    return _risks(left, test, train, learned, jnp.where(present[:, None], best, 0.0), targets, others)


def _risks(vectors, test, train, learned, best, targets, others):
    def one(share):
        weights = vectors @ (share[:, None] * best)
        errors = ((rows @ weights - wanted) ** 2 for rows, wanted in ((test, others), (train, targets)))
        return jnp.stack([error.sum(1).mean() for error in errors])

    return jax.lax.map(one, learned).T
