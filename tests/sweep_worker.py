"""One process of a sweep, for the tests that start, kill and restart several of them."""

import os
import sys
import time
from typing import ClassVar

import jax
import numpy as np

import solvable as sv
from solvable.forms import Curve, Reading, Steps, StreamDraw, StreamLaw
from solvable.method import AbstractMethod

KEY = jax.random.key(11)
STEPS = [0, 3, 30]


class Slow(AbstractMethod):
    """Numbers that depend on everything a cell has, after a pause; nothing to compile."""

    needs_key: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = ("paquette2024",)

    @property
    def reads(self):
        return Reading(StreamDraw, Steps), Reading(StreamLaw, Steps)

    def curve(self, subject, algorithm, steps, *, key):
        model = subject.problem if isinstance(subject, StreamDraw) else subject.law
        time.sleep(0.02)
        rate, width = os.environ.get("LOST", "0 0").split()
        if float(algorithm.learning_rate) == float(rate) and len(model.eigvals) == int(width):
            raise RuntimeError("lost the accelerator")
        words = np.asarray(jax.random.key_data(key), float)
        risk = np.sin(words.sum() + np.asarray(steps)) * float(model.eigvals[0]) + float(algorithm.learning_rate)
        return Curve(steps, risk, np.zeros(len(steps)), np.asarray(0))


def build(width, learning_rate):
    model = sv.PowerLawRF(alpha=1.0, beta=0.5, width=width, ambient=2 * width)
    return model, sv.SGD(learning_rate, 1)


AXES = {"width": [4, 5, 6], "learning_rate": [0.1, 0.2, 0.3, 0.4], "seed": list(range(4))}
METHODS = {
    "slow": Slow(),
    "simulation": sv.Simulation(2),
    "theory": sv.Recursion(),
    "direct": sv.Simulation(2, "direct"),  # cannot be stacked
}


def run(name, store=None, **options):
    """The sweep of one of `METHODS`."""
    options = {"chunk": 3, "progress": False, **options}
    return sv.sweep(build, AXES, METHODS[name], STEPS, key=KEY, store=store, **options)


if __name__ == "__main__":
    method, folder, share, shares = sys.argv[1:]
    print("started", flush=True)
    run(method, folder, shard=(int(share), int(shares)))
    print("finished", flush=True)
