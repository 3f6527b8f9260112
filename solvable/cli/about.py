"""``solvable list``, ``methods``, ``cite`` and ``info``: what there is."""

import json
import sys
from dataclasses import dataclass, make_dataclass
from typing import Annotated, Literal, TypedDict

from solvable.cli.experiments import described_experiments
from solvable.cli.options import parse
from solvable.config.registry import ClassEntry, describe

PACKAGES = ("solvable", "jax", "jaxlib", "numpy", "scipy", "equinox", "optax", "optimistix", "xarray", "h5netcdf")
Kind = Literal["experiments", "models", "algorithms", "methods", "laws"]


@dataclass(frozen=True)
class Shown:
    """How it is shown.

    Attributes:
        json: print JSON.
    """

    json: bool = False


@dataclass(frozen=True)
class Nothing:
    """A command without a configuration."""


def list_command(arguments: list[str]) -> int:
    """Names of experiments, or classes with their parameters."""
    from tyro.conf import Positional

    listed = _options("ListOptions", [("kind", Annotated[Kind, Positional], "experiments")], "kind: what to list.")
    about = "What there is: experiments with their minutes; models, algorithms, methods and laws with their parameters."
    options, shown = parse(listed, arguments, program="solvable list", about=about, extra=Shown)
    if options.kind == "experiments":
        rows = described_experiments()
        wide = max(len(row["name"]) for row in rows)
        text = "\n".join(f"{row['name']:<{wide}}  {row['about']}; minutes: {row['minutes']}" for row in rows)
    else:
        rows = describe(options.kind.removesuffix("s"))
        text = "\n".join(_entry(row) for row in rows)
    print(json.dumps(rows, indent=1) if shown.json else text)
    return 0


def _entry(row: ClassEntry) -> str:
    listed = ", ".join(f"{name}={value}" for name, value in row["parameters"].items())
    return f"{row['name']}({listed})\n    {row['about']}"


def methods_command(arguments: list[str]) -> int:
    """The table of methods, models and algorithms."""
    about = "Which methods answer for each model and its draws, on a stream and on a data set, and each algorithm."
    _, shown = parse(Nothing, arguments, program="solvable methods", about=about, extra=Shown)
    from solvable.verbs.methods import markdown, table

    print(json.dumps([row._asdict() for row in table()], indent=1) if shown.json else markdown(), end="")
    return 0


def cite_command(arguments: list[str]) -> int:
    """BibTeX of the package, or of keys."""
    from tyro.conf import Positional

    from solvable.references import cite

    keys = ("keys", Annotated[tuple[str, ...], Positional], ())
    cited = _options("CiteOptions", [keys], "keys: keys of the bibliography; the package itself always comes first.")
    about = "BibTeX of the package, and of the papers with the given keys."
    options, shown = parse(cited, arguments, program="solvable cite", about=about, extra=Shown)
    text = cite(*options.keys)
    print(json.dumps(text.split("\n\n"), indent=1) if shown.json else text)
    return 0


def _options(name: str, fields: list, attribute: str) -> type:
    document = {"__doc__": f"Options.\n\nAttributes:\n    {attribute}\n"}
    return make_dataclass(name, fields, frozen=True, namespace=document)


def info_command(arguments: list[str]) -> int:
    """Versions, devices, precision, compilation cache."""
    about = "Versions, devices, precision, and where compiled programs are kept."
    _, shown = parse(Nothing, arguments, program="solvable info", about=about, extra=Shown)
    content = information()
    if shown.json:
        print(json.dumps(content, indent=1))
        return 0
    for name, value in content["versions"].items():
        print(f"{name:<18} {value}")
    print(f"{'devices':<18} {', '.join(content['devices'])} ({content['device_kind']})")
    print(f"{'precision':<18} {content['simulations']} simulations, float64 theories")
    cache = content["compilation_cache"] or "none"
    print(f"{'compilation cache':<18} {cache}")
    return 0


class Information(TypedDict):
    """Versions by package, devices, the precision of simulations and of theories, and where programs are kept."""

    versions: dict[str, str]
    devices: list[str]
    device_kind: str
    processes: int
    simulations: str
    theories: str
    compilation_cache: str | None


def information() -> Information:
    """Everything a report of a problem should say."""
    from importlib.metadata import version
    from platform import platform

    import jax
    import jax.numpy as jnp

    return {
        "versions": {
            **{name: version(name) for name in PACKAGES},
            "python": sys.version.split()[0],
            "platform": platform(),
        },
        "devices": [str(device) for device in jax.devices()],
        "device_kind": jax.devices()[0].device_kind,
        "processes": jax.process_count(),
        "simulations": str(jnp.zeros(()).dtype),
        "theories": "float64",
        "compilation_cache": jax.config.jax_compilation_cache_dir,  # pyright: ignore[reportAttributeAccessIssue]
    }
