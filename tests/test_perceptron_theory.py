"""The typical student of a teacher, by largest margin and by ridge: against published numbers and equations."""

import itertools

import jax
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import erf, erfc
from scipy.stats import norm

import solvable as sv
from solvable.theory import perceptron_map

HALF = np.pi / 2


POINTS = 6  # of every map, so that few programs are compiled


def students(algorithm=None, *, ratio=3.0, keep=1.0, angle=0.0, **fields):
    """The typical students of up to six points."""
    points = np.broadcast_arrays(ratio, keep, angle)
    ratio, keep, angle = (np.resize(x, POINTS) for x in points)
    model = sv.TeacherPerceptron(**fields)
    found = perceptron_map(model, algorithm or sv.MaxMargin(), ratio=ratio, keep=keep, probe_angle=angle)
    return jax.tree.map(lambda x: x[: points[0].size], found)


ROWS = np.array([
    (3.0, 1.0, 0.900998, 0.317765, 0.14284),
    (1.5, 0.5, 0.779719, 0.349063, 0.21536),
    (1.8, 0.3, 0.874466, 0.187066, 0.16121),
    (2.0, 0.2, 0.953814, 0.110115, 0.09712),
]).T  # fmt: skip


def test_the_largest_margin_with_a_perfect_probe():
    """Kept samples per dimension, part, overlap, margin and error (Sorscher et al. 2022, keep hard)."""
    kept, keep, overlap, margin, error = ROWS
    found = students(ratio=kept / keep, keep=keep)
    np.testing.assert_allclose((found.overlap, found.margin, found.error), (overlap, margin, error), atol=1e-5)
    np.testing.assert_allclose(found.probe_overlap, found.overlap, rtol=1e-12)
    assert found.error.dtype == np.float64


@pytest.mark.slow
def test_a_curve_is_the_point_of_a_map():
    curve, point = sv.solve(sv.TeacherPerceptron(3.0, 0.5), sv.MaxMargin(), sv.Replica()), students(keep=0.5)
    np.testing.assert_allclose((curve.error[0], curve.risk[0] / 4), 2 * [point.error[0]], rtol=1e-12)
    assert curve.stats["margin"] == pytest.approx(float(point.margin[0]), rel=1e-12)


def test_without_selection_the_error_falls_as_one_over_the_ratio():
    ratio = np.array([1.0, 3.0, 10.0, 40.0, 160.0, 1e6])
    constants = students(ratio=ratio).error * ratio
    np.testing.assert_allclose(constants, [0.2657, 0.4285, 0.4918, 0.4999, 0.5005, 0.500489], atol=5e-5)


def test_an_imperfect_probe():
    """Rows at 20 and 30 degrees, whose quadrature was good to 10^-4; samples that no probe selects do not know it."""
    angle = np.deg2rad([20.0, 30.0, 50.0, 90.0])
    found = students(ratio=[3.0, 6.0, 3.0, 160.0], keep=[0.5, 0.3, 1.0, 1.0], angle=angle)
    np.testing.assert_allclose(found.error[:2], [0.2528, 0.3017], atol=1.5e-4)
    np.testing.assert_allclose(found.error[2:], students(ratio=[3.0, 160.0]).error, rtol=1e-9)


