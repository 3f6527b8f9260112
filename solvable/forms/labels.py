"""The forms of classification: labelled inputs that were selected by the margin of a probe, as a law and as a draw."""

from typing import ClassVar, Generic, Literal, TypeVar

import equinox as eqx
import jax.numpy as jnp
from jax.scipy.special import ndtri
from jaxtyping import Array, Float

from solvable.forms.base import AbstractForm, AbstractSubject

SubjectT = TypeVar("SubjectT", bound=AbstractSubject)
Selection = Literal["hard", "easy", "random", "mixed"]
ROUNDING = 1e-15  # of a probability; keeps the threshold finite where everything is kept


class Selected(AbstractForm):
    """The law of labelled Gaussian inputs of which a part was kept, by the margin of a probe.

    Inputs x ~ N(0, I) in many dimensions have the label sgn(t . x) of a teacher t. A probe j at an angle to the
    teacher gives the margin z = |j . x|. Of those below a threshold the part ``inside`` is kept, of those above it the
    part ``outside``, so that the density of z among the kept is 2 phi(z) inside / keep, or 2 phi(z) outside / keep.

    Attributes:
        ratio: samples per dimension before the selection.
        keep: the part that is kept, in (0, 1].
        angle: between probe and teacher, in radians.
        share: with "mixed", the part of the kept samples that was taken at random from above the threshold.
        selection: "hard" keeps the smallest margins, "easy" the largest, "random" any; "mixed" the smallest and a
            random share of the others.
        weighted: whether a kept sample weighs the inverse of its probability to be kept.
    """

    ratio: Float[Array, ""]
    keep: Float[Array, ""]
    angle: Float[Array, ""]
    share: Float[Array, ""]
    selection: Selection = eqx.field(static=True)
    weighted: bool = eqx.field(static=True)
    what: ClassVar[str] = "the law of selected, labelled inputs (Selected)"
    stackable: ClassVar[bool] = True

    @property
    def kept_ratio(self) -> Float[Array, ""]:
        """Kept samples per dimension."""
        return self.ratio * self.keep

    @property
    def near(self) -> Float[Array, ""]:
        """The part of all samples that was kept for its small margin."""
        share = {"hard": 0.0, "easy": 1.0, "random": 1.0, "mixed": self.share}[self.selection]
        return self.keep * (1 - share) * (1 - ROUNDING)

    @property
    def threshold(self) -> Float[Array, ""]:
        """The margin on whose two sides samples are kept in different parts; 0 where there is one part only."""
        if self.selection == "random":
            return jnp.zeros(())
        left = self.keep if self.selection == "easy" else 1 - self.near
        return -ndtri(left / 2)

    @property
    def inside(self) -> Float[Array, ""]:
        """The part that is kept of the margins below the threshold."""
        return jnp.asarray({"hard": 1.0, "easy": 0.0, "random": self.keep, "mixed": 1.0}[self.selection], float)

    @property
    def outside(self) -> Float[Array, ""]:
        """The part that is kept of the margins above the threshold."""
        if self.selection == "mixed":
            return (self.keep - self.near) / (1 - self.near)
        return jnp.asarray({"hard": 0.0, "easy": 1.0, "random": self.keep}[self.selection], float)

    @property
    def weights(self) -> tuple[Float[Array, ""], Float[Array, ""]]:
        """The weight of a kept sample below the threshold and above it: 1, or keep / inside and keep / outside."""
        one = jnp.ones(())
        if not self.weighted:
            return one, one
        some = self.outside > 0
        return self.keep / self.inside, jnp.where(some, self.keep / jnp.where(some, self.outside, 1.0), 1.0)


class SelectedByTeacher(Selected):
    """`Selected` where the probe is the teacher: the angle is 0, and integrals have one dimension less."""

    what: ClassVar[str] = "the law of labelled inputs selected by the teacher itself (SelectedByTeacher)"


class LabelledDraw(AbstractForm, Generic[SubjectT]):
    """One set of labelled inputs."""

    problem: SubjectT
    what: ClassVar[str] = "one set of labelled inputs (LabelledDraw)"


class LabelledLaw(AbstractForm, Generic[SubjectT]):
    """A law of sets of labelled inputs."""

    law: SubjectT
    what: ClassVar[str] = "a law of sets of labelled inputs (LabelledLaw)"
