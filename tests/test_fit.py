"""`sv.fit`: laws with known parameters are found again, the published fit comes out, and doubts are said."""

import json
import warnings
from pathlib import Path

import jax
import numpy as np
import pytest
import xarray as xr
from scipy import optimize, stats

import solvable as sv
from solvable.fits import (
    AbsoluteDeviation,
    Bootstrap,
    Chinchilla,
    ComputeOptimal,
    Envelope,
    FitWarning,
    Hessian,
    Huber,
    IsoFLOP,
    LeastSquares,
    PowerLaw,
    ProfileLikelihood,
)

TRUE = {"E": 1.7, "A": 400.0, "B": 900.0, "alpha": 0.34, "beta": 0.3}
SIZE, DATA = (x.ravel() for x in np.meshgrid(np.geomspace(5e7, 2e10, 8), np.geomspace(1e9, 5e11, 8)))
PUBLISHED = Path("/work/shared/data/chinchilla_fig4_extracted.csv")
needs_data = pytest.mark.skipif(not PUBLISHED.exists(), reason="the runs read off the published figure are not here")


def loss(size=SIZE, data=DATA, true=TRUE):
    return true["E"] + true["A"] * size ** -true["alpha"] + true["B"] * data ** -true["beta"]


def runs(noise=0.0, seed=0):
    normals = np.random.default_rng(seed).standard_normal(len(SIZE))
    return {"N": SIZE, "D": DATA, "L": loss() * np.exp(noise * normals)}


def quick(data, law="chinchilla", method=Huber(), uncertainty=Hessian(), **options):  # noqa: B008
    return sv.fit(data, law, method, uncertainty=uncertainty, warn=False, **options)


@pytest.mark.parametrize(
    "method", [Huber(), LeastSquares(), pytest.param(AbsoluteDeviation(), marks=pytest.mark.slow)],
    ids=lambda m: type(m).__name__,
)  # fmt: skip
def test_an_exact_law_is_found_again_in_any_unit(method):
    table = runs()
    fit = quick(table, method=method)
    for name, value in TRUE.items():
        assert fit[name].value == pytest.approx(value, rel=1e-6)
    billions = quick({"N": SIZE / 1e6, "D": DATA / 1e9, "L": table["L"] * 3}, method=method)
    assert billions["alpha"].value == pytest.approx(TRUE["alpha"], rel=1e-6)
    assert billions["B"].value == pytest.approx(3 * TRUE["B"] * 1e9 ** -TRUE["beta"], rel=1e-5)
    assert fit(N=1e12, D=1e13) == pytest.approx(loss(1e12, 1e13), rel=1e-7)


@needs_data
def test_the_optimum_of_the_published_objective():
    fit = quick(PUBLISHED, drop_largest=5)
    assert fit.num_points == 240
    assert fit.objective == pytest.approx(1.018274e-3, rel=1e-6)
    for name, value in {"E": 1.8172, "A": 477.8, "B": 2143, "alpha": 0.3473, "beta": 0.3672}.items():
        assert fit[name].value == pytest.approx(value, rel=5e-4)
    # another optimizer finds nothing better from there
    n, d, y = (np.log(fit.data[name]) for name in "NDL")
    e, a, b, alpha, beta = (fit.values[k] for k in ("E", "A", "B", "alpha", "beta"))

    def residual(p):
        return np.log(np.exp(p[0]) + np.exp(p[1] - p[3] * n) + np.exp(p[2] - p[4] * d)) - y

    start = np.array([np.log(e), np.log(a), np.log(b), alpha, beta])
    found = optimize.least_squares(residual, start, loss="huber", f_scale=1e-3, xtol=1e-15, ftol=1e-15, gtol=1e-15)
    assert fit.objective <= found.cost * (1 + 1e-9)


@pytest.mark.slow
@needs_data
def test_the_published_parameters_are_least_absolute_deviations():
    fit = quick(PUBLISHED, method=AbsoluteDeviation(), drop_largest=5)
    for name, value in {"E": 1.81686, "A": 482.006, "B": 2085.434, "alpha": 0.34781, "beta": 0.36585}.items():
        assert fit[name].value == pytest.approx(value, rel=5e-4)  # the Huber optimum: B is 3% off
    plain = quick(PUBLISHED, method=LeastSquares(log=False), drop_largest=5)  # another public fitter's loss
    for name, value in {"E": 1.883, "A": 567.8, "B": 7582, "alpha": 0.3576, "beta": 0.4276}.items():
        assert plain[name].value == pytest.approx(value, rel=3e-4)


