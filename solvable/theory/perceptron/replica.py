"""The typical student of a teacher: largest margin, ridge on the labels, and rounds of selection by the student."""

from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from solvable.algorithms.base import AbstractAlgorithm
from solvable.arguments import check_broadcast, check_reals
from solvable.arrays import as_float64, is_concrete
from solvable.forms.algorithms import Penalty
from solvable.forms.base import AbstractSubject, Reading
from solvable.forms.classifiers import HardMargin, Rounds
from solvable.forms.curve import Curve
from solvable.forms.labels import Selected, SelectedByTeacher
from solvable.method import AbstractMethod, read
from solvable.numerics.grouping import map_in_groups
from solvable.numerics.precision import in_float64
from solvable.theory.perceptron.kept_margins import any_probe, perfect_probe
from solvable.theory.perceptron.label_ridge import label_ridge
from solvable.theory.perceptron.max_margin import largest_margin
from solvable.theory.ridge import over_points

MOST_ROUNDS = 10**5
TOGETHER = {SelectedByTeacher: 64, Selected: 8}  # points of a map evaluated together: their nodes stay in cache


class Student(eqx.Module):
    """A typical student of unit length.

    Attributes:
        error: probability of a wrong label, the angle to the teacher over pi.
        overlap: R, its component along the teacher.
        probe_overlap: rho, its component along the probe.
        margin: kappa, the smallest y w . x of the kept samples; None where the student is not that of largest margin.
    """

    error: Float[Array, "*points"]
    overlap: Float[Array, "*points"]
    probe_overlap: Float[Array, "*points"]
    margin: Float[Array, "*points"] | None


class Replica(AbstractMethod):
    """The typical student that learns a teacher's labels, at many samples and dimensions in a fixed ratio.

    `MaxMargin`: the saddle point of the replica calculation, as the maximum of the margin over overlaps. `Ridge` on the
    labels: a closed form and one root. `Practice`: one of the two iterated. Its overlaps with teacher and probe, and
    the margin, are in ``stats``; the student of a draw differs from it by O(1 / sqrt(dimension)), the mean over draws
    by O(1 / dimension). `Practice` starts at the probe, whose error is the one at step 0; the numbers of samples per
    dimension that its rounds looked at and kept are in ``stats`` as ``generated`` and ``kept``.

    Sources: Sorscher et al. 2022 (arXiv 2206.14486), theory of perceptron learning with pruned data; Askari-Hemmat et
    al. 2025 (arXiv 2502.15588).
    """

    references: ClassVar[tuple[str, ...]] = ("sorscher2022", "askari2025")

    @property
    def reads(self):
        first = Reading(SelectedByTeacher, HardMargin)
        return first, Reading(Selected, HardMargin), Reading(Selected, Penalty), Reading(Selected, Rounds)

    def curve(self, subject: Selected, algorithm: Any, steps: np.ndarray, *, key=None) -> Curve:
        """One point, or one a round."""
        if isinstance(algorithm, Rounds):
            if steps[-1] > MOST_ROUNDS:
                raise ValueError(f"steps: wanted at most {MOST_ROUNDS} rounds; got {steps[-1]}")
            errors = _rounds(subject, algorithm.inner, int(steps[-1]))[steps]
            stats = {"generated": subject.ratio * steps, "kept": subject.kept_ratio * steps}
            return Curve.of_labels(steps, errors, stats)
        student = _student(subject, algorithm)
        stats = {name: value for name, value in vars(student).items() if name != "error" and value is not None}
        return Curve.of_labels(steps, student.error[None], stats)


def _typical(kept: Selected, algorithm: Any) -> Student:
    if isinstance(algorithm, HardMargin):
        rule = perfect_probe if isinstance(kept, SelectedByTeacher) else any_probe
        margin, parts = largest_margin(kept, rule)
        rest = jnp.ones(())
    else:
        parts, rest = label_ridge(kept, as_float64(algorithm.penalty))
        margin = None
    cosine, sine = jnp.cos(kept.angle), jnp.sin(kept.angle)
    along, across = parts[0] * cosine + parts[1] * sine, parts[0] * sine - parts[1] * cosine
    error = jnp.arctan2(jnp.sqrt(rest**2 + across**2), along) / jnp.pi
    length = jnp.sqrt(rest**2 + along**2 + across**2)
    return Student(error, along / length, parts[0] / length, margin)


_student = eqx.filter_jit(_typical)


@eqx.filter_jit
def _rounds(start: Selected, algorithm: Any, last: int) -> Float[Array, " rounds"]:
    """The error before the first round and after each."""

    def one(angle, _):
        error = _typical(eqx.tree_at(lambda kept: kept.angle, start, angle), algorithm).error
        # A probe and its opposite select the same samples.
        return jnp.pi * jnp.minimum(error, 1 - error), error

    errors = jax.lax.scan(one, start.angle, None, length=last)[1]
    return jnp.concatenate([start.angle[None] / jnp.pi, errors])


@in_float64
def perceptron_map(
    model: AbstractSubject,
    algorithm: AbstractAlgorithm,
    *,
    ratio: ArrayLike | None = None,
    keep: ArrayLike | None = None,
    probe_angle: ArrayLike | None = None,
) -> Student:
    """The typical student at every (ratio, keep, probe_angle), which broadcast; the model's own by default.

    Args:
        model: a `TeacherPerceptron`.
        algorithm: `MaxMargin` or `Ridge`.
        ratio: samples per dimension before the selection, > 0.
        keep: parts that are kept, in (0, 1].
        probe_angle: in [0, pi / 2].

    Raises:
        ValueError: an argument is impossible.
    """
    law = _readable(model, algorithm)
    given = {
        "ratio": law.ratio if ratio is None else check_reals("ratio", ratio, "finite numbers > 0", _positive),
        "keep": law.keep if keep is None else check_reals("keep", keep, "numbers in (0, 1]", _part),
        "probe_angle": law.angle if probe_angle is None else check_reals(
            "probe_angle", probe_angle, "angles in [0, pi / 2]", lambda x: (x >= 0) & (x <= np.pi / 2)),
    }
    points = [as_float64(x) for x in check_broadcast(**given)]
    perfect = is_concrete(points[2]) and not np.any(points[2])
    kind = SelectedByTeacher if perfect else Selected
    law = kind(law.ratio, law.keep, law.angle, law.share, law.selection, law.weighted)
    return over_points(lambda *flat: _map(law, algorithm, *flat), points)


def _readable(model: AbstractSubject, algorithm: AbstractAlgorithm) -> Selected:
    """The law of the model, where the algorithm is one of the two that a map takes."""
    form = Penalty if isinstance(algorithm, Penalty) else HardMargin
    return read(model, algorithm, Selected, form, reader="perceptron_map(...)")[0]


def _positive(x: np.ndarray) -> np.ndarray:
    return (x > 0) & (x < np.inf)


def _part(x: np.ndarray) -> np.ndarray:
    return (x > 0) & (x <= 1)


@eqx.filter_jit
def _map(law: Selected, algorithm: Any, ratio, keep, angle) -> Student:
    def one(point):
        return _typical(eqx.tree_at(lambda k: (k.ratio, k.keep, k.angle), law, point), algorithm)

    return map_in_groups(one, (ratio, keep, angle), TOGETHER[type(law)])
