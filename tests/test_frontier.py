"""The exact frontier is the least risk over all real widths, says where it is not a power law, and refuses the rest."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import solvable as sv
from solvable.algorithms.base import AbstractModewise
from solvable.theory.optimum import point

NODES = 192  # enough for these computes: against 512 the risks below move by less than 1e-9
COMPUTE = 1e7


class OverTrace(eqx.Module):
    rate: float = eqx.field(static=True, default=0.5)

    def __call__(self, model):
        return sv.SGD(self.rate / model.trace())


# alpha, alpha + beta: near the line 1/2 and away from it
NEAR = [(0.1, 0.505), (0.3, 0.501), (0.6, 0.5005), (0.45, 0.52), (1.0, 0.51), (0.2, 0.56), (0.6, 0.56), (1.5, 0.53)]
FAR = [(1.0, 1.6), (0.7, 1.4), (0.45, 1.3), (0.4, 0.7), (1.3, 1.9), (2.0, 2.5)]


STEP = 0.05  # of log compute, for slopes
STAIRS = 10 ** np.arange(5, 9.1, 0.5)
# name -> rows of alpha, alpha + beta, compute, ambient / width; solved together, in one compiled program
PLAN = {
    "optima": [(a, s, COMPUTE, 4) for a, s in NEAR + FAR],
    "before": [(a, s, COMPUTE * np.exp(-STEP), 4) for a, s in FAR[:3]],
    "after": [(a, s, COMPUTE * np.exp(STEP), 4) for a, s in FAR[:3]],
    "smooth": [(1.5, 2.1, c, 10) for c in STAIRS],
    "stairs": [(5.0, 5.6, c, 10) for c in STAIRS],
    "modes": [(1.0, 1.7, 1e5, 4)],
}


@pytest.fixture(scope="module")
def frontiers():
    alpha, total, compute, ratio = np.concatenate([np.array(rows) for rows in PLAN.values()]).T
    law, beta = sv.PowerLawRF(), total - alpha
    line = sv.frontier_map(law, OverTrace(), compute, alpha=alpha, beta=beta, ratio=ratio, paired=True, nodes=NODES)
    ends = np.cumsum([0] + [len(rows) for rows in PLAN.values()])
    return {
        name: jax.tree.map(lambda x: np.asarray(x)[ends[k] : ends[k + 1]], line) for k, name in enumerate(PLAN)  # noqa: B023
    }


@pytest.fixture(scope="module")
def found(frontiers):
    return frontiers["optima"]


@pytest.fixture(scope="module")
def tried():
    """log width, and log risk of each law at them."""
    grid = np.linspace(np.log(2.0), np.log(COMPUTE / 64), 61)

    @jax.jit
    def curve(alpha, beta):
        law = sv.PowerLawRF(alpha, beta, 1.0, 4.0)
        return jax.lax.map(lambda x: point(law, OverTrace(), x, jnp.log(COMPUTE) - x, NODES)[0], grid, batch_size=11)

    with jax.enable_x64(True):
        return grid, np.stack([np.asarray(curve(a, s - a)) for a, s in NEAR + FAR])


@pytest.mark.slow
def test_the_optimum_is_the_least_risk_of_all_widths(found, tried):
    """Never above the least of 61 widths (to 1e-9), and at most one step of them away from it."""
    grid, risks = tried
    least = np.nanargmin(risks, axis=1)
    assert (np.log(found.risk) <= risks[np.arange(len(risks)), least] + 1e-9).all()
    assert np.abs(np.log(found.width) - grid[least]).max() <= 1.01 * (grid[1] - grid[0])


def test_a_saturated_optimum_is_not_interior(found):
    """Near alpha + beta = 1/2 the best width may stand still: more compute changes neither it nor the risk."""
    still = np.abs(found.width_exponent) < 1e-6
    assert still[[0, 1, 2]].all()
    assert not found.interior[still].any()
    assert found.interior[len(NEAR) :].all()
    assert np.abs(found.loss_exponent[still]).max() < 1e-9


def test_exponents_are_slopes_of_neighbouring_optima(frontiers):
    """eta and xi against central differences over 2 x 5% of compute, to 1e-5 and 1e-3."""
    before, after = frontiers["before"], frontiers["after"]
    here = jax.tree.map(lambda x: x[len(NEAR) : len(NEAR) + 3], frontiers["optima"])
    np.testing.assert_allclose(here.loss_exponent, -np.log(after.risk / before.risk) / (2 * STEP), atol=1e-5)
    np.testing.assert_allclose(here.width_exponent, np.log(after.width / before.width) / (2 * STEP), atol=1e-3)
    np.testing.assert_allclose(here.steps * here.width, here.compute, rtol=1e-12)


def swing(eta):
    """How far eta is from a line through the five values around each; NaN at the ends."""
    x, spread = np.arange(5), np.full(len(eta), np.nan)
    for k in range(len(eta) - 4):
        part = eta[k : k + 5]
        spread[k + 2] = np.ptp(part - np.polyval(np.polyfit(x, part, 1), x))
    return spread


def test_a_staircase_of_single_modes_says_so(frontiers):
    """Around its line eta swings by more than 0.3 wherever fewer than half a mode is learned per e-fold of steps,
    and by less than 0.002 wherever more than 4 are."""
    smooth, stairs = frontiers["smooth"], frontiers["stairs"]
    assert (smooth.modes_per_fold > 4).all()
    assert not smooth.staircase.any()
    assert np.nanmax(swing(smooth.loss_exponent)) < 0.002
    early = stairs.modes_per_fold < 0.5
    assert early.sum() >= 4
    assert np.nanmin(swing(stairs.loss_exponent)[early]) > 0.3
    assert (stairs.staircase == (stairs.modes_per_fold < 1)).all()


def test_modes_per_fold_is_the_sum_over_the_modes_of_a_draw(frontiers):
    """Against the eigenvalues of 20 draws at the width and steps of the optimum, to 2%."""
    line = jax.tree.map(lambda x: x[0], frontiers["modes"])
    width = round(float(line.width))
    model = sv.PowerLawRF(1.0, 0.7, width, 4 * width)
    eigvals = np.stack([np.asarray(model.draw(jax.random.key(k)).eigvals) for k in range(20)])
    step = 0.5 / float(model.trace()) * eigvals
    u = (2 * step - 2 * step**2) * float(line.steps)
    assert float(line.modes_per_fold) == pytest.approx((u * np.exp(-u)).sum(-1).mean(), rel=0.02)


def test_a_map_without_a_finite_risk_is_nan():
    line = sv.frontier_map(sv.PowerLawRF(), OverTrace(), [1e6, 1e8], alpha=[0.2, 0.3], beta=[0.1, 0.2], ratio=4)
    assert np.isnan(line.risk).all()
    assert line.risk.shape == (2, 2)
    assert not line.interior.any()
    assert not line.staircase.any()


class Memory(AbstractModewise):
    """Two moments per mode, constant: no renewal form."""

    learning_rate: float = 0.1
    batch_size: int = 1

    @property
    def stationary(self):
        return True

    def init(self, params):
        return ()

    def update(self, params, state, grad, step):
        return params - self.learning_rate * grad, state

    def decay(self, eigvals, step):
        return jnp.zeros((*eigvals.shape, 2, 2))

    def injection(self, eigvals, step):
        return jnp.zeros((*eigvals.shape, 2))


def grows(model):
    return sv.SGD(0.1, batch_size=1 if model.width <= 64 else 2)


LAW = sv.PowerLawRF(1.0, 0.7, 64, 256)
WRONG = {
    "optax": (LAW, sv.Optax(optax.sgd(0.1)), r"algorithm: wanted .*; got Optax"),
    "two moments": (LAW, Memory(), r"algorithm: wanted .* one second moment per mode.*; got Memory.* which has 2"),
    "schedule": (LAW, sv.SGD(lambda t: 0.1), r"algorithm: wanted .*; got SGD.* schedule"),
    "population gradient": (LAW, sv.SGD(0.1, batch_size=None), r"algorithm: wanted one batch size.*got \[None"),
    "other batches": (LAW, grows, r"algorithm: wanted one batch size.*got \[1, 2\]"),
    "a class": (LAW, sv.SGD, r"algorithm: wanted an algorithm, or a function.*got <class"),
    "a number": (LAW, 0.1, r"algorithm: wanted an algorithm, or a function.*got 0.1"),
    "a builder of numbers": (LAW, lambda m: 0.1, r"algorithm: wanted a function .* that returns an algorithm.*0.1"),
    "rate": (LAW, sv.SGD(-0.1), r"learning_rate: wanted"),
    "no law over widths": (LAW.draw(jax.random.key(0)), sv.SGD(0.1), r"model: wanted a law with at_width"),
    "no model": (3, sv.SGD(0.1), r"model: wanted a law with at_width.*got 3"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_has_no_exact_frontier_is_refused_by_name(name):
    model, algorithm, message = WRONG[name]
    with pytest.raises(ValueError, match=message):
        sv.compute_frontier(model, algorithm, [1e6])
    with pytest.raises(ValueError, match=message):
        sv.frontier_map(model, algorithm, [1e6], alpha=1.0, beta=0.7, ratio=4)


@pytest.mark.parametrize("compute", [[1e6, np.inf], [10.0], [], [np.nan]])
def test_impossible_computes_are_refused(compute):
    with pytest.raises(ValueError, match="compute: wanted finite values >= 256"):
        sv.compute_frontier(LAW, sv.SGD(0.1), compute)
    with pytest.raises(ValueError, match="compute: wanted finite values >= 256"):
        sv.frontier_map(LAW, sv.SGD(0.1), compute, alpha=1.0, beta=0.7)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"widths": None}, "widths: wanted a list of widths"),
        ({"widths": [8, 16]}, "widths: wanted 3 or more increasing integers"),
        ({"widths": [16, 8, 32]}, "widths: wanted strictly increasing values"),
        ({"widths": [8.5, 16, 32]}, "widths: wanted 3 or more increasing integers"),
        ({"steps": None}, "method, steps: wanted both"),
        ({"algorithm": grows, "widths": [32, 64, 128]}, r"algorithm: wanted one batch size.*got \[1, 1, 2\]"),
        ({"algorithm": 0.1}, "algorithm: wanted an algorithm, or a function"),
        ({"algorithm": sv.SGD(0.1, batch_size=None)}, r"algorithm: wanted one batch size.*None"),
        ({"model": LAW.draw(jax.random.key(0))}, "model: wanted a law with at_width"),
        ({"method": sv.Simulation(2)}, "key: wanted"),
    ],
)
def test_a_measured_frontier_refuses_by_name(changes, message):
    right = {"model": LAW, "algorithm": sv.SGD(0.1), "method": sv.Recursion(), "widths": [8, 16, 32], "steps": [1, 9]}
    with pytest.raises(ValueError, match=message):
        sv.compute_frontier(**right | changes)


@pytest.mark.slow
def test_a_theory_is_measured_without_a_key_and_an_optax_optimizer_with_one():
    steps = sv.log_steps(3000, 60)[1:]
    widths = [4, 8, 16, 32, 64]
    one = sv.compute_frontier(LAW, OverTrace(), method=sv.Recursion(), widths=widths, steps=steps, approach="envelope")
    curves = [sv.solve(LAW.at_width(w), OverTrace()(LAW.at_width(w)), sv.Recursion(), steps).risk for w in widths]
    other = sv.fits.measure_frontier(widths, steps, np.stack(curves), compute=one.compute, approach="envelope")
    np.testing.assert_array_equal(one.risk, other.risk)
    assert isinstance(one, sv.fits.MeasuredFrontier)
    assert one.interior.any()
    adam = sv.Optax(optax.adam(1e-2), batch_size=2)
    line = sv.compute_frontier(
        LAW, adam, [64.0], method=sv.Simulation(2), widths=[4, 6, 8], steps=[1, 4, 16], key=jax.random.key(0)
    )
    assert np.isfinite(line.risk).all()
