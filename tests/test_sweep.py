"""A sweep is the loop over `solve`, labelled: what it is told, what it returns, and what it says when that is wrong."""

import json
import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import solvable as sv
from solvable.keys import stream
from solvable.results import validate
from solvable.sweeps.axes import parse_axes

KEY = jax.random.key(3)
STEPS = [0, 1, 10, 100]
RATES = [0.1, 0.3]


def build(width, learning_rate=0.2):
    return sv.PowerLawRF(alpha=1.0, beta=0.5, width=width, ambient=4 * width), sv.SGD(learning_rate, 2)


def draw(width, seed):
    return build(width)[0].draw(jax.random.fold_in(stream(KEY, "draw"), seed))


@pytest.fixture(scope="module")
def theory():
    axes = {"width": [8, 12], "learning_rate": [*RATES, 9.0], "seed": [5, 1]}
    return sv.sweep(build, axes, sv.Recursion(), STEPS, key=KEY)


@pytest.fixture(scope="module")
def simulation():
    axes = {"width": [8, 12], "learning_rate": jnp.asarray(RATES), "seed": range(2)}
    return sv.sweep(build, axes, sv.Simulation(3), STEPS, key=KEY)


def test_a_theory_of_each_draw_is_solve_to_float64(theory):
    for width in (8, 12):
        for rate in RATES:
            expected = sv.solve(draw(width, 5), sv.SGD(rate, 2), sv.Recursion(), STEPS).risk
            np.testing.assert_allclose(theory.risk.sel(width=width, learning_rate=rate, seed=5), expected, rtol=1e-12)


def test_a_simulation_is_solve_with_the_cell_s_key(simulation):
    from solvable.sweeps.cells import Recipe

    axes = {"width": [8, 12], "learning_rate": jnp.asarray(RATES), "seed": range(2)}
    recipe = Recipe(build, axes, sv.Simulation(3), STEPS, key=KEY)
    for index in (0, 3, 6):
        values = recipe.values(index)
        problem, algorithm = draw(values["width"], values["seed"]), sv.SGD(values["learning_rate"], 2)
        curve = sv.solve(problem, algorithm, sv.Simulation(3), STEPS, key=recipe.run_key(index))
        cell = simulation.sel(values)
        np.testing.assert_allclose(cell.risk, curve.risk, rtol=2e-5)
        np.testing.assert_allclose(cell.stderr[1:], curve.stderr[1:], rtol=2e-3)


def test_cells_have_independent_runs_on_a_common_draw(simulation):
    start = simulation.risk.sel(step=0).values
    np.testing.assert_array_equal(start[:, 0], start[:, 1])  # the draw does not depend on the learning rate
    axes = {"width": [8], "learning_rate": [0.1, 0.1 + 1e-9], "seed": [0]}
    late = sv.sweep(build, axes, sv.Simulation(3), STEPS, key=KEY).risk.sel(step=100).values.ravel()
    assert abs(late[1] / late[0] - 1) > 1e-3  # the runs do


@pytest.mark.slow
def test_a_theory_of_laws_is_solve(theory):
    axes = {("alpha", "beta"): [(1.0, 0.7), (0.8, 0.3), (0.6, 0.9)], "width": [16, 100]}
    law = lambda alpha, beta, width: (sv.PowerLawRF(alpha, beta, width), sv.SGD(0.1, 4))  # noqa: E731
    ds = sv.sweep(law, axes, sv.Recursion(), [0, 50, 10**9])
    assert ds.risk.dims == ("point", "width", "step")
    np.testing.assert_array_equal(ds.beta, [0.7, 0.3, 0.9])
    for i, (alpha, beta) in enumerate(axes["alpha", "beta"]):
        expected = sv.solve(sv.PowerLawRF(alpha, beta, 100), sv.SGD(0.1, 4), sv.Recursion(), [0, 50, 10**9]).risk
        np.testing.assert_allclose(ds.risk.sel(width=100).isel(point=i), expected, rtol=1e-11)


