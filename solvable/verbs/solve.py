"""The one verb: the risk of a model under an algorithm, by any method."""

from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Key

from solvable.algorithms.base import AbstractAlgorithm, check_settings
from solvable.arguments import MOST, check_flag, check_integer, check_integers, shown
from solvable.arrays import is_concrete
from solvable.forms.base import AbstractSubject, Form, Reading
from solvable.forms.curve import Curve, Result
from solvable.io.fingerprint import edited_since
from solvable.keys import require_key
from solvable.method import AbstractMethod, Mismatch, check_kind, match, recorded_steps
from solvable.numerics.precision import in_float64
from solvable.verbs.methods import takers


def solve(
    model: AbstractSubject,
    algorithm: AbstractAlgorithm,
    method: AbstractMethod,
    steps: Any = None,
    *,
    key: Key[Array, ""] | None = None,
    throw: bool = False,
) -> Curve:
    """Risk of ``model`` trained by ``algorithm``, at ``steps``, by ``method``.

    Pass a model and a theory answers for the typical draw while a simulation averages over draws; pass a problem
    (``model.draw(key)``) and both are conditional on that draw.

    Args:
        model: a model, or one draw of it.
        algorithm: how parameters move.
        method: ``Recursion()``, ``Volterra()``, ``Exact()``, ``DMFT()``, ``DeterministicEquivalent()``,
            ``Simulation(...)``. It reads certain forms of model and algorithm; ``solvable methods`` prints which.
        steps: increasing integers >= 0, any integer array-like (10^15 is a step like another); None for an algorithm
            without steps (`Ridge`), whose curve is one point.
        key: ``jax.random.key(seed)``; only a simulation needs it.
        throw: raise on a divergent or non-finite curve instead of flagging it in ``curve.result``.

    Raises:
        ValueError: an argument is impossible; the message names it, what was wanted and what was given.
        RuntimeError: the outcome is not a success and ``throw`` is true.
    """
    check_kind("algorithm", algorithm, AbstractAlgorithm)
    check_flag("throw", throw)
    steps = recorded_steps(algorithm, steps)
    check_types(model, algorithm, method, steps)
    if edited_since(type(method)):
        jax.clear_caches()
    reading = match_or_suggest(model, algorithm, method)
    if method.needs_key or key is not None:
        require_key(key, f"for {type(method).__name__}()")
    run = in_float64(_lowered_curve) if method.in_float64 else _lowered_curve
    curve = run(method, model, reading.subject, algorithm, steps, key)
    if throw and is_concrete(curve.result) and int(curve.result) != Result.SUCCESS:
        raise RuntimeError(f"{type(method).__name__}(): {curve.message}")
    return curve


def _lowered_curve(method: AbstractMethod, model: AbstractSubject, form: Form, algorithm, steps, key) -> Curve:
    """Lowered under the method's own precision."""
    return method.curve(model.lower(form), algorithm, steps, key=key)


def match_or_suggest(model: AbstractSubject, algorithm: AbstractAlgorithm, method: AbstractMethod) -> Reading:
    """The forms that ``method`` reads of this model and algorithm.

    Raises:
        ValueError: it cannot; the message says what is missing and which methods can.
    """
    try:
        return match(model, algorithm, method.reads, f"{type(method).__name__}()")
    except Mismatch as error:
        others = ", ".join(f"{type(m).__name__}()" for m in takers(model, algorithm)) or "none"
        raise Mismatch(f"{error}. Methods that take this pair: {others}.") from None


def log_steps(last: int, count: int = 100) -> np.ndarray:
    """0 and about ``count`` distinct integers from 1 to ``last``, evenly spaced in the logarithm; int64.

    Raises:
        ValueError: ``last`` is not an integer >= 1 or ``count`` is below 2.
    """
    last = check_integer("last", last, 1, 2**63 - 1, "an integer from 1 to 2^63 - 1")
    count = check_integer("count", count, 2, MOST)
    grid = np.unique(np.rint(np.geomspace(1, last, count)).astype(np.uint64)).astype(np.int64)
    grid = grid[grid < last]
    return np.concatenate([[0], grid, [last]]).astype(np.int64)


def check_steps(steps: Any) -> np.ndarray:
    """``steps`` as an increasing int64 vector of values >= 0."""
    return check_integers("steps", steps, "a nonempty vector of integers")


def check_types(
    model: AbstractSubject, algorithm: AbstractAlgorithm, method: AbstractMethod, steps: Any = (0,)
) -> None:
    """Raise a ValueError unless the three are what they should be, with finite parameters (a schedule at ``steps``)."""
    check_kind("model", model, AbstractSubject)
    check_kind("algorithm", algorithm, AbstractAlgorithm)
    check_kind("method", method, AbstractMethod)
    check_settings(algorithm, None if steps is None else int(steps[-1]))
    for name, value in (("model", model), ("algorithm", algorithm), ("method", method)):
        leaves = [x for x in jax.tree.leaves(eqx.filter(value, eqx.is_inexact_array)) if is_concrete(x)]
        if any(np.isnan(np.asarray(x)).any() for x in leaves):
            raise ValueError(f"{name}: wanted finite parameters; got NaN in {shown(value)}")
