"""Whatever is put in place of one argument of a public callable, the call ends in a right answer or one refusal."""

import inspect
import warnings
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from fuzz import EXAMPLES, JUNK, MADE, NEVER, judge, public, replaced
from hypothesis import HealthCheck, given, settings

PUBLIC = {name: x for name, x in public().items() if name != "keep_compiled_programs"}  # it changes the process
PLACES = [(name, place) for name, arguments in EXAMPLES.items() for place in arguments]
# Callables whose accepted calls compile or draw for a second; of these the default suite sees refusals only.
SLOW = (
    "check", "solve", "compute_frontier", "regime", "ridge_map", "optimal_penalty", "fits.fit_spectrum",
    "fit_power_law", "theory.", "simulation.", "plots.", "models.arc_cosine", "models.relu_ntk", "Optax",
    "measure_learning_curve", "predict_learning_curve", "best_learning_rate", "critical_batch_size", "adaptive_batch",
    "TeacherPerceptron", "Logistic", "MaxMargin", "Practice",
    "SGD", "SignSGD", "SphericalSGD", "GradientFlow", "Ridge", "Simulation", "stability", "frontier_map",
)  # fmt: skip
QUICK = [(name, place) for name, place in PLACES if not name.startswith(SLOW)]
FUZZED = [name for name, arguments in EXAMPLES.items() if arguments]
EACH = 80  # inputs of one callable in the slow suite

# Integers between are honest sizes, of which some are days of work.
small_or_huge = st.one_of(st.integers(-5, 5), st.integers(min_value=2**62), st.integers(max_value=-(2**62)))
single = st.one_of(st.none(), st.booleans(), st.floats(), small_or_huge, st.text(max_size=3), st.binary(max_size=3))
junk = st.one_of(
    st.sampled_from(range(len(JUNK))).map(JUNK.__getitem__),
    st.sampled_from(MADE).map(lambda make: make()),
    single,
    st.complex_numbers(),
    st.lists(single, max_size=4),
    st.lists(st.floats(allow_nan=False), max_size=4),
    st.lists(st.lists(st.floats(), max_size=2), max_size=3),
    st.lists(single, max_size=3).map(lambda values: np.array(values, object)),
    st.lists(st.floats(), min_size=1, max_size=3).map(lambda values: np.ma.masked_invalid(np.array(values))),
)


def run(name: str, place: str, value: Any) -> None:
    wrong = judge(name, PUBLIC[name], replaced(EXAMPLES[name], place, value))
    assert wrong is None, f"{name}({place}=...): {wrong}"


@pytest.fixture(autouse=True)
def _closed():
    yield
    from matplotlib import pyplot

    pyplot.close("all")


def test_everything_public_has_an_example_that_names_every_argument():
    assert set(PUBLIC) == set(EXAMPLES), "give a public callable a valid example in tests/fuzz.py"
    for name, thing in PUBLIC.items():
        parameters = inspect.signature(thing).parameters.values()
        assert {p.name for p in parameters if p.kind is not p.VAR_KEYWORD} == set(EXAMPLES[name]), name


def test_the_slow_suite_has_four_thousand_inputs():
    assert EACH * len(FUZZED) >= 4000


@pytest.mark.parametrize(
    ("outcome", "wrong"),
    [
        (lambda x: 1 / 0, "ZeroDivisionError"),
        (lambda x: {}[x], "KeyError"),
        (lambda x: float("a"), "ValueError"),
        (lambda x: np.full(2, np.nan), "NaN"),
        (lambda x: np.zeros(2**40), "MemoryError"),
        (lambda x: warnings.warn("odd", stacklevel=1), "UserWarning"),
        (lambda x: 1.0, None),
    ],
)
def test_the_judge_tells_right_from_wrong(outcome, wrong):
    found = judge("example", outcome, {"x": 1})
    assert (found is None) if wrong is None else wrong in str(found)


@pytest.mark.parametrize(("name", "place"), PLACES)
def test_what_no_argument_can_be_is_refused(name, place):
    for value in NEVER[len(name + place) % 2 :: 2]:
        run(name, place, value)


@settings(max_examples=300, derandomize=True)
@given(st.sampled_from(QUICK), junk)
def test_a_sample_ends_in_an_answer_or_one_refusal(where, value):
    run(*where, value)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", FUZZED)
def test_every_call_ends_in_an_answer_or_one_refusal(name):
    @settings(max_examples=EACH, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(sorted(EXAMPLES[name])), junk)
    def fuzz(place, value):
        run(name, place, value)

    fuzz()