@pytest.mark.parametrize("seeds", [{}, {"seed": [0, 1]}], ids=["itself", "its draws"])
def test_a_problem_is_its_own_draw(seeds):
    regression = lambda alpha: (sv.LinearRegression(alpha, 0.5, 7), sv.SGD(0.1, 2))  # noqa: E731
    ds = sv.sweep(regression, {"alpha": [0.7, 1.0], **seeds}, sv.Recursion(), STEPS, key=KEY)
    expected = sv.solve(sv.LinearRegression(0.7, 0.5, 7), sv.SGD(0.1, 2), sv.Recursion(), STEPS).risk
    risk = ds.risk.sel(alpha=0.7)
    np.testing.assert_allclose(risk, np.broadcast_to(expected, risk.shape), rtol=1e-12)


def test_divergence_is_data(theory):
    assert theory.attrs["cells_divergent"] == 4
    codes = dict(zip(theory.result.flag_meanings.split(), theory.result.flag_values, strict=True))
    assert (theory.result.sel(learning_rate=9.0) == codes["divergent"]).all()
    assert (theory.result.sel(learning_rate=RATES) == codes["success"]).all()


def test_the_dataset_follows_the_schema(theory, simulation):
    for ds in (theory, simulation):
        assert validate(ds) is ds
        assert {"wall_seconds", "key", "device", "dtype", "jax_version"} <= set(ds.attrs)
        config = json.loads(ds.attrs["config"])
        assert config["axes"][0] == {"dim": "width", "names": ["width"], "values": [[8], [12]]}
        assert set(ds.data_vars) == {"risk", "stderr", "result", "error"}
    assert theory.risk.dtype == np.float64
    assert simulation.risk.dtype == np.float32
    assert theory.risk.dims == ("width", "learning_rate", "seed", "step")


