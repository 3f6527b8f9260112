"""Students of labelled inputs: trained on drawn sets, and judged by their angle to the teacher."""

import dataclasses
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from solvable.forms.algorithms import Solution
from solvable.forms.classifiers import HardMargin, LogisticLoss, Rounds
from solvable.forms.curve import Curve
from solvable.keys import stream
from solvable.models.perceptron import PerceptronProblem, label_error, missed
from solvable.numerics.largest_margin import largest_margin
from solvable.numerics.precision import in_float64
from solvable.simulation.averages import curve_of
from solvable.simulation.landscape import HIGHEST
from solvable.simulation.multi_pass import AbstractData, Order, source_of
from solvable.simulation.runs import runs_of_draws, runs_of_one

CHANCE = 2.0  # the risk of a student that knows nothing


class Labels(AbstractData):
    """Labelled inputs and the logistic loss; the risks are 4 times the probability of a wrong label.

    Attributes:
        features, targets: inputs and labels; shapes (rows, coords) and (rows,).
        samples: number of samples.
        start: zeros; shape (coords,).
        weights: of the samples in the loss; shape (rows,).
        teacher: direction of the right labels; shape (coords,).
    """

    features: Float[Array, "rows coords"]
    targets: Float[Array, " rows"]
    samples: Int[Array, ""]
    start: Float[Array, " coords"]
    weights: Float[Array, " rows"]
    teacher: Float[Array, " coords"]

    @classmethod
    def of(cls, problem: PerceptronProblem, dtype: Any) -> "Labels":
        """The data of one set."""
        inputs, labels, weights, teacher = (
            jnp.asarray(x, dtype) for x in (problem.inputs, problem.labels, problem.weights, problem.teacher)
        )
        return cls(inputs, labels, jnp.asarray(len(labels), jnp.int32), 0 * teacher, weights, teacher)

    def gradient(self, params, batch):
        inputs, labels, weights = self.features, self.targets, self.weights
        if batch is not None:
            inputs, labels, weights = inputs[batch], labels[batch], weights[batch]
        margins = labels * jnp.matmul(inputs, params, precision=HIGHEST)
        pull = -weights * labels * jax.nn.sigmoid(-margins)
        return jnp.matmul(pull, inputs, precision=HIGHEST) / len(labels)

    def risks(self, params):
        return 4 * jnp.stack([label_error(params, self.teacher), missed(params, self.features, self.targets)])


def labelled_curve(
    subject: Any,
    algorithm: Any,
    steps: np.ndarray,
    keys: Any,
    drawn: tuple[bool, Callable[[int], PerceptronProblem], int],
    order: Order,
) -> Curve:
    """The mean over runs of the risk, 4 times the probability of a wrong label, at ``steps``.

    Args:
        subject: a `LabelledDraw` or a `LabelledLaw`.
        algorithm: states `HardMargin`, `LogisticLoss`, `Solution` or, for a law, `Rounds`.
        keys: of the runs.
        drawn: whether there is one draw for all runs, draw number i, and the number of independent groups of runs.
        order: how a data set is passed through by batches.
    """
    given, draw, groups = drawn
    records = steps.astype(np.int32)
    if isinstance(algorithm, Rounds):
        errors = np.stack([_practised(subject.law, algorithm, steps, key) for key in keys])
        return _labelled(curve_of(steps, 4 * errors, len(keys), CHANCE))
    if isinstance(algorithm, LogisticLoss):
        dtype = jax.dtypes.canonicalize_dtype(float)
        source = lambda i: source_of(Labels.of(draw(i), dtype), algorithm.inner.batch_size, order)  # noqa: E731
        of_one = lambda: runs_of_one(source(0), algorithm.inner, records, keys)  # noqa: E731
        runs = (of_one() if given else runs_of_draws(source, groups, algorithm.inner, records, keys))[0]
        return _labelled(curve_of(steps, runs, groups, CHANCE))
    count = 1 if given else groups
    found = [_trained(draw(i), algorithm, steps) for i in range(count)]
    risks, margins = (np.tile(np.stack(x), (len(keys) // count, *np.ones(np.ndim(x[0]), int)))
                      for x in zip(*found, strict=True))  # fmt: skip
    extra = {"margin": margins} if isinstance(algorithm, HardMargin) else {}
    return _labelled(curve_of(steps, risks, groups, CHANCE), **extra)


def _labelled(curve: Curve, **stats: Any) -> Curve:
    """With the error, and each run's overlap with the teacher, cos(pi error), at the steps."""
    stats = {**curve.stats, "overlap": np.cos(np.pi / 4 * np.asarray(curve.stats["runs"])), **stats}
    return dataclasses.replace(curve, error=curve.risk / 4, stats=stats)


@in_float64
def _students(problem: PerceptronProblem, algorithm: Any, steps: np.ndarray) -> tuple[Any, float]:
    """(students at ``steps``, margin of the one of largest margin or NaN)."""
    inputs, labels = jnp.asarray(problem.inputs, float), jnp.asarray(problem.labels, float)
    if isinstance(algorithm, HardMargin):
        student, margin = largest_margin(np.asarray(labels[:, None] * inputs))
        return student[None], margin
    roots = jnp.sqrt(jnp.asarray(problem.weights, float))
    times = jnp.asarray(steps, float)
    return _solved(algorithm, roots[:, None] * inputs, roots * labels, jnp.asarray(len(labels)), times), np.nan


@eqx.filter_jit
def _solved(algorithm: Solution, features, residual, samples, times):
    return algorithm.solution(features, residual, samples, times)


def _trained(problem: PerceptronProblem, algorithm: Any, steps: np.ndarray) -> tuple[Any, float]:
    """(population and training risk at ``steps``, shape (steps, 2); margin)."""
    students, margin = _students(problem, algorithm, steps)
    return 4 * np.stack([problem.error(students), problem.train_error(students)], axis=1), margin


def _practised(law: Any, algorithm: Rounds, steps: np.ndarray, key: Any) -> np.ndarray:
    """The error of one run's students before and after rounds, at ``steps``.

    By symmetry a round knows the last student by its angle to the teacher alone.
    """
    errors = [float(law.probe_angle) / np.pi]
    for t in range(1, int(steps[-1]) + 1):
        angle = np.pi * min(errors[-1], 1 - errors[-1])  # a probe and its opposite select the same samples
        problem = dataclasses.replace(law, probe_angle=angle).draw(jax.random.fold_in(stream(key, "round"), t))
        errors.append(float(problem.error(_students(problem, algorithm.inner, np.zeros(1))[0])[0]))
    return np.array(errors)[steps]
