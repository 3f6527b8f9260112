"""A draw is the Gaussian reduction of frozen random features, and grows with the same key."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from solvable.models import LinearProblem, LinearRegression, PowerLawRF

KEY = jax.random.key(3)
ALPHA, BETA, WIDTH, AMBIENT = 0.7, 0.6, 24, 96


@pytest.fixture(scope="module")
def model():
    return PowerLawRF(ALPHA, BETA, WIDTH, AMBIENT, noise=0.2, init_std=0.5)


@pytest.fixture(scope="module")
def problem(model):
    return model.draw(KEY)


@pytest.fixture(scope="module")
def frozen(problem):
    """sqrt(D) W and sqrt(D) b, as the papers' own code draws from them."""
    draw = problem.ambient_draw()
    return np.asarray(draw.features()), np.asarray(draw.readout), float(draw.noise)


def raw_projection(problem, width, ambient):
    """W's Gaussians before the division by sqrt(width)."""
    features = np.asarray(problem.ambient_draw().features())
    return features * np.arange(1.0, ambient + 1)[:, None] ** ALPHA * math.sqrt(width)


def test_ambient_features_are_scaled_gaussians(frozen):
    raw = frozen[0] * np.arange(1.0, AMBIENT + 1)[:, None] ** ALPHA * math.sqrt(WIDTH)
    n = raw.size
    assert abs(raw.mean()) < 4.5 / math.sqrt(n)
    assert abs((raw**2).mean() - 1) < 4.5 * math.sqrt(2 / n)
    assert abs((raw**4).mean() - 3) < 4.5 * math.sqrt(96 / n)
    np.testing.assert_allclose(frozen[1], np.arange(1.0, AMBIENT + 1) ** -(ALPHA + BETA), rtol=1e-12)
    assert frozen[2] == pytest.approx(0.2, rel=1e-12)


def test_floor_and_target_by_least_squares(problem, frozen):
    """min_theta |sqrt(D) (W theta - b)|^2 + noise^2, by another algorithm."""
    features, labels, noise = frozen
    best = np.linalg.lstsq(features, labels, rcond=None)[0]
    residual = ((features @ best - labels) ** 2).sum()
    assert float(problem.floor) == pytest.approx(residual + noise**2, rel=1e-10)
    np.testing.assert_allclose(problem.basis() @ problem.target, best, rtol=1e-8, atol=1e-10)


def test_eigenbasis(problem, frozen):
    """The basis is orthogonal and diagonalises the feature covariance; eigenvalues decrease."""
    features, basis = frozen[0], np.asarray(problem.basis())
    np.testing.assert_allclose(basis.T @ basis, np.eye(WIDTH), atol=1e-12)
    np.testing.assert_allclose(
        basis.T @ features.T @ features @ basis, np.diag(problem.eigvals), atol=1e-12 * problem.eigvals[0]
    )
    assert (np.diff(problem.eigvals) <= 0).all()


def test_risk_is_the_ambient_mean_squared_error(problem, frozen):
    features, labels, noise = frozen
    params = np.random.default_rng(0).standard_normal(WIDTH)
    direct = ((features @ (problem.basis() @ params) - labels) ** 2).sum() + noise**2
    with jax.enable_x64(True):
        assert float(problem.risk(jnp.asarray(params))) == pytest.approx(direct, rel=1e-10)
    zero = np.zeros(WIDTH)
    assert float(problem.risk(zero)) == pytest.approx((labels**2).sum() + noise**2, rel=1e-10)


def test_a_batch_has_the_covariance_of_the_direct_features(problem, frozen):
    """Means over 20,000 samples of phi phi^T and y phi against the frozen matrices, in standard errors."""
    size = 20_000
    phi, y = (np.asarray(x, float) for x in problem.batch(jax.random.key(5), size))
    features, labels, noise = frozen
    rotated = features @ np.asarray(problem.basis())
    covariance, overlap, power = rotated.T @ rotated, rotated.T @ labels, (labels**2).sum() + noise**2
    scale = np.sqrt(np.diag(covariance))
    z = (phi.T @ phi / size - covariance) / (np.outer(scale, scale) * math.sqrt(2 / size))
    assert np.abs(z).max() < 5.5  # 600 entries
    z = (phi.T @ y / size - overlap) / (scale * math.sqrt(2 * power / size))
    assert np.abs(z).max() < 4.5
    assert (y**2).mean() == pytest.approx(power, rel=4.5 * math.sqrt(2 / size))


def test_a_wider_model_extends_a_narrower_one():
    narrow = PowerLawRF(ALPHA, BETA, 10, 40).draw(KEY)
    wide = PowerLawRF(ALPHA, BETA, 25, 100).draw(KEY)
    np.testing.assert_allclose(raw_projection(narrow, 10, 40), raw_projection(wide, 25, 100)[:40, :10], rtol=1e-6)


