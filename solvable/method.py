"""A method is a value: how to obtain the risk curve of a model under an algorithm. It says which forms it reads."""

import abc
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, TypeVar

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Int, Key

from solvable.algorithms.base import AbstractAlgorithm, check_settings
from solvable.arguments import check_integers, refusal, shown
from solvable.forms.base import AbstractForm, AbstractSubject, Form, Reading
from solvable.forms.curve import Curve
from solvable.io.fingerprint import edited_since
from solvable.showing import described

SubjectT = TypeVar("SubjectT", bound=AbstractForm)
StatedT = TypeVar("StatedT", bound=AbstractForm)
STRIDE = 512  # a walk may stop at its multiples


class AbstractMethod(eqx.Module):
    """One rung of the ladder from simulation to asymptote.

    Attributes:
        needs_key: whether a random key is needed for this model (a theory of a typical draw needs none).
        in_float64: whether it computes in float64 whatever JAX's flags are (theories), or follows them (simulations).
    """

    needs_key: ClassVar[bool] = False
    in_float64: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = ()

    def __repr__(self) -> str:
        return described(self)

    @property
    @abc.abstractmethod
    def reads(self) -> tuple[Reading, ...]:
        """The pairs of forms that `curve` can take, the first that fits is taken."""

    @abc.abstractmethod
    def curve(self, subject: Any, algorithm: Any, steps: np.ndarray, *, key: Key[Array, ""] | None) -> Curve:
        """The risk at ``steps``: sorted, nonnegative, int64, known now (never traced).

        Args:
            subject: a model or draw, lowered to the first form of a pair of `reads`.
            algorithm: an algorithm that states the second form of that pair.
        """


class AbstractResumable(AbstractMethod):
    """A method that walks through the steps of one draw and can stop anywhere, to go on later with the same bits.

    `source`, `begin`, `advance` and `finish` are pure functions of arrays, fit for `jax.jit`, and for `jax.vmap` over
    sources, algorithms, keys and progress; records and step numbers are common to all that is stacked.
    """

    @abc.abstractmethod
    def walks(self, reading: Reading) -> bool:
        """Whether there is a walk: the subject is one draw, and the algorithm moves step by step.

        `curve` answers for everything else.
        """

    @abc.abstractmethod
    def source(self, subject: Any, algorithm: Any) -> Any:
        """What the walk sees of one lowered draw, its source of gradients: a tree of arrays."""

    @abc.abstractmethod
    def begin(self, source: Any, algorithm: Any, records: Int[Array, " records"]) -> Any:
        """Where things stand before the first step; ``records``: steps to record, increasing."""

    @abc.abstractmethod
    def advance(
        self,
        source: Any,
        algorithm: Any,
        records: Int[Array, " records"],
        key: Key[Array, ""],
        progress: Any,
        since: Int[Array, ""],
        until: Int[Array, ""],
        *,
        lanes: int,
    ) -> Any:
        """Where things stand after ``until`` steps, given ``progress`` after ``since``; ``lanes``: problems stacked.

        Stopping at any multiple of ``STRIDE`` steps leaves the bits of the result alone.
        """

    @abc.abstractmethod
    def finish(self, progress: Any, records: Int[Array, " records"]) -> Curve:
        """The curve at the records, after the last of them."""


class Mismatch(ValueError):
    """A method cannot read a model and an algorithm; the message says what is missing."""