@pytest.mark.parametrize(("ratio", "keep"), [(3.0, 0.5), (40.0, 0.1)])
def test_the_saddle_point_of_a_perfect_probe_holds(ratio, keep):
    """Both equations of the replica calculation at angle 0, by another quadrature."""
    found = students(ratio=ratio, keep=keep)
    overlap, kappa = float(found.overlap[0]), float(found.margin[0])
    kept, edge = ratio * keep, norm.isf((1 - keep) / 2)
    s = np.sqrt(1 - overlap**2)

    def first(t):
        part = np.exp(-(overlap**2) * t**2 / 2 / s**2) * -np.expm1(-edge * (edge - 2 * overlap * t) / 2 / s**2)
        return norm.pdf(t) * part * (kappa - t)

    def second(t):
        return norm.pdf(t) * (norm.sf(-overlap * t / s) - norm.sf((edge - overlap * t) / s)) * (kappa - t) ** 2

    below = (kappa - 12, kappa - 4, kappa - 1, kappa - 0.2, kappa)
    total = lambda f: sum(quad(f, *ends, epsabs=1e-13)[0] for ends in itertools.pairwise(below))  # noqa: E731
    assert 2 * kept / (keep * np.sqrt(2 * np.pi) * s) * total(first) == pytest.approx(overlap, abs=1e-8)
    assert 2 * kept / keep * total(second) == pytest.approx(s**2, rel=1e-7)


def test_the_saddle_point_of_an_imperfect_probe_holds():
    """The three published equations at 20 degrees, by another quadrature."""
    angle, ratio, keep = np.deg2rad(20.0), 3.0, 0.5
    found = students(ratio=ratio, keep=keep, angle=angle)
    r, q, kappa = (float(x[0]) for x in (found.overlap, found.probe_overlap, found.margin))
    kept, c, s2, edge = ratio * keep, np.cos(angle), np.sin(angle) ** 2, norm.isf((1 - keep) / 2)
    nodes, weights = np.polynomial.legendre.leggauss(200)
    z, dz = edge * nodes[:, None], edge * weights[:, None] * norm.pdf(edge * nodes[:, None]) / keep
    low = kappa - 9
    t, dt = low + (kappa - low) * (nodes + 1) / 2, (kappa - low) * weights / 2
    lam2 = s2 - r**2 - q**2 + 2 * q * r * c
    gam = z * (q * r - c) - t * (r - q * c)
    delta = z**2 * (q**2 + c**2 - 2 * q * r * c) + 2 * t * z * (r * c - q) + t**2 * s2
    gauss = np.exp(-((t - q * z) ** 2) / 2 / (1 - q**2)) / np.sqrt(2 * np.pi * (1 - q**2))
    tail, peak = norm.sf(gam / np.sqrt((1 - q**2) * lam2)), np.exp(-delta / 2 / lam2)
    mean = lambda x: (dz * dt * x).sum()  # noqa: E731
    sides = [
        ((r - q * c) / s2, kept / np.pi / np.sqrt(lam2) * mean(peak * (kappa - t))),
        (1 - (q**2 + r**2 - 2 * q * r * c) / s2, 2 * kept * mean(gauss * tail * (kappa - t) ** 2)),
        (
            (q - r * c) / s2,
            2 * kept * mean(
                (gauss * tail * (z - q * t) / (1 - q**2)
                 + peak / (2 * np.pi * np.sqrt(lam2)) * (q * r - c) / (1 - q**2)) * (kappa - t)
            ),
        ),
    ]  # fmt: skip
    for left, right in sides:
        assert left == pytest.approx(right, abs=1e-8)


KEPT = erf(0.6 / np.sqrt(2)), 1.0, erfc(0.8 / np.sqrt(2)), erf(0.5 / np.sqrt(2))
RIDGE = [
    (2.0, 0.05, KEPT[0], "hard", 0, 0.1168),
    (2.0, 0.05, KEPT[0], "hard", 30, 0.1777),
    (2.0, 0.05, KEPT[1], "hard", 0, 0.1955),
    (8.0, 0.01, KEPT[2], "easy", 20, 0.1208),
    (0.75, 0.1, KEPT[3], "hard", 45, 0.3470),
]


@pytest.mark.parametrize(("kept", "penalty", "keep", "selection", "degrees", "error"), RIDGE)
def test_ridge_on_labels(kept, penalty, keep, selection, degrees, error):
    """The settings of deliberate practice that were also drawn, within 1.5 standard errors."""
    model = sv.TeacherPerceptron(kept / keep, keep, selection, np.deg2rad(degrees))
    assert sv.solve(model, sv.Ridge(penalty), sv.Replica()).error[0] == pytest.approx(error, abs=5.1e-5)


