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
        (("data set", "law"), "Ridge", {"Simulation", "DeterministicEquivalent"}),
        (("data set", "draw"), "Ridge", {"Simulation", "Exact"}),
        (("data set", "draw"), "Optax", {"Simulation"}),
        (("fresh stream", "law"), "WeightDecay", {"Simulation", "DMFT", "Recursion", "Volterra"}),
        (("fresh stream", "law"), "BatchSchedule", {"Simulation", "DMFT", "Recursion", "Volterra"}),
        (("data set", "draw"), "EMA, full batch", {"Simulation", "Exact"}),
        (("data set", "draw"), "Preconditioned, full batch", set()),
    ],
)
def test_what_answers_for_power_law_random_features(given, algorithm, expected):
    rows = [r for r in methods.table() if r[:2] == given and "PowerLawRF" in r.models and algorithm in r.algorithms]
    assert [set(row.methods) for row in rows] == [expected]