def match(model: AbstractSubject, algorithm: AbstractAlgorithm, reads: tuple[Reading, ...], reader: str) -> Reading:
    """The first pair of forms in ``reads`` that model and algorithm state.

    Args:
        reader: what reads them, such as "Recursion()", for the error.

    Raises:
        Mismatch: there is none. The message names the argument at fault, what was wanted and what was given.
    """
    if edited_since(type(model), type(algorithm)):
        jax.clear_caches()  # programs that were compiled of the old code
    has, states = set(model.lowerings()), set(algorithm.states())
    for reading in reads:
        if reading.subject in has and reading.algorithm in states:
            return reading
    by_model = [reading.algorithm for reading in reads if reading.subject in has]
    by_algorithm = [reading.subject for reading in reads if reading.algorithm in states]
    # Where either could be changed, an algorithm without steps asks for data, any other for another algorithm.
    stepless = model.samples is None and (algorithm.one_shot or algorithm.continuous)
    if by_algorithm and (stepless or not by_model):
        raise Mismatch(_model_at_fault(model, by_algorithm, reader))
    wanted = _either(by_model or [reading.algorithm for reading in reads])
    given = f"{type(algorithm).__name__}, which states {_all(states)}"
    raise Mismatch(f"algorithm: wanted one that states {wanted} for {reader}; got {given}")


def _model_at_fault(model: AbstractSubject, forms: Sequence[Form], reader: str) -> str:
    """The message for a model or draw that states none of ``forms``; of samples where they decide what it states."""
    data, wanted = ({form.data for form in some} - {None} for some in (model.lowerings(), forms))
    if wanted == {False} and True in data:
        return f"samples: wanted None (a fresh stream) for {reader}; got {model.samples} (a finite data set)"
    if wanted == {True} and False in data:
        return f"samples: wanted a number of samples (a finite data set) for {reader}; got None, a fresh stream"
    given = f"{type(model).__name__}, which states {_all(model.lowerings())}"
    return f"model: wanted one that states {_either(forms)} for {reader}; got {given}"


def read(
    model: AbstractSubject, algorithm: AbstractAlgorithm, subject: type[SubjectT], stated: type[StatedT], *, reader: str
) -> tuple[SubjectT, StatedT]:
    """The two forms that a function reads: of ``model`` lowered, of ``algorithm`` itself.

    Raises:
        ValueError: an argument is no model or no algorithm, or states no such form.
    """
    check_kind("model", model, AbstractSubject)
    check_kind("algorithm", algorithm, AbstractAlgorithm)
    match(model, algorithm, (Reading(subject, stated),), reader)
    check_settings(algorithm)
    assert isinstance(algorithm, stated)
    return model.lower(subject), algorithm


def read_model(model: AbstractSubject, *forms: type[SubjectT], reader: str) -> SubjectT:
    """The first of ``forms`` that ``model`` states, for a function without an algorithm.

    Raises:
        ValueError: it is no model, or states none of them.
    """
    form = form_of(model, *forms, reader=reader)  # before it is asked to lower anything: it may be no model
    return model.lower(form)


def form_of(model: AbstractSubject, *forms: type[SubjectT], reader: str) -> type[SubjectT]:
    """Which of ``forms`` `read_model` lowers a model to; nothing is computed."""
    check_kind("model", model, AbstractSubject)
    has = model.lowerings()
    for form in forms:
        if form in has:
            return form
    raise Mismatch(_model_at_fault(model, forms, reader))


def recorded_steps(algorithm: AbstractAlgorithm, steps: Any) -> np.ndarray:
    """``steps`` as an increasing int64 vector; one 0 for an algorithm without steps.

    Raises:
        ValueError: they are none, or there are some where the algorithm has none.
    """
    if not algorithm.one_shot:
        return check_integers("steps", steps, "a nonempty vector of integers")
    if steps is not None:
        raise ValueError(f"steps: wanted None for {type(algorithm).__name__}(), which has no steps; got {shown(steps)}")
    return np.zeros(1, np.int64)


def check_kind(name: str, value: object, kind: type) -> None:
    """Raise a ValueError unless ``value`` is an instance of ``kind``."""
    if not isinstance(value, kind):
        raise refusal(name, f"an instance of {kind.__name__}", value)


def _either(forms: Iterable[Form]) -> str:
    return " or ".join(dict.fromkeys(form.what for form in forms))


def _all(forms: Iterable[Form]) -> str:
    return ", ".join(sorted(form.__name__ for form in forms)) or "no form"
