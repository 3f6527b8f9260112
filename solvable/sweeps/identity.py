"""What makes two sweeps the same sweep, in words that an error message can use."""

import dataclasses
from importlib.metadata import version
from typing import Any

import jax

from solvable.method import AbstractMethod
from solvable.sweeps.content import digest
from solvable.sweeps.recipe import Recipe

FORMAT = 3


def versions() -> dict[str, Any]:
    """The software the results depend on."""
    return {"format": FORMAT, "solvable_version": version("solvable"), "jax_version": jax.__version__}


def identity(recipe: Recipe, platform: str) -> dict[str, Any]:
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


def describe(recipe: Recipe, platform: str) -> dict[str, Any]:
    """The identity of a sweep for its ``plan.json``: versions, axes, steps, and `identity`."""
    steps = recipe.fixed_steps.tolist() if recipe.steps_of is None else "of each cell"
    axes = [{"dim": a.dim, "names": list(a.names), "values": [list(v) for v in a.values]} for a in recipe.axes]
    return {**versions(), **identity(recipe, platform), "axes": axes, "steps": steps}


def differences(wanted: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """How a stored description differs from the wanted one, each difference in a few words."""
    return [
        f"{name} (store: {_short(found.get(name))}; this sweep: {_short(value)})"
        for name, value in wanted.items()
        if found.get(name) != value
    ]


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 120 else text[:100] + f"... ({len(text)} characters)"
