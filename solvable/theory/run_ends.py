"""Where whole runs end: the risk of the typical draw after n steps, of a run that may be planned for its n steps.

Constant settings and one moment a mode are answered in closed form (`renewal`), everything else in blocks of steps
(`horizon`). Runs of other laws, widths, numbers of steps and rates share one compiled program.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from solvable.numerics.inversion import SINGLE
from solvable.numerics.precision import in_float64
from solvable.theory import renewal
from solvable.theory.horizon import blocks, judged_risk, looked
from solvable.theory.typical import part_kept

TOGETHER = 8  # runs of one call of the compiled program


class OneLaw(eqx.Module):
    """The same law at every point."""

    model: Any

    def __call__(self, point: Any) -> Any:
        return self.model


class Plane(eqx.Module):
    """The laws of a plane of exponents: points (alpha, beta, ambient / width)."""

    model: Any

    def __call__(self, point: Any) -> Any:
        alpha, beta, ratio = point
        return eqx.tree_at(lambda m: (m.alpha, m.beta, m.width, m.ambient), self.model, (alpha, beta, 1.0, ratio))


class Runs(NamedTuple):
    """What is run; arrays of one shape.

    Attributes:
        point: which law; shape (..., 3).
        width: real numbers.
        steps: whole numbers.
        factor: what multiplies the learning rate.
    """

    point: Any
    width: Any
    steps: Any
    factor: Any


class Ends(eqx.Module):
    """The logarithm of the risk at the ends of runs: of a family of laws, an algorithm for each, and contour nodes.

    It is infinite where some draws diverge, and NaN where no bound of its error is known.
    """

    family: Any
    build: Any
    nodes: int = eqx.field(static=True)
    workers: int = eqx.field(static=True, default=2)

    def __call__(self, runs: Runs, tolerance: float) -> Float[np.ndarray, "..."]:
        """At ``runs``, with the error allowed in a block of steps."""
        shape, count = np.shape(runs.width), np.size(runs.width)
        flat = [np.reshape(x, (count, *np.shape(x)[len(shape):])) for x in runs]  # fmt: skip
        chunks = [np.resize(np.arange(i, min(i + TOGETHER, count)), TOGETHER) for i in range(0, count, TOGETHER)]

        @in_float64
        def solve(index):
            return _log_ends(self.family, self.build, Runs(*(x[index] for x in flat)), tolerance, self.nodes)

        found = np.empty(count)
        with ThreadPoolExecutor(self.workers) as pool:
            first = [pool.submit(solve, index).result() for index in chunks[:1]]  # compiles what the others share
            for index, part in zip(chunks, [*first, *pool.map(solve, chunks[1:])], strict=True):
                found[index] = part
        return found.reshape(shape)


@eqx.filter_jit
def _log_ends(family, build, runs: Runs, tolerance, nodes: int) -> Float[Array, " runs"]:
    tolerance = jnp.asarray(tolerance)

    def end(run: Runs):
        law = family(run.point).at_width(run.width)
        algorithm = build(law, run.steps).rescale(run.factor)
        return _log_end(law.spectrum(nodes), algorithm, run.steps, tolerance)

    return jax.lax.map(end, Runs(*map(jnp.asarray, runs)))


def _log_end(spectrum, algorithm, steps, tolerance):
    """The smear of the largest eigenvalue is kept, so that the risk is smooth in width; where it would grow: infinity.
    """
    if renewal.applies(algorithm):
        law = renewal.lower(spectrum.smeared(), algorithm)
        risk = renewal.at_times(law, steps[None, None], steps[None], SINGLE)[0, 0]
        stable = (renewal.kernel_norm(law) < 1) & renewal.resolved(law)
        return jnp.where(stable, jnp.log(jnp.where(stable, risk, 1.0)), jnp.inf)
    decays = part_kept(spectrum, algorithm, looked(algorithm, steps)) >= 1
    smeared = spectrum.smeared()
    risk, fine = blocks(smeared, algorithm, steps[None], judged_risk(smeared, algorithm), tolerance)
    risk = jnp.where(fine, risk[0, 0], jnp.nan)
    return jnp.where(decays, jnp.log(risk), jnp.inf)
