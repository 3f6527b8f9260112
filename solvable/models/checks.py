"""Eager checks of model arguments: each error names the argument, what was wanted and what was given."""

import math
from typing import Any

import numpy as np

from solvable.arguments import check_real, shown
from solvable.arrays import is_concrete

LARGEST_SIZE = 2**31 - 1  # of an array's axis


def check_power_law(alpha: Any, beta: Any, noise: Any, init_std: Any) -> None:
    """alpha > 0, alpha + beta > 1/2 (finite risk at zero parameters), noise >= 0, init_std >= 0, all finite."""
    check_real("alpha", alpha, "a finite number > 0", lambda x: 0 < x < math.inf)
    check_real("beta", beta, "a finite number", math.isfinite)
    check_real("noise", noise, "a finite number >= 0 (a standard deviation)", lambda x: 0 <= x < math.inf)
    check_real("init_std", init_std, "a finite number >= 0 (a standard deviation)", lambda x: 0 <= x < math.inf)
    if not is_concrete(alpha, beta):
        return
    if float(alpha) + float(beta) <= 0.5:
        raise ValueError(
            "alpha + beta: wanted > 1/2, so that the risk sum_j j^(-2 alpha - 2 beta) at zero parameters is finite; "
            f"got alpha = {float(alpha):g}, beta = {float(beta):g}"
        )


def check_width(width: Any) -> None:
    """width is an integer >= 1 (a traced or real width is allowed: the theory is continuous in it)."""
    check_real("width", width, "a number of features >= 1", lambda x: 1 <= x < math.inf)


def check_samples(samples: Any) -> None:
    """samples is None, for a fresh stream, or a number >= 1 (traced or real: the theory is continuous in it)."""
    if samples is not None:
        wanted = "None (a fresh stream) or a finite number of samples >= 1"
        check_real("samples", samples, wanted, lambda x: 1 <= x < math.inf)


def check_started_at_zero(init_std: Any) -> None:
    """init_std is 0, as theories of finite data assume; a traced value cannot be judged here."""
    if is_concrete(init_std) and np.any(np.asarray(init_std) != 0):
        raise ValueError(f"init_std: wanted 0 for a theory of finite data; got {float(init_std):g}")


def concrete_size(name: str, value: Any, what: str, most: int = LARGEST_SIZE) -> int:
    """``value`` as a Python int, for what needs a definite size.

    Raises:
        ValueError: the size is traced, infinite, not an integer or above ``most``.
    """
    if not is_concrete(value):
        raise ValueError(f"{name}: wanted a concrete integer for {what}; got a traced value")
    check_real(name, value, f"an integer >= 1 for {what}", lambda x: x >= 1)
    if not math.isfinite(float(value)) or float(value) != int(float(value)):
        raise ValueError(f"{name}: wanted a finite integer for {what}; got {shown(value)}")
    if float(value) > most:
        raise ValueError(f"{name}: wanted at most {most} for {what}; got {shown(value)}")
    return int(value)