def test_the_same_key_is_the_same_draw(model, problem):
    again = model.draw(KEY)
    np.testing.assert_array_equal(again.eigvals, problem.eigvals)
    np.testing.assert_array_equal(again.target, problem.target)
    assert not np.allclose(model.draw(jax.random.key(4)).eigvals, problem.eigvals)


def test_initial_parameters(model, problem):
    """Independent Gaussians of standard deviation init_std; the draw of W does not move with it."""
    wide = PowerLawRF(ALPHA, BETA, 400, 401, init_std=0.5).draw(KEY)
    start = np.asarray(wide.initial)
    assert start.std() == pytest.approx(0.5, rel=4.5 / math.sqrt(800))
    at_zero = PowerLawRF(ALPHA, BETA, WIDTH, AMBIENT, noise=0.2).draw(KEY)
    np.testing.assert_array_equal(at_zero.eigvals, problem.eigvals)
    np.testing.assert_array_equal(at_zero.initial, 0)


def test_start_at_takes_original_coordinates(problem):
    params = np.random.default_rng(1).standard_normal(WIDTH)
    moved = problem.start_at(params)
    np.testing.assert_allclose(moved.basis() @ moved.initial, params, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(moved.eigvals, problem.eigvals)
    with pytest.raises(ValueError, match="params: wanted shape"):
        problem.start_at(params[:-1])


def test_a_square_projection_leaves_nothing_to_the_floor():
    problem = PowerLawRF(1.0, 0.7, 16, 16).draw(KEY)
    assert float(problem.floor) < 1e-20


def test_linear_regression_is_the_identity_projection():
    model = LinearRegression(ALPHA, BETA, 30, noise=0.1, init_std=0.3)
    problem, j = model.draw(KEY), np.arange(1.0, 31)
    np.testing.assert_allclose(problem.eigvals, j**-1.4, rtol=1e-14)
    np.testing.assert_allclose(problem.target, j**-0.6, rtol=1e-14)
    assert float(problem.floor) == pytest.approx(0.01, rel=1e-14)
    spectrum = model.spectrum()
    np.testing.assert_allclose(spectrum.error, 0.3**2 + j**-1.2, rtol=1e-14)
    assert float(spectrum.edge) == 1
    draw = problem.ambient_draw()
    np.testing.assert_allclose(draw.features().T @ draw.features(), np.diag(j**-1.4), rtol=1e-14, atol=1e-15)
    assert float(draw.noise) == pytest.approx(0.1)


def test_init_std_is_a_standard_deviation():
    """Independent Gaussians, other ones in every draw; the mean risk over draws is that of the law's spectrum."""
    model = LinearRegression(ALPHA, BETA, 2000, init_std=0.3)
    one, other = (np.asarray(model.draw(jax.random.key(i)).initial) for i in (0, 1))
    assert one.std() == pytest.approx(0.3, rel=4.5 / math.sqrt(4000))
    assert abs(np.corrcoef(one, other)[0, 1]) < 4.5 / math.sqrt(2000)
    small = LinearRegression(ALPHA, BETA, 6, init_std=0.3)
    starts = [float(p.risk(p.initial)) for p in (small.draw(jax.random.key(i)) for i in range(2000))]
    assert np.mean(starts) == pytest.approx(float(small.spectrum().start_risk), rel=0.04)
    assert np.std(starts) / math.sqrt(2000) < 0.04 / 3 * np.mean(starts)


def test_all_draws_of_a_regression_started_at_zero_are_one():
    assert LinearRegression(ALPHA, BETA, 6).deterministic
    assert not LinearRegression(ALPHA, BETA, 6, init_std=0.1).deterministic
    assert not LinearRegression(ALPHA, BETA, 6, samples=5).deterministic


def test_linear_problem_states_a_measured_spectrum():
    problem = LinearProblem([2.0, 0.5, 0.0], [1.0, -1.0, 0.0], floor=0.25, initial=[0.5, 0.0, 0.0])
    spectrum = problem.spectrum()
    np.testing.assert_array_equal(spectrum.mass, [1, 1, 0])
    np.testing.assert_allclose(spectrum.error, [0.25, 1, 0])
    assert float(problem.risk(problem.initial)) == pytest.approx(0.25 + 2 * 0.25 + 0.5)


def test_at_width_keeps_the_ratio():
    wider = PowerLawRF(ALPHA, BETA, 100, 400).at_width(250)
    assert wider.width == 250
    assert float(wider.ambient) == 1000
    assert math.isinf(PowerLawRF(1.0, BETA, 100, math.inf).at_width(300).ambient)
