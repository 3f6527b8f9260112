"""Simulation: a fresh batch at every step, or batches from a finite data set that is reused."""

import math
from collections.abc import Callable
from typing import Any, ClassVar, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from solvable.algorithms.base import AbstractAlgorithm
from solvable.curve import Curve, Result
from solvable.keys import require_key, stream
from solvable.method import STRIDE, AbstractResumable, View
from solvable.models.base import AbstractModel, AbstractProblem
from solvable.models.finite import FiniteProblem
from solvable.numerics.precision import in_float64
from solvable.simulation.closed_form import has_no_steps, solve_directly
from solvable.simulation.landscape import Eigenbasis, OriginalBasis
from solvable.simulation.multi_pass import ORDERS, Order, reused
from solvable.simulation.samplers import AbstractSampler, Batch, Direct, Population, Wishart
from solvable.simulation.trajectory import Progress, advance, begin, trajectory

SamplerName = Literal["auto", "direct", "batch", "wishart"]
SAMPLERS = ("auto", "direct", "batch", "wishart")
CHUNK_NUMBERS = 1 << 18  # numbers drawn at once: 1 MB in float32, the size of a core's second-level cache
RUNS_NUMBERS = 1 << 16  # numbers one step of all runs in flight draws: hides the loop, stays in cache
DRAWS_NUMBERS = 1 << 26  # numbers held for the draws in flight


