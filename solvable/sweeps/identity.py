"""What makes two sweeps the same sweep, in words that an error message can use."""

import dataclasses
import functools
import os
import sys
from collections.abc import Mapping
from importlib.metadata import version
from typing import TypedDict

import jax

from solvable.io.fingerprint import fingerprint
from solvable.method import AbstractMethod
from solvable.sweeps.axes import Value
from solvable.sweeps.cells import Recipe

FORMAT = 4
# Options of JAX that change numbers, beside x64.
OPTIONS = ("jax_default_matmul_precision", "jax_threefry_partitionable", "jax_numpy_dtype_promotion")
NO_NUMBERS = ("device_count", "dump", "verify")  # in XLA's flags: these change no numbers


class Versions(TypedDict):
    """The software the results depend on."""

    format: int
    solvable_version: str
    jax_version: str
    python_version: str


class Identity(TypedDict):
    """Method, random key (its implementation and its numbers), precision, platform, and further settings."""

    method: str
    key: list[object] | None
    precision: str
    x64: bool
    platform: str
    settings: dict[str, str]


class AxisEntry(TypedDict):
    """One axis; at each position one value of each name."""

    dim: str
    names: list[str]
    values: list[list[Value]]


class Sweep(Versions, Identity):
    """A sweep before it is divided.

    Attributes:
        steps: the steps of every cell, or in words that each has its own.
        code: qualified name -> hash of the classes and functions that some cell runs.
    """

    axes: list[AxisEntry]
    steps: list[int] | str
    code: dict[str, str]


class ChunkEntry(TypedDict):
    """One chunk: its file's name and its cells."""

    name: str
    cells: list[int]


class Layout(TypedDict):
    """The division into chunks, the tracebacks of cells that cannot be built, and the name of the build."""

    chunks: list[ChunkEntry]
    failures: dict[str, str]
    build: str


class Description(Sweep, Layout):
    """The content of ``plan.json``."""


@functools.cache
def versions() -> Versions:
    """The software the results depend on."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"  # bytecode is compared, and differs between these
    return {
        "format": FORMAT,
        "solvable_version": version("solvable"),
        "jax_version": jax.__version__,
        "python_version": python,
    }


def numeric_settings() -> dict[str, str]:
    """The settings of JAX and XLA that change numbers."""
    flags = [flag for flag in os.environ.get("XLA_FLAGS", "").split() if not any(word in flag for word in NO_NUMBERS)]
    options = {name.removeprefix("jax_"): str(jax.config.values[name]) for name in OPTIONS}
    return {**options, "xla_flags": " ".join(sorted(flags))}


def identity(recipe: Recipe, platform: str) -> Identity:
    """Method, key, precision, platform and settings; with the axes and the cells' contents, the whole sweep."""
    key = None if recipe.key_data is None else [recipe.key_impl, recipe.key_data.tolist()]
    return {
        "method": f"{method_text(recipe.method)} {fingerprint(recipe.method)[:12]}",
        "key": key,
        "precision": "float64" if recipe.x64 or recipe.method.in_float64 else "float32",
        "x64": recipe.x64,
        "platform": platform,
        "settings": numeric_settings(),
    }


def method_text(method: AbstractMethod) -> str:
    """A method with all its fields; its own text leaves out defaults, by identity, which pickling changes."""
    fields = [f"{f.name}={getattr(method, f.name)!r}" for f in dataclasses.fields(method)]
    return f"{type(method).__name__}({', '.join(fields)})"


def describe(recipe: Recipe, platform: str) -> Sweep:
    """The identity of a sweep for its ``plan.json``: versions, axes, steps, `identity`, and the code of all cells."""
    steps = recipe.fixed_steps.tolist() if recipe.steps_of is None else "of each cell"
    axes: list[AxisEntry] = [
        {"dim": axis.dim, "names": list(axis.names), "values": [list(values) for values in axis.values]}
        for axis in recipe.axes
    ]
    return {**versions(), **identity(recipe, platform), "axes": axes, "steps": steps, "code": recipe.code()}


def differences(wanted: Mapping[str, object], found: Mapping[str, object]) -> list[str]:
    """How a stored description differs from the wanted one, each difference in a few words."""
    found_in = [
        f"{name} (store: {_short(found.get(name))}; this sweep: {_short(value)})"
        for name, value in wanted.items()
        if found.get(name) != value and name != "code"
    ]
    return found_in or _changed_code(wanted["code"], found.get("code"))


def _changed_code(wanted: object, found: object) -> list[str]:
    if wanted == found:
        return []
    if not isinstance(wanted, dict) or not isinstance(found, dict):
        return [f"code (store: {_short(found)})"]
    changed = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
    listed = ", ".join(changed[:5]) + (f" and {len(changed) - 5} more" if len(changed) > 5 else "")
    return [f"code (changed since the store began: {listed})"]


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 120 else text[:100] + f"... ({len(text)} characters)"
