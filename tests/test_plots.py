"""The numbers behind the figures: what is drawn is what the dataset says."""

import re
import subprocess
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pytest
import xarray as xr
from matplotlib import pyplot
from matplotlib.collections import PolyCollection, QuadMesh

import solvable as sv
from solvable import plots
from solvable.plots.maps import cell_edges, round_levels
from solvable.plots.scaling import lower_envelope
from solvable.plots.series import line_styles, mean_and_error

WIDTHS, STEPS, SEEDS = [16, 32, 64, 128, 256], np.array([0, 1, 10, 100, 1000, 10_000, 100_000]), 6


@pytest.fixture(autouse=True)
def _closed():
    yield
    pyplot.close("all")


@pytest.fixture
def data() -> xr.Dataset:
    """risk = width^-1.4 F(step / width^2) times noise, F(u) = 1 + (1e-5 + u)^-0.7: a scaling form, in the schema."""
    rng = np.random.default_rng(0)
    width, step = np.array(WIDTHS, float)[:, None], STEPS[None, :]
    exact = width**-1.4 * (1 + (1e-5 + step / width**2) ** -0.7)
    noise = 1 + 0.05 * rng.standard_normal((SEEDS, *exact.shape))
    return xr.Dataset(
        {
            "risk": (("seed", "width", "step"), exact * noise, {"long_name": "risk", "units": "1"}),
            "theory": (("width", "step"), exact, {"long_name": "risk, exact"}),
            "floor": (("width",), width[:, 0] ** -1.4, {"long_name": "floor"}),
        },
        {
            "width": ("width", WIDTHS, {"long_name": "number of features"}),
            "step": ("step", STEPS, {"long_name": "steps", "units": "samples"}),
            "seed": ("seed", range(SEEDS), {"long_name": "seed"}),
        },
    )


def lines(ax) -> list:
    return [line for line in ax.get_lines() if len(line.get_xdata()) > 1]


def test_curves_draw_the_mean_and_two_standard_errors(data):
    ax = plots.curves(data, hue="width")
    mean = data.risk.mean("seed")
    error = data.risk.std("seed", ddof=1) / np.sqrt(SEEDS)
    for i, line in enumerate(lines(ax)):
        np.testing.assert_array_equal(line.get_xdata(), STEPS[1:])  # step 0 has no place on a log axis
        np.testing.assert_allclose(line.get_ydata(), mean.isel(width=i)[1:], rtol=1e-12)
        band = [c for c in ax.collections if isinstance(c, PolyCollection)][i].get_paths()[0].vertices
        for step, y, e in zip(STEPS[1:], mean.isel(width=i)[1:], error.isel(width=i)[1:], strict=True):
            edges = band[band[:, 0] == step, 1]
            np.testing.assert_allclose([edges.min(), edges.max()], [y - 2 * e, y + 2 * e], rtol=1e-10)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [f"width {w}" for w in WIDTHS]
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("steps (samples)", "risk")


def test_a_band_is_the_variable_s_own_standard_error():
    """Without repetitions: risk has stderr, train_risk has train_stderr."""
    steps = np.array([1, 2, 4])
    values = {"risk": 3.0, "stderr": 0.1, "train_risk": 2.0, "train_stderr": 0.4}
    lines = {name: (("step",), np.full(3, v), {"long_name": name}) for name, v in values.items()}
    data = xr.Dataset(lines, {"step": ("step", steps, {"long_name": "steps"})})
    for name, error in (("risk", 0.1), ("train_risk", 0.4)):
        ax = plots.curves(data, name)
        (band,) = [c for c in ax.collections if isinstance(c, PolyCollection)]
        edges = band.get_paths()[0].vertices[:, 1]
        np.testing.assert_allclose([edges.min(), edges.max()], [values[name] - 2 * error, values[name] + 2 * error])


def test_axes_go_in_and_come_out(data):
    _, ax = pyplot.subplots()
    assert plots.curves(data, "theory", hue="width", ax=ax, linewidth=3) is ax
    assert {line.get_linewidth() for line in ax.get_lines()} == {3}
    assert plots.heatmap(data, "theory", dims=("step", "width"), ax=pyplot.subplots()[1]).figure is not ax.figure


def test_the_users_settings_are_left_alone(data):
    before = dict(matplotlib.rcParams)
    plots.curves(data, hue="width")
    assert dict(matplotlib.rcParams) == before


def test_errors_come_from_the_spread_or_from_the_stated_standard_error(data):
    mean, error = mean_and_error(data, "risk", ("width", "step"))
    np.testing.assert_allclose(error, data.risk.std("seed", ddof=1) / np.sqrt(SEEDS))
    assert mean.attrs["long_name"] == "risk"
    stated = data.isel(seed=0).assign(risk_stderr=0.1 * data.theory)
    np.testing.assert_allclose(mean_and_error(stated, "risk", ("width", "step"))[1], 0.1 * data.theory)
    assert mean_and_error(data, "theory", ("width", "step"))[1] is None
    diverged = data.risk.where((data.seed != 2) | (data.width != 32))
    assert np.isnan(mean_and_error(data.assign(risk=diverged), "risk", ("width", "step"))[0].sel(width=32)).all()


