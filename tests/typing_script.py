# pyright: strict, reportUnnecessaryTypeIgnoreComment=true, reportUnknownMemberType=false
"""A user's script, which pyright checks: the face, its rooms, and the types of what comes out.

Nobody runs it. Each ``pyright: ignore`` below is a mistake that must be reported: where it is not, the comment itself
is an error.
"""

from pathlib import Path
from typing import assert_type

import jax
import numpy as np
import xarray as xr
from matplotlib.axes import Axes

import solvable as sv

key = jax.random.key(0)
model = sv.PowerLawRF(alpha=1.0, beta=0.7, width=256, ambient=1024)
algorithm = sv.SGD(learning_rate=0.3, batch_size=4)
steps = sv.log_steps(10_000)

assert_type(sv.solve(model, algorithm, sv.Recursion(), steps), sv.Curve)
assert_type(sv.solve(model.draw(key), algorithm, sv.Simulation(num_runs=64), steps, key=key), sv.Curve)
assert_type(sv.solve(model, sv.Ridge(1e-3), sv.DeterministicEquivalent()), sv.Curve)
assert_type(sv.check(model, algorithm, sv.Volterra(), steps, key=key), sv.Check)
assert_type(sv.stability(model, algorithm), sv.theory.Stability)
assert_type(sv.regime(model), sv.theory.Regime)
assert_type(sv.phase(1.0, 0.7), sv.exponents.Phase)
assert_type(sv.fit_power_law(np.arange(1, 9), np.arange(9, 1, -1)), sv.fits.PowerLawFit)
assert_type(sv.cite(model, algorithm), str)
assert_type(sv.models.arc_cosine.__name__, str)


def build(width: int) -> tuple[sv.PowerLawRF, sv.SGD]:
    """The model and the algorithm of one cell."""
    return sv.PowerLawRF(width=width), algorithm


dataset = sv.sweep(build, {"width": [64, 128]}, sv.Recursion(), steps, store=Path("results/sweep"))
assert_type(dataset, xr.Dataset)
assert_type(sv.plan(build, {"width": [64, 128]}, sv.Recursion(), steps), sv.sweeps.Plan)
assert_type(sv.collect("results/sweep"), xr.Dataset)
assert_type(sv.plots.curves(dataset, hue="width"), Axes)
assert_type(sv.plots.heatmap(dataset, dims=("width", "step")), Axes)

sv.PowerLawRFF()  # pyright: ignore[reportAttributeAccessIssue]
sv.theory.no_such_theory()  # pyright: ignore[reportAttributeAccessIssue]
sv.solve(model, algorithm)  # pyright: ignore[reportCallIssue]
sv.solve(algorithm, model, sv.Recursion(), steps)  # pyright: ignore[reportArgumentType]
sv.plots.curves(dataset, colour="width", y=3)  # pyright: ignore[reportArgumentType]
sv.sweep(build, [64, 128], sv.Recursion(), steps)  # pyright: ignore[reportArgumentType]
