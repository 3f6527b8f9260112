"""Every experiment keeps one contract: a frozen Config, run, plot and report, with a quick trial."""

import ast
import dataclasses
import json
import math
from pathlib import Path

import pytest

from solvable.cli import experiment_names, experiments_folder, load_experiment
from solvable.cli.experiments import check_ranges
from solvable.results import report_row, validate

NAMES = experiment_names()
FIELDS = {"quantity": str, "predicted": float, "measured": float, "stderr": float, "tolerance": float,
          "judged": bool, "ok": bool}
HELPERS = {"__init__", "shared", "own_draw", "rules", "by_algorithm"}


@pytest.mark.parametrize("name", NAMES)
def test_the_command_line_accepts_the_default_options(name):
    check_ranges(load_experiment(name).Config())


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
        seen = row["tolerance"] is None
        kinds = {field: type(value) for field, value in row.items()}
        assert kinds == FIELDS | ({"tolerance": type(None)} if seen else {})
        close = seen or abs(row["measured"] - row["predicted"]) <= row["tolerance"]
        assert row["ok"] == (close and (row["judged"] or seen))
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
    assert (seen["judged"], seen["ok"], seen["tolerance"]) == (False, True, None)


def test_tolerances_do_not_grow_with_standard_errors():
    """Nothing named an error is part of a tolerance, where SGD and draws are judged."""
    papers = {"paquette2024": ("own_draw", "phase_diagram", "frontiers", "loss_curves", "alpha_cut"),
              "bordelon2024": ("crossover",), "bahri2021": ("manifolds",)}
    for path in (experiments_folder() / paper / f"{name}.py" for paper, names in papers.items() for name in names):
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        calls = [node for node in nodes if isinstance(node, ast.Call) and ast.unparse(node.func) == "report_row"]
        assert calls, path
        assert not [call for call in calls if "err" in ast.unparse(call.args[3])], path


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


@pytest.mark.slow
def test_another_dimensions_learning_curve_is_refused():
    """Draws on the sphere of one dimension beside the prediction of another, at a quarter of the full size."""
    manifolds = load_experiment("bahri2021/manifolds")
    dataset = manifolds.run(manifolds.Config(largest=256, num_draws=12))
    dimensions, samples = dataset.dimension.values, dataset.samples.values
    for i, of_draws in enumerate(dimensions):
        for j, of_theory in enumerate(dimensions):
            rows = manifolds.curve_rows(int(of_theory), samples, dataset.sampled.values[i], dataset.expected.values[j])
            misses = [abs(row["measured"] - row["predicted"]) - row["tolerance"] > 4.5 * row["stderr"] for row in rows]
            assert any(misses) == (i != j), (of_draws, of_theory, rows)
