"""A draw of a finite data set: its law, its lowered form, and the duality of width and samples."""

import jax
import numpy as np
import pytest

import solvable as sv
from solvable.models import DataSets
from solvable.numerics.padding import rounded_up

KEY = jax.random.key(3)
MODEL = sv.PowerLawRF(0.8, 0.6, 12, 40, noise=0.2)
SIZES = (7, 12, 30)  # samples below, at and above the width


@pytest.fixture(scope="module")
def features():
    return MODEL.draw(KEY)


def with_data(problem, samples, key=KEY):
    return sv.models.FiniteProblem.gaussian(problem, key, samples)


def test_a_model_with_samples_draws_features_and_data():
    model = sv.PowerLawRF(0.8, 0.6, 12, 40, noise=0.2, samples=9)
    problem = model.draw(KEY)
    assert isinstance(problem, sv.models.FiniteProblem)
    assert problem.features.shape == (9, 12)
    np.testing.assert_array_equal(problem.eigvals, MODEL.draw(KEY).eigvals)
    regression = sv.LinearRegression(width=5, samples=6).draw(KEY)
    assert regression.features.shape == (6, 5)
    # The law of data sets for the same features.
    again = DataSets(problem.problem, 9).draw(jax.random.key(8))
    np.testing.assert_array_equal(again.eigvals, problem.eigvals)
    assert not np.allclose(again.features, problem.features)


def test_more_samples_extend_fewer(features):
    few, many = (with_data(features, n) for n in (7, 30))
    np.testing.assert_array_equal(many.features[:7], few.features)
    np.testing.assert_allclose(many.targets[:7], few.targets, rtol=1e-14)


def test_data_have_the_moments_of_the_gaussian_reduction(features):
    count = 20_000
    data = with_data(features, count)
    squares = np.asarray(data.features) ** 2 / np.asarray(features.eigvals)
    noise = np.asarray(data.targets) - np.asarray(data.features) @ np.asarray(features.target)
    z = (squares.mean(0) - 1) / np.sqrt(2 / count)
    assert np.abs(z).max() < 4.5
    assert abs((noise**2).mean() / float(features.floor) - 1) < 4.5 * np.sqrt(2 / count)
    overlap = (noise[:, None] * data.features / np.sqrt(features.eigvals)).mean(0) / np.sqrt(features.floor / count)
    assert np.abs(overlap).max() < 4.5


def test_ambient_data_give_the_same_law_of_the_risk(features):
    """Ridge risk over 300 data sets, in the Gaussian reduction and from ambient inputs: equal means within errors."""
    draw = features.ambient_draw()
    labels, noise = draw.readout, draw.noise
    rotated, rng, count = np.asarray(draw.features()) @ np.asarray(features.basis()), np.random.default_rng(0), 300
    ambient, reduced = [], []
    for i in range(count):
        z = rng.standard_normal((10, len(labels)))
        targets = z @ labels + float(noise) * rng.standard_normal(10)
        for found, data in (
            (ambient, sv.models.FiniteProblem(features, z @ rotated, targets)),
            (reduced, with_data(features, 10, jax.random.fold_in(KEY, i))),
        ):
            found.append(float(sv.solve(data, sv.Ridge(0.05), sv.Exact()).risk[0]))
    spread = np.hypot(np.std(ambient, ddof=1), np.std(reduced, ddof=1)) / np.sqrt(count)
    assert abs(np.mean(ambient) - np.mean(reduced)) < 4.5 * spread


def test_population_risk_training_risk_and_batches(features):
    data, params = with_data(features, 9), np.linspace(-1, 1, 12)
    residual = np.asarray(data.features) @ params - np.asarray(data.targets)
    with jax.enable_x64(True):
        assert float(data.train_risk(params)) == pytest.approx((residual**2).mean(), rel=1e-14)
        assert float(data.risk(params)) == pytest.approx(float(features.risk(params)), rel=1e-14)
        rows, targets = data.batch(KEY, 50)
    known = {(float(y), *map(float, row)) for y, row in zip(data.targets, data.features, strict=True)}
    seen = {(float(y), *map(float, row)) for y, row in zip(targets, rows, strict=True)}
    assert seen <= known
    assert len(seen) > 5


