"""``solvable run NAME`` and ``solvable phase-diagram``: an experiment, from its options to its folder of results.

An experiment is a module with ``Config`` (a frozen dataclass: at once the options, their help and what is saved),
``run(config) -> Dataset``, ``plot(dataset) -> Figure`` and ``report(dataset) -> rows``; one that needs an optional
package has ``missing(config) -> str``, what to install, empty where nothing is missing. Running one leaves figure.png,
figure.pdf, dataset.nc and report.json in a folder named after the experiment and its options, so that other options
never write over them; the same options again replace them, each file in one move.
"""

import dataclasses
import importlib
import inspect
import io
import json
import math
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypedDict, get_args, get_type_hints

from solvable.cli.options import WrongUsage, parse
from solvable.config.values import suggest
from solvable.io.hashing import sha

if TYPE_CHECKING:
    import xarray as xr

    from solvable.results import ReportRow

MAIN_JOB = "paquette2024/phase_diagram"
Format = Literal["png", "pdf", "svg"]
ROW = re.compile(r"^\| (?P<figure>[^|]+) \| `solvable (?P<command>[^`]+)` \| (?P<minutes>[^|]+) \|", re.M)


class Savable(Protocol):
    """A figure of matplotlib, as far as it is known here."""

    def savefig(self, fname: io.BytesIO, *, format: str = ..., dpi: float = ...) -> object:
        """Write an image of this format."""

    def set_layout_engine(self, layout: str) -> object:
        """How the parts of the figure are placed from now on."""


@dataclasses.dataclass(frozen=True)
class Output:
    """Where the results go.

    Attributes:
        output: folder for the results; by default results/, then the experiment's name and a hash of the options.
        json: print the report as JSON.
        format: formats of the figure.
    """

    output: Path | None = None
    json: bool = False
    format: tuple[Format, ...] = ("png", "pdf")


def experiments_folder() -> Path:
    """Where the experiments are: inside an installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "experiments"
    return inside if inside.is_dir() else package.parent / "experiments"


def experiment_names() -> list[str]:
    """Names of all experiments, such as ``paquette2024/phase_diagram``: the modules that define a Config."""
    root = experiments_folder()
    files = sorted(path for path in root.glob("*/*.py") if "class Config" in path.read_text(encoding="utf-8"))
    return [path.relative_to(root).with_suffix("").as_posix() for path in files]


class ExperimentEntry(TypedDict):
    """An experiment: its name, what its figure shows, and its minutes on two cores."""

    name: str
    about: str
    minutes: str


def described_experiments() -> list[ExperimentEntry]:
    """Every experiment with its row of the table in experiments/README.md."""
    table = (experiments_folder() / "README.md").read_text(encoding="utf-8")
    rows = {row["command"].removeprefix("run ").split()[0]: row for row in ROW.finditer(table)}
    rows[MAIN_JOB] = rows["phase-diagram"]
    return [
        {"name": name, "about": " ".join(rows[name]["figure"].split()), "minutes": rows[name]["minutes"]}
        for name in experiment_names()
    ]


def find_experiment(word: str) -> str:
    """The experiment called ``word``: its whole name, or the part after the folder where that is unique.

    Raises:
        WrongUsage: there is none, or there are several.
    """
    names = experiment_names()
    word = word.replace("-", "_")
    found = [name for name in names if word in (name, name.split("/")[-1])]
    if len(found) == 1:
        return found[0]
    if found:
        raise WrongUsage(f"experiment {word!r}: wanted one of {', '.join(found)}")
    hint = suggest(word, names) or suggest(word, [name.split("/")[-1] for name in names])
    raise WrongUsage(f"unknown experiment {word!r}{hint or '; wanted one of ' + ', '.join(names)}")


def load_experiment(name: str) -> ModuleType:
    """The module of an experiment."""
    root = experiments_folder()
    if str(root.parent) not in sys.path:
        sys.path.insert(0, str(root.parent))
    return importlib.import_module(f"{root.name}.{name.replace('/', '.')}")


def phase_diagram(arguments: list[str]) -> int:
    """The main job."""
    return run_experiment(MAIN_JOB, arguments, "solvable phase-diagram")


def command(arguments: list[str]) -> int:
    """``solvable run NAME``."""
    names = experiment_names()
    if not arguments or arguments[0] in ("-h", "--help"):
        print("usage: solvable run NAME [OPTIONS]\n\nexperiments:\n  " + "\n  ".join(names))
        return 0
    return run_experiment(find_experiment(arguments[0]), arguments[1:], f"solvable run {arguments[0]}")


def run_experiment(name: str, arguments: list[str], program: str) -> int:
    """Parse the options, run, and leave figure, dataset and report."""
    module = load_experiment(name)
    about = inspect.getdoc(module) or ""
    parsed, output = parse(module.Config, arguments, program=program, about=about, extra=Output)
    check_ranges(parsed)
    if missing := getattr(module, "missing", lambda _: "")(parsed):
        raise WrongUsage(f"{name}: {missing}")
    values = dataclasses.asdict(parsed)
    folder = output.output or Path("results") / f"{name.split('/')[-1].replace('_', '-')}-{digest(values)}"
    check_folder(folder, name, values)
    started = time.monotonic()
    dataset = _with_progress(module.run, parsed)
    rows = module.report(dataset)
    folder.mkdir(parents=True, exist_ok=True)
    content = {"experiment": name, "config": values, "rows": rows}
    _save(folder, dataset, module.plot(dataset), content, output.format)
    if output.json:
        print(json.dumps({"experiment": name, "folder": str(folder), "rows": rows}, indent=1))
    else:
        print_report(rows)
        print(f"\n{time.monotonic() - started:.0f} s. Figure, dataset and report: {folder}/")
    # a trial is too small for the tolerances of the full size
    return 0 if parsed.tiny or all(row["ok"] for row in rows) else 1


def check_ranges(config: Any) -> None:
    """Every option of two numbers is a range: finite, the first below the second.

    Raises:
        WrongUsage: one is not.
    """
    hints = get_type_hints(type(config))
    for field in dataclasses.fields(config):
        value, kinds = getattr(config, field.name), get_args(hints[field.name])
        if len(kinds) != 2 or not set(kinds) <= {int, float} or not isinstance(value, tuple):
            continue
        if not (all(map(math.isfinite, value)) and value[0] < value[1]):
            flag, given = field.name.replace("_", "-"), " ".join(map(str, value))
            raise WrongUsage(f"--{flag}: wanted a range, two finite numbers, the smaller first; got {given}")


def digest(values: Mapping[str, object]) -> str:
    """Eight characters that tell one set of options from another."""
    return sha(values)[:8]


def check_folder(folder: Path, name: str, values: Mapping[str, object]) -> None:
    """Refuse a folder that holds anything but the results of this experiment with these options.

    Raises:
        WrongUsage: it does.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise WrongUsage(f"output: wanted a folder; {folder} is a file")
    report = folder / "report.json"
    try:
        held = json.loads(report.read_text(encoding="utf-8"))
        same = held["experiment"] == name and held["config"] == json.loads(json.dumps(values))
    except (OSError, ValueError, KeyError, TypeError):
        same = not any(path for path in folder.iterdir() if not path.name.startswith("."))
    if not same:
        raise WrongUsage(f"output: {folder} holds other results, which are never written over; name another folder")


