"""The results of one chunk: what is kept of every cell's curve, and how cells ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from solvable.forms.curve import Curve

FAILED = -1  # the result code of a cell that raised
QUANTITIES = {
    "risk": "population mean squared error E[(f(x) - y)^2]",
    "stderr": "standard error of the risk over runs",
    "train_risk": "mean squared error on the training data",
    "train_stderr": "standard error of the training risk over runs",
    "error_rate": "probability of a wrong label",
}


def recorded(curve: Curve) -> dict[str, ArrayLike]:
    """What is kept of a curve: its result code, risk, stderr, and training risk and error rate where it has them."""
    found: dict[str, ArrayLike] = {"result": curve.result, "risk": curve.risk, "stderr": curve.stderr}
    if curve.train_risk is not None:
        exact = jnp.zeros_like(curve.train_risk)  # a theory gives no error, because there is none
        found |= {"train_risk": curve.train_risk, "train_stderr": curve.stats.get("train_stderr", exact)}
    if curve.error is not None:
        found["error_rate"] = curve.error  # in a dataset "error" is a traceback
    return found


@dataclass
class Outcome:
    """Results of a chunk: arrays with a leading axis of its cells.

    Attributes:
        curves: name -> shape (cells, records), NaN where a cell failed or has no such curve; the names are those of
            `QUANTITIES` that some cell has, risk and stderr always.
        result: result codes, `FAILED` where a cell raised.
        steps: the recorded steps of the chunk's cells.
        errors: traceback of each cell that failed, by its place in the chunk.
        seconds: wall time.
    """

    curves: dict[str, np.ndarray]
    result: np.ndarray
    steps: np.ndarray
    errors: dict[int, str] = field(default_factory=dict)
    seconds: float = 0.0

    @classmethod
    def empty(cls, cells: int, steps: np.ndarray, dtype: DTypeLike) -> "Outcome":
        """The outcome before anything is computed: every cell counts as failed, without a traceback."""
        nothing = np.full((cells, len(steps)), np.nan, dtype)
        return cls({"risk": nothing, "stderr": nothing.copy()}, np.full(cells, FAILED, np.int8), steps)

    def put(self, places: list[int], found: Mapping[str, ArrayLike]) -> None:
        """Keep what was `recorded`: arrays with a leading axis of cells, and perhaps more cells and records."""
        count, records = len(places), len(self.steps)
        self.result[places] = np.asarray(found["result"])[:count]
        for name in QUANTITIES.keys() & found.keys():
            if name not in self.curves:
                self.curves[name] = np.full_like(self.curves["risk"], np.nan)
            self.curves[name][places] = np.asarray(found[name])[:count, :records]

    def fail(self, place: int, text: str) -> None:
        """A cell that raised: nothing but its traceback."""
        self.errors[place], self.result[place] = text, FAILED
        for values in self.curves.values():
            values[place] = np.nan

    def take(self, place: int, alone: "Outcome") -> None:
        """The results of one cell from an outcome of the same chunk."""
        if place in alone.errors:
            self.fail(place, alone.errors[place])
            return
        self.put([place], {"result": alone.result[[place]], **{n: x[[place]] for n, x in alone.curves.items()}})

    def arrays(self) -> dict[str, np.ndarray]:
        """As arrays for a file; the tracebacks as one text each."""
        places = np.asarray(sorted(self.errors), np.int64)
        texts = np.asarray([self.errors[int(i)] for i in places], dtype=np.str_) if len(places) else np.zeros(0, "<U1")
        rest = {"failed": places, "errors": texts, "seconds": np.asarray(self.seconds)}
        return {**self.curves, "result": self.result, "steps": self.steps, **rest}

    @classmethod
    def of(cls, arrays: dict[str, np.ndarray]) -> "Outcome":
        """From the arrays of a file."""
        errors = {int(i): str(t) for i, t in zip(arrays["failed"], arrays["errors"], strict=True)}
        curves = {name: arrays[name] for name in QUANTITIES if name in arrays}
        return cls(curves, arrays["result"], arrays["steps"], errors, float(arrays["seconds"]))
