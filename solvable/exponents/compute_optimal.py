"""Compute-optimal scaling by balancing power laws: the derivation behind the table of phases.

If the risk is a sum of terms width^u * steps^v, then at compute f = width * steps and width = f^x the log of
the risk is, per unit of log f, the largest of the lines u x + v (1 - x). The best width minimises it over
0 <= x <= 1, and the terms that meet there are the trade-off. `optimal_width` does the same with constants.
"""

import itertools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar

from solvable.arguments import answer, check_integer, check_real, check_reals, refusal, representable
from solvable.exponents.pieces import Values, risk_law


class Balance(NamedTuple):
    """The optimum of a sum of power laws at fixed compute.

    Attributes:
        width_exponent: xi in width ~ compute^xi. Where the optimum is flat, the middle of the flat stretch.
        loss_exponent: eta in risk ~ compute^(-eta).
        trade_off: names of the terms that are equal at the optimum, in the order given.
    """

    width_exponent: float
    loss_exponent: float
    trade_off: tuple[str, ...]


def terms(alpha: float, beta: float) -> dict[str, tuple[float, float]]:
    """Exponents (u, v) of the loss terms, each width^u * steps^v: one-pass SGD on power-law random features.

    With g the learning rate (constant for 2 alpha > 1, width^(2 alpha - 1) below), tau = g * steps and
    s = 2 alpha + 2 beta - 1:

        F_0    width^(-2 alpha + max(0, 1 - 2 beta))     what the width cannot express
        F_pp   tau^(-s / (2 alpha))                      the target's modes not learned yet
        F_ac   width^-1 tau^(-1 + 1/(2 alpha))           distortion of the modes; 2 alpha > 1 and 2 beta > 1
        K_pp   g tau^(-2 + 1/(2 alpha))                  noise of SGD, alpha > 1/4; for 2 beta < 1 multiplied
                                                         by tau^(1 - s/(2 alpha)), as the summed loss grows

    Raises:
        ValueError: alpha <= 0 or alpha + beta <= 1/2, or a value that is not a finite number.
    """
    check_real("alpha", alpha, "a finite number > 0", lambda x: 0 < x < math.inf)
    check_real("beta", beta, "a finite number")
    a, b = float(alpha), float(beta)
    s = 2 * a + 2 * b - 1
    if s <= 0:
        raise ValueError(f"alpha, beta: wanted alpha + beta > 1/2 (finite risk at step 0); got {a} + {b}")
    rate = min(0.0, 2 * a - 1)  # g = width^rate

    def in_tau(u: float, power: float) -> tuple[float, float]:
        return u + rate * power, power

    found = {"F_0": (-2 * a + max(0.0, 1 - 2 * b), 0.0), "F_pp": in_tau(0.0, -s / (2 * a))}
    if 2 * a > 1 and 2 * b > 1:
        found["F_ac"] = in_tau(-1.0, -1 + 1 / (2 * a))
    if a > 0.25:
        found["K_pp"] = in_tau(rate, -2 + 1 / (2 * a) + max(0.0, 1 - s / (2 * a)))
    return found


def balance(lines: dict[str, tuple[float, float]], tolerance: float = 1e-9) -> Balance:
    """The width exponent that minimises the largest term at fixed compute.

    Args:
        lines: name -> (u, v), the term width^u * steps^v. At least one.
        tolerance: terms closer than this at the optimum count as equal.

    Raises:
        ValueError: no terms, or an exponent that is not a number.
    """
    check_real("tolerance", tolerance, "a finite number >= 0", lambda x: 0 <= x < math.inf)
    lines = _checked_lines(lines)

    def height(x: float) -> float:
        return max(u * x + v * (1 - x) for u, v in lines.values())

    candidates = [0.0, 1.0]
    for (u, v), (other_u, other_v) in itertools.combinations(lines.values(), 2):
        slope = (u - v) - (other_u - other_v)
        if slope != 0 and 0 < (other_v - v) / slope < 1:
            candidates.append((other_v - v) / slope)
    heights = [height(x) for x in candidates]
    lowest = min(heights)
    best = [x for x, h in zip(candidates, heights, strict=True) if h <= lowest + 1e-12]
    x = (min(best) + max(best)) / 2
    met = tuple(n for n, (u, v) in lines.items() if abs(u * x + v * (1 - x) - lowest) < tolerance)
    return Balance(x, -lowest, met)


def _checked_lines(lines: Any) -> dict[str, tuple[float, float]]:
    if not isinstance(lines, dict) or not lines:
        raise refusal("lines", "a table of at least one term, name -> (u, v)", lines)
    wanted = "pairs of exponents that are finite numbers"
    pairs = {name: check_reals("lines", uv, wanted, ndim=1) for name, uv in lines.items()}
    if any(len(uv) != 2 for uv in pairs.values()):
        raise refusal("lines", "pairs of exponents (u, v)", lines)
    return {name: (float(u), float(v)) for name, (u, v) in pairs.items()}


class Optimum(NamedTuple):
    """The compute-optimal law at each compute: best width (real-valued), its steps and its risk."""

    width: Values
    steps: Values
    risk: Values


@representable
def optimal_width(
    alpha: float,
    beta: float,
    compute: Any,
    learning_rate: float | Callable[[float], float],
    batch_size: int = 1,
    *,
    aspect: float = math.inf,
) -> Optimum:
    """The width that minimises `risk_law` at each compute f = width * steps * batch_size.

    Args:
        compute: values > batch_size, any shape.
        learning_rate: multiplies the batch mean; a number, or a function of the width. For 2 alpha < 1 it has
            to fall as width^(2 alpha - 1), to stay stable and for the exponents of `phase` to appear.
        aspect: ambient / width, > 1; finite where 2 alpha <= 1.

    Raises:
        ValueError: an argument out of its range, or alpha + beta <= 1/2.
    """
    terms(alpha, beta)  # checks alpha and beta
    batch_size = check_integer("batch_size", batch_size, 1, 2**53)
    wanted = f"finite values > batch_size = {batch_size}"
    f = check_reals("compute", compute, wanted, lambda x: np.isfinite(x) & (x > batch_size), largest=math.inf)
    check_real("aspect", aspect, "a number > 1", lambda x: x > 1)

    def rate(width: float) -> float:
        wanted, g = "a number > 0 or a function of the width that returns one", learning_rate
        g = answer("learning_rate", wanted, g, width) if callable(g) else g
        check_real("learning_rate", g, wanted, lambda x: x > 0)
        return float(g)  # pyright: ignore[reportArgumentType]

    def log_risk(log_width: float, budget: float) -> float:
        width = math.exp(log_width)
        steps = budget / (width * batch_size)
        risk = float(risk_law(alpha, beta, width, rate(width), batch_size, steps, ambient=aspect * width))
        return math.log(risk) if risk > 0 else math.inf  # the floor's law may be negative at a width near 1

    def best(budget: float) -> float:
        grid = np.linspace(0.0, math.log(budget / batch_size), 65)
        lowest = int(np.argmin([log_risk(x, budget) for x in grid]))
        near = (grid[max(lowest - 1, 0)], grid[min(lowest + 1, 64)])
        found = minimize_scalar(
            log_risk, bounds=near, args=(budget,), method="bounded", options={"xatol": 1e-9}
        )
        return float(found.x)

    log_width = np.array([best(float(budget)) for budget in f.ravel()]).reshape(f.shape)
    width = np.exp(log_width)
    risk = np.array([math.exp(log_risk(x, y)) for x, y in zip(log_width.ravel(), f.ravel(), strict=True)])
    return Optimum(width, f / (width * batch_size), risk.reshape(f.shape))
