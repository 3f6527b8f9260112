"""The command line: what it answers, how fast it can answer, and what it says to mistakes."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import solvable
import solvable as sv
from solvable.cli import COMMANDS, USAGE, experiment_names, load_experiment, main
from solvable.cli.completion import script, words_after
from solvable.cli.experiments import check_folder, digest, find_experiment
from solvable.cli.options import WrongUsage
from solvable.cli.sweep import COMMANDS as SWEEP_COMMANDS
from solvable.cli.sweep import USAGE as SWEEP_USAGE

HEAVY = ("jax", "jaxlib", "numpy", "scipy", "xarray", "matplotlib", "optax", "equinox", "tqdm")
TINY_CHECK = ["check", "--parameters", "width=16", "--num-runs", "16", "--last-step", "20", "--num-steps", "3"]


def python(*words: str, folder: Path | None = None) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, cwd=folder, env=environment)


def helps() -> list[list[str]]:
    """Every command line that asks for help, but for those of single experiments, which are loaded for it."""
    single = [[name] for name in COMMANDS if name != "phase-diagram"]
    return [[*words, "--help"] for words in ([], *single, *(["sweep", name] for name in SWEEP_COMMANDS))]


def test_help_and_mistakes_load_nothing_heavy():
    program = f"""
import contextlib, io, json, sys
from solvable.cli import main
out = {{}}
for words in {[*helps(), ["check", "--widht", "3"], ["list"]]!r}:
    text = io.StringIO()
    with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
        code = main(words)
    out[" ".join(words)] = [code, len(text.getvalue()), [m for m in {HEAVY!r} if m in sys.modules]]
