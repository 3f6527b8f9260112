"""Every experiment keeps one contract: a frozen Config, run, plot and report, with a quick trial."""

import ast
import dataclasses
import json
import math
from pathlib import Path

import pytest

from solvable.cli import experiment_names, experiments_folder, load_experiment
from solvable.results import validate

NAMES = experiment_names()
FIELDS = {"quantity": str, "predicted": float, "measured": float, "stderr": float, "tolerance": float, "ok": bool}
HELPERS = {"__init__", "shared"}


def test_every_file_is_an_experiment_with_the_four_parts():
    files = sorted(p for p in experiments_folder().glob("*/*.py") if p.stem not in HELPERS)
    assert [p.relative_to(experiments_folder()).with_suffix("").as_posix() for p in files] == NAMES
    for path in files:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        defined = {node.name for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
        assert {"Config", "run", "plot", "report"} <= defined, path
        assert "arXiv" in (ast.get_docstring(tree) or ""), f"{path}: wanted its source in the docstring"


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_quick_trial_gives_dataset_figure_and_report(name, tmp_path: Path):
    from matplotlib.figure import Figure

    module = load_experiment(name)
    config = module.Config(tiny=True)
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.seed = 1
    dataset = module.run(config)
    assert json.loads(validate(dataset).attrs["config"])["tiny"] is True
    dataset.to_netcdf(tmp_path / "dataset.nc", engine="h5netcdf")
    rows = module.report(dataset)
    assert rows
    for row in rows:
        assert {field: type(value) for field, value in row.items()} == FIELDS
        close = abs(row["measured"] - row["predicted"]) <= row["tolerance"]
        assert row["ok"] == close
        assert math.isfinite(row["predicted"]) or not row["ok"]
    figure = module.plot(dataset)
    assert isinstance(figure, Figure)
    figure.savefig(tmp_path / "figure.png", dpi=60)
    figure.savefig(tmp_path / "figure.pdf")
