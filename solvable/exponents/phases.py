"""The seven phases of compute-optimal scaling in the (alpha, beta) plane of power-law random features.

Eigenvalues j^(-2 alpha), target coefficients j^(-beta), one-pass SGD with a fixed batch size. At compute
f = width * steps * batch_size the best width and the risk it reaches are

    width ~ f^xi,    steps ~ f^(1 - xi),    risk ~ f^(-eta),

with xi the `width_exponent` and eta the `loss_exponent`. For 2 alpha < 1 the learning rate must shrink as
width^(2 alpha - 1) to stay stable, and does so here. With a = alpha, b = beta, s = 2a + 2b - 1:

    phase   region                            xi                         eta
    Ia      2a > 1, 2b < 1                    1/(2a+1)                   s/(2a+1)
    Ib      2a < 1, 2b < 1                    1/2                        s/2
    Ic      a < 1/4, 2b > 1                   s/(2q)                     a s/q,  q = 2b - 1 - a(2b - 3)
    II      2a > 1, 2b > 1, b < a             b/(a+b)                    s/(2(a+b))
    III     2a > 1, b > a                     1/2                        (4a-1)/(4a)
    IVa     1 - 1/sqrt 2 < a < 1/2, 2b > 1    1/2                        a
    IVb     1/4 < a < 1 - 1/sqrt 2, 2b > 1    (b-a)/(2b-a-2ab)           (1-2a) s/(2(2b-a-2ab))
    none    a + b <= 1/2                      -                          -    (the risk at step 0 is infinite)

A point on a line belongs to the phase on its right, or above it; on a + b = 1/2 it has no power law. eta is
continuous across every line; xi jumps from IVb to IVa and is continuous elsewhere.

Source: Paquette, Paquette, Xiao, Pennington 2024.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from solvable.arguments import check_broadcast, check_reals, check_window, refusal

PHASES = ("Ia", "Ib", "Ic", "II", "III", "IVa", "IVb")
NONE = "none"
IV_LINE = 1 - math.sqrt(0.5)  # alpha of the line between IVb and IVa: the noise stops depending on the width


class Phase(NamedTuple):
    """Where a point lies and how its compute-optimal frontier scales.

    Attributes:
        name: one of `PHASES`, or "none"; a str, or an array of str for array arguments.
        width_exponent: xi in width ~ compute^xi; float64, NaN where the name is "none".
        loss_exponent: eta >= 0 in risk ~ compute^(-eta); float64, NaN where the name is "none".
    """

    name: Any
    width_exponent: Any
    loss_exponent: Any

    def __repr__(self) -> str:
        if np.ndim(self.width_exponent):
            return f"Phase({', '.join(f'{name}={value!r}' for name, value in self._asdict().items())})"
        if np.isnan(self.width_exponent):
            return f"{self.name}: alpha + beta <= 1/2, the risk is infinite at step 0"
        return f"{self.name}: width ~ compute^{self.width_exponent:.3f}, risk ~ compute^-{self.loss_exponent:.3f}"

    @property
    def steps_exponent(self) -> Any:
        """1 - xi in steps ~ compute^(1 - xi)."""
        return 1 - self.width_exponent


def phase(alpha: Any, beta: Any) -> Phase:
    """The phase of each (alpha, beta), with its compute-optimal exponents.

    Args:
        alpha: half the decay of the eigenvalues, > 0; a number or any array, broadcast against ``beta``.
        beta: decay of the target coefficients, any sign; a number or any array.

    Returns:
        A `Phase` of Python values for scalar arguments, of NumPy arrays otherwise.

    Raises:
        ValueError: alpha is not finite and positive, beta is not finite, or their shapes do not broadcast.
    """
    a, b = check_plane(alpha, beta)
    steep, smooth = 2 * a >= 1, 2 * b >= 1
    where = {
        NONE: a + b <= 0.5,
        "Ia": steep & ~smooth,
        "Ib": ~steep & ~smooth,
        "Ic": ~steep & smooth & (a < 0.25),
        "IVb": ~steep & smooth & (a < IV_LINE),
        "IVa": ~steep & smooth,
        "II": steep & smooth & (b < a),
        "III": steep & smooth,
    }
    name = np.select(list(where.values()), list(where), default=NONE)
    width = np.full(a.shape, np.nan)
    loss = np.full(a.shape, np.nan)
    for row in PHASES:
        here = name == row
        width[here], loss[here] = exponents(row, a[here], b[here])
    if a.ndim == 0:
        return Phase(str(name), float(width), float(loss))
    return Phase(name, width, loss)


phase.references = ("paquette2024",)  # type: ignore[attr-defined]


def exponents(name: str, a: Any, b: Any) -> tuple[Any, Any]:
    """The row of the table above: (xi, eta) as the formulas of phase ``name`` give them, inside it or not."""
    s = 2 * a + 2 * b - 1
    half = 0.5 * np.ones_like(a)
    if name == "Ia":
        return 1 / (2 * a + 1), s / (2 * a + 1)
    if name == "Ib":
        return half, s / 2
    if name == "Ic":
        q = 2 * b - 1 - a * (2 * b - 3)
        return s / (2 * q), a * s / q
    if name == "II":
        return b / (a + b), s / (2 * (a + b))
    if name == "III":
        return half, (4 * a - 1) / (4 * a)
    if name == "IVa":
        return half, a
    if name == "IVb":
        p = 2 * b - a - 2 * a * b
        return (b - a) / p, (1 - 2 * a) * s / (2 * p)
    raise refusal("name", f"one of {PHASES}", name)


def boundaries(
    alpha: tuple[float, float] = (0.0, 1.5), beta: tuple[float, float] = (-0.5, 1.5)
) -> dict[str, np.ndarray]:
    """The lines between the phases inside a window, for drawing.

    Returns:
        name -> end points, shape (2, 2), columns (alpha, beta). Lines outside the window are left out.

    Raises:
        ValueError: a window edge is not finite, or the window is empty.
    """
    alpha, beta = check_window("alpha", alpha), check_window("beta", beta)
    far = max(map(abs, (*alpha, *beta))) + 2
    segments = {
        "2 alpha = 1": ((0.5, 0.0), (0.5, far)),
        "2 beta = 1": ((0.0, 0.5), (far, 0.5)),
        "alpha = beta": ((0.5, 0.5), (far, far)),
        "alpha = 1/4": ((0.25, 0.5), (0.25, far)),
        "alpha = 1 - 1/sqrt 2": ((IV_LINE, 0.5), (IV_LINE, far)),
        "alpha + beta = 1/2": ((0.0, 0.5), (far, 0.5 - far)),
    }
    clipped = {name: _clip(np.array(ends), alpha, beta) for name, ends in segments.items()}
    return {name: ends for name, ends in clipped.items() if ends is not None}


def _clip(ends: np.ndarray, *windows: tuple[float, float]) -> np.ndarray | None:
    """The part of a segment inside a box, or None (Liang-Barsky)."""
    start, direction = ends[0], ends[1] - ends[0]
    first, last = 0.0, 1.0
    for x, dx, (low, high) in zip(start, direction, windows, strict=True):
        if dx == 0:
            if not low <= x <= high:
                return None
            continue
        t = sorted(((low - x) / dx, (high - x) / dx))
        first, last = max(first, t[0]), min(last, t[1])
    return np.array([start + first * direction, start + last * direction]) if first < last else None


def check_plane(alpha: Any, beta: Any) -> tuple[np.ndarray, np.ndarray]:
    """alpha and beta as float64 arrays of one shape, with alpha > 0 and both finite."""
    a = check_reals("alpha", alpha, "finite values > 0", lambda x: np.isfinite(x) & (x > 0))
    b = check_reals("beta", beta, "finite values")
    a, b = check_broadcast(alpha=a, beta=b)
    return a, b
