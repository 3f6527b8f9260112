"""The letters of the paper: eigenvalues k^{-b}, target power k^{-a}; b = 2 alpha, a = 2 alpha + 2 beta.

Source: Bordelon, Atanasov, Pehlevan 2024 (arXiv 2402.01092).
"""

import numpy as np

import solvable as sv

MANY = 1e15  # a width or a number of samples that limits nothing here


def law(a: float, b: float, width=MANY, samples=MANY, ambient=np.inf):
    """The random-feature model with target power k^-a and eigenvalues k^-b."""
    return sv.PowerLawRF(b / 2, (a - b) / 2, width, ambient, samples=samples)


def exponents(a: float, b: float) -> dict[str, float]:
    """Exponents of the risk in time, samples and width, each limiting alone.

    The width's is min(a - 1, b): one power of the effective ridge, where samples have two.
    """
    return {"time": (a - 1) / b, "samples": min(a - 1, 2 * b), "width": min(a - 1, b)}


def sweep(build, axes, steps, progress, stage: str):
    """The typical draw over some axes: one `sv.sweep`, whose cells are stacked."""
    return sv.sweep(build, axes, sv.DMFT(), steps, on_error="raise",
                    progress=lambda done, total, _: progress(stage, done, total))


def risk(model, algorithm, steps):
    """(risk, training risk) of the typical draw."""
    curve = sv.solve(model, algorithm, sv.DMFT(), steps)
    return np.asarray(curve.risk), curve.train_risk
