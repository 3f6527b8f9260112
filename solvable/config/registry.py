"""Models, algorithms and methods by name, and which of their fields a parameter sets.

The classes are those that the package's folders show, so that a new model is found without another edit.
"""

import dataclasses
import importlib
import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, TypedDict, overload

from solvable.config.values import suggest

if TYPE_CHECKING:  # nothing heavy is loaded before a class is asked for
    from solvable.algorithms.base import AbstractAlgorithm
    from solvable.method import AbstractMethod
    from solvable.models.base import AbstractModel

KINDS = {
    "model": (("models",), "AbstractModel"),
    "algorithm": (("algorithms",), "AbstractAlgorithm"),
    "method": (("theory", "simulation"), "AbstractMethod"),
    "law": (("fits.laws",), "AbstractLaw"),
}
BASES = {
    "AbstractModel": "models.base", "AbstractAlgorithm": "algorithms.base", "AbstractMethod": "method",
    "AbstractLaw": "fits.laws.base",
}  # fmt: skip


def classes(kind: str) -> dict[str, type]:
    """The public classes of a kind ("model", "algorithm", "method") that need nothing to be built."""
    folders, base = KINDS[kind]
    wanted = getattr(importlib.import_module(f"solvable.{BASES[base]}"), base)
    found = {}
    for folder in folders:
        module = importlib.import_module(f"solvable.{folder}")
        members = {name: getattr(module, name) for name in dir(module) if not name.startswith(("_", "Abstract"))}
        found |= {n: c for n, c in members.items() if isinstance(c, type) and issubclass(c, wanted) and _is_free(c)}
    return found


def _is_free(cls: type) -> bool:
    """Whether every parameter has a default: what does not is made by a model, such as the draw of one."""
    return all(p.default is not p.empty for p in inspect.signature(cls).parameters.values())


def find(kind: str, name: str) -> type:
    """The class of that name.

    Raises:
        ValueError: there is none; the message suggests one.
    """
    known = classes(kind)
    if name not in known:
        raise ValueError(f"{kind}: wanted one of {', '.join(sorted(known))}; got {name!r}{suggest(name, known)}")
    return known[name]


def parameters(cls: type) -> tuple[str, ...]:
    """The names its constructor takes."""
    return tuple(name for name in inspect.signature(cls).parameters if name != "self")


def assign(names: Mapping[str, str], values: Mapping[str, object], label: str) -> dict[str, dict[str, object]]:
    """Parameters sorted by what takes them: kind -> {name: value}.

    Args:
        names: kind -> class name, such as {"model": "PowerLawRF", "algorithm": "SGD"}.
        values: parameter -> value; ``samples``, or ``model.samples`` where several classes have it.
        label: what the values are called in messages.

    Raises:
        ValueError: no class, or more than one, has a parameter of that name.
    """
    takers = {kind: parameters(find(kind, name)) for kind, name in names.items()}
    out: dict[str, dict[str, object]] = {kind: {} for kind in names}
    for key, value in values.items():
        kind, dot, name = key.rpartition(".")
        owners = [k for k, known in takers.items() if name in known and (not dot or k == kind)]
        if not owners:
            every = [n for known in takers.values() for n in known]
            who = ", ".join(dict.fromkeys(names.values()))
            raise ValueError(f"{label}: wanted parameters of {who}; got {key!r}{suggest(name, every)}")
        if len(owners) > 1:
            choices = " or ".join(f"{owner}.{name}" for owner in owners)
            raise ValueError(f"{label}: wanted {choices}, as both have it; got {key!r}")
        out[owners[0]][name] = value
    return out


@overload
def construct(kind: Literal["model"], name: str, values: Mapping[str, object]) -> "AbstractModel": ...
@overload
def construct(kind: Literal["algorithm"], name: str, values: Mapping[str, object]) -> "AbstractAlgorithm": ...
@overload
def construct(kind: Literal["method"], name: str, values: Mapping[str, object]) -> "AbstractMethod": ...
def construct(kind: str, name: str, values: Mapping[str, object]) -> object:
    """An object of that class.

    Raises:
        ValueError: a value is impossible; the message names it.
    """
    try:
        return find(kind, name)(**values)
    except TypeError as error:  # a value of a type that no check of the class expects
        raise ValueError(f"{kind}: {name}({', '.join(f'{k}={v!r}' for k, v in values.items())}): {error}") from error


class ClassEntry(TypedDict):
    """A class: its name, the first line of its docstring, and its parameters with their defaults."""

    name: str
    about: str
    parameters: dict[str, object]


def describe(kind: str) -> list[ClassEntry]:
    """Name, first line of the docstring and parameters with defaults of every class of a kind."""
    out: list[ClassEntry] = []
    for name, cls in sorted(classes(kind).items()):
        fields = inspect.signature(cls).parameters.values()
        defaults = {f.name: None if f.default is f.empty else _plain(f.default) for f in fields}
        text = (inspect.getdoc(cls) or "").split("\n\n")[0].replace("\n", " ")
        out.append({"name": name, "about": text, "parameters": defaults})
    return out


def _plain(value: object) -> object:
    value = dataclasses.asdict(value) if dataclasses.is_dataclass(value) and not isinstance(value, type) else value
    return value if isinstance(value, bool | int | float | str | None) else str(value)
