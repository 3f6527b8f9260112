"""From the results of chunks to one labelled dataset."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from solvable.curve import Result
from solvable.results import make_dataset
from solvable.sweeps.axes import Axis, shape_of
from solvable.sweeps.outcome import FAILED, QUANTITIES, Outcome

MISSING = -2  # the result code of a cell that is not computed yet
ALWAYS = ("risk", "stderr")  # of every sweep; the others only where some cell has them
CODES = {"missing": MISSING, "failed": FAILED, **{code.name.lower(): int(code) for code in Result}}
WORDS = {
    "alpha": "exponent of the input's standard deviations",
    "beta": "exponent of the target",
    "width": "trainable features",
    "ambient": "input coordinates",
    "samples": "training samples",
    "learning_rate": "learning rate",
    "batch_size": "samples per step",
    "seed": "number of the draw",
    "compute": "width * steps * batch_size",
    "noise": "standard deviation of the label noise",
}


@dataclass(frozen=True)
class SweepConfig:
    """What a dataset says about its sweep, as JSON in its attributes."""

    axes: list[dict[str, Any]]
    steps: Any
    method: str
    build: str
    key: Any
    precision: str


def assemble(description: dict[str, Any], outcomes: Iterable[tuple[Any, Outcome]], **attrs: Any) -> xr.Dataset:
    """The dataset of a sweep.

    Args:
        description: the contents of ``plan.json``.
        outcomes: cells and their results, chunk by chunk; cells that are in none are missing.
        attrs: further attributes.
    """
    axes, parts = axes_of(description), list(outcomes)
    shape, ragged = shape_of(axes), not isinstance(description["steps"], list)
    dims = tuple(axis.dim for axis in axes)
    along: tuple[str, ...] = (*dims, "record" if ragged else "step")
    lines, result, error = _filled(description, parts, int(np.prod(shape)))
    lines = {name: values.reshape(*shape, -1) for name, values in lines.items()}
    steps = lines.pop("step")
    variables: dict[str, Any] = {name: (along, values, QUANTITIES[name]) for name, values in lines.items()}
    variables["result"] = (dims, result.reshape(shape), "how the cell ended")
    variables["error"] = (dims, error.reshape(shape), "traceback of a cell that failed")
    coords = _coordinates(axes)
    if ragged:
        variables["step"] = (along, steps, "optimizer steps, NaN beyond a cell's last record")
    else:
        coords["step"] = (("step",), np.asarray(description["steps"], np.int64), "optimizer steps")
    seconds = float(sum(out.seconds for _, out in parts))
    return _labelled(description, variables, coords, result, wall_seconds=seconds, **attrs)


def _filled(description: dict[str, Any], parts: list[tuple[Any, Outcome]], count: int):
    """(curves and steps, shape (cells, records); result codes; tracebacks) of all cells, missing ones among them."""
    fixed = description["steps"] if isinstance(description["steps"], list) else None
    records = max((len(out.steps) for _, out in parts), default=1) if fixed is None else len(fixed)
    dtype = np.float64 if description["precision"] == "float64" else np.float32
    names = [name for name in QUANTITIES if name in ALWAYS or any(name in out.curves for _, out in parts)]
    lines = {name: np.full((count, records), np.nan, dtype) for name in names}
    lines["step"] = np.full((count, records), np.nan)
    result, error = np.full(count, MISSING, np.int8), np.full(count, "", object)
    for index, text in description["failures"].items():
        result[int(index)], error[int(index)] = FAILED, text
    for cells, out in parts:
        where = np.asarray(cells)
        for name, values in {**out.curves, "step": out.steps}.items():
            lines[name][where, : len(out.steps)] = values
        result[where] = out.result
        error[where[list(out.errors)]] = list(out.errors.values())
    return lines, result, error


def _labelled(description, variables, coords, result, **attrs) -> xr.Dataset:
    config = SweepConfig(**{name: description[name] for name in SweepConfig.__dataclass_fields__})
    counts = {f"cells_{name}": int((result == code).sum()) for name, code in CODES.items()}
    dims = " ".join(str(dim) for dim in variables["result"][0])
    key = description["key"]
    identity = {"dtype": description["precision"], "key": "none" if key is None else json.dumps(key), "axes": dims}
    dataset = make_dataset("sweep", config, variables, coords, **identity, **counts, **attrs)
    codes = np.asarray(sorted(CODES.values()), np.int8)
    meanings = " ".join(sorted(CODES, key=CODES.__getitem__))
    dataset["result"].attrs.update(flag_values=codes, flag_meanings=meanings)
    return dataset


def _coordinates(axes: tuple[Axis, ...]) -> dict[str, tuple[tuple[str, ...], Any, str]]:
    coords = {}
    for axis in axes:
        for name, column in zip(axis.names, zip(*axis.values, strict=True), strict=True):
            coords[name] = ((axis.dim,), _column(column), WORDS.get(name, name.replace("_", " ")))
    return coords


def _column(values: tuple[Any, ...]) -> np.ndarray:
    """Numbers as numbers, with NaN for None; anything with a text among it as texts."""
    if any(isinstance(v, str) for v in values):
        return np.asarray([str(v) for v in values])
    if any(v is None for v in values):
        return np.asarray([np.nan if v is None else v for v in values], float)
    if all(isinstance(v, bool) for v in values):
        return np.asarray(values, np.int8)
    return np.asarray(values)


def axes_of(description: dict[str, Any]) -> tuple[Axis, ...]:
    """The axes written in a ``plan.json``."""
    return tuple(
        Axis(a["dim"], tuple(a["names"]), tuple(tuple(values) for values in a["values"])) for a in description["axes"]
    )