def test_steps_may_depend_on_the_cell():
    """An IsoFLOP grid: width * steps = compute."""
    steps = lambda width, compute: sv.log_steps(compute // width, 5)  # noqa: E731
    axes = {"width": [8, 12], "compute": [100, 2000]}
    ds = sv.sweep(lambda width: build(width), axes, sv.Recursion(), steps)
    assert ds.risk.dims == ("width", "compute", "record")
    for width in (8, 12):
        for compute in (100, 2000):
            expected = steps(width, compute)
            cell = ds.sel(width=width, compute=compute)
            np.testing.assert_array_equal(cell.step.dropna("record"), expected)
            risk = sv.solve(build(width)[0], build(width)[1], sv.Recursion(), expected).risk
            np.testing.assert_allclose(cell.risk.dropna("record"), risk, rtol=1e-11)


def test_walks_of_different_lengths_compile_once():
    axes = {"width": [9, 12], "seed": [0], "compute": [900, 1800]}
    steps = lambda width, compute: [0, compute // width]  # noqa: E731
    plan = sv.plan(lambda width: build(width), axes, sv.Simulation(), steps, key=KEY)
    assert (plan.cells, plan.compilations) == (4, 1)


def test_failures_stay_with_their_cells():
    def fragile(width, learning_rate):
        if width == 10:
            raise RuntimeError("no such width")
        return build(width, learning_rate)

    axes = {"width": [8, 10], "learning_rate": [0.1, -1.0], "seed": [0]}
    ds = sv.sweep(fragile, axes, sv.Recursion(), STEPS, key=KEY)
    np.testing.assert_array_equal(ds.result.squeeze("seed"), [[0, -1], [-1, -1]])
    assert "RuntimeError: no such width" in ds.error.sel(width=10).values.ravel()[0]
    said = str(ds.error.sel(width=8, learning_rate=-1.0).item())
    assert "learning_rate: wanted one finite number > 0; got -1" in said
    assert np.isfinite(ds.risk.sel(width=8, learning_rate=0.1)).all()
    with pytest.raises(RuntimeError, match="no such width"):
        sv.sweep(fragile, axes, sv.Recursion(), STEPS, key=KEY, on_error="raise")
    with pytest.raises(ValueError, match="every one of them, the first: no such width"):
        sv.sweep(fragile, {"width": [10], "learning_rate": [0.1]}, sv.Recursion(), STEPS)


def test_memory_that_runs_out_halves_the_tile(monkeypatch, theory):
    from solvable.sweeps.program import Program

    lanes, each = [], Program.each

    def small(self, function, tiles, *common):
        lanes.append(self.group.lanes)
        if self.group.lanes > 8:
            raise MemoryError("RESOURCE_EXHAUSTED: out of memory")
        return each(self, function, tiles, *common)

    monkeypatch.setattr(Program, "each", small)
    axes = {"width": [8, 12], "learning_rate": [*RATES, 9.0], "seed": [5, 1]}
    ds = sv.sweep(build, axes, sv.Recursion(), STEPS, key=KEY)
    assert min(lanes) == 8 < max(lanes)
    assert ds.attrs["cells_failed"] == 0
    np.testing.assert_array_equal(ds.risk, theory.risk)


def reused(width, samples=10, batch_size=3):
    model = sv.PowerLawRF(alpha=1.0, beta=0.5, width=width, ambient=4 * width, samples=samples)
    return model, sv.SGD(0.1, batch_size)


ALONE = {
    "direct": (build, sv.Simulation(2, "direct")),
    "adam": (lambda width: (build(width)[0], sv.Optax(optax.adam(1e-2), 2)), sv.Simulation(2)),
    "replacement": (reused, sv.Simulation(2)),
    "epochs": (reused, sv.Simulation(2, order="epochs")),
    "full batch": (lambda width: reused(width, batch_size=None), sv.Simulation(2)),
    "flow": (lambda width: (reused(width)[0], sv.GradientFlow(0.1)), sv.Simulation(2)),
}
SLOW_ALONE = ("adam", "epochs", "full batch", "direct")  # their walks are in test_sweep_store.py too


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=pytest.mark.slow if kind in SLOW_ALONE else ()) for kind in ALONE]
)
def test_what_cannot_be_stacked_is_solve_with_the_cell_s_key(kind):
    """Adam in the original basis, ambient features, finite data: cell by cell, each with its own shape."""
    make, method = ALONE[kind]
    axes = {"width": [8, 12] if kind in SLOW_ALONE else [12], "seed": [0, 1]}
    plan = sv.plan(make, axes, method, STEPS, key=KEY)
    assert all(not group.stacked for group in plan.groups)
    ds = sv.sweep(make, axes, method, STEPS, key=KEY, on_error="raise")
    again = sv.sweep(make, {"width": [12], "seed": [1]}, method, STEPS, key=KEY)
    np.testing.assert_array_equal(ds.risk.sel(width=[12], seed=[1]), again.risk)
    last = plan.cells - 1
    problem, (_, algorithm) = plan.recipe.problem(last), make(12)
    curve = sv.solve(problem, algorithm, method, STEPS, key=plan.recipe.run_key(last))
    cell = ds.sel(plan.recipe.values(last))
    np.testing.assert_allclose(cell.risk, curve.risk, rtol=2e-5)
    np.testing.assert_allclose(cell.stderr, curve.stderr, rtol=2e-3, atol=1e-6)
    assert ("train_risk" in ds) == (curve.train_risk is not None)
    if curve.train_risk is not None:
        np.testing.assert_allclose(cell.train_risk, curve.train_risk, rtol=2e-5, atol=1e-6)
        np.testing.assert_allclose(cell.train_stderr, curve.stats["train_stderr"], rtol=2e-3, atol=1e-6)


THEORIES = {
    "dmft": (lambda samples: reused(8, samples, None), sv.DMFT(), {}, [0, 3, 10]),
    "exact": (lambda samples: reused(8, samples, None), sv.Exact(), {"seed": [2]}, [0, 3, 10]),
    "ridge": (lambda samples: (reused(8, samples)[0], sv.Ridge(0.01)), sv.DeterministicEquivalent(), {}, None),
}


@pytest.mark.parametrize(
    "theory", [pytest.param(name, marks=() if name == "ridge" else pytest.mark.slow) for name in THEORIES]
)
def test_a_theory_s_training_risk_is_that_of_solve(theory):
    """To the last bit; NaN for a fresh stream, which has no training data."""
    make, method, seeds, steps = THEORIES[theory]
    samples = [5, 12, None] if theory == "dmft" else [5, 12]
    ds = validate(sv.sweep(make, {"samples": samples, **seeds}, method, steps, key=KEY, on_error="raise"))
    for index, count in enumerate(samples):
        model, algorithm = make(count)
        model = model.draw(jax.random.fold_in(stream(KEY, "draw"), 2)) if seeds else model
        curve, cell = sv.solve(model, algorithm, method, steps), ds.isel(samples=index)
        np.testing.assert_array_equal(cell.risk.values.ravel(), curve.risk)
        expected = np.nan if count is None else curve.train_risk
        np.testing.assert_array_equal(cell.train_risk.values.ravel(), np.broadcast_to(expected, curve.risk.shape))
        assert (cell.train_stderr == 0).all() == (count is not None)
    assert "training" in ds.train_risk.long_name