class Simulation(AbstractResumable):
    """Run the optimizer itself and average over runs.

    Given a model, every run has its own draw of it (or ``num_draws`` draws are shared evenly, run r using
    draw r mod num_draws); given a problem, all runs are conditional on it. Run r uses the same numbers
    however many runs there are. The numbers follow JAX's default dtype.

    With ``samples=None`` every step sees fresh samples. With a finite data set (``samples=n`` on the model, whose
    draws then hold features and data, or a `FiniteProblem`) the data are reused; the full batch is deterministic given
    the draw, and `Ridge` and `GradientFlow` are solved directly, in float64.

    Attributes:
        num_runs: independent runs, at least 1.
        sampler: how the batch-mean gradient is drawn; the three agree in law.
            "direct": ambient features drawn and multiplied, O(batch * ambient * width) a step (the referee);
            "batch": drawn in the reduced coordinates, O(batch * width);
            "wishart": the law of the mean gradient, O(width) whatever the batch size;
            "auto": "batch" for a batch of one, "wishart" for more.
        num_draws: draws of the model, a divisor of ``num_runs``; None gives each run its own.
        order: how a finite data set is passed through: "replacement", every sample of a batch drawn from all data, or
            "epochs", a fresh shuffle of the data for every pass.

    The curve's ``stats`` hold ``runs``, the risk of each run, shape (num_runs, steps). ``stderr`` is the
    standard error of the mean over runs, or over the means of draws where draws are shared; NaN if there is
    only one. With a finite data set ``train_risk`` is the mean training risk, and ``stats`` hold its standard error
    ``train_stderr`` and ``train_runs``.
    """

    num_runs: int = eqx.field(static=True, default=1)
    sampler: SamplerName = eqx.field(static=True, default="auto")
    num_draws: int | None = eqx.field(static=True, default=None)
    order: Order = eqx.field(static=True, default="replacement")
    needs_key: ClassVar[bool] = True
    in_float64: ClassVar[bool] = False
    references: ClassVar[tuple[str, ...]] = ("salmon2011", "box1958")

    def __check_init__(self):
        _check_count("num_runs", self.num_runs)
        if self.sampler not in SAMPLERS:
            raise ValueError(f"sampler: wanted one of {', '.join(SAMPLERS)}; got {self.sampler!r}")
        if self.order not in ORDERS:
            raise ValueError(f"order: wanted one of {', '.join(ORDERS)}; got {self.order!r}")
        if self.num_draws is not None:
            _check_count("num_draws", self.num_draws)
            if self.num_runs % self.num_draws:
                raise ValueError(f"num_draws: wanted a divisor of num_runs={self.num_runs}; got {self.num_draws}")

    def curve(
        self,
        model: AbstractModel,
        algorithm: AbstractAlgorithm,
        steps: np.ndarray,
        *,
        key: Key[Array, ""] | None,
    ) -> Curve:
        """The mean risk over runs at ``steps``, with its standard error.

        Raises:
            ValueError: the key is missing, or a step is 2^31 or more.
        """
        key, steps = require_key(key, "for the simulation's draws"), np.asarray(steps)
        wanted, places = np.unique(_simulable(steps), return_inverse=True)
        records, keys = jnp.asarray(wanted, jnp.int32), _keys(stream(key, "run"), self.num_runs)
        given = model if isinstance(model, AbstractProblem) and _is_drawn(model) else None
        groups = self.num_runs if given is not None or self.num_draws is None else self.num_draws
        draws = _keys(stream(key, "draw"), groups)
        if has_no_steps(algorithm):
            problems = [given] if given is not None else [model.draw(k) for k in draws]
            risks = np.stack([solve_directly(problem, algorithm, steps) for problem in problems])
            return _curve(steps, np.tile(risks, (self.num_runs // len(risks), 1, 1)), groups)
        if given is not None:
            runs = _runs_of_one(self.lower(given, algorithm), algorithm, records, keys)
        else:
            runs = self._over_draws(model, algorithm, records, draws, keys)
        return _curve(steps, runs[:, places], groups)

    def view(self, model, algorithm) -> View:
        reduced = algorithm.batch_size is None or self.sampler != "direct"
        fresh = self.walks(model, algorithm) and model.samples is None
        return "problem" if fresh and reduced and algorithm.rotation_equivariant else "model"

    def walks(self, model, algorithm) -> bool:
        return isinstance(model, AbstractProblem) and _is_drawn(model) and not has_no_steps(algorithm)

    def begin(self, source, algorithm, records):
        start = begin(source, algorithm, records)
        moving = (start.params, start.state, start.risks)
        return jax.tree.map(lambda x: jnp.broadcast_to(x, (self._walkers(source), *jnp.shape(x))), moving)

    def advance(self, source, algorithm, records, key, progress, since, until, *, lanes):
        keys = _keys(stream(key, "run"), self._walkers(source))
        size, chunk = _in_flight(source, len(keys), lanes)

        def one(run):
            key, moving = run
            end = advance(source, algorithm, records, key, Progress(since, *moving), until, chunk=chunk)
            return end.params, end.state, end.risks

        return _grouped_map(jax.vmap(one), (keys, progress), size)

    def finish(self, progress, records):
        risks = progress[-1]
        return _curve(records, jnp.broadcast_to(risks, (self.num_runs, *risks.shape[1:])), self.num_runs)

    def _walkers(self, source: AbstractSampler) -> int:
        """Runs to be walked: one where nothing is random and all runs are one."""
        return self.num_runs if _is_random(source) else 1

    def _over_draws(self, model, algorithm, records, draw_keys, run_keys) -> Float[Array, "runs steps"]:
        """Runs on several draws: as many draws at a time as memory allows, all groups of the same shape."""
        draws = len(draw_keys)
        lower = lambda i: self.lower(model.draw(draw_keys[i]), algorithm)  # noqa: E731
        first, keys = lower(0), run_keys.reshape(-1, draws).T
        size = _draws_in_flight(first, keys.shape[1], draws)
        parts = []
        for start in range(0, draws, size):
            members = [min(i, draws - 1) for i in range(start, start + size)]
            unique = [lower(i) if i else first for i in dict.fromkeys(members)]
            samplers = unique + unique[-1:] * (size - len(unique))
            stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *samplers)
            parts.append(_runs_of_many(stacked, algorithm, records, keys[np.asarray(members)]))
        risks = jnp.concatenate(parts)[:draws]  # (draws, runs of a draw, steps), and for finite data 2 more
        return jnp.swapaxes(risks, 0, 1).reshape(self.num_runs, *risks.shape[2:])

    def lower(self, problem: AbstractProblem, algorithm: AbstractAlgorithm) -> AbstractSampler:
        """The source of gradients this method uses for one draw, in JAX's default dtype."""
        size, dtype = algorithm.batch_size, jnp.zeros(()).dtype
        if isinstance(problem, FiniteProblem):
            if self.sampler not in ("auto", "batch"):
                raise ValueError(f"sampler: wanted 'auto' or 'batch' for a finite data set; got {self.sampler!r}")
            return reused(problem, algorithm, self.order, dtype)
        if self.sampler == "direct" and size is not None:
            return Direct.of(problem, size, dtype)
        basis = Eigenbasis if algorithm.rotation_equivariant else OriginalBasis
        landscape = basis.of(problem, dtype)
        if size is None:
            return Population(landscape)
        name = ("batch" if size == 1 else "wishart") if self.sampler == "auto" else self.sampler
        return {"batch": Batch, "wishart": Wishart}[name](landscape, size)


def _is_drawn(problem: AbstractProblem) -> bool:
    """Whether nothing is left to draw: the stream is fresh, or the data are there."""
    return problem.samples is None or isinstance(problem, FiniteProblem)


def _check_count(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name}: wanted an integer >= 1; got {value!r}")


def _simulable(steps: np.ndarray) -> np.ndarray:
    steps = np.asarray(steps)
    if steps.ndim != 1 or steps.size == 0:
        raise ValueError(f"steps: wanted at least one step in one dimension; got shape {steps.shape}")
    if steps.min() < 0 or steps.max() >= 2**31:
        raise ValueError(f"steps: a simulation needs 0 <= step < 2^31; got {steps.min()} to {steps.max()}")
    return steps.astype(np.int64)


def _curve(steps: Any, runs: Any, groups: int) -> Curve:
    """Mean and standard error of the population risk, and of the training risk where it was recorded.

    ``runs`` has shape (runs, steps), or (runs, steps, 2) with the training risk.
    """
    finite = runs.ndim == 3
    mean, stderr = (in_float64(_average) if runs.dtype == np.float64 else _average)(runs, groups)
    result = jnp.where(jnp.isfinite(runs).all(), Result.SUCCESS, Result.NONFINITE)
    if not finite:
        return Curve(steps, mean, stderr, result, {"runs": runs})
    stats = {"runs": runs[..., 0], "train_runs": runs[..., 1], "train_stderr": stderr[..., 1]}
    return Curve(steps, mean[..., 0], stderr[..., 0], result, stats, train_risk=mean[..., 1])


def _average(runs: Float[Array, "runs *rest"], groups: int) -> tuple[Float[Array, "*rest"], Float[Array, "*rest"]]:
    """Mean over runs and its standard error from ``groups`` independent groups (run r in r mod groups)."""
    means = runs.reshape(-1, groups, *runs.shape[1:]).mean(0)
    spread = jnp.std(means, axis=0, ddof=1) if groups > 1 else jnp.full(runs.shape[1:], jnp.nan, runs.dtype)
    return means.mean(0), spread / math.sqrt(groups)


def _runs(sampler: AbstractSampler, algorithm: AbstractAlgorithm, records, keys, draws_in_flight: int):
    """The risk of each run of one draw, shape (runs, records)."""
    if not _is_random(sampler):  # all runs are one
        risks = trajectory(sampler, algorithm, records, keys[0], chunk=STRIDE)[0]
        return jnp.broadcast_to(risks, (len(keys), *risks.shape))
    size, chunk = _in_flight(sampler, len(keys), draws_in_flight)
    one = lambda key: trajectory(sampler, algorithm, records, key, chunk=chunk)[0]  # noqa: E731
    return _grouped_map(jax.vmap(one), keys, size)


def _is_random(sampler: AbstractSampler) -> bool:
    return bool(jax.tree.leaves(eqx.filter_eval_shape(lambda: sampler.streams(jax.random.key(0)))))


def _in_flight(sampler: AbstractSampler, runs: int, draws: int) -> tuple[int, int]:
    """How many runs of one draw to simulate at a time, and how many steps to draw at once (a divisor of STRIDE)."""
    per_step = max(_step_numbers(sampler), 1)
    size = min(runs, _clip(RUNS_NUMBERS // per_step, 1, 256))
    chunk = _clip(CHUNK_NUMBERS // (per_step * size * draws), 1, STRIDE)
    return size, 1 << (chunk.bit_length() - 1)


@eqx.filter_jit
def _runs_of_one(sampler: AbstractSampler, algorithm: AbstractAlgorithm, records, keys):
    """Compiles once per shapes: parameters, steps and keys are arguments."""
    return _runs(sampler, algorithm, records, keys, 1)


@eqx.filter_jit
def _runs_of_many(samplers: AbstractSampler, algorithm: AbstractAlgorithm, records, keys):
    """As `_runs_of_one`, over stacked draws; shape (draws, runs, records)."""
    draws = keys.shape[0]
    return jax.vmap(lambda sampler, k: _runs(sampler, algorithm, records, k, draws))(samplers, keys)


def _keys(key: Key[Array, ""], count: int) -> Key[Array, " count"]:
    return jax.vmap(lambda i: jax.random.fold_in(key, i))(jnp.arange(count))


def _clip(value: int, low: int, high: int) -> int:
    return max(low, min(value, high))


def _step_numbers(sampler: AbstractSampler) -> int:
    """Numbers one run draws ahead in one step; nothing for a sampler that draws inside the step."""
    drawn = eqx.filter_eval_shape(lambda: sampler.draw(sampler.streams(jax.random.key(0)), jnp.arange(1)))
    return sum(math.prod(x.shape) * (2 if jnp.iscomplexobj(x) else 1) for x in jax.tree.leaves(drawn))


def _draws_in_flight(sampler: AbstractSampler, runs: int, draws: int) -> int:
    """How many draws to simulate at a time, in groups as even as can be."""
    held = sum(math.prod(x.shape) for x in jax.tree.leaves(sampler))
    most = _clip(min(RUNS_NUMBERS // (sampler.initial.shape[-1] * runs), DRAWS_NUMBERS // held), 1, 256)
    return -(-draws // -(-draws // most))


def _grouped_map(function: Callable, xs: Any, size: int) -> Any:
    """``function`` of stacked items, at most ``size`` of them at a time, in groups as even as can be."""
    count = jax.tree.leaves(xs)[0].shape[0]
    groups = -(-count // size)
    if groups == 1:
        return function(xs)
    size = -(-count // groups)
    places = jnp.arange(groups * size) % count
    stacked = jax.tree.map(lambda x: x[places].reshape(groups, size, *x.shape[1:]), xs)
    out = jax.lax.map(function, stacked)
    return jax.tree.map(lambda x: x.reshape(groups * size, *x.shape[2:])[:count], out)
