"""The pieces of the risk with their constants: power laws that one-pass SGD follows at large width.

Convention: ``learning_rate`` g multiplies the batch **mean**. The papers' rate multiplies the batch sum, so
g = batch_size * (papers' rate). With t = 2 g steps, a = alpha, b = beta, s = 2a + 2b - 1, d = width,
v = ambient and c = sum_{j<=v} j^(-2b):

    F_0   sum_j j^(-2b) / (j^(2a) + tau), tau = kappa_0 d^(2a)      what the width cannot express
    F_pp  Gamma(s/2a)/(2a) t^(-s/2a)                                the target's modes not learned yet
    F_ac  (c/d) Gamma(1 - 1/2a)/(2a) t^(-1 + 1/2a)                  distortion of the modes; 2a > 1, 2b > 1
    K_pp  (g^2/batch_size) Gamma(2 - 1/2a)/(2a) t^(-2 + 1/2a)       response to one step's noise; a > 1/4

    risk ~ (F_0 + F_pp + F_ac) / (1 - n) + K_pp c/(2 g) / (1 - n)^2,    n = sum of the kernel over all steps,

the last term where 2b > 1 (elsewhere it is smaller than the others). Valid for 1 << g steps << d^(2a). The
constants are asymptotic; what they miss at a given width shrinks slowest near 2a = 1.

Source: Paquette, Paquette, Xiao, Pennington 2024; the second term of F_0 is the Mellin expansion of its sum.
"""

import functools
import math
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Float
from scipy.optimize import brentq
from scipy.special import gamma, hyp2f1, zeta, zetac

from solvable.arguments import check_broadcast, check_real, check_reals, representable, shown
from solvable.exponents.phases import check_plane

Values: TypeAlias = Float[np.ndarray, "..."] | np.float64
LEAST, MOST = 1e-3, 100.0  # of alpha; |beta| at most MOST: elsewhere the special functions lose their accuracy
_POLE = 1e-4  # |2 beta - 1| below which the two terms of F_0, whose poles cancel, are interpolated


@representable
def ridge_constant(alpha: float, aspect: float = math.inf) -> float:
    """kappa_0 in tau ~ kappa_0 d^(2a), the large-width solution of sum_{j<=v} 1/(1 + j^(2a)/tau) = d.

    ``aspect`` is ambient / width. For an infinite ambient dimension kappa_0 = [(pi/2a) / sin(pi/2a)]^(-2a);
    otherwise it solves integral_0^aspect dx / (1 + x^(2a)/kappa_0) = 1.

    Raises:
        ValueError: aspect <= 1, or aspect infinite with 2 alpha <= 1.
    """
    check_real("alpha", alpha, f"a number from {LEAST:g} to {MOST:g}", lambda x: LEAST <= x <= MOST)
    check_real("aspect", aspect, "a number > 1", lambda x: x > 1)
    return _ridge_constant(float(alpha), float(aspect))


@functools.lru_cache(maxsize=4096)
def _ridge_constant(a: float, aspect: float) -> float:
    if math.isinf(aspect):
        _check_infinite_ambient(a)
        return ((math.pi / (2 * a)) / math.sin(math.pi / (2 * a))) ** (-2 * a)
    if not aspect > 1:
        raise ValueError(f"ambient: wanted ambient > width; got ambient / width = {aspect}")
    q = 1 / (2 * a)

    def excess(log_kappa: float) -> float:
        return aspect * float(hyp2f1(1, q, 1 + q, -math.exp(2 * a * math.log(aspect) - log_kappa))) - 1

    low = high = 0.0
    while excess(low) > 0:
        low -= 2.0
    while excess(high) < 0:
        high += 2.0
    return math.exp(brentq(excess, low, high, xtol=1e-14))  # pyright: ignore[reportArgumentType]


@representable
def approximation_floor(alpha: Any, beta: Any, width: Any, ambient: Any = math.inf) -> Values:
    """F_0: the risk that no training removes, ~ width^(-2 alpha + max(0, 1 - 2 beta)) at large width.

    Both leading terms are kept, so that the law stays accurate as beta passes 1/2, where they exchange roles:

        F_0 = zeta(2b)/tau + d^(1-2a-2b) integral_0^(v/d) x^(-2b)/(x^(2a) + kappa_0) dx   (continued in b)

    What is left out is smaller by width^-1, and by zeta(2b-2a)/zeta(2b) width^(-2 alpha) where 2 beta > 1. At
    a width of order 1 the law may even be negative.

    Returns:
        float64, in the broadcast shape of the arguments.

    Raises:
        ValueError: alpha + beta <= 1/2 with infinite ambient, ambient <= width, or a value out of its range.
    """
    a, b = _moderate(alpha, beta)
    d, v = _positive("width", width), _positive("ambient", ambient)
    floor = np.vectorize(_floor, otypes=[np.float64])
    return floor(a, b, d, v)


def _floor(a: float, b: float, d: float, v: float) -> float:
    if math.isinf(v) and a + b <= 0.5:
        raise ValueError(f"alpha, beta: wanted alpha + beta > 1/2 where ambient is infinite; got {a} + {b}")
    if abs(2 * b - 1) < _POLE:
        below, above = _floor(a, 0.5 - _POLE, d, v), _floor(a, 0.5 + _POLE, d, v)
        return below + (above - below) * (b - 0.5 + _POLE) / (2 * _POLE)
    kappa = _ridge_constant(float(a), float(v / d))
    q = (1 - 2 * b) / (2 * a)
    if math.isinf(v):
        integral = (math.pi / (2 * a)) / math.sin(math.pi * q) * kappa ** (q - 1)
    else:
        ratio = v / d
        cut = hyp2f1(1, q, 1 + q, -(ratio ** (2 * a)) / kappa)
        integral = ratio ** (1 - 2 * b) / (kappa * (1 - 2 * b)) * cut
    return (zetac(2 * b) + 1) / (kappa * d ** (2 * a)) + d ** (1 - 2 * a - 2 * b) * integral


