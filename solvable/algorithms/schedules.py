"""Settings that change in time, as values: functions of the step t = 0, 1, ..., differentiable in their parameters.

    sv.SGD(sv.schedules.cosine(0.3, horizon=10_000))
    sv.SGD(sv.schedules.warmup(0.3, 100) * sv.schedules.wsd(1.0, 10_000, cooldown=0.1))

Every shape starts at (or rises to) ``peak``; times are in steps and need not be integers; after its horizon a schedule
stays where it ended. Any function of the step that JAX can trace, such as one of ``optax.schedules``, can be passed in
place of one of these. What these add: their parameters are arrays (one compilation serves all values, `jax.grad` and
`jax.vmap` go through them), they multiply, and they say at which times they are not smooth (`AbstractSchedule.kinks`).
"""

import abc
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from solvable.arguments import as_real
from solvable.showing import described

Time = Any  # a step, or a point between steps
HALVINGS = 64  # a horizon below 2^64 steps has fewer


class AbstractSchedule(eqx.Module):
    """A setting as a function of the step."""

    def __repr__(self) -> str:
        return described(self)

    @abc.abstractmethod
    def __call__(self, step: Time) -> Float[Array, ""]:
        """The setting at a step; times between steps are allowed."""

    @property
    def kinks(self) -> Float[Array, " kinks"]:
        """Times at which it jumps or has a kink; between them it is smooth."""
        return jnp.zeros(0)

    def __mul__(self, other: Any) -> "AbstractSchedule":
        """The product with a number or with another schedule, at every step."""
        return Product(self, other if callable(other) else constant(other))

    def __rmul__(self, other: Any) -> "AbstractSchedule":
        return self * other


def kinks_of(setting: Any) -> Float[Array, " kinks"]:
    """The kinks that a setting states: none for a number, and none for a function that is no `AbstractSchedule`."""
    return setting.kinks if isinstance(setting, AbstractSchedule) else jnp.zeros(0)


def _stack(*times: Any) -> Float[Array, " kinks"]:
    return jnp.concatenate([jnp.atleast_1d(jnp.asarray(t, float)) for t in times])


class Product(AbstractSchedule):
    """first(t) * second(t)."""

    first: Callable[[Time], Any]
    second: Callable[[Time], Any]

    def __call__(self, step):
        return self.first(step) * self.second(step)

    @property
    def kinks(self):
        return _stack(kinks_of(self.first), kinks_of(self.second))


class constant(AbstractSchedule):
    """value at every step.

    Attributes:
        value: a number.
    """

    value: Float[Array, ""] = eqx.field(converter=as_real)

    def __call__(self, step):
        return jnp.asarray(self.value)


class warmup(AbstractSchedule):
    """start + (peak - start) min(t / duration, 1): a linear rise, then constant.

    Attributes:
        peak: where it ends.
        duration: steps of the rise, > 0.
        start: value at step 0.
    """

    peak: Float[Array, ""] = eqx.field(converter=as_real)
    duration: Float[Array, ""] = eqx.field(converter=as_real)
    start: Float[Array, ""] = eqx.field(converter=as_real, default=0.0)

    def __call__(self, step):
        return self.start + (self.peak - self.start) * jnp.minimum(step / self.duration, 1.0)

    @property
    def kinks(self):
        return _stack(self.duration)


class power(AbstractSchedule):
    """end + (peak - end) (1 - t / horizon)^exponent, and ``end`` after the horizon.

    Attributes:
        peak: value at step 0.
        horizon: T, in steps.
        exponent: q > 0.
        end: value from the horizon on.
    """

    peak: Float[Array, ""] = eqx.field(converter=as_real)
    horizon: Float[Array, ""] = eqx.field(converter=as_real)
    exponent: Float[Array, ""] = eqx.field(converter=as_real)
    end: Float[Array, ""] = eqx.field(converter=as_real, default=0.0)

    def __call__(self, step):
        left = 1 - step / self.horizon
        over = left <= 0  # 0^q has no derivative in q by its formula
        return self.end + (self.peak - self.end) * jnp.where(over, 0.0, jnp.where(over, 1.0, left) ** self.exponent)

    @property
    def kinks(self):
        return _stack(self.horizon)


def linear(peak: Any, horizon: Any, end: Any = 0.0) -> AbstractSchedule:
    """end + (peak - end) (1 - t / horizon), and ``end`` after the horizon."""
    return power(peak, horizon, 1.0, end)


