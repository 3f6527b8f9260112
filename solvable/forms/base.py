"""What a form is: all that a method may look at in a model, a draw or an algorithm."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple, TypeVar, cast

import equinox as eqx

from solvable.showing import described


class AbstractForm(eqx.Module):
    """A lowered form. A method names the forms it reads, a model or an algorithm those it states.

    Attributes:
        what: the form in words, after "one that states"; for error messages and the table of methods.
        data: of a form of a model or draw: True for a finite data set, False for a fresh stream, None for both.
        stackable: whether its fields are arrays of which absent modes, padded with zeros, change nothing. Such forms
            of many models are stacked and solved together.
    """

    what: ClassVar[str] = ""
    data: ClassVar[bool | None] = None
    stackable: ClassVar[bool] = False


Form = type[AbstractForm]
FormT = TypeVar("FormT", bound=AbstractForm)
Lowerings = Mapping[Form, Callable[[], AbstractForm]]


class Reading(NamedTuple):
    """A pair of forms that a method can read: one of the model or draw, one of the algorithm."""

    subject: Form
    algorithm: Form


class AbstractSubject(eqx.Module):
    """What can be solved: a model (a law over problems) or one draw of it.

    ``samples`` is the size of the data set that is trained on, None for a fresh stream.
    """

    def __repr__(self) -> str:
        return described(self)

    samples = cast(Any, None)  # not annotated, or it would take its place before the fields of subclasses

    def lowerings(self) -> Lowerings:
        """How to get each form that this model or draw states, with the values that it has."""
        return {}

    def lower(self, form: type[FormT]) -> FormT:
        """The form of this model or draw.

        Raises:
            KeyError: it does not state the form.
        """
        lowered = self.lowerings()[form]()
        assert isinstance(lowered, form)
        return lowered
