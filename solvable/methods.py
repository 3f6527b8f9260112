"""Which method takes which model and algorithm: one table, from what each says of itself."""

import inspect
from typing import NamedTuple

from solvable import simulation, theory
from solvable.algorithms.base import AbstractAlgorithm
from solvable.forms.base import AbstractSubject
from solvable.method import AbstractMethod, Mismatch, match


def known_methods() -> list[AbstractMethod]:
    """One of each method of the package, cheapest rung last."""
    found = [getattr(room, name) for room in (simulation, theory) for name in room.__all__]
    classes = [c for c in found if inspect.isclass(c) and issubclass(c, AbstractMethod)]
    return [c() for c in classes if not inspect.isabstract(c)]


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
    """One line of the table: what is trained, how, and the names of the methods that answer."""

    model: str
    algorithm: str
    methods: tuple[str, ...]