class cosine(AbstractSchedule):
    """end + (peak - end) (1 + cos(pi t / horizon)) / 2, and ``end`` after the horizon.

    Attributes:
        peak: value at step 0.
        horizon: T, in steps.
        end: value from the horizon on.
    """

    peak: Float[Array, ""] = eqx.field(converter=as_real)
    horizon: Float[Array, ""] = eqx.field(converter=as_real)
    end: Float[Array, ""] = eqx.field(converter=as_real, default=0.0)

    def __call__(self, step):
        angle = jnp.pi / 2 * jnp.minimum(step / self.horizon, 1.0)
        return self.end + (self.peak - self.end) * jnp.cos(angle) ** 2

    @property
    def kinks(self):
        return _stack(self.horizon)


class inverse_power(AbstractSchedule):
    """peak (1 + t / scale)^-exponent.

    Attributes:
        peak: value at step 0.
        exponent: any number.
        scale: steps after which it begins to fall, > 0.
    """

    peak: Float[Array, ""] = eqx.field(converter=as_real)
    exponent: Float[Array, ""] = eqx.field(converter=as_real)
    scale: Float[Array, ""] = eqx.field(converter=as_real, default=1.0)

    def __call__(self, step):
        return self.peak * (1 + step / self.scale) ** -self.exponent


def inverse_sqrt(peak: Any, scale: Any = 1.0) -> AbstractSchedule:
    """peak / sqrt(1 + t / scale)."""
    return inverse_power(peak, 0.5, scale)


class wsd(AbstractSchedule):
    """Warmup, stable, decay: a linear rise, ``peak``, then peak * shape(u) over the cooldown, u in [0, 1].

    Attributes:
        peak: value of the stable part.
        horizon: T, in steps.
        cooldown: part of the horizon that is cooldown, in (0, 1]; u = (t - (1 - cooldown) T) / (cooldown T).
        rise: part of the horizon that is warmup.
        shape: a function with shape(0) = 1, such as ``linear(1, 1)`` (the default), ``cosine(1, 1)``,
            ``power(1, 1, q)`` or ``lambda u: 1 - u**0.5``.
    """

    peak: Float[Array, ""] = eqx.field(converter=as_real)
    horizon: Float[Array, ""] = eqx.field(converter=as_real)
    cooldown: Float[Array, ""] = eqx.field(converter=as_real, default=0.1)
    rise: Float[Array, ""] = eqx.field(converter=as_real, default=0.0)
    shape: Callable[[Any], Any] = eqx.field(default_factory=lambda: linear(1.0, 1.0))

    def __call__(self, step):
        part = step / self.horizon
        rising = jnp.where(part < self.rise, part / jnp.where(self.rise > 0, self.rise, 1.0), 1.0)
        return self.peak * rising * self.shape(jnp.clip((part - (1 - self.cooldown)) / self.cooldown, 0.0, 1.0))

    @property
    def kinks(self):
        start = (1 - self.cooldown) * self.horizon
        inside = start + self.cooldown * self.horizon * kinks_of(self.shape)
        return _stack(self.rise * self.horizon, start, inside, self.horizon)


class log_polynomial(AbstractSchedule):
    """exp(sum_k coefficients_k T_k(x)), x = 2 log(1 + t) / log(1 + horizon) - 1: smooth in the logarithm of time.

    T_k are Chebyshev's polynomials; after the horizon it stays where it ended.

    Attributes:
        coefficients: of log of the value; shape (terms,).
        horizon: T > 0, in steps.
    """

    coefficients: Float[Array, " terms"] = eqx.field(converter=as_real)
    horizon: Float[Array, ""] = eqx.field(converter=as_real)

    def __check_init__(self):
        shape = jnp.shape(self.coefficients)
        if len(shape) != 1 or shape[0] < 1:
            raise ValueError(f"coefficients: wanted a nonempty vector; got shape {shape}")

    def __call__(self, step):
        x = 2 * jnp.log1p(jnp.minimum(step, self.horizon)) / jnp.log1p(self.horizon) - 1
        last, total = jnp.zeros_like(x), jnp.zeros_like(x)
        for c in jnp.asarray(self.coefficients)[:0:-1]:  # Clenshaw
            last, total = total, c + 2 * x * total - last
        return jnp.exp(jnp.asarray(self.coefficients)[0] + x * total - last)

    @property
    def kinks(self):
        return _stack(self.horizon)


class piecewise(AbstractSchedule):
    """values[i] for boundaries[i - 1] <= t < boundaries[i].

    Attributes:
        boundaries: increasing times; shape (pieces - 1,).
        values: shape (pieces,).
    """

    boundaries: Float[Array, " boundaries"] = eqx.field(converter=as_real)
    values: Float[Array, " pieces"] = eqx.field(converter=as_real)

    def __check_init__(self):
        times, values = jnp.shape(self.boundaries), jnp.shape(self.values)
        if len(times) != 1 or values != (times[0] + 1,):
            raise ValueError(f"values: wanted one more than boundaries, shape (n + 1,) and (n,); got {values}, {times}")

    def __call__(self, step):
        return jnp.asarray(self.values)[(step >= jnp.asarray(self.boundaries)).sum()]

    @property
    def kinks(self):
        return _stack(self.boundaries)


