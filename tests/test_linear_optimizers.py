"""One row (K, b) of a table gives an optimizer's steps, its moments, its stability and its filter on fixed data."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from rows import ROWS

import solvable as sv

KEY = jax.random.key(0)
K = np.arange(1.0, 11)
LAM = K**-1.4
PROBLEM = sv.LinearProblem(LAM, K**-0.6, 0.2)
RATE = 2 * 0.25 / LAM.sum()


def plain_curve(algorithm, problem, count):
    """Section 1.6 of the formulas, mode by mode and moment matrix by moment matrix, in NumPy."""
    lam, target, start = (np.asarray(x, float) for x in (problem.eigvals, problem.target, problem.initial))
    c, d = (np.array(x) for x in algorithm.origin)
    q, noise = np.array(algorithm.judged, float), 0 if algorithm.batch_size is None else 1 / algorithm.batch_size
    s = (start - target)[:, None] * c + target[:, None] * d
    moments, out = s[:, :, None] * s[:, None, :], []
    for t in range(count):
        out.append(problem.floor + (lam * np.einsum("dij,i,j->d", moments, q, q)).sum())
        risk = problem.floor + (lam * moments[:, 0, 0]).sum()
        with jax.enable_x64(True):
            decay, b = (np.asarray(x, float) for x in algorithm.linear_map(t))
        a = np.broadcast_to(np.eye(len(b)) - decay, (len(lam), len(b), len(b))).copy()
        b = b * (lam[:, None] ** -0.5 if isinstance(algorithm, sv.Preconditioned) else np.ones((len(lam), 1)))
        a[:, :, 0] -= lam[:, None] * b
        fed = noise * (lam**2 * moments[:, 0, 0] + lam * risk)
        moments = a @ moments @ a.transpose(0, 2, 1) + b[:, :, None] * b[:, None, :] * fed[:, None, None]
    return np.array(out)


@pytest.mark.parametrize("name", ROWS)
def test_the_moments_of_a_row_give_the_printed_risks(name):
    row, golden = ROWS[name]
    with jax.enable_x64(True):
        curve = sv.solve(PROBLEM, row(RATE), sv.Recursion(), [5, 20, 40])
    np.testing.assert_allclose(curve.risk, golden, rtol=2e-5)


@pytest.mark.parametrize("batch_size", [3, pytest.param(None, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", ROWS)
def test_the_moments_of_a_row_are_those_of_the_matrix_recursion(name, batch_size):
    """Started away from zero, where weight decay needs the overlap of the start with the target."""
    start = np.random.default_rng(0).normal(size=10)
    problem = sv.LinearProblem(LAM, K**-0.6, 0.2, start)
    with jax.enable_x64(True):
        algorithm = ROWS[name][0](0.3, batch_size)
        risk = sv.solve(problem, algorithm, sv.Recursion(), range(60)).risk
    np.testing.assert_allclose(risk, plain_curve(algorithm, problem, 60), rtol=1e-12)


# One of each: plain, averaged, decayed, in time.
WALKED = ("heavy ball", "linear decay")


@pytest.mark.parametrize("name", [pytest.param(n, marks=[] if n in WALKED else [pytest.mark.slow]) for n in ROWS])
def test_the_steps_of_a_row_agree_with_its_moments(name):
    """4000 runs started away from zero: every recorded mean within 4.5 standard errors, and within 4 percent."""
    start = np.random.default_rng(1).normal(size=10)
    problem = sv.LinearProblem(LAM, K**-0.6, 0.2, start)
    check = sv.check(
        problem, ROWS[name][0](0.2), sv.Recursion(), [0, 1, 2, 5, 10, 25, 50], key=KEY,
        simulation=sv.Simulation(num_runs=4000),
    )  # fmt: skip
    check.assert_close(z=4.5)
    assert np.abs(check.relative_error).max() < 0.04


FILTERED = ["heavy ball", "Nesterov", "EMA", "heavy ball, EMA", "lookahead", "schedule-free"]


@pytest.mark.parametrize("name", [FILTERED[0], *(pytest.param(n, marks=pytest.mark.slow) for n in FILTERED[1:])])
def test_the_filter_of_a_row_is_full_batch_training(name):
    """On one data set the closed form in time equals the step loop, test and training risk."""
    data = sv.PowerLawRF(0.7, 0.6, 12, 48, noise=0.2, samples=20).draw(KEY)
    steps = [0, 1, 2, 7, 40, 200]
    with jax.enable_x64(True):
        algorithm = ROWS[name][0](0.2, None)
        exact = sv.solve(data, algorithm, sv.Exact(), steps)
        run = sv.solve(data, algorithm, sv.Simulation(), steps, key=KEY)
    np.testing.assert_allclose(exact.risk, run.risk, rtol=1e-9)
    np.testing.assert_allclose(exact.train_risk, run.train_risk, rtol=1e-9)


def test_a_row_that_remembers_the_target_has_no_filter():
    data = sv.PowerLawRF(0.7, 0.6, 12, 48, samples=20).draw(KEY)
    with pytest.raises(ValueError, match=r"algorithm: .*Exact\(\).*WeightDecay"):
        sv.solve(data, sv.WeightDecay(sv.SGD(0.2, None)), sv.Exact(), [0, 1])


@pytest.mark.parametrize(
    ("row", "momentum", "threshold"),
    [
        (sv.HeavyBall, 0.0, 0.847462),
        (sv.HeavyBall, 0.5, 0.539123),
        (sv.HeavyBall, 0.9, 0.119696),
        (sv.Nesterov, 0.5, 0.508302),
        (sv.Nesterov, 0.9, 0.174402),
    ],
)
def test_the_stability_threshold_of_a_row_is_the_printed_one(row, momentum, threshold):
    """30 modes k^-1.3, B = 2: where the spectral radius of the whole coupled map is 1."""
    lam = np.arange(1.0, 31) ** -1.3
    with jax.enable_x64(True):
        report = sv.stability(sv.LinearProblem(lam, lam), row(0.05, momentum, 2))
    assert float(report.critical_learning_rate) == pytest.approx(threshold, abs=6e-7)


@pytest.mark.parametrize("name", ["heavy ball", "Nesterov", "EMA", "weight decay", "preconditioned"])
@pytest.mark.slow
def test_the_kernel_norm_is_that_of_the_summed_moments(name):
    """sum_r lam [T^r i]_0 by a linear solve in NumPy, on the moments that noise reaches."""
    lam = np.arange(1.0, 31) ** -1.3
    with jax.enable_x64(True):
        algorithm = ROWS[name][0](0.1, 2)
        decay, injection = (np.asarray(f(jnp.asarray(lam), 0)) for f in (algorithm.decay, algorithm.injection))
        norm = float(sv.stability(sv.LinearProblem(lam, lam), algorithm).kernel_norm)
    reached = [0] if name == "weight decay" else list(range(injection.shape[1]))
    block = decay[:, reached][:, :, reached]
    total = np.linalg.solve(block, injection[:, reached, None])[:, 0, 0]
    assert norm == pytest.approx((lam * total).sum(), rel=1e-10)


@pytest.mark.slow
def test_heavy_ball_beyond_its_threshold_is_said_to_diverge():
    model, steps = sv.PowerLawRF(0.8, 0.6, 32, 128), [0, 10, 1000]
    limit = float(sv.stability(model, sv.HeavyBall(0.1, 0.8, 4)).critical_learning_rate)
    below, above = (sv.solve(model, sv.HeavyBall(f * limit, 0.8, 4), sv.Recursion(), steps) for f in (0.98, 1.02))
    assert below.result == sv.Result.SUCCESS
    assert above.result == sv.Result.DIVERGENT
    with pytest.raises(RuntimeError, match="diverges"):
        sv.solve(model, sv.HeavyBall(1.02 * limit, 0.8, 4), sv.Recursion(), steps, throw=True)


def test_a_growing_direction_is_seen_at_a_step_where_the_oscillation_passes_zero():
    """Heavy ball beyond 2 (1 + mu) / lambda turns its sign; at some steps its factor is small."""
    data = sv.models.FiniteProblem(sv.LinearProblem([1.0], [1.0]), np.ones((2, 1)), np.ones(2))
    for step in range(1, 8):
        grown = sv.solve(data, sv.HeavyBall(3.65, 0.8, None), sv.Exact(), [step])
        assert grown.result == sv.Result.DIVERGENT
        fine = sv.solve(data, sv.HeavyBall(3.55, 0.8, None), sv.Exact(), [step])
        assert fine.result == sv.Result.SUCCESS


def test_sgd_is_its_own_row():
    """The step that SGD writes out for speed is the one its row implies."""
    algorithm = sv.SGD(0.3, 4)
    params, grad = jnp.arange(5.0), jnp.ones(5)
    state = algorithm.init(params)
    written = algorithm.update(params, state, grad, 0)[0]
    derived = super(sv.SGD, algorithm).update(params, state, grad, 0)[0]
    np.testing.assert_array_equal(written, derived)
