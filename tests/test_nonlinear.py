"""Nonlinear random features: their test set is the population, linear ones are the known model, kernels are exact."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import solvable as sv
from solvable.models import arc_cosine, empirical_problem, kernel_eigvals, relu_ntk, sphere_eigvals

KEY = jax.random.key(6)


def small(**changes):
    return sv.NonlinearRF(**{"width": 20, "samples": 15, "dimension": 3, "num_test": 50, "noise": 0.1, **changes})


@pytest.mark.parametrize(
    "manifold", ["sphere", *(pytest.param(m, marks=pytest.mark.slow) for m in ("gaussian", "torus"))]
)
def test_the_population_risk_is_the_mean_squared_test_error(manifold):
    """Ridge by NumPy on the features themselves: the same test and training error as theory and simulation."""
    rng = np.random.default_rng(0)
    data = small(manifold=manifold).draw(KEY)
    basis = np.asarray(data.basis())
    train = np.asarray(data.features) @ basis.T
    test = rng.standard_normal((30, 20)) @ np.diag(rng.uniform(0.1, 1, 20))
    labels = rng.standard_normal(30)
    given = empirical_problem(train, data.targets, test, labels)
    params = np.linalg.solve(train.T @ train / 15 + 0.01 * np.eye(20), train.T @ data.targets / 15)
    for method in (sv.Exact(), sv.Simulation()):
        curve = sv.solve(given, sv.Ridge(0.01), method, key=KEY)
        assert curve.risk[0] == pytest.approx(((test @ params - labels) ** 2).mean(), rel=1e-9)
        assert curve.train_risk[0] == pytest.approx(((train @ params - data.targets) ** 2).mean(), rel=1e-9)


@pytest.mark.slow
def test_linear_features_are_the_linear_model():
    """Mean ridge risk over draws, measured on test sets, equals that of `PowerLawRF` in the Gaussian reduction."""
    index = np.arange(1.0, 25)
    linear = small(activation="linear", manifold="gaussian", dimension=24, alpha=0.8, width=12, samples=18,
                   target=lambda x: x @ index**-0.6, num_test=200)  # fmt: skip
    known = sv.PowerLawRF(0.8, 0.6, 12, 24, noise=0.1, samples=18)
    a, b = (sv.solve(m, sv.Ridge(0.02), sv.Simulation(150), key=KEY) for m in (linear, known))
    assert abs(a.risk[0] - b.risk[0]) < 4.5 * np.hypot(a.stderr[0], b.stderr[0])
    spread = np.hypot(a.stats["train_stderr"][0], b.stats["train_stderr"][0])
    assert abs(a.train_risk[0] - b.train_risk[0]) < 4.5 * spread


@pytest.mark.slow
def test_wider_extends_narrower_and_more_data_extend_fewer():
    base, wide, long = (small(**c) for c in ({}, {"width": 30}, {"samples": 40}))
    with jax.enable_x64(True):
        inputs = base.inputs(KEY, 40)
        np.testing.assert_array_equal(base.inputs(KEY, 10), inputs[:10])
        narrow, broad = base.features(KEY, inputs), wide.features(KEY, inputs)
        narrow, broad = np.asarray(narrow), np.asarray(broad)
    np.testing.assert_allclose(narrow * np.sqrt(20), broad[:, :20] * np.sqrt(30), rtol=1e-14)
    few, many = base.draw(KEY), long.draw(KEY)
    np.testing.assert_allclose(many.targets[:15], few.targets, rtol=1e-13)
    np.testing.assert_allclose(many.features[:15], few.features, atol=1e-13)
    np.testing.assert_array_equal(many.eigvals, few.eigvals)  # the same test set


def test_manifolds_have_their_dimension_and_radius():
    for manifold, columns in (("gaussian", 3), ("sphere", 4), ("torus", 6)):
        x = np.asarray(small(manifold=manifold).inputs(KEY, 3000))
        assert x.shape == (3000, columns)
        if manifold != "gaussian":
            np.testing.assert_allclose((x**2).sum(1), 1, rtol=1e-5)
            np.testing.assert_allclose(x.T @ x / 3000, np.eye(columns) / columns, atol=4.5 * columns**-1 * 3000**-0.5)


@pytest.mark.slow
def test_any_function_may_be_the_activation_and_sgd_runs_on_it():
    data = small(activation=lambda x: jnp.cos(2 * x), bias=1.0).draw(KEY)
    steps = [0, 1, 100]
    theory = sv.solve(data, sv.SGD(0.3, 4), sv.Exact(), steps)
    curve = sv.solve(data, sv.SGD(0.3, 4), sv.Simulation(400), steps, key=KEY)
    assert (np.abs(curve.risk - theory.risk)[1:] < 4.5 * curve.stderr[1:]).all()


@pytest.mark.parametrize("activation", ["relu", "erf"])
def test_wide_features_have_the_kernel_of_their_activation(activation):
    """width -> infinity: the arc-cosine kernel, and Williams' arcsine kernel of the error function."""
    wide = small(activation=activation, width=10_000)
    with jax.enable_x64(True):
        x = wide.inputs(KEY, 6)
        features, cosine = np.asarray(wide.features(KEY, x)), np.clip(x @ x.T, -1, 1)
        limit = arc_cosine(cosine) if activation == "relu" else 2 / np.pi * np.arcsin(2 * cosine / 3)
        limit = np.asarray(limit)
    products = features[:, None] * features[None] * 10_000
    stderr = products.std(2) / 100
    assert (np.abs(products.mean(2) - limit) < 4.5 * stderr).all()


