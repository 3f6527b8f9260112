"""Simulation: a fresh batch at every step, or batches from a finite data set that is reused."""

from collections.abc import Callable
from typing import Any, ClassVar, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array, Key

from solvable.arguments import MOST, check_choice, check_integer
from solvable.forms.algorithms import Rotatable, Solution, Spherical, Steps
from solvable.forms.base import Reading
from solvable.forms.classifiers import HardMargin, LogisticLoss, Rounds
from solvable.forms.curve import Curve
from solvable.forms.draws import DataDraw, DataLaw, Reduction, StreamDraw, StreamLaw
from solvable.forms.feature_learning import NetworkDraw, NetworkLaw, NeuronDraw, NeuronLaw
from solvable.forms.labels import LabelledDraw, LabelledLaw
from solvable.keys import require_key, stream
from solvable.method import AbstractResumable
from solvable.models.ambient import AbstractAmbientDraw
from solvable.models.finite import FiniteProblem
from solvable.models.single_index import NeuronProblem
from solvable.models.two_layer_linear import NetworkProblem
from solvable.numerics.grouping import grouped_map
from solvable.simulation.averages import curve_of
from solvable.simulation.closed_form import solve_directly
from solvable.simulation.direct import direct
from solvable.simulation.labelled import labelled_curve
from solvable.simulation.multi_pass import ORDERS, Order, reused
from solvable.simulation.network import Unrolled, network
from solvable.simulation.neuron import neuron
from solvable.simulation.runs import (
    in_flight,
    is_random,
    numbered_keys,
    runs_draw_by_draw,
    runs_of_draws,
    runs_of_one,
)
from solvable.simulation.samplers import AbstractSampler, check_batch, reduced
from solvable.simulation.sharding import check_mesh
from solvable.simulation.trajectory import Progress, advance, begin

SamplerName = Literal["auto", "direct", "batch", "wishart"]
SAMPLERS = ("auto", "direct", "batch", "wishart")
LABELLED = (
    *(Reading(form, taught) for form in (LabelledDraw, LabelledLaw) for taught in (HardMargin, LogisticLoss, Solution)),
    Reading(LabelledLaw, Rounds),
)
DRAWS = (StreamDraw, DataDraw, NetworkDraw, NeuronDraw, LabelledDraw)


def _as_runs(value: Any) -> int:
    return check_integer("num_runs", value, 1, MOST)


def _as_draws(value: Any) -> int | None:
    return None if value is None else check_integer("num_draws", value, 1, MOST)


def _as_sampler(value: Any) -> Any:
    return check_choice("sampler", value, SAMPLERS)


def _as_order(value: Any) -> Any:
    return check_choice("order", value, ORDERS)


