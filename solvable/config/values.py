"""Parameter values as people write them, in a file, in a flag or in Python: one value, a list, a range.

    64            one value
    64,128        a list, in a file [64, 128]
    64:4096:7log  a range of 7 values evenly spaced in the logarithm, in a file {start = 64, stop = 4096, num = 7,
                  log = true}; without `log` evenly spaced

A range between two integers is rounded to integers, one with a decimal point is not: 1:10:5 against 1.0:10.0:5.
"""

import difflib
import math
import re
import tomllib
from collections.abc import Iterable, Mapping

RANGE = re.compile(r"([^:]+):([^:]+):(\d+)(log)?")
RANGE_KEYS = {"start", "stop", "num", "log"}


def read_value(text: str) -> object:
    """The value a text stands for; a text that is nothing else stands for itself."""
    text = text.strip()
    found = RANGE.fullmatch(text)
    if found:
        start, stop = read_value(found[1]), read_value(found[2])
        return {"start": start, "stop": stop, "num": int(found[3]), "log": bool(found[4])}
    try:
        return tomllib.loads(f"x = {text}")["x"]
    except tomllib.TOMLDecodeError:
        if "," in text:
            return [read_value(part) for part in text.split(",") if part.strip()]
        return None if text == "none" else text


def read_pair(text: str) -> tuple[str, object]:
    """``KEY=VALUE``.

    Raises:
        ValueError: there is no ``=`` or no key.
    """
    key, equals, value = text.partition("=")
    if not (equals and key.strip() and value.strip()):
        raise ValueError(f"wanted KEY=VALUE; got {text!r}")
    return key.strip(), read_value(value)


def write_value(value: object) -> str:
    """The text that `read_value` reads back."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return f"{value['start']!r}:{value['stop']!r}:{value['num']}{'log' if value.get('log') else ''}"
    if isinstance(value, str):
        return value if read_value(value) == value else f'"{value}"'
    if isinstance(value, Iterable):
        return f"[{', '.join(write_value(item) if not isinstance(item, str) else f'{item!r}' for item in value)}]"
    return repr(value)


def expand(name: str, value: object) -> object:
    """A range, as a table or as its text, as its list of values; an array as a list; anything else as it is.

    Raises:
        ValueError: a table is no range, or a range is impossible.
    """
    if isinstance(value, str) and RANGE.fullmatch(value):
        value = read_value(value)
    if not isinstance(value, Mapping):
        return getattr(value, "tolist", lambda: value)()
    unknown = set(value) - RANGE_KEYS
    if unknown or not {"start", "stop", "num"} <= set(value):
        hint = suggest(min(unknown), RANGE_KEYS) if unknown else ""
        raise ValueError(f"{name}: wanted a range with start, stop, num and perhaps log; got {dict(value)}{hint}")
    start, stop, num, log = value["start"], value["stop"], value["num"], bool(value.get("log", False))
    if not all(isinstance(x, int | float) and math.isfinite(x) for x in (start, stop)) or start == stop:
        raise ValueError(f"{name}: wanted two different finite ends of the range; got {start!r} and {stop!r}")
    if isinstance(num, bool) or not isinstance(num, int) or num < 2:
        raise ValueError(f"{name}: wanted a range of at least 2 values; got num = {num!r}")
    if log and min(start, stop) <= 0:
        raise ValueError(f"{name}: wanted positive ends of a logarithmic range; got {start!r} and {stop!r}")
    shares = [i / (num - 1) for i in range(num)]
    values = [start * (stop / start) ** t if log else start + (stop - start) * t for t in shares]
    values[-1] = stop
    if isinstance(start, int) and isinstance(stop, int):
        return list(dict.fromkeys(round(v) for v in values))
    return [float(v) for v in values]


def suggest(word: str, known: Iterable[str]) -> str:
    """``; did you mean 'width'?`` where one of the known words is close, and nothing otherwise."""
    near = difflib.get_close_matches(str(word), [str(k) for k in known], n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else ""
