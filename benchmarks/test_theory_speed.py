"""The cost of a theory does not depend on the width, the ambient dimension or the step.

    pytest benchmarks/test_theory_speed.py -m "" --benchmark-disable -s

Every claim is a ratio of medians taken in turns in one process, so a busy machine changes both sides alike.
"""


import jax
import numpy as np
import pytest
from timing import aim, medians

import solvable as sv

LOG_STEPS = sv.log_steps(10**15, 200)


def typical(width, alpha=1.0):
    """Deterministic equivalent and 200 steps to 10^15, with parameters not met before: nothing is remembered."""
    counter = iter(range(10**9))

    def run():
        model = sv.PowerLawRF(alpha, 0.7 + 1e-6 * next(counter), width, 10 * width)
        return sv.solve(model, sv.SGD(0.3, 1), sv.Recursion(), LOG_STEPS).risk

    return run


@pytest.mark.parametrize("alpha", [0.4, 1.0])
def test_width_a_trillion_costs_what_ten_thousand_does(alpha):
    small, large = medians(typical(10**4, alpha), typical(10**12, alpha))
    aim(f"alpha {alpha}: width 1e12 over width 1e4", large / small, at_most=1.5, small=small, large=large)


def numpy_recursion(spectrum, rate, count):
    """The same recursion as anyone would write it."""
    eigvals, moment = spectrum.eigvals, spectrum.error.copy()
    q, kick, floor = 1 - 2 * rate * eigvals + 2 * rate**2 * eigvals**2, rate**2 * eigvals, float(spectrum.floor)
    risk = np.empty(count + 1)
    for t in range(count + 1):
        risk[t] = floor + eigvals @ moment
        moment = q * moment + kick * risk[t]
    return risk


@pytest.mark.parametrize(("last", "least"), [(10**4, 1.5), (10**5, 15), (10**6, 150)])
def test_closed_form_against_a_numpy_loop(last, least):
    """One draw of width 500: the loop's time grows with the steps, the closed form's with their logarithm."""
    problem = sv.PowerLawRF(1.0, 0.7, 500, 2000).draw(jax.random.key(0))
    spectrum, steps = problem.spectrum(), sv.log_steps(last, 100)
    closed = lambda: sv.solve(problem, sv.SGD(0.3, 1), sv.Recursion(), steps).risk  # noqa: E731
    fast, slow = medians(closed, lambda: numpy_recursion(spectrum, 0.3, last), repeats=3)
    aim(f"{last} steps: NumPy loop over closed form", slow / fast, at_least=least, fast=fast, slow=slow)
    np.testing.assert_allclose(closed(), numpy_recursion(spectrum, 0.3, last)[steps], rtol=1e-10)


def test_deterministic_equivalent(benchmark):
    benchmark(typical(10**6))


def test_phase_diagram_by_theory(benchmark):
    """Both exponents on a 40 x 40 grid of (alpha, beta), exactly, at compute 10^16: seconds, compilation included."""
    alpha, beta = np.meshgrid(np.linspace(0.05, 1.1, 40), np.linspace(-0.2, 1.3, 40), indexing="ij")

    def solve_map():
        return sv.frontier_map(
            sv.PowerLawRF(), _over_trace, 1e16, alpha=alpha, beta=beta, ratio=4, nodes=224, stages=3
        )

    frontier = benchmark.pedantic(solve_map, rounds=1, iterations=1)
    benchmark.extra_info["optima"] = int(frontier.interior.sum())
    assert frontier.interior.sum() > 1300


def _over_trace(model):
    return sv.SGD(0.5 / model.trace())