class Simulation(AbstractResumable):
    """Run the optimizer itself and average over runs.

    Given a model, every run has its own draw of it (or ``num_draws`` draws are shared evenly, run r using
    draw r mod num_draws); given a problem, all runs are conditional on it. Run r uses the same numbers
    however many runs there are. The numbers follow JAX's default dtype.

    With ``samples=None`` every step sees fresh samples. With a finite data set (``samples=n`` on the model, whose
    draws then hold features and data, or a `FiniteProblem`) the data are reused; the full batch is deterministic given
    the draw, and `Ridge` and `GradientFlow` are solved directly, in float64. So is `MaxMargin` on labels, by SciPy's
    nonnegative least squares; ``stats`` then hold each run's ``overlap`` with the teacher and ``margin``.

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
        mesh: devices over which every model is cut along its features, for models larger than a device; only with
            sampler="direct", which draws sqrt(D) W as it is cut, never whole. The mesh's axes do not matter. A device
            holds ambient * width / devices numbers, of one draw at a time; a step sends one number a sample.

    The curve's ``stats`` hold ``runs``, the risk of each run, shape (num_runs, steps). ``stderr`` is the
    standard error of the mean over runs, or over the means of draws where draws are shared; NaN if there is
    only one. With a finite data set ``train_risk`` is the mean training risk, and ``stats`` hold its standard error
    ``train_stderr`` and ``train_runs``.
    """

    num_runs: int = eqx.field(static=True, converter=_as_runs, default=1)
    sampler: SamplerName = eqx.field(static=True, converter=_as_sampler, default="auto")
    num_draws: int | None = eqx.field(static=True, converter=_as_draws, default=None)
    order: Order = eqx.field(static=True, converter=_as_order, default="replacement")
    mesh: Mesh | None = eqx.field(static=True, converter=check_mesh, default=None)
    needs_key: ClassVar[bool] = True
    in_float64: ClassVar[bool] = False
    references: ClassVar[tuple[str, ...]] = ("salmon2011", "box1958")

    def __check_init__(self):
        if self.num_draws is not None and self.num_runs % self.num_draws:
            raise ValueError(f"num_draws: wanted a divisor of num_runs={self.num_runs}; got {self.num_draws}")
        if self.mesh is not None and self.sampler != "direct":
            raise ValueError(f"sampler: wanted 'direct' for a model over the devices of a mesh; got {self.sampler!r}")

    @property
    def reads(self):
        if self.mesh is not None:
            return Reading(StreamDraw, Steps), Reading(StreamLaw, Steps)
        eigenbasis = () if self.sampler == "direct" else (Reading(Reduction, Rotatable), Reading(StreamLaw, Rotatable))
        draws = Reading(StreamDraw, Steps), Reading(DataDraw, Steps), Reading(DataDraw, Solution)
        laws = Reading(StreamLaw, Steps), Reading(DataLaw, Steps), Reading(DataLaw, Solution)
        networks = Reading(NetworkDraw, Steps), Reading(NetworkLaw, Steps)
        neurons = Reading(NeuronDraw, Spherical), Reading(NeuronLaw, Spherical)
        drawn = neurons if self.sampler in ("auto", "direct") else ()
        return *eigenbasis, *draws, *laws, *networks, *drawn, *LABELLED

    def curve(self, subject: Any, algorithm: Any, steps: np.ndarray, *, key: Key[Array, ""] | None) -> Curve:
        """The mean risk over runs at ``steps``, with its standard error.

        Raises:
            ValueError: the key is missing, or a step is 2^31 or more.
        """
        key, steps = require_key(key, "for the simulation's draws"), np.asarray(steps)
        records, keys = _simulable(steps), numbered_keys(stream(key, "run"), self.num_runs)
        given, draw, groups = self._draws(subject, stream(key, "draw"))
        if isinstance(subject, LabelledDraw | LabelledLaw):
            if self.sampler not in ("auto", "batch"):
                raise ValueError(f"sampler: wanted 'auto' or 'batch' for labelled inputs; got {self.sampler!r}")
            return labelled_curve(subject, algorithm, steps, keys, (given, draw, groups), self.order)
        if not isinstance(algorithm, Steps | Spherical):
            problems = [draw(i) for i in range(1 if given else groups)]
            risks = np.stack([solve_directly(problem, algorithm, steps) for problem in problems])
            runs = np.tile(risks, (self.num_runs // len(risks), 1, 1))
            return curve_of(steps, runs, groups, problems[0].risk(problems[0].initial))
        source = lambda i, rule=algorithm: self.source(draw(i), rule)  # noqa: E731
        algorithm = Unrolled() if isinstance(algorithm, Spherical) else algorithm
        if self.mesh is not None:
            runs, start = runs_draw_by_draw(source, 1 if given else groups, algorithm, records, keys)
        elif given:
            runs, start = runs_of_one(source(0), algorithm, records, keys)
        else:
            runs, start = runs_of_draws(source, groups, algorithm, records, keys)
        return curve_of(steps, runs, groups, start)

    def _draws(self, subject: Any, key: Key[Array, ""]) -> tuple[bool, Callable[[int], Any], int]:
        """(whether there is one draw for all runs, draw number i, independent groups of runs).

        The direct sampler draws a law without the eigenbasis.
        """
        if isinstance(subject, DRAWS):
            return True, lambda i: subject.problem, self.num_runs
        if isinstance(subject, Reduction):
            return True, lambda i: subject, self.num_runs
        groups = self.num_runs if self.num_draws is None else self.num_draws
        numbered = lambda i: jax.random.fold_in(key, np.uint32(i))  # noqa: E731
        ambient = isinstance(subject, StreamLaw) and self.sampler == "direct"
        draw = subject.law.ambient_draw if ambient else subject.law.draw
        if subject.law.deterministic:
            problem = draw(numbered(0))
            return True, lambda i: problem, self.num_runs
        return False, lambda i: draw(numbered(i)), groups

    def walks(self, reading):
        drawn = reading.subject in (Reduction, StreamDraw, DataDraw, NetworkDraw)
        return drawn and issubclass(reading.algorithm, Steps) and self.mesh is None

    def begin(self, source, algorithm, records):
        start = begin(source, algorithm, records)
        moving = (start.params, start.state, start.risks, start.start)
        return jax.tree.map(lambda x: jnp.broadcast_to(x, (self._walkers(source), *jnp.shape(x))), moving)

    def advance(self, source, algorithm, records, key, progress, since, until, *, lanes):
        keys = numbered_keys(stream(key, "run"), self._walkers(source))
        size, chunk = in_flight(source, len(keys), lanes)

        def one(run):
            key, moving = run
            end = advance(source, algorithm, records, key, Progress(since, *moving), until, chunk=chunk)
            return end.params, end.state, end.risks, end.start

        return grouped_map(jax.vmap(one), (keys, progress), size)

    def finish(self, progress, records):
        *_, risks, start = progress
        runs = jnp.broadcast_to(risks, (self.num_runs, *risks.shape[1:]))
        return curve_of(records, runs, self.num_runs, start[0].reshape(-1)[0])

    def _walkers(self, source: AbstractSampler) -> int:
        """Runs to be walked: one where nothing is random and all runs are one."""
        return self.num_runs if is_random(source) else 1

    def source(self, subject: Any, algorithm: Any) -> AbstractSampler:
        """The source of gradients this method uses for one draw, in JAX's default dtype.

        Args:
            subject: a `Reduction`, a `StreamDraw` or `DataDraw`, the problem of one, or its ambient draw.
        """
        size, dtype = algorithm.batch_size, jax.dtypes.canonicalize_dtype(float)
        problem = subject.problem if isinstance(subject, DRAWS) else subject
        if isinstance(problem, NetworkProblem):
            eigenbasis = self.sampler != "direct" and algorithm.rotation_equivariant
            return network(problem, self.source(problem.inputs, algorithm), eigenbasis, dtype)
        if isinstance(problem, NeuronProblem):
            return neuron(problem, algorithm, self.sampler, dtype)
        if isinstance(problem, FiniteProblem):
            if self.sampler not in ("auto", "batch"):
                raise ValueError(f"sampler: wanted 'auto' or 'batch' for a finite data set; got {self.sampler!r}")
            return reused(problem, algorithm, self.order, dtype)
        if self.sampler == "direct":
            draw = problem if isinstance(problem, AbstractAmbientDraw) else problem.ambient_draw()
            check_batch(size, int(draw.readout.shape[-1]))
            return direct(draw, size, dtype, self.mesh)
        return reduced(problem, algorithm, self.sampler, dtype)

    def __getstate__(self):
        if self.mesh is not None:
            raise ValueError("mesh: wanted None for a simulation that goes to another process; got this one's devices")
        return super().__getstate__()


def _simulable(steps: np.ndarray) -> np.ndarray:
    if steps.ndim != 1 or steps.size == 0:
        raise ValueError(f"steps: wanted at least one step in one dimension; got shape {steps.shape}")
    if steps.min() < 0 or steps.max() >= 2**31:
        raise ValueError(f"steps: wanted 0 <= step < 2^31 for a simulation; got {steps.min()} to {steps.max()}")
    return steps.astype(np.int32)
