"""Settings of optimizers: numbers or functions of the step, and what values they may have."""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float

from solvable.algorithms import schedules
from solvable.arguments import answer, as_real, check_real, is_function, real_numbers, refusal
from solvable.arrays import is_concrete
from solvable.numerics.precision import in_float64

Setting = Float[Array, ""] | Callable[[Any], Any]
DENSE = 1 << 15  # steps of a schedule that are all checked; later ones at as many points, even in the logarithm


class Rule(NamedTuple):
    """What a setting may be: low <= value < high and finite; a constant must exceed ``low`` where it is ``open``."""

    low: float
    high: float
    open: bool
    words: str
    in_time: str


RATE = Rule(0.0, np.inf, True, "one finite number > 0", "finite values >= 0")
MOMENTUM = Rule(0.0, 1.0, False, "one number in [0, 1)", "values in [0, 1)")
STRENGTH = Rule(0.0, np.inf, False, "one finite number >= 0", "finite values >= 0")
WEIGHT = Rule(0.0, np.nextafter(1.0, 2.0), True, "one number in (0, 1]", "values in [0, 1]")
SAMPLES = Rule(1.0, np.inf, False, "one finite number >= 1", "finite values >= 1")


def as_setting(value: Any) -> Any:
    """A function of the step as it is; a number, also as ``schedules.constant``, as an array."""
    if isinstance(value, schedules.constant):
        return value.value
    return value if is_function(value) else as_real(value)


def setting(rule: Rule, label: str | None = None, **default: Any) -> Any:
    """A field that holds a setting; ``label`` is its name as an argument where that is another."""
    return eqx.field(converter=as_setting, metadata={"rule": rule, "label": label}, **default)


def at(step: Any, *settings: Any) -> tuple[Any, ...]:
    """The values of settings at a step."""
    return tuple(s(step) if callable(s) else s for s in settings)


class Ruled(NamedTuple):
    """A setting of an optimizer: its name as an argument, its value, and what that may be."""

    name: str
    value: Any
    rule: Rule


def settings_of(algorithm: Any) -> list[Ruled]:
    """The settings that an object's own fields hold."""
    fields = [f for f in dataclasses.fields(algorithm) if "rule" in f.metadata]
    return [Ruled(f.metadata.get("label") or f.name, getattr(algorithm, f.name), f.metadata["rule"]) for f in fields]


def check_kind(name: str, value: Any, rule: Rule) -> None:
    """Raise a ValueError unless a setting is one real number or a function."""
    if not is_function(value) and real_numbers(value) is None:
        raise refusal(name, f"{rule.words}, or a function of the step", value)


def check_number(name: str, value: Any, rule: Rule) -> None:
    """A constant setting must be one number that its rule allows; traced ones pass.

    Raises:
        ValueError: it is not.
    """
    check_real(name, value, rule.words, lambda x: np.isfinite(x) and rule.low <= x < rule.high and not
               (rule.open and x == rule.low))


def check_schedule(name: str, schedule: Callable[[Any], Any], rule: Rule, last: int) -> None:
    """A setting that changes in time must have an allowed value at the steps before ``last``; traced ones pass.

    Up to 2^16 steps every one is looked at; of more, the first 2^15, as many later ones and those beside its kinks.

    Raises:
        ValueError: it has not. The message names the first step where.
    """
    if is_concrete(*jax.tree.leaves(schedule)):
        _check_values(name, schedule, rule, _steps(schedule, last))


@in_float64
def _check_values(name: str, schedule: Callable[[Any], Any], rule: Rule, steps: np.ndarray) -> None:
    wanted = "a function of the step that JAX can trace (jnp.where for if, jnp for math) and that gives one number"
    values: Any = answer(name, wanted, lambda: _values(schedule, steps))
    if not is_concrete(*jax.tree.leaves(values)):
        return
    if real_numbers(values) is None or np.shape(values) != steps.shape:
        raise refusal(name, wanted, schedule)
    values = np.asarray(values, float)
    bad = ~(np.isfinite(values) & (values >= rule.low) & (values < rule.high))
    if bad.any():
        where = np.flatnonzero(bad)[0]
        raise ValueError(f"{name}: wanted {rule.in_time} at every step; got {values[where]:g} at step {steps[where]}")


@eqx.filter_jit
def _values(schedule: Callable[[Any], Any], steps: np.ndarray) -> Any:
    return jax.vmap(schedule)(steps)


def _steps(schedule: Any, last: int) -> np.ndarray:
    """Steps to look at, increasing; their number is a power of two, so that few shapes are compiled for."""
    final = max(last - 1, 0)
    found = np.arange(min(final + 1, 2 * DENSE))
    if final >= 2 * DENSE:
        late = np.geomspace(DENSE, final, DENSE - 512).astype(np.int64)
        kinks = schedules.kinks_of(schedule)
        near = np.floor(np.asarray(kinks)[:128]) if is_concrete(kinks) else np.zeros(0)
        near = np.clip(np.concatenate([near - 1, near, near + 1]), 0, final).astype(np.int64)
        found = np.sort(np.concatenate([found[:DENSE], late, near, [final]]))
    size = 1 << max(10, (len(found) - 1).bit_length())
    return np.concatenate([found, np.full(size - len(found), final)])
