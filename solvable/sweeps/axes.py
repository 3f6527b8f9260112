"""The axes of a sweep: names, values, and the cells of their product."""

import json
import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

Value = bool | int | float | str | None  # of one name at one position
AxesLike = Mapping[str, Iterable[object]] | Mapping[str | tuple[str, ...], Iterable[object]]

RESERVED = ("step", "record", "risk", "stderr", "result", "error")  # what the dataset itself is made of


class Axis(NamedTuple):
    """One dimension of a sweep.

    Attributes:
        dim: the dimension's name in the dataset.
        names: what varies along it: one name, or several that vary together.
        values: at each position, one value for each of the names; Python numbers, texts or None.
    """

    dim: str
    names: tuple[str, ...]
    values: tuple[tuple[Value, ...], ...]


def parse_axes(axes: AxesLike) -> tuple[Axis, ...]:
    """Axes from a mapping: ``name -> values``, or ``(name, name) -> pairs`` for names that vary together.

    Raises:
        ValueError: an axis is empty, repeated or misnamed, or a value is no number, text or None.
    """
    if not isinstance(axes, Mapping) or not axes:
        raise ValueError(f"axes: wanted a mapping from names to values; got {axes!r}")
    zipped = [key for key in axes if not isinstance(key, str)]
    parsed = []
    for key, values in axes.items():
        names = (key,) if isinstance(key, str) else tuple(key)
        dim = names[0] if isinstance(key, str) else "point" if len(zipped) == 1 else "_".join(names)
        parsed.append(Axis(dim, names, _positions(names, values, isinstance(key, str))))
    _check_names(parsed)
    return tuple(parsed)


def _positions(names: tuple[str, ...], values: object, single: bool) -> tuple[tuple[Value, ...], ...]:
    label = names[0] if single else str(names)
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable) or getattr(values, "ndim", 1) == 0:
        raise ValueError(f"axes[{label!r}]: wanted a list or an array of values; got {values!r}")
    rows = [(v,) if single else tuple(v) for v in (np.asarray(values) if hasattr(values, "dtype") else list(values))]
    if not rows:
        raise ValueError(f"axes[{label!r}]: wanted at least one value; got none")
    for row in rows:
        if len(row) != len(names):
            raise ValueError(f"axes[{label!r}]: wanted {len(names)} values at each position; got {row!r}")
    positions = tuple(tuple(_plain(name, v) for name, v in zip(names, row, strict=True)) for row in rows)
    if len({json.dumps(p) for p in positions}) < len(positions):
        raise ValueError(f"axes[{label!r}]: wanted distinct values; got a repeated one")
    return positions


def _plain(name: str, value: object) -> Value:
    """A value as a Python number, text or None."""
    if hasattr(value, "dtype") and getattr(value, "ndim", None) == 0:
        value = np.asarray(value).item()
    if value is not None and not isinstance(value, bool | int | float | str):
        raise ValueError(f"axes[{name!r}]: wanted numbers, texts or None; got {value!r}")
    if isinstance(value, float) and math.isnan(value):
        raise ValueError(f"axes[{name!r}]: wanted numbers; got NaN")
    if name == "seed" and (isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**32):
        raise ValueError(f"axes['seed']: wanted integers from 0 to 2^32 - 1; got {value!r}")
    return value


def _check_names(axes: list[Axis]) -> None:
    names = [name for axis in axes for name in axis.names]
    for name in names:
        if not isinstance(name, str) or not name.isidentifier():
            raise ValueError(f"axes: wanted names that are identifiers; got {name!r}")
        if name in RESERVED:
            raise ValueError(f"axes: wanted names other than {RESERVED}, which the dataset uses itself; got {name!r}")
    if len(set(names)) < len(names):
        raise ValueError(f"axes: wanted every name once; got {names}")


def shape_of(axes: tuple[Axis, ...]) -> tuple[int, ...]:
    """Number of positions along each dimension."""
    return tuple(len(axis.values) for axis in axes)


def values_at(axes: tuple[Axis, ...], index: int) -> dict[str, Value]:
    """The values of all names at one cell; the last axis varies fastest."""
    places = np.unravel_index(index, shape_of(axes))
    return {n: v for axis, i in zip(axes, places, strict=True) for n, v in zip(axis.names, axis.values[i], strict=True)}