print(json.dumps(out))
"""
    done = python("-c", program)
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    assert len(answers) == len(helps()) + 2
    for words, (code, length, heavy) in answers.items():
        assert code == (2 if "widht" in words else 0), words
        assert length > 20, words
        assert heavy == [], f"solvable {words} loads {heavy}"


def test_the_usage_names_every_command():
    for usage, commands in ((USAGE, COMMANDS), (SWEEP_USAGE, SWEEP_COMMANDS)):
        for name in commands:
            assert f"\n  {name} " in usage


@pytest.mark.parametrize("name", experiment_names())
def test_the_help_of_an_experiment_explains_every_option(name, capsys):
    assert main(["run", name, "--help"]) == 0
    text, module = capsys.readouterr().out, load_experiment(name)
    assert module.__doc__.splitlines()[0].split()[0] in text
    for field in dataclasses.fields(module.Config):
        assert f"--{field.name.replace('_', '-')}" in text
    assert module.Config().tiny is False


def test_the_program_runs_as_a_command_and_as_a_module():
    for words in (["-m", "solvable"], ["-c", "import sys; from solvable.cli import main; sys.exit(main())"]):
        done = python(*words, "list")
        assert (done.returncode, done.stderr) == (0, "")
        assert [line.split()[0] for line in done.stdout.splitlines()] == experiment_names()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "frontirs"], "unknown experiment 'frontirs'; did you mean 'paquette2024/frontiers'?"),
        (["curve", "--figure", "a.gif"], "--figure: wanted a file that ends in .png, .pdf, .svg; got a.gif"),
        (["curve", "--algorithm", "Ridge", "--learning-rate-in", "inverse_trace"], "wanted 'absolute' for Ridge"),
        (["frontier", "--compute", "1e9", "1e5"], "compute: wanted two finite numbers > 0, the smaller first"),
        (["frontier", "--algorithm", "Ridge"], "algorithm: wanted"),
        (["chek"], "unknown command 'chek'; did you mean 'check'?"),
        (["run", "paquette2024/phase_diagrm"], "did you mean 'paquette2024/phase_diagram'?"),
        (["run", "paquette2024/onset", "--config"], "--config: wanted the name of a TOML file"),
        (["run", "paquette2024/onset", "--alpha", "3", "1"], "--alpha: wanted a range, two finite numbers"),
        (["check", "--parameters", "widht=3"], "got 'widht'; did you mean 'width'?"),
        (["check", "--parameters", "width=abc"], "width: wanted a number of features >= 1; got 'abc'"),
        (["check", "--parameters", "width"], "--parameters: wanted KEY=VALUE; got 'width'"),
        (["check", "--model", "PowerLaw"], "got 'PowerLaw'; did you mean 'PowerLawRF'?"),
        (["check", "--theory", "Simulation", "--parameters", "sampler=none"], "sampler: wanted one of"),
        (["cite", "nobody1900"], "got 'nobody1900'"),
    ],
)
def test_a_mistake_is_named_and_a_near_word_suggested(words, message, capsys):
    assert main(words) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""


def test_a_mistyped_flag_is_refused_with_the_right_one(capsys):
    assert main(["check", "--num-rums", "3"]) == 2
    captured = capsys.readouterr()
    assert "--num-runs" in captured.out + captured.err


def options_of(words: list[str], monkeypatch) -> dict:
    """The configuration with which ``solvable check`` would run."""
    from solvable.config import CheckConfig

    seen = {}

    def run(self):
        seen.update(vars(self))
        raise KeyboardInterrupt

    monkeypatch.setattr(CheckConfig, "run", run)
    assert main(["check", *words]) == 130
    return seen


def test_flags_override_the_file_key_by_key(tmp_path, monkeypatch):
    file = tmp_path / "check.toml"
    file.write_text(
        'model = "LinearRegression"\nnum-runs = 8\none_draw = false\nallowed = 3\n'
        "[parameters]\nwidth = 32\nlearning_rate = 0.25\nnoise = 0.5\n"
    )
    whole = options_of(["--config", str(file)], monkeypatch)
    assert whole["model"] == "LinearRegression"
    assert (whole["num_runs"], whole["one_draw"], whole["allowed"], whole["algorithm"]) == (8, False, 3.0, "SGD")
    assert whole["parameters"] == {"width": 32, "learning_rate": 0.25, "noise": 0.5}
    words = [f"--config={file}", "--num-runs", "9", "--one-draw", "--parameters", "width=64", "beta=2", "--model", "A"]
    some = options_of([*words, "--parameters", "beta=3"], monkeypatch)
    assert (some["num_runs"], some["one_draw"], some["model"], some["allowed"]) == (9, True, "A", 3.0)
    assert some["parameters"] == {"width": 64, "learning_rate": 0.25, "noise": 0.5, "beta": 3}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("num_rums = 3", "unknown key 'num_rums'; did you mean 'num_runs'?"),
        ("zzz = 3", "unknown key 'zzz'; wanted some of model, "),
        ("num_runs = 2.5", "num_runs: wanted an integer; got 2.5"),
        ("num_runs = true", "num_runs: wanted an integer; got True"),
        ('num_runs = "3"', "num_runs: wanted an integer; got '3'"),
        ("one_draw = 1", "one_draw: wanted true or false; got 1"),
        ("model = 3", "model: wanted a text; got 3"),
        ("parameters = 3", "parameters: wanted a table; got 3"),
        ("num_runs = ", "check.toml: "),
    ],
)
def test_a_wrong_file_is_refused_by_the_key(text, message, tmp_path, capsys):
    file = tmp_path / "check.toml"
    file.write_text(text)
    assert main(["check", "--config", str(file)]) == 2
    assert message in capsys.readouterr().err
    assert main(["check", "--config", str(tmp_path / "absent.toml")]) == 2


def test_tuples_of_an_experiment_come_from_a_file_too(tmp_path, capsys):
    file = tmp_path / "run.toml"
    file.write_text("widths = [8, 16]\nruns = 4\nwindow = [1.0, 'b']")
    assert main(["run", "paquette2024/frontiers", "--config", str(file)]) == 2
    assert "window: wanted a number; got [1.0, 'b']" in capsys.readouterr().err


def test_a_check_that_agrees_exits_with_0_and_one_that_does_not_with_1(capsys):
    assert main([*TINY_CHECK, "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["ok"]
    assert content["step"][0] == 0
    assert max(abs(z) for z in content["z"]) <= 4.5
    for theory, simulation, error in zip(
        content["theory"], content["simulation"], content["relative_error"], strict=True
    ):
        assert simulation / theory - 1 == pytest.approx(error, abs=1e-6)
    assert main([*TINY_CHECK, "--allowed", "1e-6"]) == 1
    assert "DISAGREE: largest |z|" in capsys.readouterr().out


def test_a_result_that_is_not_finite_is_null_in_json_and_does_not_agree():
    import numpy as np

    import solvable as sv
    from solvable.cli.check import results
    from solvable.config import CheckConfig

    risk = np.array([1.0, np.inf])
    curve = sv.Curve(np.array([0, 1]), risk, np.zeros(2), np.int32(sv.Result.NONFINITE))
    content = results(CheckConfig(), sv.Check(curve, curve, np.array([0.0, np.nan]), np.array([0.0, np.nan])))
    assert json.loads(json.dumps(content, allow_nan=False))["z"] == [0.0, None]
    assert content["theory"] == [1.0, None]
    assert not content["ok"]


@pytest.mark.parametrize("words", [["list"], ["list", "models"], ["list", "methods"], ["info"], ["cite"]])
def test_json_is_json(words, capsys):
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)
    assert main(words) == 0
    assert capsys.readouterr().out.strip()


def test_listed_models_are_built_by_their_listed_parameters(capsys):
    from solvable.config.registry import construct

    for kind in ("model", "algorithm", "method"):
        assert main(["list", kind + "s", "--json"]) == 0
        for row in json.loads(capsys.readouterr().out):
            numbers = {k: v for k, v in row["parameters"].items() if isinstance(v, int | float)}
            assert type(construct(kind, row["name"], numbers)).__name__ == row["name"]


def test_a_folder_with_other_results_is_never_written_over(tmp_path):
    values = {"seed": 0, "window": (1.0, 2.0)}
    check_folder(tmp_path / "new", "a/b", values)
    check_folder(tmp_path, "a/b", values)
    report = tmp_path / "report.json"
    report.write_text(json.dumps({"experiment": "a/b", "config": values, "rows": []}))
    check_folder(tmp_path, "a/b", values)
    for name, other in (("a/c", values), ("a/b", {**values, "seed": 1})):
        with pytest.raises(WrongUsage, match="holds other results"):
            check_folder(tmp_path, name, other)
    report.write_text("{")
    with pytest.raises(WrongUsage, match="holds other results"):
        check_folder(tmp_path, "a/b", values)
    with pytest.raises(WrongUsage, match="is a file"):
        check_folder(report, "a/b", values)
    assert digest(values) != digest({**values, "seed": 1})


def test_an_output_folder_that_cannot_be_made_is_exit_code_4(tmp_path, capsys, monkeypatch):
    from solvable.cli import experiments

    def refuse(*_):
        raise PermissionError(13, "Permission denied", str(tmp_path))

    monkeypatch.setattr(experiments, "check_folder", refuse)
    assert main(["run", "paquette2024/spectrum", "--tiny"]) == 4
    assert "Permission denied" in capsys.readouterr().err


def test_an_experiment_that_runs_a_smaller_configuration_can_be_run_again(tmp_path, monkeypatch, capsys):
    """The folder is known by the options that were given, not by the sizes that --tiny makes of them."""
    from types import SimpleNamespace

    from matplotlib.figure import Figure

    from solvable.cli import experiments
    from solvable.results import make_dataset, report_row

    @dataclasses.dataclass(frozen=True)
    class Config:
        points: int = 9
        tiny: bool = False

    fake = SimpleNamespace(
        Config=Config, __doc__="A fake.", plot=lambda dataset: Figure(),
        report=lambda dataset: [report_row("x", 1, 1, 0)],
        run=lambda config: make_dataset("a/b", Config(2, True), {"x": (("run",), [1.0], "x")}, {}),
    )  # fmt: skip
    monkeypatch.setattr(experiments, "load_experiment", lambda name: fake)
    for _ in range(2):
        assert experiments.run_experiment("a/b", ["--tiny", "--output", str(tmp_path / "out")], "solvable run a/b") == 0
    with pytest.raises(WrongUsage, match="holds other results"):
        experiments.run_experiment("a/b", ["--output", str(tmp_path / "out")], "solvable run a/b")


@pytest.mark.slow
def test_the_main_job_leaves_figure_dataset_and_report(tmp_path):
    import xarray as xr

    from solvable.results import validate

    done = python("-m", "solvable", "phase-diagram", "--tiny", "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""  # no bar in a pipe
    content = json.loads(done.stdout)
    folder = tmp_path / content["folder"]
    assert sorted(path.name for path in folder.iterdir()) == ["dataset.nc", "figure.pdf", "figure.png", "report.json"]
    with xr.open_dataset(folder / "dataset.nc", engine="h5netcdf") as dataset:
        validate(dataset)
    report = json.loads((folder / "report.json").read_text())
    assert report["rows"] == content["rows"]


def test_the_version_is_printed(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"solvable {solvable.__version__}\n"


def test_every_experiment_is_listed_with_what_it_shows_and_its_minutes(capsys):
    assert main(["list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == experiment_names()
    for row in rows:
        assert len(row["about"]) > 5
        assert any(digit.isdigit() for digit in row["minutes"])


def test_an_experiment_is_found_by_the_part_after_its_folder():
    assert find_experiment("frontiers") == "paquette2024/frontiers"
    assert find_experiment("loss-curves") == find_experiment("paquette2024/loss_curves") == "paquette2024/loss_curves"


def test_an_experiment_without_its_packages_says_so_before_it_starts(monkeypatch, capsys):
    module = load_experiment("real_data/learning_curves")
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    monkeypatch.setattr(module, "run", lambda *_: pytest.fail("it started"))
    assert main(["run", "learning_curves", "--fashion-folder", "/nowhere"]) == 2
    assert "python -m pip install scikit-learn" in capsys.readouterr().err


def test_a_curve_is_that_of_python(tmp_path, capsys):
    flags = ["--parameters", "alpha=0.8", "width=128", "learning_rate=0.3", "batch_size=4"]
    file = tmp_path / "curve.svg"
    assert main(["curve", *flags, "--num-steps", "5", "--json", "--figure", str(file)]) == 0
    found = json.loads(capsys.readouterr().out)
    model, sgd = sv.PowerLawRF(0.8, width=128), sv.SGD(0.3, batch_size=4)
    curve = sv.solve(model, sgd, sv.Recursion(), sv.log_steps(10_000, 5))
    np.testing.assert_allclose(found["risk"], curve.risk, rtol=1e-12)
    assert found["steps"] == curve.steps.tolist()
    assert b"<svg" in file.read_bytes()
    assert main(["curve", "--parameters", "learning_rate=50", "--num-steps", "5"]) == 1
    assert "the risk diverges" in capsys.readouterr().out


@pytest.mark.slow
def test_a_frontier_is_that_of_python(capsys):
    assert main(["frontier", "--learning-rate-in", "inverse_trace", "--num", "2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    exact = sv.compute_frontier(sv.PowerLawRF(), lambda m: sv.SGD(0.1 / m.trace()), [1e5, 1e10])
    np.testing.assert_allclose(found["risk"], exact.risk, rtol=1e-12)
    np.testing.assert_allclose(found["loss_exponent"], exact.loss_exponent, rtol=1e-9)


def test_completion_knows_every_command_and_experiment(tmp_path):
    after = words_after()
    assert list(after) == list(COMMANDS)
    assert set(experiment_names()) < set(after["run"])
    assert "--num-runs" in after["check"]
    for shell in ("bash", "zsh", "fish"):
        assert all(name in script(shell, after) for name in (*COMMANDS, *experiment_names()))
    file = tmp_path / "completion.sh"
    file.write_text(script("bash", after))
    typed = 'COMP_WORDS=(solvable run paquette2024/fr); COMP_CWORD=2; _solvable; echo "${COMPREPLY[@]}"'
    done = subprocess.run(["bash", "-c", f"source {file}; {typed}"], capture_output=True, text=True)
    assert done.stdout.split() == ["paquette2024/frontiers"], done.stderr
