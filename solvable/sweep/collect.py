"""From chunks to one labelled dataset, and what a store holds so far."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from solvable.curve import Result
from solvable.results import make_dataset, write_atomically
from solvable.sweep.axes import Axis, shape_of, values_at
from solvable.sweep.store import Store
from solvable.sweep.work import FAILED, Outcome

MISSING = -2  # the result code of a cell that is not computed yet
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
    axes = axes_of(description)
    shape, parts = shape_of(axes), list(outcomes)
    records = max((out.risk.shape[1] for _, out in parts), default=1)
    count, ragged = int(np.prod(shape)), not isinstance(description["steps"], list)
    records = records if ragged else len(description["steps"])
    dtype = np.float64 if description["precision"] == "float64" else np.float32
    risk, stderr = np.full((count, records), np.nan, dtype), np.full((count, records), np.nan, dtype)
    steps, result = np.full((count, records), np.nan), np.full(count, MISSING, np.int8)
    error, seconds = np.full(count, "", object), 0.0
    for index, text in description["failures"].items():
        result[int(index)], error[int(index)] = FAILED, text
    for cells, out in parts:
        where, width = np.asarray(cells), out.risk.shape[1]
        risk[where, :width], stderr[where, :width], result[where] = out.risk, out.stderr, out.result
        steps[where, :width] = out.steps
        error[where[list(out.errors)]] = list(out.errors.values())
        seconds += out.seconds
    dims = tuple(axis.dim for axis in axes)
    along = (*dims, "record" if ragged else "step")
    variables = {
        "risk": (along, risk.reshape(*shape, -1), "population mean squared error E[(f(x) - y)^2]"),
        "stderr": (along, stderr.reshape(*shape, -1), "standard error of the risk over runs"),
        "result": (dims, result.reshape(shape), "how the cell ended"),
        "error": (dims, error.reshape(shape), "traceback of a cell that failed"),
    }
    coords = _coordinates(axes)
    if ragged:
        variables["step"] = (along, steps.reshape(*shape, -1), "optimizer steps, NaN beyond a cell's last record")
    else:
        coords["step"] = (("step",), np.asarray(description["steps"], np.int64), "optimizer steps")
    return _labelled(description, variables, coords, result, wall_seconds=float(seconds), **attrs)


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


@dataclass(frozen=True)
class Status:
    """What a store holds.

    Attributes:
        cells: number of cells of the sweep.
        counts: how many of them are missing, failed, success, divergent, nonfinite.
        chunks, chunks_done: number of chunks, and of those whose file is sound.
        failed: coordinates of each failed cell and its traceback.
    """

    cells: int
    chunks: int
    chunks_done: int
    counts: dict[str, int]
    failed: list[tuple[dict[str, Any], str]] = field(repr=False)

    @property
    def complete(self) -> bool:
        """Whether every cell has a result, be it a failure."""
        return self.counts["missing"] == 0

    def __str__(self) -> str:
        states = ", ".join(f"{count} {name}" for name, count in self.counts.items() if count)
        lines = [f"{self.cells} cells in {self.chunks} chunks, {self.chunks_done} done: {states}"]
        lines += [f"failed {values}: {text.splitlines()[-1]}" for values, text in self.failed]
        return "\n".join(lines)


def sweep_status(store: Any) -> Status:
    """What the store holds so far, read from its files.

    Raises:
        ValueError: there is no sweep in that folder.
    """
    description, parts = _read(store)
    axes, chunks = axes_of(description), description["chunks"]
    cells = int(np.prod(shape_of(axes)))
    failed = {int(index): text for index, text in description["failures"].items()}
    results: list[int] = [FAILED] * len(failed)
    for where, out in parts:
        results += out.result.tolist()
        failed.update({where[place]: text for place, text in out.errors.items()})
    counts = {name: results.count(code) for name, code in CODES.items()}
    counts["missing"] = cells - len(results)
    listed = [(values_at(axes, index), failed[index]) for index in sorted(failed)]
    return Status(cells, len(chunks), len(parts), counts, listed)


def collect(store: Any, path: Any = None, *, partial: bool = False) -> xr.Dataset:
    """The dataset of a store, complete or, with ``partial``, with missing cells marked; the build is not needed.

    Args:
        store: the folder of a sweep.
        path: where to write it as one netCDF file, if anywhere; the file appears when it is complete.
        partial: allow missing cells, with result code `MISSING` and NaN.

    Raises:
        ValueError: there is no sweep in that folder, or cells are missing and ``partial`` is false.
    """
    description, parts = _read(store)
    missing = len(description["chunks"]) - len(parts)
    if missing and not partial:
        raise ValueError(
            f"store: wanted a finished sweep; {missing} of {len(description['chunks'])} chunks are missing in {store} "
            "(run the same sweep again to compute them, or collect with partial=True)"
        )
    dataset = assemble(description, parts)
    if path is not None:
        write_atomically(Path(path), lambda temporary: dataset.to_netcdf(temporary, engine="h5netcdf"))
    return dataset


def _read(folder: Any) -> tuple[dict[str, Any], list[tuple[list[int], Outcome]]]:
    store = Store(folder)
    description = store.read_plan()
    if description is None:
        raise ValueError(f"store: wanted the folder of a sweep; there is no plan.json in {folder}")
    found = ((chunk["cells"], store.read(chunk["name"])) for chunk in description["chunks"])
    return description, [(cells, Outcome.of(arrays)) for cells, arrays in found if arrays is not None]
