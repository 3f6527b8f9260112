"""Which method takes which model and algorithm: one table, from what each says of itself."""

import dataclasses
import inspect
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax

from solvable import algorithms, models, simulation, theory
from solvable.algorithms import SGD, AbstractAlgorithm, AbstractLinear, AbstractWrapper, BatchSchedule
from solvable.forms.base import AbstractSubject
from solvable.method import AbstractMethod, Mismatch, match
from solvable.models import AbstractModel, DataSets

SAMPLES = 5  # of the data sets that stand for all


def known_methods() -> list[AbstractMethod]:
    """One of each method of the package."""
    return [cls() for room in (simulation, theory) for cls in _final(room, AbstractMethod)]


def takers(model: AbstractSubject, algorithm: AbstractAlgorithm) -> list[AbstractMethod]:
    """The package's methods that can read this model and this algorithm."""
    return [method for method in known_methods() if takes(method, model, algorithm)]


def takes(method: AbstractMethod, model: AbstractSubject, algorithm: AbstractAlgorithm) -> bool:
    """Whether ``method`` can read this model and this algorithm."""
    try:
        match(model, algorithm, method.reads, "")
    except Mismatch:
        return False
    return True


class Row(NamedTuple):
    """One line of the table.

    Attributes:
        trained_on: "fresh stream" or "data set".
        subject: "law" or "draw".
        models: names of the models of which this is true.
        algorithms: the algorithms, with their settings, of which this is true.
        methods: names of the methods that answer.
    """

    trained_on: str
    subject: str
    models: tuple[str, ...]
    algorithms: tuple[str, ...]
    methods: tuple[str, ...]


def table() -> list[Row]:
    """Every method that answers, for every model and its draw, on a stream and on a data set, and every algorithm.

    Models and algorithms of which the same is true share a row.
    """
    rows: dict[tuple[str, str, str, tuple[str, ...]], list[str]] = {}
    for name, subject in _subjects():
        kind = "data set" if subject.samples is not None else "fresh stream"
        whose = "law" if isinstance(subject, AbstractModel) else "draw"
        for setting, algorithm in _settings():
            methods = tuple(type(method).__name__ for method in takers(subject, algorithm))
            rows.setdefault((kind, whose, setting, methods), []).append(name)
    shared: dict[tuple[str, str, tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for (kind, whose, setting, methods), names in rows.items():
        shared.setdefault((kind, whose, tuple(names), methods), []).append(setting)
    return sorted(
        Row(kind, whose, names, tuple(settings), methods)
        for (kind, whose, names, methods), settings in shared.items()
    )


def markdown() -> str:
    """The table as Markdown text."""
    head = "| trained on | given | model | algorithm | methods that answer |\n|---|---|---|---|---|\n"
    cells = (
        (row.trained_on, f"a {row.subject}", *map("; ".join, (row.models, row.algorithms, row.methods or ("none",))))
        for row in table()
    )
    return head + "".join(f"| {' | '.join(row)} |\n" for row in cells)


def _settings() -> Iterator[tuple[str, AbstractAlgorithm]]:
    for cls in _final(algorithms, AbstractAlgorithm):
        if cls is SGD:
            continue
        name, make, is_row = cls.__name__, cls, issubclass(cls, AbstractLinear)
        yield name, make()
        if is_row and cls is not BatchSchedule:
            wrapped = issubclass(cls, AbstractWrapper)
            yield f"{name}, full batch", make(SGD(0.1, None)) if wrapped else make(batch_size=None)
    yield "SGD, constant rate", SGD(0.1, 2)
    yield "SGD, schedule", SGD(lambda t: 0.1 / (1 + t), 2)
    yield "SGD, full batch, constant rate", SGD(0.1, None)
    yield "SGD, full batch, schedule", SGD(lambda t: 0.1 / (1 + t), None)


def _subjects() -> Iterator[tuple[str, AbstractSubject]]:
    """Every law on a stream and on a data set, and a draw of each."""
    key = jax.random.key(0)
    for cls in _final(models, AbstractModel):
        if cls is DataSets:
            continue
        if "samples" not in {field.name for field in dataclasses.fields(cls)}:
            yield cls.__name__, cls()
            yield cls.__name__, cls.example().draw(key)
            continue
        for samples in (None, SAMPLES):
            try:
                law = dataclasses.replace(cls(), samples=samples)
            except ValueError:  # a model that is always trained on a data set
                continue
            yield cls.__name__, law
            yield cls.__name__, law.draw(key)
    given = models.LinearProblem()
    yield "LinearProblem", given
    yield "DataSets", DataSets(given, SAMPLES)


def _final(room: Any, kind: type) -> list[Any]:
    """The classes of a package's public names that are a ``kind`` and can be built."""
    found = [getattr(room, name) for name in room.__all__]
    classes = [c for c in found if inspect.isclass(c) and issubclass(c, kind) and not inspect.isabstract(c)]
    return [c for c in classes if not c.__name__.startswith(("Abstract", "Has"))]
