"""The command line: ``solvable phase-diagram``, ``solvable run NAME``, ``solvable cite``, ``solvable info``.

An experiment is a module with ``Config`` (a frozen dataclass: at once the options, their help and what is saved),
``run(config) -> Dataset``, ``plot(dataset) -> Figure`` and ``report(dataset) -> rows``. Running one leaves figure.png,
figure.pdf, dataset.nc and report.json in a folder named after the experiment and its options.

Exit codes: 0 finished, 2 wrong usage, 130 interrupted.
"""

import dataclasses
import hashlib
import importlib
import inspect
import json
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

USAGE = """usage: solvable COMMAND [OPTIONS]

Solvable models of neural scaling laws: simulated, solved exactly, and predicted, side by side.

commands:
  phase-diagram    measure the compute-optimal exponents over the (alpha, beta) plane (some minutes)
  run NAME         run an experiment: figure, dataset and report in a folder of its own
  list             the experiments, one a line
  cite [KEY ...]   BibTeX of the package, or of the given keys
  info             versions, devices and precision

`solvable COMMAND --help` explains the options of a command; `--tiny` makes any experiment a quick trial.
"""
MAIN_JOB = "paquette2024/phase_diagram"


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    command, rest = (arguments[0], arguments[1:]) if arguments else ("--help", [])
    if command in ("-h", "--help"):
        print(USAGE)
        return 0
    commands = {
        "phase-diagram": lambda: run_experiment(MAIN_JOB, rest, "solvable phase-diagram"),
        "run": lambda: _run(rest),
        "list": lambda: print(*experiment_names(), sep="\n"),
        "cite": lambda: _cite(rest),
        "info": _info,
    }
    if command not in commands:
        return _wrong(f"unknown command {command!r}; wanted one of {', '.join(commands)}")
    try:
        return commands[command]() or 0
    except KeyboardInterrupt:
        print("\ninterrupted: nothing was written", file=sys.stderr)
        return 130


def experiments_folder() -> Path:
    """Where the experiments are: inside an installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent
    inside = package / "experiments"
    return inside if inside.is_dir() else package.parent / "experiments"


def experiment_names() -> list[str]:
    """Names of all experiments, such as ``paquette2024/phase_diagram``: the modules that define a Config."""
    root = experiments_folder()
    files = sorted(path for path in root.glob("*/*.py") if "class Config" in path.read_text(encoding="utf-8"))
    return [path.relative_to(root).with_suffix("").as_posix() for path in files]


def load_experiment(name: str) -> ModuleType:
    """The module of an experiment."""
    root = experiments_folder()
    if str(root.parent) not in sys.path:
        sys.path.insert(0, str(root.parent))
    return importlib.import_module(f"{root.name}.{name.replace('/', '.')}")


def _run(arguments: list[str]) -> int:
    names = experiment_names()
    if not arguments or arguments[0] in ("-h", "--help"):
        print("usage: solvable run NAME [OPTIONS]\n\nexperiments:\n  " + "\n  ".join(names))
        return 0
    if arguments[0] not in names:
        return _wrong(f"unknown experiment {arguments[0]!r}; wanted one of {', '.join(names)}")
    return run_experiment(arguments[0], arguments[1:], f"solvable run {arguments[0]}")


def run_experiment(name: str, arguments: list[str], program: str) -> int:
    """Parse the options, run, and leave figure, dataset and report."""
    import tyro

    module = load_experiment(name)
    command = dataclasses.make_dataclass(
        "Command",
        [
            ("config", tyro.conf.OmitArgPrefixes[module.Config], dataclasses.field(default_factory=module.Config)),
            ("output", Annotated[Path | None, tyro.conf.arg(help="Folder for the results; named by default.")], None),
            ("json", Annotated[bool, tyro.conf.arg(help="Print the report as JSON.")], False),
        ],
    )
    parsed: Any = tyro.cli(command, args=arguments, prog=program, description=inspect.getdoc(module))
    folder = parsed.output or Path("results") / f"{name.split('/')[-1].replace('_', '-')}-{_digest(parsed.config)}"
    started = time.monotonic()
    dataset = _with_progress(module.run, parsed.config)
    rows = module.report(dataset)
    folder.mkdir(parents=True, exist_ok=True)
    _save(folder, dataset, module.plot(dataset), rows, name)
    if parsed.json:
        print(json.dumps(rows, indent=1))
    else:
        print_report(rows)
        print(f"\n{time.monotonic() - started:.0f} s. Figure, dataset and report: {folder}/")
    return 0


def _digest(config: Any) -> str:
    """Eight characters that tell one set of options from another."""
    text = json.dumps(dataclasses.asdict(config), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _with_progress(run: Any, config: Any) -> Any:
    """Call ``run``, with a progress bar if it reports progress; no bar where the error stream is not a terminal."""
    if "progress" not in inspect.signature(run).parameters:
        return run(config)
    from tqdm import tqdm

    bars: dict[str, Any] = {}

    def progress(stage: str, done: int, total: int) -> None:
        if stage not in bars:
            bars[stage] = tqdm(total=total, desc=stage, disable=None)
        bars[stage].update(done - bars[stage].n)

    try:
        return run(config, progress=progress)
    finally:
        for bar in bars.values():
            bar.close()


def _save(folder: Path, dataset: Any, figure: Any, rows: list[dict], name: str) -> None:
    from solvable.results import write_atomically

    write_atomically(folder / "dataset.nc", lambda path: dataset.to_netcdf(path, engine="h5netcdf"))
    write_atomically(folder / "figure.png", lambda path: figure.savefig(path, dpi=160))
    write_atomically(folder / "figure.pdf", figure.savefig)
    content = {"experiment": name, "config": json.loads(dataset.attrs["config"]), "rows": rows}
    write_atomically(folder / "report.json", lambda path: path.write_text(json.dumps(content, indent=1) + "\n"))


def print_report(rows: list[dict]) -> None:
    """A table of measured against predicted."""
    wide = max(len(row["quantity"]) for row in rows)
    print(f"{'quantity':<{wide}}  {'predicted':>10}  {'measured':>10}  {'stderr':>8}  {'tolerance':>9}  ok")
    for row in rows:
        numbers = f"{row['predicted']:10.4g}  {row['measured']:10.4g}  {row['stderr']:8.2g}  {row['tolerance']:9.2g}"
        print(f"{row['quantity']:<{wide}}  {numbers}  {'yes' if row['ok'] else 'NO'}")


def _cite(keys: list[str]) -> int:
    from solvable.references import cite

    try:
        print(cite(*keys))
    except ValueError as error:
        return _wrong(str(error))
    return 0


def _info() -> None:
    import platform
    from importlib.metadata import version

    import jax

    for name in ("solvable", "jax", "jaxlib", "numpy", "equinox", "optax", "xarray"):
        print(f"{name:<9} {version(name)}")
    print(f"python    {platform.python_version()}")
    print(f"devices   {', '.join(str(d) for d in jax.devices())} ({jax.devices()[0].device_kind})")
    precision = "float64" if jax.config.jax_enable_x64 else "float32"  # pyright: ignore[reportAttributeAccessIssue]
    print(f"precision {precision} simulations, float64 theories")


def _wrong(message: str) -> int:
    print(f"solvable: {message}", file=sys.stderr)
    return 2