@pytest.mark.parametrize("samples", SIZES)
def test_the_lowered_form_gives_both_risks_of_any_reachable_parameters(features, samples):
    data = with_data(features, samples)
    s = data.sample()
    assert s.eigvals.shape == (min(samples, 12),)
    np.testing.assert_allclose(s.rows.T @ s.rows / samples, np.diag(s.eigvals), atol=1e-13)
    steps = np.random.default_rng(1).standard_normal(len(s.eigvals))
    directions = s.root / np.sqrt(data.eigvals)
    np.testing.assert_allclose(directions @ directions.T, np.eye(len(directions)), atol=1e-11)
    params = np.asarray(data.initial) - steps @ directions
    residual = np.asarray(data.features) @ params - np.asarray(data.targets)
    np.testing.assert_allclose(s.residual - s.rows @ steps, residual, rtol=1e-11, atol=1e-12)
    lowered = s.floor + ((s.offset - steps @ s.root) ** 2).sum()
    delta = params - np.asarray(data.target)
    assert lowered == pytest.approx(float(data.floor) + (np.asarray(data.eigvals) * delta**2).sum(), rel=1e-12)
    gradient = np.asarray(data.features).T @ (np.asarray(data.features) @ np.asarray(data.initial) - data.targets)
    np.testing.assert_allclose(s.gradient, directions @ gradient / samples, atol=1e-12)


def padded(data):
    """The same problem and data with three absent modes and five absent samples."""
    eigvals, target = (np.pad(x, (0, 3)) for x in (data.eigvals, data.target))
    population = sv.LinearProblem(eigvals, target, data.floor)
    features, targets = np.pad(data.features, ((0, 5), (0, 3))), np.pad(data.targets, (0, 5))
    return sv.models.FiniteProblem(population, features, targets, len(data.targets))


@pytest.mark.parametrize("samples", [7, pytest.param(12, marks=pytest.mark.slow), 30])
def test_absent_modes_and_absent_samples_change_nothing_in_theory(features, samples):
    data = with_data(features, samples)
    for algorithm, steps in (
        (sv.SGD(0.3, None), [0, 1, 10, 10**6]), (sv.SGD(0.3, 2), [0, 1, 10]), (sv.Ridge(0.0), None)
    ):  # fmt: skip
        plain, absent = (sv.solve(p, algorithm, sv.Exact(), steps) for p in (data, padded(data)))
        np.testing.assert_allclose(absent.risk, plain.risk, rtol=1e-11)
        np.testing.assert_allclose(absent.train_risk, plain.train_risk, rtol=1e-11, atol=1e-14)


@pytest.mark.slow
def test_absent_modes_and_absent_samples_change_nothing_in_simulation(features):
    data = with_data(features, 7)
    plain, absent = (sv.solve(p, sv.Ridge(0.0), sv.Simulation(), key=KEY) for p in (data, padded(data)))
    np.testing.assert_allclose(absent.risk, plain.risk, rtol=1e-9)
    plain, absent = (
        sv.solve(p, sv.SGD(0.3, 2), sv.Simulation(4), [0, 1, 10], key=KEY).stats["runs"] for p in (data, padded(data))
    )
    np.testing.assert_allclose(plain, absent, rtol=2e-6)


def test_more_features_than_inputs():
    """Width above ambient: the features span the inputs, and enough data teach the target exactly."""
    data = sv.PowerLawRF(0.8, 0.6, 30, 10, samples=15).draw(KEY)
    assert int((np.asarray(data.eigvals) > 0).sum()) == 10
    curve = sv.solve(data, sv.Ridge(0.0), sv.Exact())
    assert curve.risk[0] < 1e-18