def test_a_dim_of_length_one_is_dropped(data):
    ax = plots.curves(data.isel(width=[1]))
    np.testing.assert_allclose(lines(ax)[0].get_ydata(), data.risk.mean("seed").isel(width=1)[1:], rtol=1e-12)
    grid = xr.Dataset({"risk": (("width", "compute", "record"), np.ones((3, 2, 1)))}, {"width": [1, 2, 4]})
    assert len(plots.frontier(grid.assign_coords(compute=[10.0, 1e3])).get_lines()) == 4


def test_a_dim_that_is_not_accounted_for_is_an_error_that_says_what_to_do(data):
    with pytest.raises(ValueError, match=r"got \['width'\] too: select first, data.sel\(width=...\)"):
        plots.curves(data)
    with pytest.raises(ValueError, match="got 'widht'"):
        plots.curves(data, hue="widht")
    with pytest.raises(ValueError, match=r"y: wanted one of .*'risk'.*; got 'loss'"):
        plots.curves(data, "loss")


def test_collapse_lays_a_scaling_form_on_one_curve(data):
    ax = plots.collapse(data, "theory", floor="floor", x_power=-2.0, y_power=1.4)
    for width, line in zip(WIDTHS, lines(ax), strict=True):
        u = line.get_xdata()
        np.testing.assert_allclose(u, STEPS[1:] / width**2, rtol=1e-12)
        np.testing.assert_allclose(line.get_ydata(), (1e-5 + u) ** -0.7, rtol=1e-9)
    with pytest.raises(ValueError, match="by: wanted positive values of 'step'"):
        plots.collapse(data, "theory", x="width", by="step", x_power=1.0, y_power=1.0)


def test_the_frontier_is_the_least_risk_at_each_compute(data):
    ax = plots.frontier(data, "theory")
    *curves, envelope = ax.get_lines()
    for width, line in zip(WIDTHS, curves, strict=True):
        np.testing.assert_array_equal(line.get_xdata(), width * STEPS[1:])
    cost = np.array(WIDTHS)[:, None] * STEPS[1:]
    risk = data.theory[:, 1:].values
    for compute, least in zip(envelope.get_xdata()[::20], envelope.get_ydata()[::20], strict=True):
        inside = [np.exp(np.interp(np.log(compute), np.log(f), np.log(r))) for f, r in zip(cost, risk, strict=True)
                  if f[0] <= compute <= f[-1]]
        assert least == pytest.approx(min(inside), rel=1e-9)
    assert np.isnan(lower_envelope(cost, risk, np.array([1.0, 1e9]))).all()


def test_a_measured_frontier_can_be_drawn_instead(data):
    found = sv.fits.measure_frontier(WIDTHS, STEPS, data.theory.values, num_samples=0)
    line = plots.frontier(data, "theory", envelope=found).get_lines()[-1]
    np.testing.assert_array_equal(line.get_xdata(), found.compute)
    np.testing.assert_array_equal(line.get_ydata(), found.risk)


def test_the_batch_size_counts_in_compute(data):
    line = plots.frontier(data.assign_coords(batch_size=8), "theory").get_lines()[0]
    np.testing.assert_array_equal(line.get_xdata(), 8 * WIDTHS[0] * STEPS[1:])


def test_the_vertex_of_an_isoflop_parabola_is_that_of_the_measured_frontier(data):
    compute = np.array([1e4, 1e5, 1e6])
    risk = data.theory.values
    found = sv.fits.measure_frontier(WIDTHS, STEPS, risk, approach="isoflop", compute=compute, num_samples=0)
    assert found.interior.any()
    ax = plots.isoflop(data, "theory", compute=compute)
    stars = np.array([line.get_xydata()[0] for line in ax.get_lines() if line.get_marker() == "*"])
    np.testing.assert_allclose(stars[:, 0], found.width[found.interior], rtol=1e-9)
    np.testing.assert_allclose(stars[:, 1], found.risk[found.interior], rtol=1e-9)


def test_an_isoflop_grid_needs_no_steps():
    width, compute = np.array([8, 16, 32, 64, 128]), np.array([1e3, 1e5])
    best = compute**0.4
    risk = np.exp(np.log(width[:, None] / best) ** 2) * compute**-0.3
    grid = xr.Dataset({"risk": (("width", "compute"), risk)}, {"width": width, "compute": compute})
    ax = plots.isoflop(grid)
    stars = np.array([line.get_xydata()[0] for line in ax.get_lines() if line.get_marker() == "*"])
    np.testing.assert_allclose(stars, np.stack([best, compute**-0.3], axis=1), rtol=1e-9)
    envelope = plots.frontier(grid).get_lines()[-1]
    np.testing.assert_allclose(envelope.get_ydata()[[0, -1]], risk.min(axis=0), rtol=1e-12)


