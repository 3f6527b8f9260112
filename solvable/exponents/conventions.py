"""Where the papers' letters meet: conversions into and out of (alpha, beta).

The package writes eigenvalues j^(-2 alpha) and target coefficients j^(-beta), so that the target's power in
mode j is j^(-2 alpha - 2 beta) (Paquette et al. 2024). The others write:

    Bordelon et al. 2024         eigenvalue k^(-b),          target power k^(-a)
    Bordelon et al. 2025         eigenvalue k^(-alpha),      target power k^(-alpha beta - 1)
    Maloney et al. 2022, Bahri   eigenvalue k^(-1 - alpha),  isotropic target coefficients
    Lin et al. 2024              eigenvalue i^(-a),          target power i^(-b)
    Defilippis et al. 2024       eigenvalue k^(-alpha),      target power k^(-1 - 2 alpha r)

Each ``from_`` function returns (alpha, beta) of this package; each ``to_`` function inverts it. All are plain
arithmetic: they take numbers, arrays and tracers alike.
"""

from typing import Any


def source(alpha: Any, beta: Any) -> Any:
    """s = 2 alpha + 2 beta - 1: the target power beyond mode k decays as k^(-s)."""
    return 2 * alpha + 2 * beta - 1


def from_bordelon(a: Any, b: Any) -> tuple[Any, Any]:
    """Bordelon et al. 2024: a is the decay of the target power, b of the eigenvalues."""
    return b / 2, (a - b) / 2


def to_bordelon(alpha: Any, beta: Any) -> tuple[Any, Any]:
    """(a, b) of Bordelon et al. 2024."""
    return 2 * alpha + 2 * beta, 2 * alpha


def from_bordelon_rich(capacity: Any, source: Any) -> tuple[Any, Any]:
    """Bordelon et al. 2025 (feature learning): their alpha is ``capacity``, their beta is ``source``."""
    return capacity / 2, (capacity * source + 1 - capacity) / 2


def to_bordelon_rich(alpha: Any, beta: Any) -> tuple[Any, Any]:
    """(alpha, beta) of Bordelon et al. 2025."""
    return 2 * alpha, (2 * alpha + 2 * beta - 1) / (2 * alpha)


def from_maloney(alpha: Any) -> tuple[Any, Any]:
    """Maloney et al. 2022, and Bahri et al. 2024: eigenvalues k^(-1 - alpha), isotropic target."""
    return (1 + alpha) / 2, 0 * alpha


def to_maloney(alpha: Any) -> Any:
    """alpha of Maloney et al. 2022; the target is isotropic, beta = 0."""
    return 2 * alpha - 1


def from_lin(a: Any, b: Any) -> tuple[Any, Any]:
    """Lin et al. 2024: a is the decay of the eigenvalues, b of the target power; isotropic prior: b = a."""
    return a / 2, (b - a) / 2


def to_lin(alpha: Any, beta: Any) -> tuple[Any, Any]:
    """(a, b) of Lin et al. 2024."""
    return 2 * alpha, 2 * alpha + 2 * beta


def from_defilippis(alpha: Any, r: Any) -> tuple[Any, Any]:
    """Defilippis et al. 2024: eigenvalues k^(-alpha), source condition r."""
    return alpha / 2, (1 + 2 * alpha * r - alpha) / 2


def to_defilippis(alpha: Any, beta: Any) -> tuple[Any, Any]:
    """(alpha, r) of Defilippis et al. 2024."""
    return 2 * alpha, (2 * alpha + 2 * beta - 1) / (4 * alpha)


def mean_learning_rate(sum_learning_rate: Any, batch_size: Any) -> Any:
    """The rate on the batch mean, from a rate on the batch sum (Paquette et al. 2024)."""
    return sum_learning_rate * batch_size


def sum_learning_rate(learning_rate: Any, batch_size: Any) -> Any:
    """The rate on the batch sum (Paquette et al. 2024), from this package's rate on the batch mean."""
    return learning_rate / batch_size


def risk_from_half(half_risk: Any) -> Any:
    """A loss that is half the mean squared error (Ferbach et al. 2025), as a risk."""
    return 2 * half_risk


def risk_to_half(risk: Any) -> Any:
    """The risk, the mean squared error, as papers write it that halve it."""
    return risk / 2
