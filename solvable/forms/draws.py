"""The forms that a simulation looks at: a draw, or the law it comes from."""

from typing import ClassVar, Generic, TypeVar

from jaxtyping import Array, Float

from solvable.forms.base import AbstractForm, AbstractSubject

SubjectT = TypeVar("SubjectT", bound=AbstractSubject)


class Reduction(AbstractForm):
    """The Gaussian reduction of one draw: all that an optimizer sees of it that commutes with rotations.

    Features are sqrt(eigvals) z with z ~ N(0, I), targets are features . target + sqrt(floor) eps with eps ~ N(0, 1).

    Attributes:
        eigvals: eigenvalues of the feature covariance; shape (width,).
        target: best parameters; shape (width,).
        initial: parameters before the first step; shape (width,).
        floor: risk of the best parameters, label noise included; shape ().
    """

    eigvals: Float[Array, " width"]
    target: Float[Array, " width"]
    initial: Float[Array, " width"]
    floor: Float[Array, ""]
    what: ClassVar[str] = "the Gaussian reduction of one draw (Reduction)"
    data: ClassVar[bool | None] = False
    stackable: ClassVar[bool] = True


class StreamDraw(AbstractForm, Generic[SubjectT]):
    """One draw, trained on a fresh stream."""

    problem: SubjectT
    what: ClassVar[str] = "one draw on a fresh stream (StreamDraw)"
    data: ClassVar[bool | None] = False


class DataDraw(AbstractForm, Generic[SubjectT]):
    """One draw with its data set."""

    problem: SubjectT
    what: ClassVar[str] = "one draw with its data set (DataDraw)"
    data: ClassVar[bool | None] = True


class StreamLaw(AbstractForm, Generic[SubjectT]):
    """A law of draws, each trained on a fresh stream."""

    law: SubjectT
    what: ClassVar[str] = "a law of draws on fresh streams (StreamLaw)"
    data: ClassVar[bool | None] = False


class DataLaw(AbstractForm, Generic[SubjectT]):
    """A law of draws, each with its data set."""

    law: SubjectT
    what: ClassVar[str] = "a law of draws with data sets (DataLaw)"
    data: ClassVar[bool | None] = True
