"""The referee of fits: its data, its truth, and that a contestant is judged by what it answers."""

import jax.monitoring
import numpy as np
import pytest

import solvable as sv
from solvable.cli import load_experiment
from solvable.fits import Chinchilla, Hessian, LeastSquares

exponents = load_experiment("referee/exponents")
shared = exponents.shared


def summary_of(monkeypatch, contestant):
    """What a quick trial makes of one contestant alone, entered with one line."""
    monkeypatch.setattr(exponents, "TINY_METHODS", ())
    monkeypatch.setattr(exponents, "control", lambda count, seed: 0.95)
    monkeypatch.setitem(shared.CONTESTANTS, "mine", contestant)
    dataset = exponents.run(exponents.Config(tiny=True))
    assert list(dataset.method.values) == ["mine"]
    return {name: values.ravel() for name, values in exponents.summary(dataset).items()}


def answer(scale: float):
    """The truth of the control, times a factor, with an interval of 1% about it."""

    def predict(compute):
        value = scale * shared.frontier(shared.CONTROL, compute)[1]
        return value, 0.99 * value, 1.01 * value

    share = scale * exponents.SHARE
    return lambda data: {"exponent": share, "low": 0.99 * share, "high": 1.01 * share, "predict": predict}


def test_a_contestant_that_knows_the_truth_has_no_error(monkeypatch):
    found = summary_of(monkeypatch, answer(1.0))
    for name, goal in {"xi_bias": 0, "eta_bias": 0, "risk_error": 0, "xi_coverage": 1, "risk_coverage": 1}.items():
        np.testing.assert_allclose(found[name], goal, atol=1e-12)


def test_a_contestant_two_percent_off_is_told(monkeypatch):
    found = summary_of(monkeypatch, answer(1.02))
    np.testing.assert_allclose(found["xi_bias"], 0.02 * exponents.SHARE, rtol=1e-9)
    np.testing.assert_allclose(found["risk_error"], np.log(1.02), rtol=1e-9)
    np.testing.assert_array_equal([found["xi_coverage"], found["risk_coverage"]], 0.0)


def test_a_contestant_that_gives_up_has_no_answer(monkeypatch):
    def gives_up(data):
        raise ValueError("data: wanted more")

    assert all(np.isnan(values).all() for values in summary_of(monkeypatch, gives_up).values())


def test_an_interval_that_overflowed_is_open():
    assert exponents.holds(2.0, 1.0, 0.5, np.nan) == exponents.holds(2.0, 1.0, 0.5, np.inf) == 1
    assert exponents.holds(0.2, 1.0, 0.5, np.nan) == 0
    assert np.isnan(exponents.holds(2.0, np.nan, 0.5, 3.0))


def test_the_frontier_is_the_least_loss_of_the_law():
    compute, size = 2.0**15, np.geomspace(1, 2.0**15, 2_000_001)
    loss = Chinchilla()(shared.CONTROL, {"N": size, "D": compute / size})
    best, least = shared.frontier(shared.CONTROL, compute)
    np.testing.assert_allclose([best, least], [size[loss.argmin()], loss.min()], rtol=1e-5)


def test_noise_has_mean_one_the_size_of_a_mean_and_is_shared_along_a_run():
    here, rng = shared.control(0), np.random.default_rng(1)
    flat = here._replace(noise=np.broadcast_to(here.noise[..., :1], here.noise.shape))  # a run is off by one factor
    ratios = {}
    for together in (False, True):
        how = shared.Condition(seeds=4, together=together)
        tables = [shared.replica(rng, flat, how) for _ in range(2000)]
        truth = Chinchilla()(shared.CONTROL, {"N": tables[0]["N"], "D": tables[0]["D"]})
        ratios[together] = np.stack([table["L"] for table in tables]).reshape(2000, len(shared.WIDTHS), -1)
        ratios[together] /= truth.reshape(len(shared.WIDTHS), -1)
        np.testing.assert_allclose(ratios[together].mean(), 1.0, atol=0.01)
        size = np.sqrt(np.expm1(shared.SCATTER**2) / 4)
        np.testing.assert_allclose(ratios[together].std(), size, rtol=0.05)
    assert np.ptp(ratios[True], axis=-1).max() < 1e-12
    assert abs(np.corrcoef(ratios[False][:, 0].T)[0, 1]) < 0.1


def test_a_second_fit_of_the_same_shape_compiles_nothing():
    class Own(Chinchilla):
        """A law of this test: nothing has compiled it before."""

    events: list[str] = []

    def listen(event: str, duration_secs: float, **kwargs: str | int):
        events.extend([event] if event.startswith("/jax/core/compile") else [])

    jax.monitoring.register_event_duration_secs_listener(listen)
    here, rng, counts = shared.control(0), np.random.default_rng(2), []
    for _ in range(2):
        events.clear()
        data = shared.replica(rng, here, shared.Condition())
        sv.fit({name: data[name] for name in "NDL"}, Own(), LeastSquares(), uncertainty=Hessian(), warn=False)
        counts.append(len(events))
    assert counts[0] > 0
    assert counts[1] == 0


@pytest.mark.slow
def test_least_squares_of_the_true_law_cover_what_they_state():
    covered = exponents.control(400, 0)
    assert abs(covered - 0.95) <= 0.05