@representable
def forcing(alpha: Any, beta: Any, learning_rate: Any, steps: Any) -> Values:
    """F_pp: the part of the target that gradient flow on the population spectrum has not learned yet.

    Raises:
        ValueError: alpha + beta <= 1/2, learning_rate <= 0 or steps <= 0.
    """
    a, b = _moderate(alpha, beta)
    if (a + b <= 0.5).any():
        raise ValueError(
            f"alpha, beta: wanted alpha + beta > 1/2 (finite risk at step 0); got {shown(alpha)}, {shown(beta)}"
        )
    power = (2 * a + 2 * b - 1) / (2 * a)
    return gamma(power) / (2 * a) * _time(learning_rate, steps) ** -power


@representable
def distortion(
    alpha: Any, beta: Any, width: Any, learning_rate: Any, steps: Any, ambient: Any = math.inf
) -> Values:
    """F_ac: the target's weight spread over all modes by the random features; 0 unless 2a > 1 and 2b > 1.

    For 2 beta < 1 it is below F_pp, for 2 alpha < 1 < 2 beta it is part of F_0.
    """
    a, b = _moderate(alpha, beta)
    d, v, t = _positive("width", width), _positive("ambient", ambient), _time(learning_rate, steps)
    a, b, d, v, t = check_broadcast(alpha=a, beta=b, width=d, ambient=v, learning_rate_times_steps=t)
    here = (2 * a > 1) & (2 * b > 1)
    a, b = np.where(here, a, 1.0), np.where(here, b, 1.0)
    power = 1 - 1 / (2 * a)
    return np.where(here, target_norm(b, v) / d * gamma(power) / (2 * a) * t**-power, 0.0)


@representable
def kernel(alpha: Any, learning_rate: Any, batch_size: Any, steps: Any) -> Values:
    """K_pp: risk added, ``steps`` later, by the noise of one step, per unit of risk.

    Raises:
        ValueError: alpha <= 1/4 (the kernel is then no power law), or an argument that is not positive.
    """
    a, _ = _moderate(alpha, 0.0)
    if (a <= 0.25).any():
        raise ValueError(f"alpha: wanted alpha > 1/4 (else the kernel is no power law); got {shown(alpha)}")
    g, size = _positive("learning_rate", learning_rate), _positive("batch_size", batch_size)
    power = 2 - 1 / (2 * a)
    return g**2 / size * gamma(power) / (2 * a) * _time(g, steps) ** -power


@representable
def target_norm(beta: Any, ambient: Any = math.inf) -> Values:
    """c = sum_{j <= ambient} j^(-2 beta), for 2 beta > 1."""
    wanted = f"values with 2 beta > 1 (a target of finite norm), at most {MOST:g}"
    b, v = check_reals("beta", beta, wanted, lambda x: (2 * x > 1) & (x <= MOST)), _positive("ambient", ambient)
    finite = np.where(np.isinf(v), 1.0, v)
    return zeta(2 * b) - np.where(np.isinf(v), 0.0, zeta(2 * b, finite + 1))


@representable
def risk_law(
    alpha: Any,
    beta: Any,
    width: Any,
    learning_rate: Any,
    batch_size: Any,
    steps: Any,
    *,
    ambient: Any = math.inf,
    kernel_norm: Any = 0.0,
) -> Values:
    """The sum of the pieces: the risk of one-pass SGD as a scaling law with constants.

    Args:
        kernel_norm: n above, in [0, 1); 0 drops the amplification by gradient noise and keeps every exponent.

    Returns:
        float64, in the broadcast shape of all arguments.
    """
    a, b = _moderate(alpha, beta)
    wanted = "values in [0, 1), 1 being the threshold"
    n = check_reals("kernel_norm", kernel_norm, wanted, lambda x: (x >= 0) & (x < 1))
    mean = approximation_floor(a, b, width, ambient) + forcing(a, b, learning_rate, steps)
    mean = mean + distortion(a, b, width, learning_rate, steps, ambient)
    noisy = (a > 0.25) & (2 * b > 1)
    response = kernel(np.where(noisy, a, 1.0), learning_rate, batch_size, steps)
    summed = target_norm(np.where(noisy, b, 1.0), ambient) / (2 * _positive("learning_rate", learning_rate))
    return mean / (1 - n) + np.where(noisy, response * summed, 0.0) / (1 - n) ** 2


def _time(learning_rate: Any, steps: Any) -> Values:
    return 2 * _positive("learning_rate", learning_rate) * _positive("steps", steps)


def _positive(name: str, value: Any) -> Values:
    return check_reals(name, value, "values > 0", lambda x: x > 0, largest=math.inf)  # `representable` judges


def _moderate(alpha: Any, beta: Any) -> tuple[np.ndarray, np.ndarray]:
    """alpha and beta where the special functions are accurate.

    Raises:
        ValueError: they are impossible, or alpha is outside (LEAST, MOST) or |beta| above MOST.
    """
    a, b = check_plane(alpha, beta)
    check_reals("alpha", a, f"values from {LEAST:g} to {MOST:g}", lambda x: (x >= LEAST) & (x <= MOST))
    check_reals("beta", b, f"values from {-MOST:g} to {MOST:g}", lambda x: np.abs(x) <= MOST)
    return a, b


def _check_infinite_ambient(a: float) -> None:
    if 2 * a <= 1:
        raise ValueError(f"ambient: wanted a finite value where 2 alpha <= 1; got infinity with alpha = {a}")
