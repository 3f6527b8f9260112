"""What a store holds so far, and all of it as one dataset."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import xarray as xr

from solvable.io.files import StrPath, put
from solvable.sweeps.assemble import CODES, assemble, axes_of
from solvable.sweeps.axes import Value, shape_of, values_at
from solvable.sweeps.identity import Description
from solvable.sweeps.outcome import FAILED, Outcome
from solvable.sweeps.store import Store, explained


@dataclass(frozen=True)
class Status:
    """What a store holds.

    Attributes:
        cells: number of cells of the sweep.
        counts: how many of them are missing, failed, success, divergent, nonfinite.
        chunks, chunks_done: number of chunks, and of those whose file is sound.
        failed: coordinates of each failed cell and its traceback.
        damaged: for each file that is not what was written, what is wrong with it; its cells count as missing, and
            are computed again when the sweep goes on.
    """

    cells: int
    chunks: int
    chunks_done: int
    counts: dict[str, int]
    failed: list[tuple[dict[str, Value], str]] = field(repr=False)
    damaged: list[str] = field(repr=False)

    @property
    def complete(self) -> bool:
        """Whether every cell has a result, be it a failure."""
        return self.counts["missing"] == 0

    def __str__(self) -> str:
        states = ", ".join(f"{count} {name}" for name, count in self.counts.items() if count)
        lines = [f"{self.cells} cells in {self.chunks} chunks, {self.chunks_done} done: {states}"]
        lines += [f"damaged {text}" for text in self.damaged]
        lines += [f"failed {values}: {text.splitlines()[-1]}" for values, text in self.failed]
        return "\n".join(lines)


def sweep_status(store: StrPath) -> Status:
    """What the store holds so far, read from its files.

    Raises:
        ValueError: there is no sweep in that folder.
    """
    description, parts, damaged = _read(store)
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
    return Status(cells, len(chunks), len(parts), counts, listed, damaged)


def collect(store: StrPath, path: StrPath | None = None, *, partial: bool = False) -> xr.Dataset:
    """The dataset of a store, complete or, with ``partial``, with missing cells marked; the build is not needed.

    Args:
        store: the folder of a sweep.
        path: where to write it as one netCDF file, if anywhere; the file appears when it is complete.
        partial: allow missing cells, with result code `MISSING` and NaN.

    Raises:
        ValueError: there is no sweep in that folder, or cells are missing and ``partial`` is false.
    """
    description, parts, _ = _read(store)
    missing = len(description["chunks"]) - len(parts)
    if missing and not partial:
        raise ValueError(
            f"store: wanted a finished sweep; {missing} of {len(description['chunks'])} chunks are missing in {store} "
            "(run the same sweep again to compute them, or collect with partial=True)"
        )
    dataset = assemble(description, parts)
    if path is not None:
        with explained(Path(path).parent):
            put(Path(path), dataset.to_netcdf(engine="h5netcdf"))
    return dataset


def _read(folder: StrPath) -> tuple[Description, list[tuple[list[int], Outcome]], list[str]]:
    """The plan, the results that are there, and what is wrong with damaged files."""
    store = Store(folder)
    description = store.read_plan()
    if description is None:
        raise ValueError(f"store: wanted the folder of a sweep; there is no plan.json in {folder}")
    found = ((chunk["cells"], store.read(chunk["name"])) for chunk in description["chunks"])
    parts = [(cells, Outcome.of(arrays)) for cells, arrays in found if arrays is not None]
    return description, parts, list(store.damaged.values())