def test_the_profile_of_a_linear_model_is_the_interval_of_student():
    x = np.geomspace(1, 1e3, 24)
    y = 2 * x**-0.4 * np.exp(0.1 * np.random.default_rng(1).standard_normal(24))
    law = PowerLaw(fixed={"E": 0})
    line = stats.linregress(np.log(x), np.log(y))
    half = stats.t.ppf(0.975, 22) * line.stderr
    for uncertainty, tolerance in ((Hessian(), 1e-9), (ProfileLikelihood(), 2e-3)):
        fit = quick({"x": x, "L": y}, law, LeastSquares(), uncertainty)
        assert fit["alpha"].value == pytest.approx(-line.slope, rel=1e-8)
        assert [fit["alpha"].low, fit["alpha"].high] == pytest.approx([-line.slope - half, -line.slope + half],
                                                                      abs=tolerance * half)  # fmt: skip
    plain = sv.fit_power_law(x, y, errors="independent")
    assert fit["A"].value == pytest.approx(plain.prefactor.value, rel=1e-8)


def test_the_bootstrap_and_the_hessian_agree_on_independent_errors():
    table, method = runs(0.01), LeastSquares()
    many = quick(table, method=method, uncertainty=Bootstrap(400))
    curved = quick(table, method=method)
    for name in ("E", "alpha", "beta"):
        assert many[name].stderr == pytest.approx(curved[name].stderr, rel=0.3)
    assert many.success, many.doubts
    assert quick(table, method=method, uncertainty=Bootstrap(400))["E"] == many["E"]  # a fixed key
    assert many.test(**TRUE).p_value > 0.01
    assert many.test(**{**TRUE, "beta": 0.5}).p_value < 1e-6


def test_a_bootstrap_of_runs_is_wider_where_their_points_are_one():
    rng, method = np.random.default_rng(3), LeastSquares()
    shared = np.repeat(rng.standard_normal(8), 8)  # one error for all points of a size
    table = {**runs(), "run": np.repeat(np.arange(8), 8)}
    order = np.argsort(SIZE, kind="stable")
    table = {k: v[order] if k in "NDL" else v for k, v in table.items()}
    table["L"] = table["L"] * np.exp(0.01 * shared + 0.001 * rng.standard_normal(64))
    points, whole, blocks = (
        quick(table, method=method, uncertainty=u) for u in
        (Bootstrap(200), Bootstrap(200, cluster="run"), Bootstrap(200, block=8))
    )  # fmt: skip
    assert whole["alpha"].stderr > 1.5 * points["alpha"].stderr
    assert blocks["alpha"].stderr > 1.5 * points["alpha"].stderr


def test_the_order_of_rows_changes_nothing_and_copies_count_once():
    table = runs(0.01)
    order = np.random.default_rng(0).permutation(64)
    fit, mixed = (quick(t, uncertainty=Bootstrap(40)) for t in (table, {k: v[order] for k, v in table.items()}))
    assert mixed.parameters == fit.parameters
    twice = quick({k: np.r_[v, v[:5]] for k, v in table.items()}, uncertainty=Bootstrap(40))
    assert twice.parameters == fit.parameters
    assert [doubt.kind for doubt in twice.doubts] == ["duplicates"]


def test_the_best_split_is_that_of_the_closed_form():
    split = quick(runs(0.01)).allocate([1e20, 1e24])
    values = quick(runs(0.01)).values
    a, b = values["alpha"], values["beta"]
    G = (a * values["A"] / (b * values["B"])) ** (1 / (a + b))
    np.testing.assert_allclose(split.N.value, G * (split.compute / 6) ** (b / (a + b)), rtol=1e-9)
    np.testing.assert_allclose(6 * split.N.value * split.D.value, split.compute, rtol=1e-12)
    assert (split.N.low < split.N.value).all()
    assert (split.N.value < split.N.high).all()
    assert (split.N.high / split.N.low)[1] > (split.N.high / split.N.low)[0]  # wider where it extrapolates