@pytest.mark.parametrize("dimension", [1, 2, 3, 6])
def test_kernels_on_the_sphere_have_their_trace_and_exponents(dimension):
    """sum of eigenvalues = k(1); the i-th falls as i^-(1 + 1/m) (tangent kernel) or i^-(1 + 3/m) (arc-cosine)."""
    even = np.arange(150, 300, 2)
    for kernel, decay in ((relu_ntk, dimension + 1), (arc_cosine, dimension + 3)):
        eigvals, count = (np.asarray(x) for x in sphere_eigvals(kernel, dimension, 301))
        if decay <= 5:  # beyond, eigenvalues drown in rounding
            slope = np.polyfit(np.log(even + (dimension - 1) / 2), np.log(eigvals[even]), 1)[0]
            assert slope == pytest.approx(-decay, abs=0.002)
        tail = (eigvals * count)[298] * 299 / 2 / (decay - dimension)  # of the power law beyond, even degrees
        assert (eigvals * count).sum() + tail == pytest.approx(float(kernel(1.0)), rel=2e-5)
    # In the index i = number of eigenvalues of lower degree: 1 + alpha_K = decay / dimension.
    eigvals, count = (np.asarray(x) for x in sphere_eigvals(relu_ntk, dimension, 301))
    index = np.cumsum(np.where(np.arange(301) % 2 == 0, count, 0))[100::2]
    slope = np.polyfit(np.log(index), np.log(eigvals[100::2]), 1)[0]
    assert slope == pytest.approx(-(1 + 1 / dimension), abs=0.02)


def test_the_first_eigenvalues_on_the_circle_are_fourier_coefficients():
    eigvals, count = sphere_eigvals(arc_cosine, 1, 5)
    angle = np.linspace(0, 2 * np.pi, 200_000, endpoint=False)
    direct = [(np.asarray(arc_cosine(np.cos(angle))) * np.cos(degree * angle)).mean() for degree in range(5)]
    np.testing.assert_allclose(eigvals, direct, atol=1e-7)
    np.testing.assert_array_equal(count, [1, 2, 2, 2, 2])


def test_measured_eigenvalues_approach_the_closed_form():
    """The top of the spectrum of 1500 points on the 2-sphere, each degree's eigenvalues averaged."""
    with jax.enable_x64(True):
        x = np.asarray(small(dimension=2).inputs(KEY, 1500))
        measured = np.asarray(kernel_eigvals(np.asarray(arc_cosine(x @ x.T))))
    eigvals, count = (np.asarray(v) for v in sphere_eigvals(arc_cosine, 2, 5))
    start = 0
    for degree in (0, 1, 2, 4):
        block = measured[start : start + int(count[degree])]
        assert block.mean() == pytest.approx(eigvals[degree], rel=0.06)
        start += len(block)


BAD = {
    "activation": lambda: sv.NonlinearRF("gelu2"),
    "manifold": lambda: sv.NonlinearRF(manifold="cube"),
    "dimension": lambda: sv.NonlinearRF(dimension=0),
    "samples": lambda: sv.NonlinearRF(samples=0),
    "target": lambda: sv.NonlinearRF(target=3.0),
    "noise": lambda: sv.NonlinearRF(noise=-1.0),
    "model": lambda: sv.solve(sv.NonlinearRF(), sv.Ridge(), sv.DeterministicEquivalent()),
    "kernel": lambda: kernel_eigvals(np.array([[1.0, 2.0], [0.0, 1.0]])),
    "order": lambda: arc_cosine(0.5, 2),
    "features": lambda: empirical_problem(np.ones((3, 2)), np.ones(3), np.ones((3, 4)), np.ones(3)),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_impossible_is_refused_by_name(name):
    with pytest.raises(ValueError, match=f"^{name}: wanted"):
        BAD[name]()