def _with_progress(run: "Callable[..., xr.Dataset]", config: object) -> "xr.Dataset":
    """Call ``run``, with a progress bar if it reports progress; no bar where the error stream is not a terminal."""
    if "progress" not in inspect.signature(run).parameters:
        return run(config)
    from tqdm import tqdm

    bars: dict[str, tqdm] = {}

    def progress(stage: str, done: int, total: int) -> None:
        if stage not in bars:
            bars[stage] = tqdm(total=total, desc=stage, disable=None)
        bars[stage].update(done - bars[stage].n)

    try:
        return run(config, progress=progress)
    finally:
        for bar in bars.values():
            bar.close()


def _save(
    folder: Path, dataset: "xr.Dataset", figure: Savable, content: Mapping[str, object], formats: Iterable[str]
) -> None:
    from solvable.io.files import put

    for kind in formats:
        drawn = io.BytesIO()
        figure.savefig(drawn, format=kind, dpi=160)
        figure.set_layout_engine("none")  # laid out once, as it takes as long as drawing
        put(folder / f"figure.{kind}", drawn.getvalue())
    put(folder / "dataset.nc", dataset.to_netcdf(engine="h5netcdf"))
    put(folder / "report.json", (json.dumps(content, indent=1) + "\n").encode())


def print_report(rows: "list[ReportRow]") -> None:
    """A table of measured against predicted.

    The last column says yes, NO, "noisy" where the precision for a verdict was not bought, and "-" where there is no
    tolerance.
    """
    wide = max(len(row["quantity"]) for row in rows)
    print(f"{'quantity':<{wide}}  {'predicted':>10}  {'measured':>10}  {'stderr':>8}  {'tolerance':>9}  ok")
    for row in rows:
        allowed = "-" if row["tolerance"] is None else f"{row['tolerance']:.2g}"
        numbers = f"{row['predicted']:10.4g}  {row['measured']:10.4g}  {row['stderr']:8.2g}  {allowed:>9}"
        verdict = ("yes" if row["ok"] else "NO") if row["judged"] else "-" if row["tolerance"] is None else "noisy"
        print(f"{row['quantity']:<{wide}}  {numbers}  {verdict}")