@pytest.mark.parametrize("method", [Envelope(), IsoFLOP()], ids=["envelope", "isoflop"])
def test_approaches_1_and_2_find_the_exponent_of_a_known_surface(method):
    true = {**TRUE, "alpha": 0.35, "beta": 0.35}  # a parabola is biased on an asymmetric surface
    size, compute = np.geomspace(1e7, 1e11, 33), np.geomspace(1e18, 1e22, 9 if method == IsoFLOP() else 60)
    n, c = (x.ravel() for x in np.meshgrid(size, compute))
    keep = np.abs(np.log(n / (0.1 * c**0.5))) < 2.5
    n, c = n[keep], c[keep]
    table = {"N": n, "C": c, "L": loss(n, c / (6 * n), true)}
    fit = quick(table, "compute-optimal", method, Bootstrap(20))
    assert fit["a"].value == pytest.approx(0.5, abs=0.01)
    assert fit["a"].value + fit["b"].value == pytest.approx(1.0, abs=1e-9)
    split = fit.allocate(1e21)
    assert 6 * split.N.value * split.D.value == pytest.approx(1e21, rel=1e-6)


def test_tables_of_every_kind_give_one_fit(tmp_path):
    pandas = pytest.importorskip("pandas")
    table = runs(0.01)
    names = {"N": "model size", "D": "tokens", "L": "val_loss"}
    renamed = {names[k]: v for k, v in table.items()}
    frame = pandas.DataFrame(renamed)
    frame.to_csv(tmp_path / "runs.csv", index=False)
    frame.to_json(tmp_path / "runs.jsonl", orient="records", lines=True, double_precision=15)
    fit = quick(table)
    grid = {k: v.reshape(8, 8) for k, v in renamed.items()}
    dataset = xr.Dataset({"val_loss": (("tokens", "size"), grid["val_loss"])},
                         {"tokens": grid["tokens"][:, 0], "size": grid["model size"][0]})  # fmt: skip
    rows = [dict(zip(renamed, row, strict=True)) for row in zip(*renamed.values(), strict=True)]
    for other in (renamed, frame, tmp_path / "runs.csv", tmp_path / "runs.jsonl", dataset, rows):
        found = quick(other)
        assert found.values == pytest.approx(fit.values, rel=1e-6)
        assert any("a guess from its name" in note for note in found.notes)
    named = quick({"a": SIZE, "b": DATA, "c": table["L"]}, columns={"N": "a", "D": "b", "L": "c"})
    assert named.values == fit.values
    with pytest.raises(ValueError, match="wanted pyarrow to read"):
        quick(tmp_path / "runs.parquet")


def bad(**change):
    return {**runs(0.01), **change}


def spoiled(name, row, value):
    values = runs(0.01)[name].copy()
    values[row] = value
    return {name: values}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({k: v[:5] for k, v in runs().items()}, "data: wanted more points than the 5 parameters of the law; got 5"),
        (bad(**spoiled("L", 3, 0.0)), "L: wanted numbers > 0; got 0 and 1 in all"),
        (bad(**spoiled("L", 3, np.nan)), r"L: wanted finite numbers; got nan in row 4 and 1 in all \(missing='drop'"),
        (bad(N=np.full(64, 1e9)), "N: wanted values that differ, the law depends on them; got 1e.09 only"),
        (bad(D=DATA / 1e9, C=6 * SIZE * DATA), "C: wanted about 6 N D FLOPs; got 1e.09 times .* in billions"),
        (bad(L=["a"] * 64), "L: wanted numbers in column 'L'; got 'a' in row 1"),
        (bad(D=DATA[:7]), "data: wanted columns of one length"),
        ({"N": SIZE, "L": loss()}, "columns: wanted a column for D; got 'N', 'L'"),
        ({"N": SIZE, "D": DATA, "loss": loss(), "val_loss": loss()}, "columns: wanted one column for L; got 'loss'"),
        ({}, "data: wanted a row of numbers or more; got no columns"),
        ("nothing.txt", "data: wanted a file that ends in .csv"),
    ],
)
def test_impossible_data_are_refused_by_name(table, message):
    with pytest.raises(ValueError, match=message):
        quick(table)


def test_rows_with_missing_numbers_are_left_out_when_asked():
    fit = quick(bad(**spoiled("L", 3, np.nan)), missing="drop")
    assert fit.num_points == 63
    assert "1 rows with missing numbers are left out" in fit.notes


X = np.geomspace(1, 1e4, 24)


@pytest.mark.parametrize(
    ("kind", "x", "y"),
    [
        ("span", np.geomspace(1, 8, 24), 0.5 + np.geomspace(1, 8, 24) ** -0.5),
        ("floor", X, X**-0.3),
        ("curvature", X, 0.5 + (1 + X / 50) ** -0.6),
        ("not_identified", X, np.full(24, 2.0)),
    ],
)
def test_each_doubt_is_said(kind, x, y):
    noise = np.exp(1e-3 * np.random.default_rng(2).standard_normal(24)) if kind != "not_identified" else 1.0
    with pytest.warns(FitWarning):
        fit = sv.fit({"x": x, "L": y * noise}, "power-law", LeastSquares(), uncertainty=Hessian())
    assert kind in {doubt.kind for doubt in fit.doubts}, fit.doubts
    assert not fit.success


