"""From the results of chunks to one labelled dataset."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from solvable.forms.curve import Result
from solvable.results import Entry, make_dataset
from solvable.sweeps.axes import Axis, Value, shape_of
from solvable.sweeps.identity import AxisEntry, Description
from solvable.sweeps.outcome import FAILED, QUANTITIES, Outcome

Cells = Sequence[int]  # numbers of the cells of a chunk

MISSING = -2  # the result code of a cell that is not computed yet
ALWAYS = ("risk", "stderr")  # of every sweep; the others only where some cell has them
CODES = {"missing": MISSING, "failed": FAILED, **{code.name.lower(): int(code) for code in Result}}
LONG_NAMES = {
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
class Provenance:
    """What a dataset says about its sweep, as JSON in its attributes."""

    axes: list[AxisEntry]
    steps: list[int] | str
    method: str
    build: str
    key: list[object] | None
    precision: str


def assemble(description: Description, outcomes: Iterable[tuple[Cells, Outcome]], **attrs: float | str) -> xr.Dataset:
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
    variables: dict[str, Entry] = {name: (along, values, QUANTITIES[name]) for name, values in lines.items()}
    variables["result"] = (dims, result.reshape(shape), "how the cell ended")
    variables["error"] = (dims, error.reshape(shape), "traceback of a cell that failed")
    coords = _coordinates(axes)
    if ragged:
        variables["step"] = (along, steps, "optimizer steps, NaN beyond a cell's last record")
    else:
        coords["step"] = (("step",), np.asarray(description["steps"], np.int64), "optimizer steps")
    seconds = float(sum(out.seconds for _, out in parts))
    return _labelled(description, variables, coords, result, wall_seconds=seconds, **attrs)


def _filled(
    description: Description, parts: list[tuple[Cells, Outcome]], count: int
) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
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


def _labelled(
    description: Description,
    variables: dict[str, Entry],
    coords: dict[str, Entry],
    result: np.ndarray,
    **attrs: float | str,
) -> xr.Dataset:
    config = Provenance(**{name: description[name] for name in Provenance.__dataclass_fields__})
    counts = {f"cells_{name}": int((result == code).sum()) for name, code in CODES.items()}
    dims = " ".join(str(dim) for dim in variables["result"][0])
    key = description["key"]
    identity = {"dtype": description["precision"], "key": "none" if key is None else json.dumps(key), "axes": dims}
    dataset = make_dataset("sweep", config, variables, coords, **identity, **counts, **attrs)
    codes = np.asarray(sorted(CODES.values()), np.int8)
    meanings = " ".join(sorted(CODES, key=CODES.__getitem__))
    dataset["result"].attrs.update(flag_values=codes, flag_meanings=meanings)
    return dataset


def _coordinates(axes: tuple[Axis, ...]) -> dict[str, Entry]:
    coords = {}
    for axis in axes:
        for name, column in zip(axis.names, zip(*axis.values, strict=True), strict=True):
            coords[name] = ((axis.dim,), _column(column), LONG_NAMES.get(name, name.replace("_", " ")))
    return coords


def _column(values: tuple[Value, ...]) -> np.ndarray:
    """Numbers as numbers, with NaN for None; anything with a text among it as texts."""
    if any(isinstance(v, str) for v in values):
        return np.asarray([str(v) for v in values])
    if any(v is None for v in values):
        return np.asarray([np.nan if v is None else v for v in values], float)
    if all(isinstance(v, bool) for v in values):
        return np.asarray(values, np.int8)
    return np.asarray(values)


def axes_of(description: Description) -> tuple[Axis, ...]:
    """The axes written in a ``plan.json``."""
    return tuple(
        Axis(a["dim"], tuple(a["names"]), tuple(tuple(values) for values in a["values"])) for a in description["axes"]
    )
