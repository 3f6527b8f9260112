"""Settings that change in time cost what constant ones do: blocks of steps equal plain iteration, or are refused."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import solvable as sv
from solvable.arguments import as_real
from solvable.numerics.coupled_steps import Coupled, checked_block
from solvable.numerics.long_run import TOLERANCE
from solvable.numerics.sum_collocation import rule, scaled_rule
from solvable.theory import recursion

KEY = jax.random.key(0)
T = 200_000
STEPS = sv.log_steps(T, 12)
LAM = np.arange(1.0, 201) ** -1.5
PROBLEM = sv.LinearProblem(LAM, LAM**-0.5 * np.arange(1.0, 201) ** -1.0, 0.01)


class Shape(eqx.Module):
    """Every schedule that is tested, as one function of the step, so that it is compiled once."""

    peak: jax.Array = eqx.field(converter=as_real, default=0.1)
    horizon: jax.Array = eqx.field(converter=as_real, default=float(T))
    cosine: jax.Array = eqx.field(converter=as_real, default=0.0)
    decay_from: jax.Array = eqx.field(converter=as_real, default=np.inf)  # of the horizon; then linear to 0
    power: jax.Array = eqx.field(converter=as_real, default=0.0)
    warmup: jax.Array = eqx.field(converter=as_real, default=0.0)
    jumps: jax.Array = eqx.field(converter=as_real, default=0.0)  # at every step
    bump: jax.Array = eqx.field(converter=as_real, default=0.0)  # in the middle

    def __call__(self, t):
        part = t / self.horizon
        wave = jnp.where(self.cosine > 0, (1 + jnp.cos(jnp.pi * jnp.minimum(part, 1.0))) / 2, 1.0)
        falling = jnp.isfinite(self.decay_from)
        start = jnp.where(falling, self.decay_from, 0.0)
        line = jnp.where(falling, jnp.clip((1 - part) / (1 - start), 0.0, 1.0), 1.0)
        rise = jnp.minimum((t + 1) / jnp.maximum(self.warmup * self.horizon, 1.0), 1.0)
        extra = self.jumps * jnp.mod(t, 2.0) + self.bump * jnp.exp(-((20 * part - 10) ** 2))
        return self.peak * wave * line * rise * (1.0 + t) ** -self.power + extra


SHAPES = {
    "constant": Shape(),
    "cosine": Shape(cosine=1.0),
    "linear": Shape(decay_from=0.0),
    "WSD, 10% cooldown": Shape(decay_from=0.9),
    "1/sqrt": Shape(power=0.5),
    "warmup and cosine": Shape(cosine=1.0, warmup=0.02),
}


def close(risk, exact, floor=0.01):
    """1e-9 of the risk and 1e-7 of what is above the floor."""
    np.testing.assert_allclose(risk, exact, rtol=1e-9)
    np.testing.assert_allclose(risk - floor, exact - floor, rtol=1e-7)


@pytest.fixture(scope="module")
def iterated():
    """The risk under every schedule at STEPS: the plain recursion in NumPy, all schedules side by side."""
    with jax.enable_x64(True):
        rates = np.stack([np.asarray(jax.vmap(shape)(jnp.arange(T + 1.0))) for shape in SHAPES.values()], 1)
    moment, risks, record = np.tile(np.asarray(PROBLEM.spectrum().error), (len(SHAPES), 1)), [], set(STEPS.tolist())
    for t in range(T + 1):
        risk = 0.01 + moment @ LAM
        if t in record:
            risks.append(risk)
        x = rates[t][:, None] * LAM
        moment = moment - x * (2 - 1.5 * x) * moment + x * rates[t][:, None] / 2 * risk[:, None]
    return dict(zip(SHAPES, np.stack(risks, 1), strict=True))


@pytest.mark.parametrize("name", SHAPES)
def test_blocks_of_steps_equal_the_plain_iteration(iterated, name):
    """200,000 steps of every schedule, kinks not stated."""
    ours = sv.solve(PROBLEM, sv.SGD(SHAPES[name], 2), sv.Recursion(), STEPS).risk
    close(ours, iterated[name])


def visited(model, algorithm, steps, monkeypatch):
    """The same curve with every step visited."""
    with monkeypatch.context() as patch:
        patch.setattr(recursion, "SHORTEST_BLOCKS", recursion.LONGEST_SCAN)
        return sv.solve(model, algorithm, sv.Recursion(), steps).risk


@pytest.mark.parametrize("name", ["cosine", "WSD, 10% cooldown"])
def test_the_typical_draw_follows_the_same_blocks(name, monkeypatch):
    """On the complex nodes of a contour."""
    model, steps = sv.PowerLawRF(0.7, 0.6, 200, 800, noise=0.1), sv.log_steps(20_000, 12)
    algorithm = sv.SGD(eqx.tree_at(lambda s: s.horizon, SHAPES[name], np.asarray(2e4)), 2)
    ours = sv.solve(model, algorithm, sv.Recursion(), steps).risk
    close(ours, visited(model, algorithm, steps, monkeypatch), float(model.spectrum().floor.real))


@pytest.mark.parametrize(
    "algorithm",
    [
        sv.HeavyBall(SHAPES["cosine"], 0.8, 3),
        pytest.param(sv.DANA(0.025, 0.6, 1 / 1.4, 4.0, 3), marks=pytest.mark.slow),
        pytest.param(sv.HeavyBall(0.02, 0.8, 3), marks=pytest.mark.slow),
    ],
    ids=["cosine", "DANA", "constant"],
)
def test_rows_with_several_moments_follow_the_same_blocks(algorithm, monkeypatch):
    steps = sv.log_steps(20_000, 12)
    close(
        sv.solve(PROBLEM, algorithm, sv.Recursion(), steps).risk, visited(PROBLEM, algorithm, steps, monkeypatch)
    )


def test_a_trillion_steps_follow_the_power_law_of_a_million():
    """Noiseless, 1/sqrt, lam target^2 = lam^(1/2): the risk goes as (sum of rates)^(-1/2), until the modes run out."""
    lam = np.geomspace(1.0, 1e-14, 200)
    problem = sv.LinearProblem(lam, lam**-0.25, 0.0)
    steps = np.geomspace(10**6, 10**12, len(STEPS)).astype(int)
    risk = sv.solve(problem, sv.SGD(Shape(peak=0.02, power=0.5), 2), sv.Recursion(), steps).risk
    np.testing.assert_allclose(np.log10(risk[2:] / risk[:-2]), -0.25, atol=1e-3)


def test_a_trillion_steps_of_every_schedule_end_between_their_bounds():
    """A rate of 0 at the end leaves less than noise at the peak rate, and no less than the floor."""
    steps = sv.log_steps(10**12, 12)
    assert len(steps) == len(STEPS)
    for name, shape in SHAPES.items():
        long = eqx.tree_at(lambda s: s.horizon, shape, np.asarray(1e12))
        risk = sv.solve(PROBLEM, sv.SGD(long, 2), sv.Recursion(), steps).risk
        assert 0.01 < risk[-1] <= 0.01 * 1.2, name
    constant = sv.solve(PROBLEM, sv.SGD(SHAPES["constant"], 2), sv.Recursion(), steps).risk
    closed = sv.solve(PROBLEM, sv.SGD(0.1, 2), sv.Recursion(), steps).risk
    close(constant, closed)


def final(peak, decay_from):
    steps = np.r_[0, np.geomspace(100, 50_000, len(STEPS) - 1).astype(int)]
    shape = Shape(peak=peak, decay_from=decay_from, horizon=5e4)
    return sv.solve(PROBLEM, sv.SGD(shape, 2), sv.Recursion(), steps).risk[-1]


@pytest.mark.slow
def test_derivatives_in_the_peak_and_in_a_kink_equal_differences():
    """Against central differences with an error of order h^4."""
    with jax.enable_x64(True):
        point = jnp.array([0.1, 0.7])
        slope = jax.grad(lambda x: final(x[0], x[1]))(point)
        for i, unit in enumerate(jnp.eye(2)):
            at = lambda h, unit=unit: float(final(*(point + h * unit)))  # noqa: E731
            near, far = ((at(h) - at(-h)) / (2 * h) for h in (1e-3, 2e-3))
            assert float(slope[i]) == pytest.approx((4 * near - far) / 3, rel=1e-5)


def test_many_schedules_at_once_equal_one_by_one():
    peaks, starts = np.array([0.02, 0.1, 0.2]), np.array([0.1, 0.5, 0.95])
    with jax.enable_x64(True):
        together = jax.vmap(final)(jnp.asarray(peaks), jnp.asarray(starts))
    np.testing.assert_allclose(together, [final(*x) for x in zip(peaks, starts, strict=True)], rtol=1e-10)


def test_what_cannot_be_skipped_is_visited_or_refused(monkeypatch):
    """A rate that jumps at every step."""
    algorithm = sv.SGD(Shape(jumps=0.02), 2)
    ours = sv.solve(PROBLEM, algorithm, sv.Recursion(), STEPS).risk
    np.testing.assert_allclose(ours, visited(PROBLEM, algorithm, STEPS, monkeypatch), rtol=1e-9)
    with pytest.raises(ValueError, match=r"steps: wanted at most 10000000 .* settings of SGD.*got 1000000000000"):
        sv.solve(PROBLEM, algorithm, sv.Recursion(), sv.log_steps(10**12, 12))


def test_a_table_of_rates_is_visited_or_refused():
    table = jnp.linspace(0.1, 0.05, 5_000)
    rate = lambda t: table[jnp.minimum(t, 4_999)]  # noqa: E731
    assert np.isfinite(sv.solve(PROBLEM, sv.SGD(rate, 2), sv.Recursion(), [5_000]).risk[0])
    with pytest.raises(ValueError, match="every step is visited"):
        sv.solve(PROBLEM, sv.SGD(rate, 2), sv.Recursion(), [10**12])


def test_a_mode_that_grows_for_a_while_is_seen_to_grow():
    """A rate beyond 2 / lambda_1 late in the run, where blocks are long and the mode itself has long died."""
    curve = sv.solve(PROBLEM, sv.SGD(Shape(bump=2.5), 2), sv.Recursion(), STEPS)
    assert not np.isfinite(curve.risk[-1]) or curve.risk[-1] > 1e6


@pytest.mark.parametrize("stages", [3, 5, 6])
def test_a_block_of_as_many_steps_as_nodes_is_iteration(stages):
    """The nodes are the steps and the weights count those before; tables in 1 / h equal the rule itself."""
    nodes, weights, _ = scaled_rule(1 / stages, stages)
    np.testing.assert_allclose(stages * nodes, np.arange(stages), atol=1e-12)
    np.testing.assert_allclose(stages * weights, np.tril(np.ones((stages, stages)), -1), atol=1e-12)
    with jax.enable_x64(True):
        for length in (32.0, 77.0, 1e4, 1e12):
            tabled = rule(jnp.asarray(length), stages)
            for ours, exact in zip(tabled, scaled_rule(1 / length, stages), strict=True):
                scale = 1.0 if ours is tabled.origin else length
                np.testing.assert_allclose(ours / scale, exact, atol=1e-13)


def one_block(decay, state, length):
    """The estimated error over what is allowed, of a block of modes with constant weights and no injection."""
    k = state.shape[1]
    coefficients = lambda t: (decay(t), jnp.zeros(state.shape))  # noqa: E731
    system = Coupled(coefficients, lambda t: decay(t).ravel(), jnp.ones(len(state)), jnp.zeros(()), jnp.eye(k)[0])
    return float(jax.jit(lambda y, h: checked_block(system, y, 0.0, h, TOLERANCE)[1])(state, length))


@pytest.mark.slow
def test_a_mode_that_a_block_would_damp_while_its_steps_do_not_leaves_the_error_unbounded():
    """Beside a mode at rest: one that grows from 1e-13, one that turns by 2 radians a step for ever, one that dies."""
    turn = np.array([[np.cos(2), -np.sin(2)], [np.sin(2), np.cos(2)]])
    with jax.enable_x64(True):
        grows = one_block(lambda t: jnp.array([0.0, -0.5])[:, None, None], np.array([[1.0], [1e-13]]), 1e4)
        turns = one_block(lambda t: jnp.stack([jnp.zeros((2, 2)), jnp.eye(2) - turn]), np.diag([1.0, 1e-6]), 1e8)
        dies = one_block(lambda t: jnp.stack([jnp.zeros((2, 2)), jnp.eye(2) - 0.9 * turn]), np.diag([1.0, 1e-6]), 1e8)
    assert not grows <= 1
    assert not turns <= 1
    assert dies <= 1


def test_what_hides_between_the_nodes_leaves_the_error_unbounded():
    """A decay that is a hundred times larger for a while, where neither of the two rules has a node."""
    with jax.enable_x64(True):
        nodes = np.sort(np.concatenate([rule(jnp.asarray(1e4), s).nodes for s in (5, 6)]))
        gap = np.argmax(np.diff(nodes))
        low, high = nodes[gap] + 1, nodes[gap + 1] - 1
        spike = lambda t: jnp.where((t > low) & (t < high), 1e-4, 1e-6)[None, None, None]  # noqa: E731
        smooth = one_block(lambda t: jnp.full((1, 1, 1), 1e-6), np.ones((1, 1)), 1e4)
        hidden = one_block(spike, np.ones((1, 1)), 1e4)
    assert smooth <= 1
    assert not hidden <= 1