@pytest.mark.parametrize("algorithm", [pytest.param(sv.MaxMargin(), marks=pytest.mark.slow), sv.Ridge(0.1)])
def test_selections_that_are_the_same(algorithm):
    """Nothing is left out; a random part of more; nothing, and everything, taken at random."""
    ratio, angle = np.array([2.0, 0.3]), 0.4
    whole = students(algorithm, ratio=ratio, angle=angle, selection="random").error
    for selection in ("hard", "easy", "mixed"):
        same = students(algorithm, ratio=ratio, angle=angle, selection=selection).error
        np.testing.assert_allclose(same, whole, rtol=1e-9)
    part = {"ratio": 2 * ratio, "keep": 0.5, "angle": angle}
    np.testing.assert_allclose(students(algorithm, **part, selection="random").error, whole, rtol=1e-9)
    none, every = (students(algorithm, **part, selection="mixed", share=share).error for share in (0.0, 1.0))
    np.testing.assert_allclose(none, students(algorithm, **part).error, rtol=1e-9)
    np.testing.assert_allclose(every, whole, rtol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("selection", ["hard", "easy"])
def test_the_two_rules_of_the_largest_margin_agree(selection):
    """Angle 0 by the rule of one dimension and by that of two, at small and large ratios and parts."""
    points = {"ratio": [0.05, 3.0, 30.0, 1e4, 300.0], "keep": [0.7, 0.01, 0.1, 1.0, 0.2], "selection": selection}
    line, plane = (students(**points, angle=angle) for angle in (0.0, 1e-7))
    np.testing.assert_allclose(line.error, plane.error, rtol=1e-6)
    np.testing.assert_allclose(line.margin, plane.margin, rtol=1e-6)


@pytest.mark.slow
def test_easy_samples_teach_what_is_known():
    """0.1428 with a perfect probe; a probe at 0.3 teaches itself, at any ratio, and every search ends."""
    assert students(keep=0.5, selection="easy").error[0] == pytest.approx(0.1428, abs=1e-4)
    ratio = np.array([100.0, 1e3, 1e4, 1e5, 1e6])
    found = students(ratio=ratio, keep=0.1, angle=0.3, selection="easy")
    np.testing.assert_allclose(found.error[1:], 0.3 / np.pi, rtol=1e-3)
    assert np.isfinite(students(ratio=ratio, keep=0.5, angle=1.0, selection="easy").error).all()
    assert np.isfinite(students(ratio=ratio, keep=0.01, angle=0.03).error).all()


@pytest.mark.slow
@pytest.mark.parametrize("angle", [0.0, 0.5])
def test_derivatives(angle):
    def error(x):
        model = sv.TeacherPerceptron(x[0], x[1], probe_angle=x[2] if angle else 0.0)
        return sv.solve(model, sv.MaxMargin(), sv.Replica()).error[0]

    at, h = np.array([3.0, 0.4, angle]), 1e-5
    with jax.enable_x64(True):
        slope = np.asarray(jax.jit(jax.grad(error))(at))
        ahead, behind = (jax.jit(jax.vmap(error))(at + sign * h * np.eye(3)) for sign in (1, -1))
    np.testing.assert_allclose(slope, (np.asarray(ahead) - np.asarray(behind)) / (2 * h), atol=1e-8)


def test_without_a_penalty_ridge_is_the_limit_of_small_ones():
    points = {"ratio": [0.5, 2.0], "keep": 0.8, "angle": 0.3}
    small, none = (students(sv.Ridge(p), **points).error for p in (1e-9, 0.0))
    np.testing.assert_allclose(none, small, rtol=1e-7)
    assert students(sv.Ridge(0.0), ratio=2.0, keep=0.5).error[0] == pytest.approx(0.5, abs=1e-6)  # samples = dimension


def test_a_biased_selection_has_a_floor_that_weights_remove():
    """At many samples ridge finds C^-1 c, which is not the teacher unless the weights undo the selection."""
    fields = {"ratio": 1e8, "keep": 0.3, "angle": 0.6, "selection": "mixed", "share": 0.4}
    biased, unbiased = (float(students(sv.Ridge(1e-3), **fields, weighted=w).error[0]) for w in (False, True))
    assert unbiased < 1e-3
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 10**6))
    near, rest = np.abs(a) < norm.isf((1 - 0.18) / 2), rng.random(10**6) < 0.12 / 0.82
    kept, y = near | rest, np.sign(np.cos(0.6) * a + np.sin(0.6) * b)
    along, across = ((x * y)[kept].mean() / ((x**2)[kept].mean() + 1e-3) for x in (a, b))
    assert biased == pytest.approx(abs(np.arctan2(across, along) - 0.6) / np.pi, abs=1e-3)


