"""The best learning rate and the critical batch size: where they are known, and against plain search."""

import numpy as np
import pytest

import solvable as sv

ONE = sv.LinearProblem([1.0], [1.0], 0.0)
K = np.arange(1.0, 41)
PROBLEM = sv.LinearProblem(K**-1.5, K**-0.5, 0.1)


def test_of_one_direction_without_noise_it_is_one_over_one_plus_two_over_batch():
    """E Delta'^2 = (1 - 2 g + (1 + 2 / B) g^2) E Delta^2 at every step."""
    sizes = np.array([1.0, 2.0, 10.0, np.inf])
    found = sv.best_learning_rate(ONE, sv.SGD(0.5), [1, 2, 50], batch_size=sizes, rates=40)
    assert found.rate.shape == (3, 4)
    # Down to infinite batches, where one step ends it and the risk of many is 0 to rounding.
    np.testing.assert_allclose(0.5 * found.rate[:, :3], np.tile(1 / (1 + 2 / sizes[:3]), (3, 1)), rtol=1e-5)
    assert found.rate[0, 3] == pytest.approx(2.0, rel=1e-4)
    np.testing.assert_allclose(found.excess[:, 0], (2 / 3.0) ** np.array([1, 2, 50]), rtol=1e-9)
    assert found.interior[:, :3].all()


@pytest.mark.slow
@pytest.mark.parametrize("build", [lambda T: sv.SGD(1.0, 2), lambda T: sv.SGD(sv.schedules.linear(1.0, T), 2)])
def test_no_rate_of_a_fine_grid_is_better(build):
    last = 6000
    found = sv.best_learning_rate(PROBLEM, build, [last], rates=20)
    rates = float(found.rate[0]) * np.geomspace(0.7, 1 / 0.7, 15)
    risks = [sv.solve(PROBLEM, build(last).rescale(rate), sv.Recursion(), [last]).risk[0] for rate in rates]
    assert found.risk[0] <= min(risks) + 1e-12
    assert found.risk[0] == pytest.approx(risks[7], rel=1e-9)
    assert found.excess[0] == pytest.approx(risks[7] - 0.1, rel=1e-6)


@pytest.mark.slow
def test_widths_come_first_and_are_those_of_the_model():
    model = sv.PowerLawRF(0.75, 0.5, 16, np.inf, noise=1.0)
    sizes = [1.0, 4.0, 16.0]
    found = sv.best_learning_rate(model, sv.SGD(1.0), [100, 1000], width=[16, 64], batch_size=sizes, nodes=128)
    assert found.rate.shape == (2, 2, 3)
    alone = sv.best_learning_rate(model.at_width(64), sv.SGD(1.0, 4), [1000], nodes=128)
    assert found.rate[1, 1, 1] == pytest.approx(float(alone.rate[0]), rel=1e-4)
    assert found.risk[1, 1, 1] == pytest.approx(float(alone.risk[0]), rel=1e-9)


@pytest.mark.slow
def test_the_critical_batch_is_where_its_definition_says():
    """Each found again by plain tuned risks, at a constant rate; then the exponents at 10^12 samples."""
    model = sv.PowerLawRF(0.75, 0.5, 1e14, np.inf, noise=1.0)
    samples = 1e6
    found = sv.critical_batch_size(model, sv.SGD(1.0), [samples], nodes=192)

    def tuned(steps, batch):
        best = sv.best_learning_rate(model, sv.SGD(1.0), [int(steps)], batch_size=[batch], nodes=192)
        return float(best.excess[0, 0])

    assert tuned(samples, 1.0) == pytest.approx(float(found.target[0]), rel=1e-6)
    largest, fewest = float(found.overhead[0]), float(found.fewest_steps[0])
    assert tuned(1.2 * samples / largest, largest) == pytest.approx(float(found.target[0]), rel=1e-3)
    assert tuned(fewest, np.inf) >= float(found.target[0]) >= tuned(fewest + 1, np.inf)
    assert float(found.tradeoff[0]) == pytest.approx(samples / fewest)
    late = sv.critical_batch_size(model, sv.SGD(1.0), [1e12, 1e13], nodes=192)
    exponents = {"overhead": 0.5, "tradeoff": 0.5, "simple": 1.0, "simple_best": 0.5, "target": -0.5}
    for name, exponent in exponents.items():
        slope = np.log10(getattr(late, name)[1] / getattr(late, name)[0])
        # The fastest run is at the edge of stability, where the noise scale depends on the last digits of the rate.
        assert slope == pytest.approx(exponent, abs=0.02 if name == "simple" else 0.003), name


def test_bad_input_is_refused_by_name():
    with pytest.raises(ValueError, match=r"batch_size: wanted numbers >= 1; got 0\.5 at index 1"):
        sv.best_learning_rate(ONE, sv.SGD(1.0), [9], batch_size=[1.0, 0.5])
    with pytest.raises(ValueError, match=r"learning_rate: wanted finite values >= 0 .*; got -0\.9 at step 7"):
        sv.best_learning_rate(ONE, sv.SGD(lambda t: 0.1 - (t >= 7)), [9])
    with pytest.raises(ValueError, match="algorithm: wanted settings that can be evaluated between steps"):
        sv.best_learning_rate(ONE, sv.SGD(lambda t: np.ones(9)[t] if isinstance(t, int) else table(t)), [9])
    with pytest.raises(ValueError, match="window: wanted a window"):
        sv.best_learning_rate(ONE, sv.SGD(1.0), [9], window=(0.0, 1.0))
    with pytest.raises(ValueError, match="samples: wanted a vector of numbers from 4000"):
        sv.critical_batch_size(ONE, sv.SGD(1.0), [2000.0], smallest=4.0)


def table(t):
    import jax.numpy as jnp

    return jnp.full(16, 0.1)[t]