def isotropic_risk(inputs, features, eigvals, penalty):
    """Exact ridge risk summed over the teachers e_1, e_2, ...: inputs (samples, ambient), features (ambient, width)."""
    root = np.sqrt(eigvals)
    factor = root[:, None] * features / np.sqrt(features.shape[1])
    lam, vectors = np.linalg.eigh(factor.T @ factor)
    rotated = factor @ vectors
    total = 0.0
    for teacher in np.diag(root):
        best = np.linalg.lstsq(rotated, teacher, rcond=None)[0]
        floor = ((teacher - rotated @ best) ** 2).sum()
        problem = sv.LinearProblem(lam, best, floor)
        data = sv.models.FiniteProblem(problem, inputs @ rotated, inputs @ teacher)
        total += float(sv.solve(data, sv.Ridge(penalty), sv.Exact()).risk[0])
    return total


@pytest.mark.parametrize("penalty", [0.0, 0.03])
def test_width_and_samples_are_dual_path_by_path(penalty):
    """Swapping the features' and the data's Gaussians swaps nothing in the risk: isotropic teacher, no label noise."""
    rng = np.random.default_rng(5)
    features, inputs = rng.standard_normal((14, 5)), rng.standard_normal((8, 14))
    eigvals = np.arange(1.0, 15) ** -1.6
    here = isotropic_risk(inputs, features, eigvals, penalty)
    there = isotropic_risk(features.T, inputs.T, eigvals, penalty)
    assert here == pytest.approx(there, rel=1e-13)


BAD = {
    "features width": (lambda p: sv.models.FiniteProblem(p, np.ones((4, 3)), np.ones(4)), "features"),
    "targets": (lambda p: sv.models.FiniteProblem(p, np.ones((4, 12)), np.ones(3)), "targets"),
    "nan": (lambda p: sv.models.FiniteProblem(p, np.full((4, 12), np.nan), np.ones(4)), "features"),
    "no samples": (lambda p: sv.models.FiniteProblem(p, np.ones((0, 12)), np.ones(0)), "features"),
    "samples above rows": (lambda p: sv.models.FiniteProblem(p, np.ones((4, 12)), np.ones(4), 5), "samples"),
    "samples real": (lambda p: with_data(p, 3.5), "samples"),
    "samples zero": (lambda p: with_data(p, 0), "samples"),
    "key": (lambda p: sv.models.FiniteProblem.gaussian(p, 0, 3), "key"),
    "one pass": (lambda p: sv.solve(with_data(p, 3), sv.SGD(), sv.Recursion(), [1]), "samples"),
    "fresh stream": (lambda p: sv.solve(p, sv.SGD(), sv.Exact(), [1]), "samples"),
    "a model": (lambda p: sv.solve(sv.PowerLawRF(samples=9), sv.SGD(), sv.Exact(), [1]), "model"),
}


@pytest.mark.parametrize("case", BAD)
def test_impossible_data_are_refused_by_name(features, case):
    build, name = BAD[case]
    with pytest.raises(ValueError, match=rf"{name}.*wanted"):
        build(features)


def test_padded_sizes_are_at_most_half_again_as_large():
    sizes = [rounded_up(n) for n in range(1, 3000)]
    assert all(n <= size <= max(1.5 * n, n) for n, size in zip(range(1, 3000), sizes, strict=True))
    assert len(set(sizes)) == 23  # two an octave up to 4096


@pytest.mark.slow
def test_a_map_over_width_and_samples_is_one_sweep():
    def build(width, samples):
        return sv.PowerLawRF(0.8, 0.6, width, 40, samples=samples), sv.Ridge(0.02)

    found = sv.sweep(build, axes={"width": [5, 8], "samples": [6, 9, 20]}, method=sv.Simulation(3), steps=None, key=KEY)
    assert found.risk.sizes["width"] == 2
    assert found.risk.sizes["samples"] == 3
    assert np.isfinite(found.risk).all()
