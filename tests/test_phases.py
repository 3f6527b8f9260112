"""The table of compute-optimal exponents follows from balancing the power-law pieces of the loss."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from solvable.exponents import conventions
from solvable.exponents.compute_optimal import balance, optimal_width, terms
from solvable.exponents.phases import IV_LINE, PHASES, boundaries, exponents, phase

# (alpha, beta): name, xi, eta, worked out by hand from the published table.
TABLE = {
    (0.75, 0.25): ("Ia", 0.4, 0.4),
    (1.0, 0.3): ("Ia", 1 / 3, 1.6 / 3),
    (0.40, 0.30): ("Ib", 0.5, 0.2),
    (0.20, 1.0): ("Ic", 1.4 / 2.4, 0.28 / 1.2),
    (1.25, 0.75): ("II", 0.375, 0.75),
    (1.0, 0.6): ("II", 0.375, 0.6875),
    (0.7, 1.2): ("III", 0.5, 1.8 / 2.8),
    (1.0, 1.3): ("III", 0.5, 0.75),
    (0.45, 0.9): ("IVa", 0.5, 0.45),
    (0.27, 0.7): ("IVb", 0.43 / 0.752, 0.46 * 0.94 / 1.504),
}
INSIDE = [*TABLE, (0.35, 0.4), (0.2, 0.8), (0.4, 1.2), (0.27, 1.0)]


@pytest.mark.parametrize("point", TABLE)
def test_the_published_points(point):
    name, width, loss = TABLE[point]
    got = phase(*point)
    assert got.name == name
    assert got.width_exponent == pytest.approx(width, abs=1e-14)
    assert got.loss_exponent == pytest.approx(loss, abs=1e-14)
    assert got.steps_exponent == pytest.approx(1 - width, abs=1e-14)


@given(st.floats(0.01, 3.0), st.floats(-1.0, 3.0))
def test_the_table_is_the_balance_of_the_loss_terms(alpha, beta):
    assume(alpha + beta > 0.5 + 1e-6)
    assume(abs(alpha - IV_LINE) > 1e-6)  # there the optimum is flat: any width between the two is optimal
    expected = balance(terms(alpha, beta))
    got = phase(alpha, beta)
    assert got.loss_exponent == pytest.approx(expected.loss_exponent, abs=1e-9)
    assert got.width_exponent == pytest.approx(expected.width_exponent, abs=1e-7)


TRADE_OFFS = {
    "Ia": {"F_pp", "F_0"},
    "Ib": {"F_pp", "F_0"},
    "Ic": {"F_pp", "F_0"},
    "II": {"F_pp", "F_ac"},
    "III": {"K_pp", "F_ac"},
    "IVa": {"K_pp", "F_0"},
    "IVb": {"F_pp", "K_pp"},
}


@pytest.mark.parametrize("point", INSIDE)
def test_each_phase_trades_the_terms_of_the_table(point):
    met = set(balance(terms(*point)).trade_off)
    name = phase(*point).name
    # In Ib with alpha > 1/4 the noise meets the other two at the optimum.
    assert met == TRADE_OFFS[name] or (name == "Ib" and met == {"F_pp", "F_0", "K_pp"})


@pytest.mark.parametrize("point", INSIDE)
def test_minimising_the_summed_pieces_over_width_reaches_the_exponents(point):
    alpha, beta = point
    compute = np.array([1e118, 1e120])
    rate = 0.3 if alpha > 0.5 else lambda width: 0.3 * width ** (2 * alpha - 1)
    best = optimal_width(alpha, beta, compute, rate, aspect=np.inf if alpha > 0.5 else 4.0)
    expected = phase(alpha, beta)
    slope = 1 / np.diff(np.log(compute))
    assert -np.diff(np.log(best.risk)) * slope == pytest.approx(expected.loss_exponent, abs=2e-4)
    assert np.diff(np.log(best.width)) * slope == pytest.approx(expected.width_exponent, abs=2e-4)
    np.testing.assert_allclose(best.width * best.steps, compute, rtol=1e-12)


NEIGHBOURS = [  # phases on the two sides, and points along their common line
    ("Ia", "Ib", [(0.5, b) for b in (0.05, 0.2, 0.45)]),
    ("III", "IVa", [(0.5, b) for b in (0.55, 0.9, 2.0)]),
    ("Ia", "II", [(a, 0.5) for a in (0.55, 1.0, 2.0)]),
    ("Ib", "Ic", [(a, 0.5) for a in (0.05, 0.2)]),
    ("Ib", "IVa", [(a, 0.5) for a in (0.3, 0.45)]),
    ("Ib", "IVb", [(a, 0.5) for a in (0.26, 0.29)]),
    ("II", "III", [(a, a) for a in (0.55, 0.7, 2.0)]),
    ("Ic", "IVb", [(0.25, b) for b in (0.55, 0.9, 2.0)]),
    ("IVb", "IVa", [(IV_LINE, b) for b in (0.55, 0.9, 2.0)]),
]


@pytest.mark.parametrize(("left", "right", "points"), NEIGHBOURS)
def test_eta_is_continuous_across_every_line_and_xi_jumps_only_between_the_fours(left, right, points):
    for point in points:
        (xi, eta), (other_xi, other_eta) = (exponents(n, *map(np.float64, point)) for n in (left, right))
        assert eta == pytest.approx(other_eta, abs=1e-12)
        if (left, right) != ("IVb", "IVa"):
            assert xi == pytest.approx(other_xi, abs=1e-12)


def test_the_size_of_the_jump_of_xi():
    assert phase(IV_LINE - 1e-12, 0.9).width_exponent == pytest.approx(0.6196, abs=5e-5)
    assert phase(IV_LINE + 1e-12, 0.9).width_exponent == 0.5


@pytest.mark.parametrize(
    ("point", "name"),
    [
        ((0.5, 0.25), "Ia"),
        ((0.5, 0.75), "III"),
        ((0.75, 0.5), "II"),
        ((0.125, 0.5), "Ic"),
        ((0.75, 0.75), "III"),
        ((0.25, 0.75), "IVb"),
        ((IV_LINE, 0.75), "IVa"),
        ((0.25, 0.25), "none"),
        ((0.5, 0.5), "III"),
    ],
)
def test_a_point_on_a_line_belongs_to_its_right_or_above(point, name):
    assert phase(*point).name == name


def test_scalars_give_python_values_and_arrays_give_arrays():
    one = phase(1.0, 0.6)
    assert (type(one.name), type(one.width_exponent), type(one.loss_exponent)) == (str, float, float)
    alpha, beta = np.linspace(0.05, 1.5, 41)[:, None], np.linspace(-0.5, 1.5, 37)
    for got in (phase(alpha, beta), phase(jnp.asarray(alpha, jnp.float32), jnp.asarray(beta, jnp.float32))):
        assert got.name.shape == got.width_exponent.shape == got.loss_exponent.shape == (41, 37)
        assert got.loss_exponent.dtype == np.float64
        assert set(got.name.ravel()) == {*PHASES, "none"}
        assert ((got.name == "none") == np.isnan(got.loss_exponent)).all()
        assert (got.loss_exponent[got.name != "none"] >= 0).all()
    each = phase(alpha, beta)
    assert each.name[20, 30] == phase(alpha[20, 0], beta[30]).name
    assert each.loss_exponent[20, 30] == phase(alpha[20, 0], beta[30]).loss_exponent


def test_boundaries_separate_the_phases_and_stay_inside_the_window():
    lines = boundaries((0.0, 1.4), (-0.4, 1.4))
    assert len(lines) == 6
    for name, ends in lines.items():
        assert (ends >= np.array([0.0, -0.4]) - 1e-12).all(), name
        assert (ends <= 1.4 + 1e-12).all(), name
        along = ends[1] - ends[0]
        normal = np.array([-along[1], along[0]]) / np.hypot(*along)
        for t in (0.1, 0.37, 0.9):
            middle = ends[0] + t * along
            two_sides = phase(*np.transpose([middle - 1e-6 * normal, middle + 1e-6 * normal])).name
            assert two_sides[0] != two_sides[1], (name, middle)
    assert "alpha = 1/4" not in boundaries((0.5, 1.0), (0.0, 1.0))


@pytest.mark.parametrize(
    ("alpha", "beta", "message"),
    [
        (0.0, 1.0, r"alpha: wanted finite values > 0; got 0\.0"),
        (-0.3, 1.0, "alpha"),
        (np.nan, 1.0, "alpha.*nan"),
        (1.0, np.inf, "beta.*inf"),
        (np.ones(2), np.ones(3), r"beta.*\(2,\).*\(3,\)"),
    ],
)
def test_bad_points_are_refused_by_name(alpha, beta, message):
    with pytest.raises(ValueError, match=message):
        phase(alpha, beta)


def test_balancing_refuses_points_without_a_power_law_and_empty_sums():
    with pytest.raises(ValueError, match="alpha \\+ beta > 1/2"):
        terms(0.2, 0.2)
    with pytest.raises(ValueError, match="at least one term"):
        balance({})
    with pytest.raises(ValueError, match="numbers"):
        balance({"F": (np.nan, 0.0)})
    with pytest.raises(ValueError, match="compute"):
        optimal_width(1.0, 0.6, [1e3, -1.0], 0.3)
    with pytest.raises(ValueError, match="window"):
        boundaries((1.0, 0.0))


def test_chinchilla_balance():
    # A width^-a + B steps^-b: xi = b/(a+b), eta = ab/(a+b).
    got = balance({"A": (-0.34, 0.0), "B": (0.0, -0.28)})
    assert got.width_exponent == pytest.approx(0.28 / 0.62)
    assert got.loss_exponent == pytest.approx(0.34 * 0.28 / 0.62)


PAIRS = ["bordelon", "bordelon_rich", "lin", "defilippis"]


@pytest.mark.parametrize("paper", PAIRS)
def test_each_dictionary_inverts(paper):
    into, out = getattr(conventions, f"from_{paper}"), getattr(conventions, f"to_{paper}")
    np.testing.assert_allclose(into(*out(0.7, 0.45)), (0.7, 0.45), rtol=1e-14)


def test_the_papers_agree_on_the_spectrum_and_the_target():
    alpha, beta = 0.7, 0.45
    eigenvalue, power = -2 * alpha, -2 * alpha - 2 * beta  # decay exponents of mode j
    a, b = conventions.to_bordelon(alpha, beta)
    assert (-b, -a) == pytest.approx((eigenvalue, power))
    capacity, source = conventions.to_bordelon_rich(alpha, beta)
    assert (-capacity, -capacity * source - 1) == pytest.approx((eigenvalue, power))
    a, b = conventions.to_lin(alpha, beta)
    assert (-a, -b) == pytest.approx((eigenvalue, power))
    capacity, r = conventions.to_defilippis(alpha, beta)
    assert (-capacity, -1 - 2 * capacity * r) == pytest.approx((eigenvalue, power))
    assert conventions.from_maloney(conventions.to_maloney(alpha)) == pytest.approx((alpha, 0))
    assert a - 1 == pytest.approx(conventions.to_maloney(alpha))
    assert conventions.source(alpha, beta) == pytest.approx(-power - 1)


def test_learning_rates_and_risks_convert_both_ways():
    assert conventions.mean_learning_rate(conventions.sum_learning_rate(0.3, 8), 8) == pytest.approx(0.3)
    assert conventions.mean_learning_rate(0.1, 8) == pytest.approx(0.8)
    assert conventions.risk_to_half(conventions.risk_from_half(0.25)) == 0.25
    assert conventions.risk_from_half(0.25) == 0.5