def test_practice_is_one_round_after_another():
    model, ridge = sv.TeacherPerceptron(6.0, 0.4, probe_angle=HALF), sv.Ridge(0.1)
    curve = sv.solve(model, sv.Practice(ridge), sv.Replica(), [0, 1, 3])
    errors = [0.5]
    for _ in range(3):
        errors.append(float(students(ridge, ratio=6.0, keep=0.4, angle=np.pi * errors[-1]).error[0]))
    np.testing.assert_allclose(curve.error, np.array(errors)[[0, 1, 3]], rtol=1e-12)
    np.testing.assert_allclose(curve.stats["generated"], [0, 6, 18])
    np.testing.assert_allclose(curve.stats["kept"], [0, 2.4, 7.2])


@pytest.mark.parametrize("algorithm", [pytest.param(sv.MaxMargin(), marks=pytest.mark.slow), sv.Ridge(0.1)])
def test_a_map_of_ratio_and_keep_by_a_sweep(algorithm):
    axes = {"ratio": [1.0, 3.0], "keep": [0.25, 0.5, 1.0]}
    found = sv.sweep(lambda ratio, keep: (sv.TeacherPerceptron(ratio, keep), algorithm), axes, sv.Replica(), None)
    ratio, keep = np.meshgrid(*axes.values(), indexing="ij")
    same = students(algorithm, ratio=ratio.ravel(), keep=keep.ravel()).error.reshape(2, 3)
    np.testing.assert_allclose(found.error_rate[..., 0], same, rtol=1e-10)
    np.testing.assert_allclose(found.risk, 4 * found.error_rate, rtol=1e-12)


def test_bad_input():
    for field, bad in (
        ("keep", 0.0), ("keep", 1.5), ("keep", np.nan), ("ratio", 0.0), ("ratio", np.inf), ("probe_angle", -0.1),
        ("probe_angle", 1.6), ("selection", "best"), ("share", 2.0), ("dimension", 1), ("dimension", 2.5),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=rf"^{field}: wanted"):
            sv.TeacherPerceptron(**{field: bad})
    with pytest.raises(ValueError, match=r"^weighted: wanted False"):
        sv.TeacherPerceptron(keep=0.5, weighted=True)
    with pytest.raises(ValueError, match=r"^dimension: wanted an integer >= 2 to draw"):
        sv.solve(sv.TeacherPerceptron(), sv.MaxMargin(), sv.Simulation(), key=jax.random.key(0))
    with pytest.raises(ValueError, match=r"^model: wanted one that states the spectrum .*got TeacherPerceptron"):
        sv.solve(sv.TeacherPerceptron(), sv.SGD(0.1, 1), sv.Recursion(), [0, 1])
    with pytest.raises(ValueError, match=r"^steps: wanted at most"):
        sv.solve(sv.TeacherPerceptron(), sv.Practice(), sv.Replica(), [10**6])
