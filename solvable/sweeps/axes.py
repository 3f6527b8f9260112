"""The axes of a sweep: names, values, and the cells of their product."""

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

Value = bool | int | float | str | None  # of one name at one position
AxesLike = Mapping[str, Iterable[object]] | Mapping[str | tuple[str, ...], Iterable[object]]

# What the dataset itself is made of.
RESERVED = ("step", "record", "point", "risk", "stderr", "train_risk", "train_stderr", "result", "error")
EXACT = 2**53  # integers up to it are floats


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
    columns = [_column(name, [row[i] for row in rows]) for i, name in enumerate(names)]
    positions = tuple(zip(*columns, strict=True))
    if len(set(positions)) < len(positions):  # by value: 1, 1.0 and True are one coordinate, and so are 0.0 and -0.0
        raise ValueError(f"axes[{label!r}]: wanted distinct values; got a repeated one")
    return positions


def _column(name: str, values: list[object]) -> list[Value]:
    """The values of one name, as the dataset's coordinate holds them: what `build` sees is what is saved.

    Numbers with a fraction among them are all floats. None is NaN among numbers, so it does not go with texts.
    """
    plain = [_plain(name, value) for value in values]
    kinds = {type(value) for value in plain} - {type(None)}
    numbers = kinds <= {int, float}
    if (len(kinds) > 1 and not numbers) or (not numbers and None in plain):
        text = ", ".join(sorted(kind.__name__ for kind in kinds | {type(value) for value in plain}))
        raise ValueError(f"axes[{name!r}]: wanted values of one kind, numbers, texts or booleans; got {text}")
    if numbers and (float in kinds or None in plain):
        for value in plain:
            if isinstance(value, int) and abs(value) > EXACT:
                raise ValueError(f"axes[{name!r}]: wanted integers up to 2^53 beside floats and None; got {value}")
    return [float(v) if isinstance(v, int) and float in kinds else v for v in plain]


def _plain(name: str, value: object) -> Value:
    """A value as a Python number, text or None."""
    if hasattr(value, "dtype") and getattr(value, "ndim", None) == 0:
        value = np.asarray(value).item()
    if value is not None and not isinstance(value, bool | int | float | str):
        raise ValueError(f"axes[{name!r}]: wanted numbers, texts or None; got {value!r}")
    if isinstance(value, float) and math.isnan(value):
        raise ValueError(f"axes[{name!r}]: wanted numbers; got NaN")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError(f"axes[{name!r}]: wanted integers of 64 bits; got one of {value.bit_length()} bits")
    if isinstance(value, str) and ("\0" in value or not value.isprintable()):
        raise ValueError(f"axes[{name!r}]: wanted printable texts, which a file can hold; got {value!r}")
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
