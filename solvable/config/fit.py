"""What `solvable fit` is told: a table of runs, a law and a method."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path

    from solvable.fits import Fit
    from solvable.fits.methods.base import AbstractFitMethod
    from solvable.fits.uncertainty import AbstractUncertainty

FLAGS = {"parameters": "N", "data": "D", "compute": "C", "loss": "L", "stderr": "stderr"}  # flag -> variable


@dataclass(frozen=True)
class FitConfig:
    """Fit a law of scaling to runs. Columns that are not named are found by their usual names.

    Attributes:
        law: name of the law, such as chinchilla or power-law; `solvable list laws` shows them.
        method: huber (Chinchilla's approach 3), absolute-deviation, least-squares, envelope (approach 1) or isoflop
            (approach 2); the last two take the law compute-optimal.
        delta: where the Huber loss turns linear.
        parameters: column of the number of parameters N.
        data: column of the number of tokens D; C / (6 N) where there is none but compute.
        compute: column of the FLOPs C; checked against 6 N D.
        loss: column of the loss L.
        stderr: column of the standard errors of the loss, for least-squares.
        columns: VARIABLE=COLUMN for any other variable of the law, such as x=width or U=unique_tokens.
        fixed: PARAMETER=NUMBER, a parameter that is not fitted, such as E=0.
        drop_largest: how many rows of largest loss are left out.
        missing: drop leaves out rows with missing numbers, refuse refuses them.
        intervals: bootstrap, profile or hessian.
        resamples: resamples of the bootstrap.
        run: column that names the run of a point: whole runs are resampled.
        block: neighbours that are resampled together.
        confidence: level of the intervals.
        key: seed of the resamples.
    """

    law: str = "chinchilla"
    method: Literal["huber", "absolute-deviation", "least-squares", "envelope", "isoflop"] = "huber"
    delta: float = 1e-3
    parameters: str | None = None
    data: str | None = None
    compute: str | None = None
    loss: str | None = None
    stderr: str | None = None
    columns: Mapping[str, object] = field(default_factory=dict)
    fixed: Mapping[str, object] = field(default_factory=dict)
    drop_largest: int = 0
    missing: Literal["refuse", "drop"] = "refuse"
    intervals: Literal["bootstrap", "profile", "hessian"] = "bootstrap"
    resamples: int = 1000
    run: str | None = None
    block: int = 1
    confidence: float = 0.95
    key: int = 0

    def fit(self, runs: "str | Path") -> "Fit":
        """The fit of the runs in a file.

        Raises:
            ValueError: an option or the data are impossible.
            OSError: the file cannot be read.
        """
        import jax

        from solvable.fits import fit
        from solvable.fits.registry import law_named

        law, method = self.law, self._method()
        if self.fixed:
            law = type(law_named(law, method))(fixed=dict(self.fixed))  # pyright: ignore[reportCallIssue]
        named = {variable: getattr(self, flag) for flag, variable in FLAGS.items() if getattr(self, flag)}
        named |= {str(variable): str(column) for variable, column in self.columns.items()}
        return fit(
            runs, law, method, columns=named, uncertainty=self._uncertainty(), confidence=self.confidence,
            missing=self.missing, drop_largest=self.drop_largest, key=jax.random.key(self.key), warn=False,
        )  # fmt: skip

    def _method(self) -> "AbstractFitMethod":
        from solvable.fits import AbsoluteDeviation, Envelope, Huber, IsoFLOP, LeastSquares

        others = {"absolute-deviation": AbsoluteDeviation, "least-squares": LeastSquares, "envelope": Envelope,
                  "isoflop": IsoFLOP}  # fmt: skip
        return Huber(self.delta) if self.method == "huber" else others[self.method]()

    def _uncertainty(self) -> "AbstractUncertainty":
        from solvable.fits import Bootstrap, Hessian, ProfileLikelihood

        if self.intervals == "bootstrap":
            return Bootstrap(self.resamples, self.run, self.block)
        return ProfileLikelihood() if self.intervals == "profile" else Hessian()
