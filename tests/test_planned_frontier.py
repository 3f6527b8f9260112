"""The frontier of runs planned for their own horizon: every linear algorithm and schedule, with a tuned rate or not."""

from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize_scalar

import solvable as sv
from solvable.arguments import as_real
from solvable.forms import Spectrum
from solvable.models.base import AbstractModel, HasWidths

LAM = np.arange(1.0, 41) ** -1.5
ERROR = np.arange(1.0, 41) ** -0.4
COMPUTE, APART = 2e5, 0.1


class Toy(HasWidths, AbstractModel):
    """Forty modes whatever the width, which sets the floor alone: width^-0.8. Its curves are quick to iterate."""

    width: Any = eqx.field(converter=as_real, default=16.0)
    samples: ClassVar[None] = None

    def at_width(self, width):
        return Toy(width)

    def trace(self):
        return jnp.sum(jnp.asarray(LAM))

    def draw(self, key):
        return sv.LinearProblem(LAM, np.sqrt(ERROR), np.asarray(self.width) ** -0.8)

    def spectrum(self, nodes=None):
        one, lam = jnp.ones(len(LAM)), jnp.asarray(LAM)
        return Spectrum(lam, one, jnp.asarray(ERROR), jnp.asarray(self.width) ** -0.8, lam[0])


def cosine(model, horizon):
    return sv.SGD(sv.schedules.cosine(0.3, horizon), 2)


def ended(steps, width, peak=0.3):
    """Log risk at the end of a cosine run, iterated."""
    moment, floor = ERROR.copy(), width**-0.8
    for t in range(steps):
        x = peak * np.cos(np.pi / 2 * t / steps) ** 2
        moment = moment - x * LAM * (2 - 1.5 * x * LAM) * moment + x**2 / 2 * LAM * (floor + moment @ LAM)
    return np.log(floor + moment @ LAM)


def brute_force(log_compute, guess):
    """(log width, log risk) of the best split, by a polynomial through nine whole numbers of steps."""
    steps = np.rint(guess * np.exp(np.linspace(-0.4, 0.4, 9))).astype(int)
    width = np.exp(log_compute) / (2 * steps)
    curve = np.polynomial.Polynomial.fit(np.log(width), [ended(*x) for x in zip(steps, width, strict=True)], 7)
    ends = np.log(width[[-1, 0]])
    best = minimize_scalar(curve, bounds=ends, method="bounded", options={"xatol": 1e-10}).x
    return best, curve(best)


def test_a_schedule_is_stretched_to_the_horizon_of_every_run():
    """Width, risk and both exponents of cosine runs by plain iteration of every run."""
    found = sv.compute_frontier(Toy(), cosine, [COMPUTE])
    ends = (np.log(COMPUTE) + d for d in (-APART, 0.0, APART))
    guess = float(found.steps[0])
    below, (width, risk), above = (brute_force(c, guess * k) for c, k in zip(ends, (0.95, 1.0, 1.05), strict=True))
    assert bool(found.interior[0])
    assert found.steps[0] * found.width[0] * 2 == pytest.approx(COMPUTE, rel=1e-12)
    assert np.log(found.width[0]) == pytest.approx(width, abs=1e-4)
    assert np.log(found.risk[0]) == pytest.approx(risk, abs=1e-7)
    assert found.loss_exponent[0] == pytest.approx(-(above[1] - below[1]) / (2 * APART), abs=1e-4)
    assert found.width_exponent[0] == pytest.approx((above[0] - below[0]) / (2 * APART), abs=3e-3)


def test_a_tuned_rate_is_the_best_of_every_run():
    """Factor and risk by a search over the peak; exponents as slopes of neighbouring optima."""
    found = sv.compute_frontier(Toy(), cosine, COMPUTE * np.exp([-APART, 0.0, APART]), tune_rate=True)
    assert found.interior.all()
    steps = round(float(found.steps[1]))
    width = COMPUTE / (2 * steps)
    best = minimize_scalar(lambda x: ended(steps, width, 0.3 * np.exp(x)), bounds=(-2, 1.5), method="bounded")
    assert np.log(found.rate_factor[1]) == pytest.approx(best.x, abs=1e-3)
    assert np.log(found.risk[1]) == pytest.approx(best.fun, abs=1e-5)
    risk, width = np.log(found.risk), np.log(found.width)
    assert found.loss_exponent[1] == pytest.approx(-(risk[2] - risk[0]) / (2 * APART), abs=1e-4)
    assert found.width_exponent[1] == pytest.approx((width[2] - width[0]) / (2 * APART), abs=3e-3)


def test_a_measured_curve_of_planned_runs_is_a_run_for_every_step():
    widths, steps = [4, 8, 16, 32], np.array([8, 16, 32, 64])
    found = sv.compute_frontier(Toy(), cosine, method=sv.Recursion(), widths=widths, steps=steps, approach="envelope")
    risk = np.exp([[ended(int(n), float(w)) for n in steps] for w in widths])
    same = sv.fits.measure_frontier(widths, steps, risk, compute=found.compute, batch_size=2, approach="envelope")
    np.testing.assert_allclose(found.risk, same.risk, rtol=1e-10)
    np.testing.assert_allclose(found.width, same.width, rtol=1e-8)


def as_schedule(model, horizon):
    return sv.SGD(lambda t: 0.4 / model.trace(), 1)


