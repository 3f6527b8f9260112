"""Theory against simulation in one call."""

from collections.abc import Iterable

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float, Key

from solvable.algorithms.base import AbstractAlgorithm
from solvable.forms.base import AbstractSubject
from solvable.forms.curve import Curve
from solvable.keys import require_key, stream
from solvable.method import AbstractMethod, check_kind
from solvable.simulation import Simulation
from solvable.verbs.solve import solve

ALLOWED = 4.5  # |z| beyond which two curves disagree


class Check(eqx.Module):
    """A theory's curve beside a simulation's.

    Attributes:
        theory, simulation: the two curves, on the same steps.
        z: (simulation - theory) / stderr; 0 where both agree exactly; shape (steps,).
        relative_error: (simulation - theory) / theory; shape (steps,).
    """

    theory: Curve
    simulation: Curve
    z: Float[np.ndarray, " steps"]
    relative_error: Float[np.ndarray, " steps"]

    def __repr__(self) -> str:
        finite = np.abs(self.z[np.isfinite(self.z)])
        worst = f"largest |z| = {finite.max():.2f}" if finite.size else "no z that is a number"
        verdict = "agree" if (np.abs(self.z) <= ALLOWED).all() else "DISAGREE"
        return f"Check({verdict} at {len(self.z)} steps: {worst}, allowed {ALLOWED}; theory: {self.theory.message})"

    def summary(self) -> str:
        """A table: step, theory, simulation with its standard error, z."""
        head = f"{'step':>12}  {'theory':>11}  {'simulation':>11}  {'stderr':>9}  {'z':>7}"
        columns = (self.theory.steps, self.theory.risk, self.simulation.risk, self.simulation.stderr, self.z)
        rows = zip(*(np.asarray(column).tolist() for column in columns), strict=True)
        return "\n".join([head, *(f"{t:12d}  {a:11.5g}  {b:11.5g}  {e:9.2g}  {z:7.2f}" for t, a, b, e, z in rows)])

    def assert_close(self, z: float = ALLOWED) -> None:
        """Raise AssertionError if any |z| exceeds ``z``; the message names the worst step."""
        worst = int(np.nanargmax(np.abs(self.z))) if np.isfinite(self.z).any() else 0
        if not (np.abs(self.z) <= z).all():
            raise AssertionError(
                f"step {int(self.theory.steps[worst])}: simulation {float(self.simulation.risk[worst]):.6g} +- "
                f"{float(self.simulation.stderr[worst]):.2g}, theory {float(self.theory.risk[worst]):.6g}, "
                f"z = {float(self.z[worst]):.2f} (allowed {z})"
            )


def check(
    model: AbstractSubject,
    algorithm: AbstractAlgorithm,
    method: AbstractMethod,
    steps: Iterable[int] | None = None,
    *,
    key: Key[Array, ""],
    simulation: AbstractMethod | None = None,
) -> Check:
    """Solve by ``method`` and by ``simulation`` (64 runs by default) and compare.

    On a problem both are conditional on the draw and |z| is of order 1. On a model the deterministic equivalent
    differs from the mean over draws by O(1 / width), which many runs will resolve.

    Raises:
        ValueError: as `solve`.
    """
    require_key(key, "for the simulation")
    simulation = Simulation(num_runs=64) if simulation is None else simulation
    check_kind("simulation", simulation, AbstractMethod)
    theory = solve(model, algorithm, method, steps, key=key)
    measured = solve(model, algorithm, simulation, steps, key=stream(key, "check"))
    risk, expected = np.asarray(measured.risk, np.float64), np.asarray(theory.risk)
    difference = risk - expected
    # Rounding is not noise: at step 0 every run has the same risk and no standard error.
    rounding = np.finfo(np.asarray(measured.risk).dtype).eps * 64 * np.abs(expected)
    with np.errstate(invalid="ignore", divide="ignore"):
        stderr = np.asarray(measured.stderr, np.float64)
        z = np.where(np.abs(difference) <= rounding, 0.0, difference / stderr)
        return Check(theory, measured, z, difference / expected)
