"""Tables of runs, whatever holds them, as named columns.

In: a mapping of arrays, a pandas DataFrame, an xarray Dataset, a list of mappings, or the path of a CSV, JSON-lines or
Parquet file. pandas and xarray are never imported here: what is given already is one.
"""

import csv
import importlib
import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from solvable.arguments import refusal

KINDS = "a mapping of columns, a DataFrame, a Dataset, a list of mappings, or a path"
SUFFIXES = ".csv, .tsv, .jsonl, .ndjson, .json or .parquet"


def read_table(data: Any) -> tuple[dict[str, np.ndarray], str]:
    """Columns by name, each a vector of numbers or of text, and in words where they come from.

    Raises:
        ValueError: it is no table, or its columns differ in length.
        OSError: a file cannot be read.
    """
    if isinstance(data, str | Path):
        columns, source = _read_file(Path(data)), str(data)
    elif hasattr(data, "data_vars") and hasattr(data, "to_dataframe"):
        columns, source = _frame(data.to_dataframe().reset_index()), "Dataset"
    elif hasattr(data, "columns") and hasattr(data, "to_numpy"):
        columns, source = _frame(data), "DataFrame"
    elif isinstance(data, Mapping):
        columns, source = dict(data), "mapping"
    elif isinstance(data, list) and data and all(isinstance(row, Mapping) for row in data):
        columns, source = _rows(data), "list"
    else:
        raise refusal("data", KINDS, data)
    found = {str(name): _column(str(name), values) for name, values in columns.items()}
    lengths = {len(values) for values in found.values()}
    if len(lengths) > 1:
        sizes = ", ".join(f"{name} {len(values)}" for name, values in itertools.islice(found.items(), 6))
        raise ValueError(f"data: wanted columns of one length; got {sizes}")
    if not lengths or lengths == {0}:
        raise ValueError(f"data: wanted a row of numbers or more; got {'no columns' if not lengths else 'no rows'}")
    return found, source


def _frame(data: Any) -> dict[str, Any]:
    return {str(name): data[name].to_numpy() for name in data.columns}


def _rows(rows: list[Any]) -> dict[str, list[Any]]:
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def _read_file(path: Path) -> dict[str, Any]:
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return _read_parquet(path)
    if suffix not in (".csv", ".tsv", ".jsonl", ".ndjson", ".json"):
        raise refusal("data", f"a file that ends in {SUFFIXES}", str(path))
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"data: wanted text in UTF-8; got {path}, {error}") from None
    if suffix in (".csv", ".tsv"):
        return _read_csv(text, path, "\t" if suffix == ".tsv" else None)
    try:
        whole = json.loads(text) if suffix == ".json" else None
    except json.JSONDecodeError:
        whole = None  # lines after all
    if whole is None:
        whole = [_json_line(line, i, path) for i, line in enumerate(text.splitlines(), 1) if line.strip()]
    if isinstance(whole, list) and all(isinstance(row, dict) for row in whole):
        return _rows(whole)
    if isinstance(whole, dict):
        return whole
    raise ValueError(f"data: wanted an object a line, or one list of objects; got something else in {path}")


def _json_line(line: str, number: int, path: Path) -> Any:
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"data: wanted JSON on line {number} of {path}; got {error}") from None


def _read_csv(text: str, path: Path, delimiter: str | None) -> dict[str, list[str]]:
    if delimiter is None:
        first = text.partition("\n")[0]
        delimiter = max(",;\t", key=first.count)
    rows = [row for row in csv.reader(text.splitlines(), delimiter=delimiter) if any(cell.strip() for cell in row)]
    if not rows:
        raise ValueError(f"data: wanted a line of names and lines of numbers; got nothing in {path}")
    names = [name.strip() for name in rows[0]]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"data: wanted column names that differ; got {', '.join(map(repr, twice))} twice in {path}")
    for number, row in enumerate(rows[1:], 2):
        if len(row) != len(names):
            raise ValueError(f"data: wanted {len(names)} cells in row {number} of {path}; got {len(row)}")
    return {name: [row[i].strip() for row in rows[1:]] for i, name in enumerate(names)}


def _read_parquet(path: Path) -> dict[str, Any]:
    try:
        parquet = importlib.import_module("pyarrow.parquet")  # optional, 165 MB
    except ImportError:
        raise ValueError(f"data: wanted pyarrow to read {path} (python -m pip install pyarrow); got none") from None
    path.stat()
    return parquet.read_table(path).to_pydict()


def _column(name: str, values: Any) -> np.ndarray:
    """A vector of float64, or of text where a cell is no number; None and empty cells are NaN."""
    try:
        array = np.asarray(values)
    except Exception:  # ragged, or whatever a foreign object raises
        raise ValueError(f"data: wanted a vector in column {name!r}; got values that make none") from None
    if array.ndim != 1:
        raise ValueError(f"data: wanted a vector in column {name!r}; got shape {array.shape}")
    if array.dtype.kind in "iuf":
        return array.astype(np.float64)
    if array.dtype.kind in "OUT":
        try:
            return np.array([np.nan if cell is None or cell == "" else float(cell) for cell in array], np.float64)
        except (TypeError, ValueError, OverflowError):
            return np.array([str(cell) for cell in array])
    return array.astype(str)