def test_schedules_share_a_program_by_what_they_do():
    """Functions made anew for every cell are compared by their effect, not by their identity."""

    def scheduled(width, peak):
        return build(width)[0], sv.SGD(optax.linear_schedule(peak, 0.0, 100), 2)

    axes = {"width": [8, 9, 10], "peak": [0.1, 0.2], "seed": [0]}
    assert sv.plan(scheduled, axes, sv.Simulation(), STEPS, key=KEY).compilations == 2


def test_the_plan_says_what_will_happen():
    axes = {"width": [20, 60, 100], "learning_rate": np.geomspace(0.01, 1, 20), "seed": range(16)}
    plan = sv.plan(build, axes, sv.Simulation(2), sv.log_steps(10_000, 50), key=KEY)
    assert plan.cells == 960
    assert sum(plan.groups.values()) == 960
    assert plan.compilations == 2  # widths 20 and 60 share a shape
    assert plan.chunk_size <= 960
    text = str(plan)
    for said in ("960 (width 3 x learning_rate 20 x seed 16)", "compilations  2", "operations", "free on this cpu"):
        assert said in text
    assert json.loads(json.dumps(plan.as_dict()))["cells"] == 960


@pytest.mark.parametrize("kind", ["data", "adam"])
def test_long_walks_that_cannot_be_stacked_are_chunks_of_their_own(kind):
    """Their work is that of the arrays they touch; a finished chunk is what nobody does again."""
    adam = sv.Optax(optax.adam(1e-2), 2)
    make = {"data": lambda size: reused(64, size), "adam": lambda size: (sv.LinearRegression(width=size), adam)}[kind]
    for last, cells in ((10, 2), (10**7, 1)):
        plan = sv.plan(make, {"size": [100, 200], "seed": [0, 1]}, sv.Simulation(), [0, last], key=KEY)
        assert (plan.chunk_size, plan.compilations) == (cells, 2)


def test_padding_spans_at_most_eight_times():
    from solvable.sweeps.groups import NARROWEST, bucket

    for modes in range(1, 5000, 7):
        assert modes <= bucket(modes) <= max(8 * modes, NARROWEST)


def test_progress_is_told():
    calls = []
    sv.sweep(build, {"width": [8]}, sv.Recursion(), STEPS, progress=lambda *call: calls.append(call))
    done, total, info = calls[-1]
    assert (done, total) == (1, 1)
    assert info["cells_per_second"] > 0
    assert info["seconds_left"] == 0


def test_no_bar_in_a_pipe(capfd):
    sv.sweep(build, {"width": [8]}, sv.Recursion(), STEPS)
    assert capfd.readouterr() == ("", "")