def test_compute_that_too_few_widths_share_is_an_error(data):
    with pytest.raises(ValueError, match="compute: wanted values that three widths reach"):
        plots.isoflop(data.isel(width=[0, 1]), "theory")


def test_a_heatmap_shows_every_cell_and_hatches_what_is_missing(data):
    table = data.risk.mean("seed").where(data.width > 16)
    ax = plots.heatmap(data.assign(risk=table).isel(step=slice(1, None)), dims=("step", "width"))
    (mesh,) = [c for c in ax.collections if isinstance(c, QuadMesh)]
    shown = mesh.get_array().reshape(len(WIDTHS), -1)
    np.testing.assert_array_equal(shown.mask, np.isnan(table[:, 1:].values))
    np.testing.assert_allclose(shown.compressed(), table[1:, 1:].values.ravel(), rtol=1e-12)
    corners = mesh.get_coordinates()
    np.testing.assert_allclose(corners[:, 0, 1], np.array(WIDTHS[0]) * 2.0 ** (np.arange(6) - 0.5), rtol=1e-12)


def test_cells_end_halfway_between_their_centres():
    np.testing.assert_allclose(cell_edges(np.array([1.0, 2.0, 4.0])), [0.5, 1.5, 3.0, 5.0])
    np.testing.assert_allclose(cell_edges(np.array([1.0, 100.0]), log=True), [0.1, 10.0, 1000.0])
    np.testing.assert_allclose(cell_edges(np.array([3.0])), [2.5, 3.5])


def test_level_lines_are_round_numbers_inside_the_range():
    np.testing.assert_allclose(round_levels(2e-4, 0.5, 3, log=True), [1e-3, 1e-2, 1e-1])
    levels = round_levels(0.0, 1.0, 5, log=False)
    np.testing.assert_allclose(levels, [0.2, 0.4, 0.6, 0.8])


def test_residuals_are_in_standard_errors(data):
    top, bottom = plots.compare(data, hue="width")
    error = data.risk.std("seed", ddof=1) / np.sqrt(SEEDS)
    z = ((data.risk.mean("seed") - data.theory) / error)[:, 1:]
    drawn = [line.get_ydata() for line in lines(bottom) if line.get_marker() != "None"]
    np.testing.assert_allclose(np.stack(drawn), z, rtol=1e-10)
    theory = [line for line in lines(top) if str(line.get_label()).startswith("theory")]
    np.testing.assert_array_equal(np.stack([line.get_ydata() for line in theory]), data.theory[:, 1:])
    assert bottom.get_ylim()[1] >= np.abs(z).max()


def test_a_theory_from_another_dataset_must_have_the_same_coordinates(data):
    other = data["theory"] * 1.0
    top, _ = plots.compare(data.drop_vars("theory"), theory=other, hue="width")
    assert lines(top)
    with pytest.raises(ValueError, match="theory: wanted the coordinates of the simulation"):
        plots.compare(data, theory=other.isel(step=slice(2, None)), hue="width")
    with pytest.raises(ValueError, match="simulation: wanted repetitions"):
        plots.compare(data, "theory", hue="width")


def test_before_the_first_step_there_is_no_error_and_no_residual():
    data = xr.Dataset(
        {"risk": (("seed", "step"), [[2.0, 1.0], [2.0, 1.2]]), "theory": ("step", [2.0, 1.1])}, {"step": [0, 1]}
    )
    _, bottom = plots.compare(data)
    (z,) = [line.get_ydata() for line in lines(bottom) if line.get_marker() != "None"]
    assert np.isnan(z[0])
    assert z[1] == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(("count", "ordered"), [(1, False), (7, False), (7, True), (24, False)])
def test_series_differ_in_colour_and_without_it(count, ordered):
    styles = line_styles(count, ordered=ordered)
    assert len({entry["color"] for entry in styles}) == count
    assert len({(entry["linestyle"], entry["marker"]) for entry in styles}) == count


def test_a_long_legend_is_thinned(data):
    many = data.theory.interp(width=np.geomspace(16, 256, 40)).to_dataset(name="risk")
    texts = [text.get_text() for text in plots.curves(many, hue="width").get_legend().get_texts()]
    assert len(texts) == 12
    assert (texts[0], texts[-1]) == ("width 16", "width 256")


def test_figures_save_as_vectors(data, tmp_path):
    for index, figure in enumerate([
        plots.curves(data, hue="width").figure,
        plots.heatmap(data, "theory", dims=("step", "width")).figure,
        plots.compare(data, hue="width")[0].figure,
    ]):
        figure.savefig(tmp_path / f"{index}.pdf")


@pytest.mark.slow
def test_the_page_of_examples_runs(tmp_path):
    path = Path(__file__).parent.parent / "docs" / "plots.py"
    subprocess.run([sys.executable, str(path), str(tmp_path)], check=True)
    shown = re.findall(r"\(images/(.*?)\)", path.with_suffix(".md").read_text(encoding="utf-8"))
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(shown)