class halving(AbstractSchedule):
    """peak 2^-floor(t / period): geometric decay in stages; by default log2 T stages of a horizon T.

    Attributes:
        peak: value of the first stage.
        horizon: T > 2, in steps; the value stays after it.
        period: steps of a stage, at least T / 64; T / log2(T) if None (Lin et al. 2024, arXiv 2406.08466).
    """

    peak: Float[Array, ""] = eqx.field(converter=as_real)
    horizon: Float[Array, ""] = eqx.field(converter=as_real)
    period: Float[Array, ""] | None = eqx.field(converter=as_real, default=None)
    references = ("lin2024",)

    @property
    def stage(self) -> Float[Array, ""]:
        """Steps of a stage."""
        return self.horizon / jnp.log2(self.horizon) if self.period is None else jnp.asarray(self.period)

    def __call__(self, step):
        halvings = jnp.floor(jnp.minimum(step, self.horizon) / self.stage)
        return self.peak * 2.0 ** -jnp.minimum(halvings, HALVINGS)

    @property
    def kinks(self):
        return jnp.minimum(self.stage * jnp.arange(1.0, HALVINGS + 1), self.horizon)


class join(AbstractSchedule):
    """schedules[i](t - boundaries[i - 1]) for boundaries[i - 1] <= t < boundaries[i]: each begins at its own step 0.

    Attributes:
        schedules: functions of the step.
        boundaries: increasing times; shape (schedules - 1,).
    """

    schedules: tuple[Callable[[Time], Any], ...]
    boundaries: Float[Array, " boundaries"] = eqx.field(converter=as_real)

    def __init__(self, schedules: Sequence[Callable[[Time], Any]], boundaries: Any):
        self.schedules, self.boundaries = tuple(schedules), boundaries

    def __check_init__(self):
        if not all(callable(s) for s in self.schedules) or jnp.shape(self.boundaries) != (len(self.schedules) - 1,):
            got = f"{len(self.schedules)} and boundaries of shape {jnp.shape(self.boundaries)}"
            raise ValueError(f"schedules: wanted functions of the step, one more than boundaries; got {got}")

    def __call__(self, step):
        times = jnp.asarray(self.boundaries)
        value = jnp.asarray(self.schedules[0](step))
        for time, schedule in zip(times, self.schedules[1:], strict=True):
            value = jnp.where(step < time, value, schedule(jnp.maximum(step - time, 0)))
        return value

    @property
    def kinks(self):
        starts = [0.0, *jnp.asarray(self.boundaries)]
        inside = [start + kinks_of(s) for start, s in zip(starts, self.schedules, strict=True)]
        return _stack(self.boundaries, *inside)


class log_spline(AbstractSchedule):
    """exp(sum_i c_i B((s - s_i) / h)), s = log((t + 1) / (T - t)): free in form, in the logarithms of t and of T - t.

    B is the cubic B-spline; the centres s_i are h apart, the first and last of them one h beyond s = -log T and log T.
    The end of a horizon is as finely resolved as its start, by about log T numbers. It stays where it ended.

    Attributes:
        coefficients: c, logarithms of rates; shape (knots,), at least 4.
        horizon: T > 1, in steps.
    """

    coefficients: Float[Array, " knots"] = eqx.field(converter=as_real)
    horizon: Float[Array, ""] = eqx.field(converter=as_real)

    def __check_init__(self):
        shape = jnp.shape(self.coefficients)
        if len(shape) != 1 or shape[0] < 4:
            raise ValueError(f"coefficients: wanted a vector of at least 4 numbers; got shape {shape}")

    @property
    def times(self) -> Float[Array, " knots"]:
        """s_i."""
        count, end = jnp.shape(self.coefficients)[0], jnp.log(self.horizon)
        gap = 2 * end / (count - 3)
        return -end + gap * (jnp.arange(count) - 1.0)

    def __call__(self, step):
        t, centres = jnp.minimum(step, self.horizon - 1), self.times
        x = jnp.abs(jnp.log((t + 1) / (self.horizon - t)) - centres) / (centres[1] - centres[0])
        basis = jnp.where(x < 1, 2 / 3 - x**2 * (1 - x / 2), jnp.maximum(2 - x, 0.0) ** 3 / 6)
        return jnp.exp(jnp.asarray(self.coefficients) @ basis)

    @property
    def kinks(self):
        return _stack(self.horizon - 1)