BAD = [
    ({"axes": {}}, "axes: wanted a mapping from names to values"),
    ({"axes": {"width": []}}, r"axes\['width'\]: wanted at least one value; got none"),
    ({"axes": {"width": 8}}, r"axes\['width'\]: wanted a list or an array of values; got 8"),
    ({"axes": {"width": [8, 8]}}, r"axes\['width'\]: wanted distinct values"),
    ({"axes": {"width": [8], "learnig_rate": [0.1]}}, r"neither takes \['learnig_rate'\]"),
    ({"axes": {"width": [8], "step": [1]}}, "axes: wanted names other than"),
    ({"axes": {"width": [8], "train_risk": [1]}}, "axes: wanted names other than"),
    ({"axes": {"width": [8], "point": [1]}}, "axes: wanted names other than"),
    ({"axes": {"width": [2**70]}}, r"axes\['width'\]: wanted integers of 64 bits; got one of 71 bits"),
    ({"axes": {"width": ["\ud800"]}}, r"axes\['width'\]: wanted printable texts"),
    ({"axes": {"width": ["a\0"]}}, r"axes\['width'\]: wanted printable texts"),
    ({"axes": {"width": [1, True]}}, r"axes\['width'\]: wanted values of one kind.*got bool, int"),
    ({"axes": {"width": [1, "1"]}}, r"axes\['width'\]: wanted values of one kind"),
    ({"axes": {"width": [None, "a"]}}, r"axes\['width'\]: wanted values of one kind"),
    ({"axes": {"width": [0.0, -0.0]}}, r"axes\['width'\]: wanted distinct values"),
    ({"axes": {"width": [1, 1.0]}}, r"axes\['width'\]: wanted distinct values"),
    ({"axes": {"width": [2**60, 0.5]}}, r"axes\['width'\]: wanted integers up to 2\^53 beside floats"),
    ({"shard": (False, True)}, r"shard: wanted \(i, n\)"),
    ({"mesh": 2}, "mesh: wanted a jax.sharding.Mesh or None; got 2"),
    ({"axes": {"width": [8], "seed": [0.5]}}, r"axes\['seed'\]: wanted integers from 0"),
    ({"axes": {("width", "learning_rate"): [(8,)]}}, "wanted 2 values at each position"),
    ({"axes": {"width": [8], "seed": [0]}, "key": None}, "key: wanted jax.random.key"),
    ({"steps": [3, 1]}, "steps: wanted strictly increasing values"),
    ({"method": "recursion"}, "method: wanted an instance of AbstractMethod; got 'recursion'"),
    ({"build": 3}, "build: wanted a function"),
    ({"build": lambda width: sv.PowerLawRF(width=width)}, r"build: wanted a pair \(model, algorithm\)"),
    ({"chunk": 0}, "chunk: wanted a number of cells >= 1"),
    ({"on_error": "ignore"}, "on_error: wanted 'record' or 'raise'"),
    ({"shard": (2, 2)}, r"shard: wanted \(i, n\) with 0 <= i < n"),
    ({"shard": (0, 2)}, "shard: wanted a store"),
    ({"executor": object()}, "executor: wanted a store"),
    ({"progress": 3}, "progress: wanted None, a bool or a function"),
]


@pytest.mark.parametrize(("change", "message"), BAD, ids=[m[:40] for _, m in BAD])
def test_impossible_arguments_are_refused(change, message):
    given = {"build": build, "axes": {"width": [8]}, "method": sv.Recursion(), "steps": STEPS, "key": KEY, **change}
    with pytest.raises(ValueError, match=message):
        sv.sweep(**given)


def test_axes_of_any_name_and_value():
    axes = parse_axes({"rule": ["sgd", "adam"], "batch_size": [1, None], ("a", "b"): [(1, 2)], ("c", "d"): [(3, 4)]})
    assert [axis.dim for axis in axes] == ["rule", "batch_size", "a_b", "c_d"]
    named = lambda rule, batch_size: (build(8)[0], sv.SGD({"slow": 0.01, "fast": 0.1}[rule], batch_size))  # noqa: E731
    ds = sv.sweep(named, {"rule": ["slow", "fast"], "batch_size": [1, None]}, sv.Recursion(), STEPS)
    assert validate(ds).risk.dims == ("rule", "batch_size", "step")
    assert np.isnan(ds.batch_size[1])
    assert re.match("rule batch_size", ds.attrs["axes"])


def test_what_build_sees_is_what_the_coordinate_holds():
    (axis,) = parse_axes({"learning_rate": [1, 0.5]})
    assert [type(value) for (value,) in axis.values] == [float, float]


def test_compiled_programs_are_kept_in_a_folder(tmp_path):
    """For the length of the sweep, also in a process that has compiled before; the configuration is left as it was."""
    jax.jit(lambda x: x + 1)(1)
    names = [name for name in jax.config.values if "cache" in name]
    before = {name: jax.config.values[name] for name in names}
    axes = {"width": [5], "learning_rate": [0.15], "seed": [0]}
    sv.sweep(build, axes, sv.Simulation(5), [0, 4], key=KEY, compilation_cache=tmp_path / "cache")
    assert {name: jax.config.values[name] for name in names} == before
    kept = len(list((tmp_path / "cache").iterdir()))
    assert kept > 0
    jax.jit(lambda x: x * 3 + 2)(np.arange(7.0))
    assert len(list((tmp_path / "cache").iterdir())) == kept


@pytest.mark.slow
def test_the_documentation_runs(tmp_path, monkeypatch):
    """Every Python block of docs/sweeps.md, in order."""
    from pathlib import Path

    text = (Path(__file__).parent.parent / "docs" / "sweeps.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(block, names)
    assert (tmp_path / "rates.nc").exists()
    assert names["flops"].risk.dims == ("width", "compute", "record")
