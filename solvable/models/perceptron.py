"""A teacher's labels of Gaussian inputs, learnt from the part of the data that a probe selects."""

import math
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from solvable.arguments import as_real, check_choice, check_flag, check_integer, check_real, check_reals
from solvable.arrays import as_float64, is_concrete, library
from solvable.forms.base import AbstractSubject, Lowerings
from solvable.forms.labels import LabelledDraw, LabelledLaw, Selected, SelectedByTeacher, Selection
from solvable.keys import require_key, stream
from solvable.models.base import AbstractModel
from solvable.models.checks import LARGEST_SIZE
from solvable.numerics.padding import rounded_up
from solvable.numerics.precision import in_float64

SELECTIONS = ("hard", "easy", "random", "mixed")


def _as_dimension(value: Any) -> int | None:
    wanted = "an integer >= 2, or None (the limit of theory)"
    return None if value is None else check_integer("dimension", value, 2, LARGEST_SIZE, wanted)


def _as_flag(value: Any) -> bool:
    return check_flag("weighted", value)


def _as_selection(value: Any) -> Any:
    return check_choice("selection", value, SELECTIONS)


def label_error(students: Float[Array, "*students dimension"], teacher: Float[Array, " dimension"]) -> Any:
    """The angle between students and teacher over pi; 1/2 for a student of zeros; shape (*students,)."""
    teacher = teacher / jnp.linalg.norm(teacher)
    along = students @ teacher
    across = jnp.linalg.norm(students - along[..., None] * teacher, axis=-1)
    return jnp.where((along != 0) | (across != 0), jnp.arctan2(across, along) / jnp.pi, 0.5)


def missed(students: Float[Array, "*students dimension"], inputs: Any, labels: Any) -> Any:
    """The part of the labels that is predicted wrongly, half for a prediction of 0; shape (*students,)."""
    return ((1 - jnp.sign(students @ inputs.T) * labels) / 2).mean(-1)


class PerceptronProblem(AbstractSubject):
    """One set of labelled inputs x ~ N(0, I), and the teacher whose labels are to be predicted.

    Attributes:
        inputs: the inputs to learn from; shape (samples, dimension).
        labels: their labels, 1 or -1; shape (samples,). Any labels: where nothing separates them there is no margin.
        teacher: the direction whose sign is the right label, of any length but 0; shape (dimension,).
        weights: of the samples in a loss, >= 0; 1 by default; shape (samples,).
    """

    inputs: Float[Array, "samples dimension"]
    labels: Float[Array, " samples"]
    teacher: Float[Array, " dimension"]
    weights: Float[Array, " samples"]
    references: ClassVar[tuple[str, ...]] = ("sorscher2022",)

    def __init__(self, inputs: Any, labels: Any, teacher: Any, weights: Any = None):
        self.inputs, self.labels, self.teacher = as_real(inputs), as_real(labels), as_real(teacher)
        self.weights = as_real(np.ones(np.shape(self.labels)) if weights is None else weights)

    def __check_init__(self):
        check_reals("inputs", self.inputs, "finite values", ndim=2)
        check_reals("labels", self.labels, "1 or -1 for every input", lambda x: np.abs(x) == 1, ndim=1)
        teacher = check_reals("teacher", self.teacher, "a direction, not all zeros", ndim=1)
        check_reals("weights", self.weights, "finite values >= 0", lambda x: (x >= 0) & (x < np.inf), ndim=1)
        if is_concrete(teacher) and not np.any(teacher):
            raise ValueError("teacher: wanted a direction, not all zeros; got zeros")
        shape = np.shape(self.inputs)
        for name, wanted in (("labels", shape[:1]), ("weights", shape[:1]), ("teacher", shape[1:])):
            if np.shape(getattr(self, name)) != wanted:
                raise ValueError(f"{name}: wanted shape {wanted}, as the inputs; got {np.shape(getattr(self, name))}")

    @property
    def samples(self) -> int:
        """Number of inputs to learn from."""
        return np.shape(self.inputs)[0]

    @in_float64
    def error(self, students: Float[Array, "*students dimension"]) -> Float[Array, "*students"]:
        """Probability that sgn(w . x) is wrong on a new input: the angle to the teacher over pi; 1/2 for w = 0."""
        return label_error(jnp.asarray(students, float), jnp.asarray(self.teacher, float))

    @in_float64
    def train_error(self, students: Float[Array, "*students dimension"]) -> Float[Array, "*students"]:
        """The part of the inputs whose label is predicted wrongly; a prediction of 0 is half wrong."""
        return missed(jnp.asarray(students, float), jnp.asarray(self.inputs, float), jnp.asarray(self.labels, float))

    def lowerings(self) -> Lowerings:
        return {LabelledDraw: lambda: LabelledDraw(self)}


