"""Every experiment keeps one contract: a frozen Config, run, plot and report, with a quick trial."""

import ast
import dataclasses
import json
import math
from pathlib import Path

import pytest

from solvable.cli import experiment_names, experiments_folder, load_experiment
from solvable.results import report_row, validate

NAMES = experiment_names()
FIELDS = {"quantity": str, "predicted": float, "measured": float, "stderr": float, "tolerance": float,
          "judged": bool, "ok": bool}
HELPERS = {"__init__", "shared", "own_draw"}


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
        assert row["ok"] == (close and (row["judged"] or math.isinf(row["tolerance"])))
        assert not row["judged"] or row["stderr"] <= row["tolerance"] / 3
        assert math.isfinite(row["predicted"]) or not row["ok"]
    figure = module.plot(dataset)
    assert isinstance(figure, Figure)
    figure.savefig(tmp_path / "figure.png", dpi=60)
    figure.savefig(tmp_path / "figure.pdf")


def test_a_report_judges_a_row_only_where_noise_cannot_decide():
    assert report_row("", 1.0, 1.009, 0.01, 0.0033)["ok"]
    assert not report_row("", 1.0, 1.011, 0.01, 0.0033)["ok"]
    for unsure in (0.0034, math.nan):
        row = report_row("", 1.0, 1.0, 0.01, unsure)
        assert (row["judged"], row["ok"]) == (False, False)
    seen = report_row("", 1.0, 2.0, None, 0.5)
    assert (seen["judged"], seen["ok"], seen["tolerance"]) == (False, True, math.inf)


def test_tolerances_of_reports_are_fixed_numbers():
    """No standard error in what `report_row` is given as its tolerance, here where SGD and draws are judged."""
    names = ("paquette2024/own_draw", "paquette2024/phase_diagram", "paquette2024/frontiers", "paquette2024/loss_curves",
             "paquette2024/alpha_cut", "bordelon2024/crossover", "bahri2021/manifolds")
    for name in names:
        tree = ast.parse((experiments_folder() / f"{name}.py").read_text(encoding="utf-8"))
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "report_row"]
        assert calls, name
        for call in calls:
            words = {ast.unparse(part) for part in ast.walk(call.args[3]) if isinstance(part, ast.Name | ast.Attribute)}
            assert not any("error" in word or "stderr" in word for word in words), f"{name}: {ast.unparse(call)}"


@pytest.mark.parametrize("exponent", [0.98, 1.02])
def test_another_late_exponent_of_the_crossover_is_refused(exponent):
    """Measured at target power k^-1.5, late exponent 1/2; put beside the law of an exponent 2% off."""
    crossover = load_experiment("bordelon2024/crossover")
    dataset = crossover.run(crossover.Config(tiny=True))
    assert all(row["ok"] and row["judged"] for row in crossover.report(dataset))
    dataset.attrs["a"] = 1 + 0.5 * exponent
    late = [row for row in crossover.report(dataset) if "late" in row["quantity"]]
    assert len(late) == 2
    assert not any(row["ok"] for row in late)
