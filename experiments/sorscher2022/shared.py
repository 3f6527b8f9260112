"""Errors of typical students at many points, by one compiled program, and those of drawn ones.

Source: Sorscher et al. 2022 (arXiv 2206.14486).
"""

import jax
import numpy as np

import solvable as sv
from solvable.theory import perceptron_map


def errors(*blocks, selection="hard"):
    """The error of largest margin at each block (kept samples per dimension, part, probe's angle), which broadcast."""
    blocks = [np.broadcast_arrays(*(block if len(block) == 3 else (*block, 0.0))) for block in blocks]
    kept, keep, angle = (np.concatenate([np.ravel(block[i]) for block in blocks]) for i in range(3))
    model = sv.TeacherPerceptron(selection=selection)
    found = perceptron_map(model, sv.MaxMargin(), ratio=kept / keep, keep=keep, probe_angle=angle).error
    ends = np.cumsum([block[0].size for block in blocks])[:-1]
    return [x.reshape(block[0].shape) for x, block in zip(np.split(found, ends), blocks, strict=True)]


def drawn(law, algorithm, runs: int, seed: int, steps=None):
    """(error, its standard error) of simulated students, last step."""
    curve = sv.solve(law, algorithm, sv.Simulation(runs), steps, key=jax.random.key(seed))
    return float(curve.error[-1]), float(curve.stderr[-1]) / 4
