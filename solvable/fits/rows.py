"""Which rows of a table a fit takes: everything else is refused by an error, or dropped and said."""

from collections.abc import Mapping

import numpy as np

from solvable.arguments import shown
from solvable.fits.laws.base import AbstractLaw

FEWEST_DISTINCT = 2
AGREES = 3.0  # factor between the stated FLOPs and 6 N D up to which they agree
UNITS = 30.0  # factor from which a unit is wrong, and not the count
PREFIXES = {1e3: "thousands", 1e6: "millions", 1e9: "billions", 1e12: "trillions"}
RATIOS = (1e-4, 1e7)  # tokens per parameter outside which a unit is doubtful

Columns = dict[str, np.ndarray]


def drop_missing(columns: Columns, missing: str) -> tuple[Columns, list[str]]:
    """The rows without NaN, and what was dropped in words.

    Raises:
        ValueError: a number is missing and ``missing`` is "refuse".
    """
    good = np.ones(len(next(iter(columns.values()))), bool)
    for name, values in columns.items():
        if values.dtype.kind != "f":
            continue
        bad = ~np.isfinite(values)
        if bad.any() and missing == "refuse":
            raise ValueError(
                f"{name}: wanted finite numbers; got {values[bad][0]:g} in row {np.flatnonzero(bad)[0] + 1} and "
                f"{bad.sum()} in all (missing='drop' leaves those rows out)"
            )
        good &= ~bad
    if good.all():
        return columns, []
    return {k: v[good] for k, v in columns.items()}, [f"{(~good).sum()} rows with missing numbers are left out"]


def drop_tail(columns: Columns, target: str, count: int) -> tuple[Columns, list[str]]:
    """The rows without the ``count`` of largest target, and what was dropped in words."""
    if not count:
        return columns, []
    keep = np.sort(np.argsort(columns[target], kind="stable")[:-count])
    return {k: v[keep] for k, v in columns.items()}, [f"the {count} rows of largest {target} are left out"]


def drop_copies(columns: Columns) -> tuple[Columns, int]:
    """The rows in the order of their values, each once, and how many copies were dropped."""
    keys = [np.unique(values, return_inverse=True)[1] for values in columns.values()]
    rows = np.stack(keys, axis=1)
    first = np.unique(rows, axis=0, return_index=True)[1]
    return {name: values[first] for name, values in columns.items()}, len(rows) - len(first)


def check_rows(law: AbstractLaw, columns: Columns) -> None:
    """Refuse what no fit can come of: numbers that are not positive, too few points, one size only.

    Raises:
        ValueError: as said.
    """
    for name in (*law.variables, law.target):
        values = columns[name]
        if (values <= 0).any():
            row = int(np.flatnonzero(values <= 0)[0])
            raise ValueError(f"{name}: wanted numbers > 0; got {values[row]:g} and {(values <= 0).sum()} in all")
    count, free = len(columns[law.target]), len(law.free)
    if count <= free:
        raise ValueError(f"data: wanted more points than the {free} parameters of the law; got {count}")
    for name in law.variables:
        if name in law.labels:
            continue
        distinct = np.unique(columns[name])
        if len(distinct) < FEWEST_DISTINCT:
            raise ValueError(f"{name}: wanted values that differ, the law depends on them; got {distinct[0]:g} only")


def check_units(columns: Mapping[str, np.ndarray]) -> str | None:
    """What is doubtful about the units of N, D and C; None where nothing is.

    Raises:
        ValueError: the stated FLOPs are far from 6 N D.
    """
    if not {"N", "D"} <= columns.keys():
        return None
    size, data = columns["N"], columns["D"]
    if "C" in columns:
        ratio = float(np.exp(np.median(np.log(columns["C"] / (6 * size * data)))))
        if not 1 / UNITS < ratio < UNITS:
            prefix = min(PREFIXES, key=lambda p: abs(np.log(p / max(ratio, 1 / ratio))))
            near = abs(np.log(prefix / max(ratio, 1 / ratio))) < np.log(AGREES)
            hint = f": are N or D in {PREFIXES[prefix]}, or C in other units?" if near else ""
            raise ValueError(f"C: wanted about 6 N D FLOPs; got {ratio:.3g} times that in the median row{hint}")
        if not 1 / AGREES < ratio < AGREES:
            return f"the stated FLOPs are {ratio:.2g} times 6 N D: say how they were counted"
        return None
    tokens = float(np.median(data / size))
    if not RATIOS[0] < tokens < RATIOS[1]:
        return f"{tokens:.2g} tokens a parameter in the median row: N and D may be in different units"
    return None


def check_stderr(stderr: np.ndarray) -> np.ndarray:
    """Standard errors > 0.

    Raises:
        ValueError: one is not.
    """
    if (stderr <= 0).any():
        raise ValueError(f"stderr: wanted numbers > 0; got {shown(float(stderr[stderr <= 0][0]))}")
    return stderr
