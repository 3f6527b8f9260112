"""What every method returns: the risk along the requested steps, with how it ended."""

from enum import IntEnum
from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float, Int


class Result(IntEnum):
    """How a curve ended. Divergence is data: it is raised only when ``throw=True``."""

    SUCCESS = 0
    DIVERGENT = 1  # the expected risk grows without bound
    NONFINITE = 2  # a recorded risk is not a finite number


class Curve(eqx.Module):
    """Risk along optimizer steps.

    Attributes:
        steps: recorded steps, 0 meaning before the first update; shape (steps,), int64.
        risk: population mean squared error E[(f(x) - y)^2] at those steps, floor included; shape (steps,).
        stderr: standard error of ``risk`` over runs; zero for a theory.
        result: a `Result` code.
        stats: by-products of the method that made the curve (thresholds, counts, per-run risks).
        train_risk: mean squared error on the training data at those steps; None for a fresh stream, and where the
            method does not give it; shape (steps,).
    """

    steps: Int[np.ndarray, " steps"]
    risk: Float[Array, " steps"]
    stderr: Float[Array, " steps"]
    result: Int[Array, ""]
    stats: dict[str, Any] = eqx.field(default_factory=dict)
    train_risk: Float[Array, " steps"] | None = None

    @property
    def message(self) -> str:
        """The result in words, with the stability threshold where the method knows it."""
        code = Result(int(self.result))
        if code is Result.SUCCESS:
            return "the risk stays bounded"
        threshold = self.stats.get("critical_learning_rate")
        limit = "" if threshold is None else f": the learning rate must stay below {float(threshold):.6g}"
        if code is Result.DIVERGENT:
            return f"the expected risk diverges{limit}"
        return f"a recorded risk is not finite{limit}"
