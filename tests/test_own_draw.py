"""SGD beside the exact mean of its own draw: its own theory passes, and every other phase's theory is refused."""

import itertools

import jax
import numpy as np
import pytest

import solvable as sv
from solvable.cli import load_experiment

phase_diagram = load_experiment("paquette2024/phase_diagram")
loss_curves = load_experiment("paquette2024/loss_curves")
own_draw, shared = phase_diagram.own_draw, loss_curves.shared
NAMES = tuple(phase_diagram.POINTS)
PAIRS = list(itertools.permutations(range(len(NAMES)), 2))


@pytest.fixture(scope="module")
def families():
    """The main job's SGD at fewer widths and steps."""
    sizes = {"widths": (8, 16, 32), "window": (512.0, 2048.0), "draws": 8, "runs": 768}
    return phase_diagram.families(phase_diagram.Config(**sizes))


def test_sgd_has_the_mean_of_its_own_draws_in_every_phase(families):
    for name, family in zip(NAMES, families, strict=True):
        for row in own_draw.rows(name, own_draw.agreement(family, family)):
            assert row["judged"], row
            assert row["ok"], row


def test_another_phases_theory_is_refused_in_42_of_42_pairs(families):
    assert len(PAIRS) == 42
    for i, j in PAIRS:
        found = own_draw.agreement(families[i], families[j])
        assert own_draw.refused(found).any(), (NAMES[i], NAMES[j], found)
        assert not all(row["ok"] for row in own_draw.rows("", found))


def test_a_theory_wrong_by_two_percent_or_by_two_hundredths_of_an_exponent_is_refused(families):
    family = families[0]
    width, steps = family.widths[:, None].astype(float), family.steps
    for index, factor in enumerate((1.02, (width * steps / 1024.0) ** -0.02, (width / 16.0) ** -0.02)):
        exact = family.exact * np.broadcast_to(np.asarray(factor), steps.shape)[:, None]
        found = own_draw.agreement(family, family._replace(exact=exact))
        assert not own_draw.rows("", found)[index]["ok"]


def test_errors_over_runs_are_those_of_independent_repetitions():
    """The standard error of each number is its spread over 400 repetitions, points of a run fully correlated."""
    rng, shape = np.random.default_rng(0), (3, 2, 40, 5)
    widths = np.array([8, 16, 32])
    steps = own_draw.steps_in((512.0, 2048.0), widths, 2)
    found = []
    for _ in range(400):
        tilt = np.linspace(-1, 1, 5) * rng.normal(size=(*shape[:3], 1))
        risk = 1 + 0.2 * rng.normal(size=(*shape[:3], 1)) + 0.1 * tilt + 0.05 * rng.normal(size=shape)
        found.append(own_draw.agreement(*2 * [own_draw.Family(widths, steps, risk, np.ones((3, 2, 5)))]))
    value, stderr = (np.array([getattr(one, name) for one in found]) for name in ("value", "stderr"))
    np.testing.assert_allclose(value.std(0, ddof=1) / stderr.mean(0), 1.0, atol=0.15)  # 4 / sqrt(2 * 400)


@pytest.mark.slow
def test_another_phases_typical_draw_is_refused_by_the_exact_means_of_draws():
    """The tolerances of the loss curves: 7 right theories pass, 42 wrong ones do not."""
    width, steps, key = 48, np.array([1, 4, 16, 64, 256, 1024]), jax.random.key(0)
    exact, typical = [], []
    for alpha, beta in shared.POINTS.values():
        model = shared.law(alpha, beta, width)
        exact.append(loss_curves.exact_means(model, width, steps, 600, key))
        typical.append(sv.solve(model, shared.sgd_rule(model), sv.Recursion(), steps).risk)
    for i, j in itertools.product(range(len(exact)), repeat=2):
        rows = loss_curves.typical_rows("", loss_curves.over_typical(exact[i], steps, typical[j]))
        if i == j:
            assert all(row["judged"] and row["ok"] for row in rows), rows
        else:
            assert any(abs(row["measured"] - row["predicted"]) > row["tolerance"] + 4.5 * row["stderr"] for row in rows)
