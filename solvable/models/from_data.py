"""A data set as a model: its measured eigenvalues and target power, from which theories predict its learning curves."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from solvable.arguments import check_reals, real_numbers, refusal
from solvable.models.checks import check_samples
from solvable.models.empirical import EmpiricalProblem
from solvable.models.finite import DataSets
from solvable.numerics.precision import in_float64

FEWEST = 2  # data; one datum has no spectrum, only its own square
LEFT_OVER = 10  # data beyond the number of modes from which the noise can be told


def from_data(
    features: Any = None, targets: Any = None, *, kernel: Any = None, samples: Any = None
) -> EmpiricalProblem | DataSets:
    """The linear (or kernel) regression whose population is the given data set.

    The eigenvalues are those of the covariance X^T X / n (or of the kernel matrix / n, the same numbers for
    K = X X^T), about zero: center the columns, or add a constant one as intercept, as the application wants. With u_k
    the m normalised principal components of the n data, the target power of mode k is (u_k . y)^2 / n; what they do
    not explain is the noise, of variance |y - sum_k u_k (u_k . y)|^2 / (n - m), whose share variance / n of each mode's
    power is taken off again (both are then unbiased). With ``samples`` set the model stands for training on that many
    of the data: give it to `DeterministicEquivalent`, `ridge_map` or `DMFT`, which take the data to be as good as
    Gaussian with this covariance. Where the data are hardly more than the modes (n < m + 10) every target is
    explained, noise included, and predictions are too low unless ``samples`` is well below n.

    Real data are not Gaussian, and predictions at few samples are too low: on breast_cancer (m = 30) by 21% at m/2, 14%
    at 2m and 6% at 4m samples with a penalty of 0.01 mean eigenvalues, by 8%, 5% and 3% with ten times that; digits
    and diabetes are within 5% from 2m and 2% from 4m samples on, Gaussian data within 5% and 1%.
    `prediction_band` measures the error on the data at hand (``docs/finite_data.md``, Real data).

    A constant column counts as a feature like any other, a column of zeros as absent. Duplicate and linearly dependent
    columns, and duplicate data, leave fewer modes: directions without variance (below rounding) are dropped.

    Args:
        features: shape (data, features); or None where ``kernel`` is given.
        targets: shape (data,), or (data, outputs): the risk is then summed over outputs.
        kernel: symmetric positive semidefinite matrix k(x_i, x_j); shape (data, data).
        samples: size of the training set the model stands for; None for a fresh stream.

    Raises:
        ValueError: shapes do not fit, values are not finite, there are fewer than 2 data, or nothing varies.
    """
    matrix, targets = check_data(features, targets, kernel)
    check_samples(samples)
    eigvals, target, floor, vectors = in_float64(_measure)(matrix, targets, kernel is not None)
    problem = EmpiricalProblem(eigvals, target, 0 * target, floor, vectors)
    return problem if samples is None else DataSets(problem, samples)


def _measure(matrix, targets, is_kernel: bool):
    """Eigenvalues in decreasing order, best parameters, floor, eigenvectors as columns; null directions dropped."""
    eigvals, scores, vectors = _components(matrix, is_kernel)
    count, modes = scores.shape
    weights = scores.T @ targets / np.sqrt(count)
    squares = ((targets - scores @ (scores.T @ targets)) ** 2).sum()
    told = count >= modes + LEFT_OVER
    floor = squares / (count - modes if told else count)
    share = floor / count if told else 0.0
    power = np.maximum((weights**2).sum(1) - share, 0.0)
    sign = np.sign(weights[:, 0]) if targets.shape[1] == 1 else 1.0
    return tuple(jnp.asarray(x) for x in (eigvals, sign * np.sqrt(power / eigvals), floor, vectors))


def _components(matrix, is_kernel: bool):
    """Eigenvalues of the covariance, normalised principal components of the data, eigenvectors in the features."""
    count, width = matrix.shape
    few = is_kernel or width > count
    gram = matrix if is_kernel else (matrix @ matrix.T if few else matrix.T @ matrix)
    eigvals, found = np.linalg.eigh(gram / count)
    if eigvals[0] < -1e-8 * eigvals[-1]:
        raise ValueError(f"kernel: wanted no negative eigenvalues; got {eigvals[0] * count:g}")
    keep = np.flatnonzero(eigvals > max(matrix.shape) * np.finfo(float).eps * eigvals[-1])[::-1]
    eigvals, found = eigvals[keep], found[:, keep]
    if is_kernel:
        return eigvals, found, np.eye(len(keep))
    if few:
        return eigvals, found, matrix.T @ found / np.sqrt(count * eigvals)
    return eigvals, matrix @ found / np.sqrt(count * eigvals), found


def check_data(features: Any, targets: Any, kernel: Any) -> tuple[np.ndarray, np.ndarray]:
    """The features or the kernel, and targets of shape (data, outputs), as float64.

    Raises:
        ValueError: as `from_data`.
    """
    if (features is None) == (kernel is None):
        raise ValueError("features: wanted either features or a kernel matrix; got " + ("both", "none")[kernel is None])
    name = "features" if kernel is None else "kernel"
    matrix = _numbers(name, features if kernel is None else kernel)
    targets = _numbers("targets", targets)
    if matrix.ndim != 2 or (kernel is not None and matrix.shape[0] != matrix.shape[1]):
        wanted = "(data, features)" if kernel is None else "(data, data)"
        raise ValueError(f"{name}: wanted shape {wanted}; got {matrix.shape}")
    if len(matrix) < FEWEST:
        raise ValueError(f"{name}: wanted at least {FEWEST} data; got {len(matrix)}")
    targets = targets[:, None] if targets.ndim == 1 else targets
    if targets.ndim != 2 or len(targets) != len(matrix) or targets.size == 0:
        raise ValueError(f"targets: wanted {len(matrix)} values, or rows of outputs; got shape {targets.shape}")
    if not np.isfinite(matrix).all():
        columns = np.flatnonzero(~np.isfinite(matrix).all(0))
        raise ValueError(f"{name}: wanted finite values; got NaN or infinity in columns {columns[:5].tolist()}")
    if not np.isfinite(targets).all():
        raise ValueError(f"targets: wanted finite values; got {(~np.isfinite(targets)).sum()} that are not")
    for label, values in ((name, matrix), ("targets", targets)):
        check_reals(label, values, "finite values")  # not too large to be squared
    if not matrix.any():
        raise ValueError(f"{name}: wanted some value other than 0; got none")
    if kernel is not None and np.abs(matrix - matrix.T).max() > 1e-8 * np.abs(matrix).max():
        raise ValueError("kernel: wanted a symmetric matrix; got another")
    return matrix, targets


def _numbers(name: str, value: Any) -> np.ndarray:
    found = real_numbers(value)
    if found is None:
        raise refusal(name, "finite values", value)
    return np.asarray(found, np.float64)