class TeacherPerceptron(AbstractModel):
    """Labels y = sgn(t . x) of a teacher t on inputs x ~ N(0, I), of which a probe selects those to learn from.

    The probe j, at ``probe_angle`` to the teacher, gives the margin |j . x|. Sorscher et al. 2022 (arXiv 2206.14486):
    the probe is a student trained beforehand, and ``probe_angle = 0`` a perfect one. "mixed" with ``weighted`` is the
    calibration of Ayed and Hayou 2023 (arXiv 2302.06960). Whatever the ratio, the teacher separates the kept data, so
    that there is a margin; labels that nothing separates are those of a `PerceptronProblem` of your own.

    Attributes:
        ratio: samples per dimension before the selection.
        keep: the part that is kept, in (0, 1].
        selection: "hard" keeps the smallest margins, "easy" the largest, "random" any; "mixed" keeps the smallest, and
            for the part ``share`` of what is kept any of the others.
        probe_angle: between probe and teacher, in radians, from 0 to pi / 2.
        dimension: number of inputs' coordinates, an integer to draw; None, the limit of many, for theory.
        share: used by "mixed" alone, in [0, 1].
        weighted: whether a kept sample weighs the inverse of its probability to be kept; for "random" and "mixed",
            where every sample has one.
    """

    ratio: Float[Array, ""] = eqx.field(converter=as_real, default=3.0)
    keep: Float[Array, ""] = eqx.field(converter=as_real, default=1.0)
    selection: Selection = eqx.field(static=True, converter=_as_selection, default="hard")
    probe_angle: Float[Array, ""] = eqx.field(converter=as_real, default=0.0)
    dimension: int | None = eqx.field(static=True, converter=_as_dimension, default=None)
    share: Float[Array, ""] = eqx.field(converter=as_real, default=0.5)
    weighted: bool = eqx.field(static=True, converter=_as_flag, default=False)
    references: ClassVar[tuple[str, ...]] = ("sorscher2022", "ayed2023")

    def __check_init__(self):
        check_real("ratio", self.ratio, "a finite number of samples per dimension > 0", lambda x: 0 < x < math.inf)
        check_real("keep", self.keep, "a number in (0, 1]", lambda x: 0 < x <= 1)
        check_real("probe_angle", self.probe_angle, "an angle in [0, pi / 2]", lambda x: 0 <= x <= math.pi / 2)
        check_real("share", self.share, "a number in [0, 1]", lambda x: 0 <= x <= 1)
        if self.weighted and self.selection in ("hard", "easy"):
            wanted = "False for a selection that leaves some samples no chance"
            raise ValueError(f"weighted: wanted {wanted}; got True with selection={self.selection!r}")

    @property
    def samples(self) -> float:
        """Number of samples that are kept; infinite in the limit of many dimensions."""
        return math.inf if self.dimension is None else self._counts()[1]

    @in_float64
    def selected(self) -> Selected:
        """The law of the kept inputs, at any dimension."""
        return self._law(Selected)

    def lowerings(self) -> Lowerings:
        perfect = is_concrete(self.probe_angle) and float(self.probe_angle) == 0
        stated: Lowerings = {Selected: self.selected, LabelledLaw: lambda: LabelledLaw(self)}
        return {SelectedByTeacher: in_float64(lambda: self._law(SelectedByTeacher)), **stated} if perfect else stated

    def _law(self, form: type[Selected]) -> Selected:
        ratio, keep, angle, share = (as_float64(x) for x in (self.ratio, self.keep, self.probe_angle, self.share))
        return form(ratio, keep, angle, share, self.selection, self.weighted)

    @classmethod
    def example(cls):
        """One of eight dimensions."""
        return cls(dimension=8)

    def _counts(self) -> tuple[int, int, int]:
        """Numbers of samples: before the selection, kept, and kept for their small margin."""
        if self.dimension is None:
            raise ValueError("dimension: wanted an integer >= 2 to draw samples; got None, the limit of theory")
        for name in ("ratio", "keep", "share"):
            if not is_concrete(getattr(self, name)):
                raise ValueError(f"{name}: wanted a concrete number to draw samples; got a traced value")
        total = float(self.ratio) * self.dimension
        if total > LARGEST_SIZE:
            raise ValueError(f"ratio: wanted at most {LARGEST_SIZE} samples to draw; got {total:g}")
        total = max(round(total), 1)
        kept = max(round(float(self.keep) * total), 1)
        near = {"hard": kept, "mixed": round(kept * (1 - float(self.share)))}.get(self.selection, 0)
        return total, kept, near

    @in_float64
    def draw(self, key: Key[Array, ""]) -> PerceptronProblem:
        """The kept samples of one data set, in the basis of probe, teacher's part across it, and the rest.

        The two coordinates that decide are drawn for all samples, the others for those that are kept.
        """
        require_key(key, "to draw from")
        total, kept, near = self._counts()
        assert self.dimension is not None
        plane = _normals(stream(key, "plane"), total, 2)
        chosen, weights = self._select(plane[:, 0], stream(key, "share"), total, kept, near)
        inputs = plane[chosen]
        rest = _normals(stream(key, "rest"), kept, self.dimension - 2) if self.dimension > 2 else inputs[:, :0]
        xp = library(plane, self.probe_angle)
        teacher = xp.stack([xp.cos(self.probe_angle), xp.sin(self.probe_angle)])
        labels = xp.where(inputs @ teacher >= 0, 1.0, -1.0)
        teacher = xp.concatenate([teacher, np.zeros(self.dimension - 2)])
        return PerceptronProblem(xp.concatenate([inputs, rest], 1), labels, teacher, weights)

    def _select(self, margins: Any, key: Any, total: int, kept: int, near: int):
        """(which samples are kept, their weights)."""
        xp = library(margins)
        order = xp.argsort(xp.abs(margins))
        far = kept - near
        if self.selection == "easy":
            return order[total - kept :], np.ones(kept)
        shuffled = _uniforms(key, total)[near:]
        chosen = order[near:][xp.argsort(shuffled)[:far]] if far else order[:0]
        inverse = (total - near) / max(far, 1) if self.weighted else 1.0
        scale = kept / total if self.weighted else 1.0
        weights = scale * np.concatenate([np.ones(near), np.full(far, inverse)])
        return xp.concatenate([order[:near], chosen]), weights


def _normals(key: Key[Array, ""], rows: int, columns: int) -> Any:
    """Standard normals, drawn in float32 whatever the flags, of a shape that sets of similar size share."""
    drawn = jax.random.normal(key, (rounded_up(rows), rounded_up(columns)), jnp.float32)
    xp = library(drawn)
    return xp.asarray(drawn)[:rows, :columns].astype(np.float64)


def _uniforms(key: Key[Array, ""], count: int) -> Any:
    drawn = jax.random.uniform(key, (rounded_up(count),), jnp.float32)
    return library(drawn).asarray(drawn)[:count]
