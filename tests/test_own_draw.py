"""SGD beside the exact mean of its own draw: right theories pass, another phase's theory is refused."""

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
PAIRS = [(i, j) for i, j in itertools.product(range(len(NAMES)), repeat=2) if i != j]


@pytest.fixture(scope="module")
def families():
    """The main job's SGD at fewer widths and steps."""
    sizes = {"widths": (8, 16, 32), "window": (512.0, 2048.0), "draws": 8, "runs": 512}
    return phase_diagram.families(phase_diagram.Config(**sizes))


def test_sgd_is_its_own_draws_theory_in_every_phase(families):
    for name, family in zip(NAMES, families, strict=True):
        for row in own_draw.rows(name, own_draw.agreement(family, family)):
            assert row["judged"], row
            assert row["ok"], row
