"""Which column holds which variable: named by the caller, or guessed from the usual names, and said."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from solvable.arguments import refusal, shown

USUAL = {
    "N": "n params parameters numparams nparams numparameters modelsize modelparams size nonembeddingparams "
    "nonembeddingparameters width",
    "D": "d tokens data trainingtokens traintokens numtokens ntokens datatokens tokensseen samples datasetsize",
    "C": "c flops flop compute trainingflop trainingflops trainflops totalflops computeflops",
    "U": "u uniquetokens uniquedata unique",
    "M": "m tokensperparameter tokensperparam multiplier tokenmultiplier",
    "L": "l loss valloss evalloss testloss finalloss validationloss trainloss trainingloss risk",
    "S": "s steps step smin numsteps",
    "B": "b batch batchsize criticalbatch criticalbatchsize bcrit",
    "S1": "s1 ratesum area",
    "S2": "s2 annealingarea",
}
DERIVED = {  # name -> (from, formula, in words); C = 6 N D is the count of Kaplan et al. 2020
    "C": (("N", "D"), lambda n, d: 6 * n * d, "6 N D"),
    "D": (("C", "N"), lambda c, n: c / (6 * n), "C / (6 N)"),
    "N": (("C", "D"), lambda c, d: c / (6 * d), "C / (6 D)"),
    "M": (("D", "N"), lambda d, n: d / n, "D / N"),
}


def plain(name: str) -> str:
    """A name without case, spaces and signs."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def find_column(table: Mapping[str, np.ndarray], name: str) -> str | None:
    """The column of a variable: of the very name, else the only one of the usual names; None where there is none.

    Raises:
        ValueError: several columns have usual names.
    """
    if name in table:
        return name
    usual = USUAL.get(name, "").split()
    for word in usual:
        found = [column for column in table if plain(column) == word]
        if len(found) > 1:
            raise ValueError(f"columns: wanted one column for {name}; got {', '.join(map(repr, found))}: name one")
        if found:
            others = [c for c in table if c != found[0] and plain(c) in usual]
            if others:
                rest = ", ".join(map(repr, others))
                raise ValueError(f"columns: wanted one column for {name}; got {found[0]!r} and {rest}: name one")
            return found[0]
    return None


def check_columns(columns: Any, table: Mapping[str, np.ndarray]) -> dict[str, str]:
    """``columns``, name of a variable -> name of a column.

    Raises:
        ValueError: it is no such mapping, or a column is not there.
    """
    wanted = "a mapping of variables to names of columns"
    if columns is None:
        return {}
    if not isinstance(columns, Mapping) or not all(isinstance(x, str) for pair in columns.items() for x in pair):
        raise refusal("columns", wanted, columns)
    for name, column in columns.items():
        if column not in table:
            raise ValueError(f"columns: wanted some of {', '.join(table)} for {name}; got {shown(column)}")
    return dict(columns)


def choose(
    table: Mapping[str, np.ndarray], wanted: tuple[str, ...], columns: Any, optional: tuple[str, ...] = ()
) -> tuple[dict[str, np.ndarray], list[str]]:
    """The columns of the ``wanted`` variables and of those ``optional`` ones that are there, and notes in words.

    Raises:
        ValueError: a variable has no column, several, or one of text.
    """
    named = check_columns(columns, table)
    free = {name: values for name, values in table.items() if name not in named.values()}
    found, notes = {}, []

    def take(name: str) -> bool:
        column = named.get(name) or find_column(free, name)
        if column is None and name == "x":
            column = _only(free, {find_column(free, "L")})
        if column is None:
            return False
        found[name] = numbers(table, column, name)
        if name in named or column != name:
            notes.append(f"{name} is column {column!r}" + ("" if name in named else ", a guess from its name"))
        return True

    for name in (*wanted, *optional):
        take(name)
    for name in wanted:
        if name not in found and name in DERIVED:
            parts, formula, words = DERIVED[name]
            if all(part in found or take(part) for part in parts):
                found[name] = formula(*(found[part] for part in parts))
                notes.append(f"{name} is {words}")
        if name not in found:
            listed = ", ".join(map(repr, list(table)[:20]))
            raise ValueError(f"columns: wanted a column for {name}; got {listed}: name it, columns={{'{name}': ...}}")
    return found, notes


def numbers(table: Mapping[str, np.ndarray], column: str, name: str) -> np.ndarray:
    """A column of numbers.

    Raises:
        ValueError: it holds text.
    """
    values = table[column]
    if values.dtype.kind != "f":
        bad = next((i for i, cell in enumerate(values) if not _is_number(cell)), 0)
        raise ValueError(f"{name}: wanted numbers in column {column!r}; got {shown(str(values[bad]))} in row {bad + 1}")
    return values


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return cell in ("", "None")
    return True


def _only(table: Mapping[str, np.ndarray], taken: set[str | None]) -> str | None:
    left = [name for name, values in table.items() if name not in taken and values.dtype.kind == "f"]
    return left[0] if len(left) == 1 else None
