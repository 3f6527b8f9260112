"""Width and ambient dimension are real numbers: every theory means the same by them, and nothing jumps."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import zeta

import solvable as sv
from solvable.numerics.mode_sums import HEAD, power_law_modes, power_law_nodes
from solvable.theory.optimum import point

SIZES = [(1.0, 1.5), (1.3, 1.31), (1.7, 3.3), (2.92, 11.68), (4.5, 4.7), (10.0, 39.5), (20.5, 82.0), (33.3, 100.1)]
LAWS = [(0.3, 0.3), (0.8, 0.3), (1.0, 0.7), (2.0, 0.3)]


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def test_the_floor_at_a_real_size():
    """PowerLawRF(.8, .3, 10, 39.5), between its values at ambient 39 and 40, by both theories."""
    model = sv.PowerLawRF(0.8, 0.3, 10.0, 39.5)
    assert float(model.floor()) == pytest.approx(0.18012372752, rel=1e-10)
    below, above = (float(sv.PowerLawRF(0.8, 0.3, 10.0, v).floor()) for v in (39.0, 40.0))
    assert below < float(model.floor()) < above


@pytest.mark.parametrize(("alpha", "beta"), LAWS)
def test_the_floor_of_one_pass_theories_is_the_risk_of_ridge_with_infinite_data(alpha, beta):
    for width, ambient in SIZES:
        model = sv.PowerLawRF(alpha, beta, width, ambient)
        risk = sv.ridge_map(model, samples=np.inf, penalty=0.0).risk
        assert float(risk) == pytest.approx(float(model.floor()), rel=1e-10), (width, ambient)


@pytest.mark.parametrize("p", [1.6, 2.2, 4.6])
@pytest.mark.parametrize("v", [1.0, 1.3, 2.7, 11.68, 39.5, 40.0, 41.2, 79.99, 80.0, 80.4, 161.3])
def test_nodes_of_a_real_size_continue_the_sum(v, p):
    """sum_{j <= v} j^-p = zeta(p) - zeta(p, v + 1), known and traced."""
    expected = zeta(p) - zeta(p, v + 1)
    for nodes in (power_law_nodes, jax.jit(power_law_nodes)):
        index, weight = nodes(v)
        assert float(weight @ index**-p) == pytest.approx(expected, rel=1e-12)
        assert float(weight.sum()) == pytest.approx(v, rel=1e-12)


def test_integers_are_the_list_itself():
    index, weight = power_law_nodes(2 * HEAD - 1)
    np.testing.assert_array_equal(index, np.arange(1, 2 * HEAD))
    np.testing.assert_array_equal(weight, np.ones(2 * HEAD - 1))
    assert len(power_law_modes(1.0, 2.0, 7)[0]) == 7


@pytest.mark.parametrize(
    "alpha", [pytest.param(0.3, marks=pytest.mark.slow), 0.8, pytest.param(2.0, marks=pytest.mark.slow)]
)
def test_the_risk_is_smooth_in_width_from_width_one(alpha):
    """log risk at 4 inputs a feature: third differences over 5% of width scale as its cube; a jump would not."""
    law, step = sv.PowerLawRF(alpha, 0.5, 1.0, 4.0), 0.05

    @jax.jit
    def curve(offset):
        grid = offset + step * np.arange(1, 81)
        rate = lambda m: sv.SGD(0.1 / m.trace())  # noqa: E731
        return jax.lax.map(lambda x: point(law, rate, x, jnp.log(1e6) - x, 192)[0], grid, batch_size=16)

    value = np.asarray(curve(0.0))
    assert np.isfinite(value).all()
    assert np.abs(np.diff(value, 3)).max() < 12 * step**3


@pytest.mark.slow
def test_the_risk_is_smooth_in_ambient():
    """log risk at width 3.3, ambient 5 to 10.7: fourth differences over 0.05 are below 2e-5; a kink makes them 1e-3."""
    sizes = 5 + 0.05 * np.arange(114)

    @jax.jit
    def curve():
        law = lambda v: sv.PowerLawRF(0.8, 0.4, 3.3, v)  # noqa: E731
        rate = lambda m: sv.SGD(0.1 / m.trace())  # noqa: E731
        one = lambda v: point(law(v), rate, jnp.log(3.3), jnp.log(1e4), 192)[0]  # noqa: E731
        return jax.lax.map(one, sizes, batch_size=19)

    value = np.asarray(curve())
    assert np.abs(np.diff(value, 4)).max() < 2e-5
