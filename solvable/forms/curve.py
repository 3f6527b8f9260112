"""What every method returns: the risk along the requested steps, with how it ended."""

import dataclasses
from enum import IntEnum
from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from solvable.arrays import is_concrete, library, to_numpy
from solvable.showing import described

GROWN = 1e4  # the factor over its start beyond which a risk counts as divergent where no analysis decides


class Result(IntEnum):
    """How a curve ended. Divergence is data: it is raised only when ``throw=True``.

    For constant coefficients a theory decides by analysis whether the expected risk is bounded. For schedules, batches
    of a finite data set and simulations the recorded risk decides: it is divergent where it ends more than
    ``GROWN`` = 10^4 times above the risk at the start.
    """

    SUCCESS = 0
    DIVERGENT = 1  # the risk grows without bound
    NONFINITE = 2  # a recorded risk is not a finite number


class Curve(eqx.Module):
    """Risk along optimizer steps.

    Attributes:
        steps: recorded steps, 0 meaning before the first update; shape (steps,), int64.
        risk: population mean squared error E[(f(x) - y)^2] at those steps, floor included; shape (steps,). Where labels
            are learnt f(x) is the predicted label, 1 or -1, and the risk is 4 times the ``error``.
        stderr: standard error of ``risk`` over runs; zero for a theory.
        result: a `Result` code.
        stats: by-products of the method that made the curve (thresholds, counts, per-run risks).
        train_risk: mean squared error on the training data at those steps; None for a fresh stream, and where the
            method does not give it; shape (steps,).
        error: probability of a wrong label at those steps; None where no labels are learnt; shape (steps,).
    """

    steps: Int[Any, " steps"]
    risk: Float[Array, " steps"]
    stderr: Float[Array, " steps"]
    result: Int[Array, ""]
    stats: dict[str, Any] = eqx.field(default_factory=dict)
    train_risk: Float[Array, " steps"] | None = None
    error: Float[Array, " steps"] | None = None

    @classmethod
    def of(
        cls,
        steps: Int[Any, " steps"],
        risk: Float[Array, " steps"],
        *,
        start: Float[Array, ""] | float,
        diverges: Bool[Array, ""] | bool | None = None,
        stderr: Float[Array, " steps"] | None = None,
        stats: dict[str, Any] | None = None,
        train_risk: Float[Array, " steps"] | None = None,
    ) -> "Curve":
        """The curve with its `Result`, decided here for every method.

        Args:
            steps, risk, stderr, stats, train_risk: as the attributes.
            start: risk of the initial parameters, what growth is measured against.
            diverges: whether the risk grows without bound, where an analysis says so; None where none does.
        """
        xp = library(risk, train_risk, start, diverges)
        seen = [risk] if train_risk is None else [risk, train_risk]
        finite = xp.stack([xp.isfinite(x).all() for x in seen]).all()
        if diverges is None:
            diverges = finite & (xp.abs(risk[-1]) > GROWN * start)
        failed = xp.where(finite, Result.SUCCESS, Result.NONFINITE)
        result = xp.where(xp.asarray(diverges), Result.DIVERGENT, failed)
        return cls(steps, risk, xp.zeros_like(risk) if stderr is None else stderr, result, stats or {}, train_risk)

    @classmethod
    def of_labels(cls, steps: Int[Any, " steps"], error: Float[Array, " steps"], stats: dict[str, Any]) -> "Curve":
        """The curve of a classifier with this probability of a wrong label; it cannot diverge."""
        curve = cls.of(steps, 4 * error, start=2.0, diverges=False, stats=stats)
        return dataclasses.replace(curve, error=error)

    def at(self, steps: Int[np.ndarray, " steps"]) -> "Curve":
        """The curve's first records, as those at ``steps``: of a curve that was padded to share a compiled program."""
        count, known = len(steps), to_numpy(self)
        cut = lambda x: x[:count] if np.ndim(x) else x  # noqa: E731
        stats = {name: cut(x) for name, x in known.stats.items()}
        train, error = (None if x is None else cut(x) for x in (known.train_risk, known.error))
        return Curve(steps, cut(known.risk), cut(known.stderr), known.result, stats, train, error)

    def __repr__(self) -> str:
        if not is_concrete(self.risk, self.stderr, self.result, self.steps) or np.ndim(self.result):
            return described(self)
        first, last = (f"{float(self.risk[place]):.4g}" for place in (0, -1))
        error = f" +- {float(self.stderr[-1]):.2g}" if np.any(np.asarray(self.stderr) != 0) else ""
        train = "" if self.train_risk is None else f", training risk {float(self.train_risk[-1]):.4g}"
        records = f"{len(self.steps)} records from step {int(self.steps[0])} to {int(self.steps[-1])}"
        return f"Curve({records}: risk {first} to {last}{error}{train}; {self.message})"

    @property
    def message(self) -> str:
        """The result in words, with the stability threshold where the method knows it."""
        code = Result(int(self.result))
        if code is Result.SUCCESS:
            return f"no divergence up to step {int(self.steps[-1])}"
        threshold = self.stats.get("critical_learning_rate")
        limit = "" if threshold is None else f": the learning rate must stay below {float(threshold):.6g}"
        if code is Result.DIVERGENT:
            return f"the risk diverges{limit}"
        return f"a recorded risk is not finite{limit}"
