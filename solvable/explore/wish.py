"""What the page asks for: nine numbers, read from a query and checked."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from solvable.config.values import suggest

REALS = {
    "alpha": (0.05, 1.5), "beta": (-0.9, 1.5), "rate": (0.001, 10.0), "momentum": (0.0, 0.99), "noise": (0.0, 10.0),
}  # fmt: skip
INTEGERS = {"width": (4, 4096), "batch": (1, 1024), "samples": (0, 16384), "step": (1, 2**18)}
LEAST_SUM = 0.51  # of alpha + beta: at 1/2 the risk at step 0 is infinite


@dataclass(frozen=True)
class Wish:
    """One state of the page.

    Attributes:
        alpha, beta, width, noise: of `PowerLawRF`, with four inputs a feature.
        batch: samples a step; of no effect on a finite data set, whose descent is full-batch.
        rate: learning rate times the expected trace of the feature covariance.
        momentum: of the heavy ball; 0 is plain SGD.
        samples: size of the data set; 0 is a fresh stream.
        step: where it is asked what limits the risk.
    """

    alpha: float = 1.0
    beta: float = 0.7
    width: int = 256
    batch: int = 4
    rate: float = 0.5
    momentum: float = 0.0
    noise: float = 0.0
    samples: int = 0
    step: int = 4096

    @property
    def world(self) -> str:
        """Which theory answers: "data" (`DMFT`), "momentum" or "stream" (`Recursion`)."""
        return "data" if self.samples else "momentum" if self.momentum else "stream"


def read_wish(query: Mapping[str, str]) -> Wish:
    """The wish of a query; what it leaves out has its default.

    Raises:
        ValueError: an unknown name, or a value that is no number of its range; the message names it.
    """
    names = [field.name for field in fields(Wish)]
    for name in query:
        if name not in names:
            hint = suggest(name, names) or f"; wanted some of {', '.join(names)}"
            raise ValueError(f"{name[:40]!r}: no such parameter{hint}")
    numbers: dict[str, Any] = {name: _number(name, text) for name, text in query.items()}
    wish = Wish(**numbers)
    if wish.alpha + wish.beta < LEAST_SUM:
        raise ValueError(
            f"alpha, beta: wanted alpha + beta >= {LEAST_SUM} (a finite risk at step 0); got {wish.alpha} + {wish.beta}"
        )
    if wish.samples and wish.momentum:
        raise ValueError("momentum: wanted 0 on a finite data set, whose theory takes plain descent")
    return wish


def _number(name: str, text: str) -> float | int:
    whole = name in INTEGERS
    low, high = INTEGERS[name] if whole else REALS[name]
    try:
        value = (int if whole else float)(text)
    except ValueError:
        value = math.nan
    # `samples=1` would be a data set of one: the smallest that is one is as large as the smallest width.
    if "_" in text or not low <= value <= high or (name == "samples" and 0 < value < 4):
        kind = "an integer" if whole else "a number"
        raise ValueError(f"{name}: wanted {kind} from {low} to {high}; got {text[:40]!r}")
    return value
