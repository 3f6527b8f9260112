"""The written schema of every saved dataset, and how one is made and saved.

Dimensions carry the field's words (`DIMENSIONS`); every data variable and coordinate has ``long_name``; the attributes
say what made the dataset (`ATTRIBUTES`). NetCDF has no None, dict or bool attribute: the configuration is JSON text.
"""

import dataclasses
import json
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, ClassVar, Protocol, TypedDict

import jax
import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

DIMENSIONS = (
    "alpha", "beta", "width", "ambient", "samples", "step", "compute", "learning_rate", "batch_size", "seed", "run",
    "phase", "point", "eigenvalue", "method", "setting", "bin", "record", "noise", "init_std", "momentum", "ridge",
    "ratio", "keep", "angle", "round",
)  # fmt: skip
ATTRIBUTES = ("experiment", "config", "solvable_version", "jax_version", "device")

Entry = tuple[tuple[str, ...], ArrayLike, str]  # dimensions, values, long name with units


class IsDataclass(Protocol):
    """An object of a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]


class ReportRow(TypedDict):
    """A measured number beside the predicted one."""

    quantity: str
    predicted: float
    measured: float
    stderr: float
    tolerance: float | None
    judged: bool
    ok: bool


def make_dataset(
    experiment: str,
    config: IsDataclass,
    variables: Mapping[str, Entry],
    coords: Mapping[str, Entry],
    **attrs: float | str,
) -> xr.Dataset:
    """A dataset that passes `validate`.

    Args:
        experiment: its name, such as "paquette2024/phase_diagram".
        config: a dataclass; stored as JSON in ``attrs["config"]``.
        variables, coords: name -> (dimensions, values, long name with units).
        attrs: further attributes, numbers or text.
    """
    def pack(items: Mapping[str, Entry]) -> dict[str, tuple[tuple[str, ...], np.ndarray, dict[str, str]]]:
        return {name: (dims, np.asarray(values), {"long_name": text}) for name, (dims, values, text) in items.items()}

    attributes = {
        "experiment": experiment,
        "config": json.dumps(dataclasses.asdict(config), sort_keys=True),
        "solvable_version": version("solvable"),
        "jax_version": jax.__version__,
        "device": jax.devices()[0].device_kind,
        **attrs,
    }
    return validate(xr.Dataset(pack(variables), pack(coords), attributes))


def validate(dataset: xr.Dataset) -> xr.Dataset:
    """``dataset`` itself if it follows the schema.

    A sweep names its own dimensions in ``attrs["axes"]``, separated by spaces; they count as vocabulary.

    Raises:
        ValueError: a dimension outside the vocabulary, a variable without a long name, or a missing attribute.
    """
    known = {*DIMENSIONS, *str(dataset.attrs.get("axes", "")).split()}
    unknown = [str(d) for d in dataset.dims if d not in known]
    if unknown:
        raise ValueError(f"dims: wanted some of {DIMENSIONS}; got {unknown}")
    unnamed = [str(name) for name, variable in dataset.variables.items() if not variable.attrs.get("long_name")]
    if unnamed:
        raise ValueError(f"long_name: wanted one for every variable; missing for {unnamed}")
    missing = [name for name in ATTRIBUTES if name not in dataset.attrs]
    if missing:
        raise ValueError(f"attrs: wanted {ATTRIBUTES}; missing {missing}")
    return dataset


def report_row(
    quantity: str, predicted: float, measured: float, tolerance: float | None, stderr: float = 0.0
) -> ReportRow:
    """One row of a report: ok where |measured - predicted| <= tolerance, and where that can be told.

    A tolerance is a fixed number. A row is judged where its standard error is at most a third of it: with a larger
    one noise would decide, and the row is not ok. Without a tolerance the row shows what one sees: it is not judged,
    and ok where both numbers are there.

    Args:
        quantity: what is measured.
        predicted, measured: the two numbers.
        tolerance: largest difference; None for a row that is no test.
        stderr: standard error of ``measured``, 0 where nothing is random.
    """
    limit = float("inf") if tolerance is None else float(tolerance)
    judged = tolerance is not None and bool(stderr <= limit / 3)
    near = bool(abs(measured - predicted) <= limit)
    return {
        "quantity": quantity,
        "predicted": float(predicted),
        "measured": float(measured),
        "stderr": float(stderr),
        "tolerance": tolerance if tolerance is None else limit,
        "judged": judged,
        "ok": near and (judged or tolerance is None),
    }
