"""What makes two sweeps the same sweep, in words that an error message can use."""

import dataclasses
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, TypedDict

import jax

from solvable.method import AbstractMethod
from solvable.sweeps.axes import Value
from solvable.sweeps.content import digest
from solvable.sweeps.recipe import Recipe

FORMAT = 3


class Versions(TypedDict):
    """The software the results depend on."""

    format: int
    solvable_version: str
    jax_version: str


class Identity(TypedDict):
    """Method, random key (its implementation and its numbers), precision and platform."""

    method: str
    key: list[object] | None
    precision: str
    x64: bool
    platform: str


class AxisEntry(TypedDict):
    """One axis; at each position one value of each name."""

    dim: str
    names: list[str]
    values: list[list[Value]]


class Sweep(Versions, Identity):
    """A sweep before it is divided; ``steps``: the steps of every cell, or in words that each has its own."""

    axes: list[AxisEntry]
    steps: list[int] | str


class ChunkEntry(TypedDict):
    """One chunk: its file's name, its cells, and the fields of its `Group`."""

    name: str
    cells: list[int]
    group: list[Any]


class Layout(TypedDict):
    """The division into chunks, the tracebacks of cells that cannot be built, and the name of the build."""

    chunks: list[ChunkEntry]
    failures: dict[str, str]
    build: str


class Description(Sweep, Layout):
    """The content of ``plan.json``."""


def versions() -> Versions:
    """The software the results depend on."""
    return {"format": FORMAT, "solvable_version": version("solvable"), "jax_version": jax.__version__}


def identity(recipe: Recipe, platform: str) -> Identity:
    """Method, steps, key, precision and platform; with the axes and the cells' contents, the whole sweep."""
    key = None if recipe.key_data is None else [recipe.key_impl, recipe.key_data.tolist()]
    return {
        "method": f"{words(recipe.method)} {digest(recipe.method)[:12]}",
        "key": key,
        "precision": "float64" if recipe.x64 or recipe.method.in_float64 else "float32",
        "x64": recipe.x64,
        "platform": platform,
    }


def words(method: AbstractMethod) -> str:
    """A method with all its fields; its own text leaves out defaults, by identity, which pickling changes."""
    fields = [f"{f.name}={getattr(method, f.name)!r}" for f in dataclasses.fields(method)]
    return f"{type(method).__name__}({', '.join(fields)})"


def describe(recipe: Recipe, platform: str) -> Sweep:
    """The identity of a sweep for its ``plan.json``: versions, axes, steps, and `identity`."""
    steps = recipe.fixed_steps.tolist() if recipe.steps_of is None else "of each cell"
    axes: list[AxisEntry] = [
        {"dim": axis.dim, "names": list(axis.names), "values": [list(values) for values in axis.values]}
        for axis in recipe.axes
    ]
    return {**versions(), **identity(recipe, platform), "axes": axes, "steps": steps}


def differences(wanted: Mapping[str, object], found: Mapping[str, object]) -> list[str]:
    """How a stored description differs from the wanted one, each difference in a few words."""
    return [
        f"{name} (store: {_short(found.get(name))}; this sweep: {_short(value)})"
        for name, value in wanted.items()
        if found.get(name) != value
    ]


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 120 else text[:100] + f"... ({len(text)} characters)"