@pytest.mark.slow
def test_a_rate_that_happens_to_stand_still_has_the_frontier_of_a_constant_one():
    """Two searches, in blocks of steps and in closed form, at three laws at once."""
    plane = {"alpha": [1.0, 0.7, 0.4], "beta": [0.7, 1.1, 0.5], "ratio": 4, "nodes": 192}
    closed = sv.frontier_map(sv.PowerLawRF(), lambda model: sv.SGD(0.4 / model.trace()), 1e7, **plane)
    runs = sv.frontier_map(sv.PowerLawRF(), as_schedule, 1e7, **plane)
    np.testing.assert_allclose(runs.risk, closed.risk, rtol=1e-7)
    np.testing.assert_allclose(runs.width, closed.width, rtol=1e-4)
    np.testing.assert_allclose(runs.loss_exponent, closed.loss_exponent, atol=1e-5)
    np.testing.assert_allclose(runs.width_exponent, closed.width_exponent, atol=1e-3)
    assert (runs.interior == closed.interior).all()


EVERY = {
    "HeavyBall": sv.HeavyBall(0.05, 0.8, 2),
    "Nesterov": sv.Nesterov(0.05, 0.8, 2),
    "EMAMomentum": sv.EMAMomentum(0.2, 0.8, 2),
    "DANA": sv.DANA(0.2, 0.3, 1 / 1.5, 8.0, 2),
    "ScheduleFree": sv.ScheduleFree(0.3, 0.9, 2),
    "EMA": sv.EMA(sv.SGD(0.3, 2), 0.95),
    "TailAverage": lambda model, horizon: sv.TailAverage(sv.SGD(0.3, 2), start=horizon // 2),
    "WeightDecay": sv.WeightDecay(sv.SGD(0.3, 2), 1e-3),
    "Preconditioned": sv.Preconditioned(sv.SGD(0.1, 2), 0.3),
    "1/sqrt": sv.SGD(sv.schedules.inverse_sqrt(0.4, 30.0), 2),
    "linear": lambda model, horizon: sv.SGD(sv.schedules.linear(0.4, horizon), 2),
    "WSD": lambda model, horizon: sv.SGD(sv.schedules.wsd(0.3, horizon, 0.2, 0.05), 2),
    "WSD of heavy ball": lambda model, horizon: sv.HeavyBall(sv.schedules.wsd(0.05, horizon), 0.8, 2),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", EVERY)
def test_every_algorithm_has_the_frontier_of_its_own_runs(name):
    """The risk at the optimum is that of `solve`, and less than that of splits a quarter of an e-fold away."""
    algorithm = EVERY[name]
    found = sv.compute_frontier(Toy(), algorithm, [COMPUTE])
    assert bool(found.interior[0])

    def log_risk(log_factor):
        steps = round(float(found.steps[0] * np.exp(log_factor)))
        law = Toy(COMPUTE / (2 * steps))
        trainer = algorithm(law, steps) if not isinstance(algorithm, sv.AbstractAlgorithm) else algorithm
        return float(np.log(sv.solve(law, trainer, sv.Recursion(), [steps]).risk[0])), np.log(law.width)

    (risk, width), (more, _), (less, _) = (log_risk(x) for x in (0.0, 0.25, -0.25))
    away = np.log(found.width[0]) - width
    rounding = 1e-3 if name == "TailAverage" else 1e-7  # half of an odd horizon is not half
    assert np.log(found.risk[0]) == pytest.approx(risk, abs=rounding + away**2)
    assert more > risk + 1e-4
    assert less > risk + 1e-4


def jumps(model, horizon):
    return sv.SGD(lambda t: 0.1 + 0.05 * jnp.mod(t, 2.0), 2)


def table(model):
    rates = jnp.full(100, 0.1)
    return sv.SGD(lambda t: rates[t], 2)


def falls_below_zero(model, horizon):
    return sv.SGD(lambda t: 0.1 - 0.11 * t / horizon, 2)


REFUSED = {
    "a batch that changes": (
        sv.BatchSchedule(sv.SGD(0.1), sv.schedules.warmup(8.0, 100.0, 1.0)),
        "algorithm: wanted one batch size at every width and step.*got BatchSchedule, whose batch size changes",
    ),
    "a table": (table, r"algorithm: wanted .*settings at any time; got SGD.*table of steps"),
    "rates below zero": (falls_below_zero, r"learning_rate: wanted finite values >= 0 at every step; got -.* at step"),
    "an iterate that is no algorithm": (lambda m, h: h, r"algorithm: wanted a function of the model .*got"),
    "three arguments": (lambda a, b, c: a, r"algorithm: wanted an algorithm, or a function of the model"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_planned_frontier_is_refused_by_name(name):
    algorithm, message = REFUSED[name]
    with pytest.raises(ValueError, match=message) as error:
        sv.compute_frontier(Toy(), algorithm, [COMPUTE])
    assert "0x" not in str(error.value)


@pytest.mark.slow
def test_settings_that_jump_at_every_step_are_refused():
    with pytest.raises(ValueError, match=r"algorithm: wanted one whose runs have a bounded error.* at [0-9]+ steps"):
        sv.compute_frontier(Toy(), jumps, [1e9])


def test_a_rate_is_tuned_or_curves_are_measured():
    with pytest.raises(ValueError, match="tune_rate: wanted False where curves are measured"):
        sv.compute_frontier(Toy(), cosine, method=sv.Recursion(), widths=[4, 8, 16], steps=[8, 16], tune_rate=True)
    with pytest.raises(ValueError, match="tune_rate: wanted True or False; got 1"):
        sv.compute_frontier(Toy(), cosine, [COMPUTE], tune_rate=1)
