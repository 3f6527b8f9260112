"""From the risks of runs to a curve."""

import math
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from solvable.forms.curve import Curve
from solvable.numerics.precision import in_float64


def curve_of(steps: Any, runs: Any, groups: int, start: Any) -> Curve:
    """Mean and standard error of the population risk, and of the training risk where it was recorded.

    ``runs`` has shape (runs, steps), or (runs, steps, 2) with the training risk; ``start`` is the risk before the first
    step. A run that is not finite makes the mean not finite.
    """
    average = in_float64(_average) if runs.dtype == np.float64 else _average
    return eqx.tree_at(lambda curve: curve.steps, average(runs, groups, start), steps)


@eqx.filter_jit
def _average(runs: Float[Array, "runs steps *rest"], groups: int, start) -> Curve:
    """`curve_of`, at the numbers of the records, in one program; the error from ``groups`` groups (see `_spread`)."""
    mean, stderr = _spread(runs, groups)
    records = jnp.arange(runs.shape[1])
    if runs.ndim == 2:
        return Curve.of(records, mean, start=start, stderr=stderr, stats={"runs": runs})
    stats = {"runs": runs[..., 0], "train_runs": runs[..., 1], "train_stderr": stderr[..., 1]}
    population, train = mean[..., 0], mean[..., 1]
    return Curve.of(records, population, start=start, stderr=stderr[..., 0], stats=stats, train_risk=train)


def _spread(runs: Float[Array, "runs *rest"], groups: int) -> tuple[Float[Array, "*rest"], Float[Array, "*rest"]]:
    """Mean over runs and its standard error from ``groups`` independent groups (run r in r mod groups)."""
    means = runs.reshape(-1, groups, *runs.shape[1:]).mean(0)
    spread = jnp.std(means, axis=0, ddof=1) if groups > 1 else jnp.full(runs.shape[1:], jnp.nan, runs.dtype)
    return means.mean(0), spread / math.sqrt(groups)
