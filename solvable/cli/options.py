"""One frozen dataclass is the flags, the TOML file and the help of a command; flags override the file.

The file's keys become flags placed before those of the command line: both go through one strict parser.
"""

import dataclasses
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from solvable.config.values import expand, read_pair, suggest, write_value

ConfigT = TypeVar("ConfigT")
ExtraT = TypeVar("ExtraT")
PAIRS = "KEY=VALUE ..."


class WrongUsage(Exception):
    """What was asked for is impossible: exit code 2."""


@dataclasses.dataclass(frozen=True)
class NoExtra:
    """No options besides the configuration."""


def parse(
    config: type[ConfigT], arguments: Sequence[str], *, program: str, about: str, extra: type[ExtraT] = NoExtra
) -> tuple[ConfigT, ExtraT]:
    """The configuration, and the ``extra`` options of the command that no file holds.

    Args:
        config: frozen dataclass of what is computed: flags, and the keys of the file named by ``--config``.
        arguments: the command line after the command's name.
        program: how the command is called, for the help.
        about: the help's first paragraph.
        extra: frozen dataclass of how it is run and shown: flags only.

    Raises:
        WrongUsage: the file is unreadable, or has an unknown or mistyped key.
        SystemExit: after the help (0), or for wrong flags (2).
    """
    import tyro

    path, rest = take_file(arguments)
    words = file_words(path, config) if path else []
    text = "TOML file with any of the computation options; flags override it."
    file = Annotated[Path | None, tyro.conf.arg(help=text, metavar="FILE.toml")]
    flat = tyro.conf.OmitArgPrefixes
    command = dataclasses.make_dataclass(
        "Command", [("computation", flat[_as_flags(config)]), ("output", flat[extra]), ("config", file, None)]
    )
    parsed: Any = tyro.cli(command, args=[*words, *rest], prog=program, description=about)
    return _from_flags(config, parsed.computation), parsed.output


def take_file(arguments: Sequence[str]) -> tuple[Path | None, list[str]]:
    """The file named by ``--config``, and the other arguments."""
    path, rest, words = None, [], iter(arguments)
    for word in words:
        flag, equals, value = word.partition("=")
        if flag != "--config":
            rest.append(word)
            continue
        value = value if equals else next(words, "")
        if not value:
            raise WrongUsage("--config: wanted the name of a TOML file; got nothing")
        path = Path(value)
    return path, rest


def file_words(path: Path, config: type) -> list[str]:
    """The flags that a TOML file stands for.

    Raises:
        WrongUsage: the file is absent or no TOML, or a key is unknown or of the wrong type.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise WrongUsage(f"{path}: {error}") from None
    kinds = {field.name: kind for field, kind in _fields(config)}
    words = []
    for key, value in content.items():
        name = key.replace("-", "_")
        if name not in kinds:
            hint = suggest(name, kinds) or f"; wanted some of {', '.join(kinds)}"
            raise WrongUsage(f"{path}: unknown key {key!r}{hint}")
        try:
            words += _words(name, kinds[name], value)
        except TypeError as error:
            raise WrongUsage(f"{path}: {key}: {error}; got {value!r}") from None
        except ValueError as error:
            raise WrongUsage(f"{path}: {error}") from None
    return words


def _words(name: str, kind: object, value: object) -> list[str]:
    """The flag of one key.

    Raises:
        TypeError: the value is of another type; the message says what was wanted.
        ValueError: a range is impossible.
    """
    flag = f"--{name.replace('_', '-')}"
    if get_origin(kind) is Mapping:
        if not isinstance(value, dict):
            raise TypeError("wanted a table")
        for key, item in value.items():
            expand(key, item)
        return [word for key, item in value.items() for word in (flag, f"{key}={write_value(item)}")]
    kinds = [k for k in (get_args(kind) if NoneType in get_args(kind) else (kind,)) if k is not NoneType]
    kind = kinds[0]
    if kind is bool:
        if not isinstance(value, bool):
            raise TypeError("wanted true or false")
        return [flag if value else flag.replace("--", "--no-", 1)]
    if get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise TypeError("wanted a list")
        return [flag, *(_scalar(get_args(kind)[0], item) for item in value)]
    return [flag, _scalar(kind, value)]


def _scalar(kind: object, value: object) -> str:
    accepted, wanted = {
        int: ((int,), "an integer"), float: ((int, float), "a number"), str: ((str,), "a text"),
        Path: ((str,), "a path"), Literal: ((str,), f"one of {', '.join(map(str, get_args(kind)))}"),
    }[get_origin(kind) or kind]  # fmt: skip
    if isinstance(value, bool) or not isinstance(value, accepted):
        raise TypeError(f"wanted {wanted}")
    return str(value)


def _fields(config: type) -> list[tuple[dataclasses.Field[object], object]]:
    hints = get_type_hints(config)
    return [(field, hints[field.name]) for field in dataclasses.fields(config)]


def _as_flags(config: type) -> type:
    """The dataclass with every mapping as a repeatable flag KEY=VALUE."""
    import tyro

    if not any(get_origin(kind) is Mapping for _, kind in _fields(config)):
        return config
    fields: list[tuple[str, object, object]] = []
    for field, kind in _fields(config):
        if get_origin(kind) is Mapping:
            pairs = Annotated[tuple[tuple[str, ...], ...], tyro.conf.arg(metavar=PAIRS), tyro.conf.UseAppendAction]
            fields.append((field.name, pairs, ()))
        else:
            fields.append((field.name, kind, field.default))
    return dataclasses.make_dataclass(config.__name__, fields, frozen=True, namespace={"__doc__": config.__doc__})


def _from_flags(config: type[ConfigT], parsed: object) -> ConfigT:
    if isinstance(parsed, config):
        return parsed
    values = {field.name: getattr(parsed, field.name) for field, _ in _fields(config)}
    for field, kind in _fields(config):
        if get_origin(kind) is Mapping:
            try:
                values[field.name] = dict(read_pair(text) for group in values[field.name] for text in group)
            except ValueError as error:
                raise WrongUsage(f"--{field.name.replace('_', '-')}: {error}") from None
    return config(**values)
