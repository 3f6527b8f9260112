"""The table of methods in the docs is the one the code makes of itself."""

from pathlib import Path

import pytest

from solvable.verbs import methods

PAGE = Path(__file__).parent.parent / "docs" / "methods.md"


def test_the_table_in_the_docs_is_fresh():
    assert PAGE.read_text(encoding="utf-8").endswith("\n\n" + methods.markdown())


@pytest.mark.parametrize(
    ("given", "algorithm", "expected"),
    [
        (("fresh stream", "law"), "SGD, constant rate", {"Simulation", "DMFT", "Recursion", "Volterra"}),
        (("fresh stream", "law"), "Ridge", set()),
        (("fresh stream", "draw"), "SignSGD", {"Simulation", "SignClosure"}),
        (("fresh stream", "law"), "SignSGD", {"Simulation"}),
        (("data set", "law"), "Ridge", {"Simulation", "DeterministicEquivalent"}),
        (("data set", "draw"), "Ridge", {"Simulation", "Exact"}),
        (("data set", "draw"), "Optax", {"Simulation"}),
        (("fresh stream", "law"), "WeightDecay", {"Simulation", "DMFT", "Recursion", "Volterra"}),
        (("fresh stream", "law"), "BatchSchedule", {"Simulation", "DMFT", "Recursion", "Volterra"}),
        (("data set", "draw"), "EMA, full batch", {"Simulation", "Exact"}),
        (("data set", "draw"), "Preconditioned, full batch", set()),
        (("data set", "law"), "MaxMargin", set()),
    ],
)
def test_what_answers_for_power_law_random_features(given, algorithm, expected):
    rows = [r for r in methods.table() if r[:2] == given and "PowerLawRF" in r.models and algorithm in r.algorithms]
    assert [set(row.methods) for row in rows] == [expected]


@pytest.mark.parametrize(
    ("given", "algorithm", "expected"),
    [
        ("law", "MaxMargin", {"Simulation", "Replica"}),
        ("law", "Ridge", {"Simulation", "Replica"}),
        ("law", "Practice", {"Simulation", "Replica"}),
        ("law", "Logistic", {"Simulation"}),
        ("law", "SGD, constant rate", set()),
        ("draw", "MaxMargin", {"Simulation"}),
        ("draw", "Practice", set()),
    ],
)
def test_what_answers_for_a_perceptron(given, algorithm, expected):
    kind = ("data set", given)
    table = [row for row in methods.table() if row[:2] == kind and "TeacherPerceptron" in row.models]
    rows = [row for row in table if algorithm in row.algorithms]
    assert [set(row.methods) for row in rows] == [expected]
