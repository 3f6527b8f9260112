"""Objects show their values, in a few lines; a curve that diverged says so."""

import jax
import numpy as np
import pytest

import solvable as sv

STEPS = [0, 1, 10, 100]


def test_models_algorithms_and_methods_show_their_numbers():
    model = sv.PowerLawRF(0.8, noise=0.1)
    assert repr(model).startswith("PowerLawRF(alpha=0.8, beta=0.7, width=64, ambient=256, noise=0.1")
    assert repr(sv.SGD(0.3, batch_size=4)) == "SGD(learning_rate=0.3, batch_size=4)"
    rate = sv.schedules.wsd(0.1, horizon=2000, cooldown=0.2, rise=0.05)
    averaged = sv.EMA(sv.HeavyBall(rate, momentum=0.9), decay=0.99)
    for thing in (model, averaged, sv.Simulation(num_runs=3), model.draw(jax.random.key(0))):
        assert "f64[]" not in repr(thing)
        assert len(repr(thing).splitlines()) <= 5
    assert "momentum=0.9" in repr(averaged)
    assert "peak=0.1" in repr(averaged)


def test_showing_is_for_traced_values_too():
    seen = []
    jax.jit(lambda rate: seen.append(repr(sv.SGD(rate))) or rate)(0.1)
    assert seen[0].startswith("SGD(learning_rate=float32[], traced")


def test_a_curve_says_where_it_ends_and_whether_it_diverged():
    model = sv.PowerLawRF(0.8, width=16)
    curve = sv.solve(model, sv.SGD(0.3), sv.Recursion(), STEPS)
    assert repr(curve).startswith("Curve(4 records from step 0 to 100: risk 1.2")
    assert "no divergence up to step 100" in repr(curve)
    assert "the risk diverges" in repr(sv.solve(model, sv.SGD(30.0), sv.Recursion(), STEPS))
    assert "\n" not in repr(curve)


def test_a_phase_reads_as_a_sentence():
    assert str(sv.phase(1.0, 0.7)) == "II: width ~ compute^0.412, risk ~ compute^-0.706"
    assert str(sv.phase(0.2, 0.1)).startswith("none: alpha + beta <= 1/2")
    assert repr(sv.phase([1.0, 1.0], 0.7)).startswith("Phase(name=array(['II', 'II']")


@pytest.mark.parametrize(("last", "verdict"), [(4.4, "agree"), (-4.6, "DISAGREE"), (np.nan, "DISAGREE")])
def test_a_check_gives_its_verdict(last, verdict):
    risk, z = np.array([1.0, 0.5]), [0.0, last]
    curve = sv.Curve(np.array([0, 1]), risk, np.zeros(2), np.int64(0))
    check = sv.Check(curve, curve, np.array(z), np.zeros(2))
    assert repr(check).startswith(f"Check({verdict} at 2 steps: largest |z| = ")
    assert len(check.summary().splitlines()) == 3


def test_a_frontier_shows_its_last_exponents_and_a_table():
    column = np.array([1e5, 1e9])
    exponents = np.array([0.6, 0.625]), np.array([0.44, 0.436])
    found = sv.theory.Frontier(column, 1 / column, column, column, *exponents, np.array([False, True]), column, column)
    assert repr(found).endswith("there width ~ compute^0.436, risk ~ compute^-0.625; 1 not interior)")
    assert found.summary().splitlines()[1].endswith("not interior")