def test_a_good_fit_has_no_doubt_and_a_bound_is_one():
    noise = np.exp(1e-3 * np.random.default_rng(2).standard_normal(24))
    table = {"x": X, "L": (0.5 + X**-0.4) * noise}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert sv.fit(table, "power-law", LeastSquares(), uncertainty=Hessian()).success
    bounded = quick(table, PowerLaw(bounds={"alpha": (0.5, 1.0)}), LeastSquares())
    assert "on_bound" in {doubt.kind for doubt in bounded.doubts}
    free = quick(table, PowerLaw(bounds={"alpha": (0.1, 1.0)}), LeastSquares())
    assert free["alpha"].value == pytest.approx(quick(table, PowerLaw(), LeastSquares())["alpha"].value, rel=1e-6)


def test_a_parabola_too_flat_is_said():
    n = np.tile(np.geomspace(5e8, 2e9, 6), 4)
    c = np.repeat(np.geomspace(1e19, 1e21, 4), 6)
    noise = np.exp(0.01 * np.random.default_rng(0).standard_normal(24))
    y = (2 + 1e-3 * np.log(n / 1e9) ** 2) * noise
    table = {"N": n, "C": c, "L": y}
    try:
        kinds = {doubt.kind for doubt in quick(table, ComputeOptimal(), IsoFLOP(), Bootstrap(20)).doubts}
    except ValueError as error:
        kinds = {"flat"} if "best size inside" in str(error) else set()
    assert kinds & {"flat", "outside"}


def test_the_command_line_prints_exactly_what_programs_read(tmp_path, capsys):
    from solvable.cli import main

    table, path = runs(0.01), tmp_path / "runs.csv"
    lines = ["N,D,L", *(f"{n!r},{d!r},{y!r}" for n, d, y in zip(*(table[k].tolist() for k in "NDL"), strict=True))]
    path.write_text("\n".join(lines))
    words = ["fit", str(path), "--law", "chinchilla", "--parameters", "N", "--data", "D", "--loss", "L"]
    assert main([*words, "--resamples", "40", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found) == ["law", "parameters", "intervals", "objective", "num_points"]
    assert list(found["parameters"]) == list(found["intervals"]) == ["E", "A", "B", "alpha", "beta"]
    assert (found["law"], found["num_points"]) == ("chinchilla", 64)
    fit = quick(table, uncertainty=Bootstrap(40))
    assert found["parameters"] == pytest.approx(fit.values, rel=1e-9)
    assert found["objective"] == pytest.approx(fit.objective, rel=1e-9)
    assert main(["fit", str(path), "--law", "chinchila"]) == 2
    assert main(["fit", str(tmp_path / "none.csv")]) == 4
    assert main(["fit", "--law", "chinchilla"]) == 2


def test_a_fit_states_what_is_needed_to_reproduce_it():
    fit = quick(runs(0.01))
    report = fit.report()
    for name in ("law", "data", "num_points", "loss", "starts", "optimizer", "uncertainty", "confidence", "flops"):
        assert report[name], name
    json.dumps(report)
    assert "E + A / N^alpha" in fit.summary()
    band = fit.predict(N=np.array([1e9, 1e12]), D=np.array([1e10, 1e13]))
    assert (band.low < band.value).all()
    assert (band.value < band.high).all()
    wide = fit.predict(new_run=True, N=1e9, D=1e10)
    assert wide.high - wide.low > band.high[0] - band.low[0]
    with pytest.raises(ValueError, match="variables: wanted N, D; got N"):
        fit.predict(N=1e9)


@pytest.mark.slow
def test_the_published_test_rejects_the_original_constants():
    if not PUBLISHED.exists():
        pytest.skip("the runs read off the published figure are not here")
    fit = quick(PUBLISHED, uncertainty=Bootstrap(4000), drop_largest=5, key=jax.random.key(1))
    stated = {"E": np.exp(0.5267228), "A": 406.4, "B": 410.7, "alpha": 0.3392, "beta": 0.2849}
    assert fit.test(**stated).chi_square == pytest.approx(238, rel=0.06)
    assert fit["A"].stderr == pytest.approx(124.5, rel=0.06)
    assert fit["alpha"].stderr == pytest.approx(0.0154, rel=0.06)
    assert Chinchilla().name == "chinchilla"
