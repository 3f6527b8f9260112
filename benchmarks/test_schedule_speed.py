"""Settings that change in time cost the same at any horizon.

    pytest benchmarks/test_schedule_speed.py -m "" --benchmark-disable -s

Every claim is a ratio of times taken in turns in one process, so a busy machine changes both sides alike.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from timing import aim, best

import solvable as sv


class Schedule(eqx.Module):
    """A cosine to 0, or constant and a linear cooldown over the last tenth."""

    horizon: jax.Array = eqx.field(converter=np.asarray)
    wsd: jax.Array = eqx.field(converter=np.asarray, default=False)

    def __call__(self, t):
        left = 1 - t / self.horizon
        cosine = jnp.cos(jnp.pi / 2 * (1 - left)) ** 2
        return 0.1 * jnp.where(self.wsd, jnp.minimum(10 * left, 1.0), cosine)


def run(subject, horizon, wsd):
    steps = np.r_[0, np.unique(np.geomspace(10, horizon, 40).astype(int))]
    return lambda: sv.solve(subject, sv.SGD(Schedule(float(horizon), wsd), 2), sv.Recursion(), steps).risk


@pytest.mark.parametrize("wsd", [False, True], ids=["cosine", "WSD"])
@pytest.mark.parametrize("typical", [False, True], ids=["draw", "typical"])
def test_a_trillion_steps_cost_what_a_million_do(typical, wsd):
    model = sv.PowerLawRF(0.7, 0.6, 500, 2000)
    subject = model if typical else model.draw(jax.random.key(0))
    short, long = best(run(subject, 10**6, wsd), run(subject, 10**12, wsd), repeats=7)
    kind = ("typical draw" if typical else "one draw") + (", WSD" if wsd else ", cosine")
    aim(f"10^12 over 10^6 steps, {kind}", long / short, at_most=2, short=short, long=long)
    aim(f"seconds for 10^12 steps, {kind}", long, at_most=0.2)


def test_blocks_against_a_numpy_loop():
    """One draw of width 500 under a cosine of 200,000 steps."""
    problem, last = sv.PowerLawRF(0.7, 0.6, 500, 2000).draw(jax.random.key(0)), 200_000
    s, rates = problem.spectrum(), 0.1 * np.cos(np.pi / 2 * np.arange(last) / last) ** 2

    def loop():
        moment = s.error
        for g in rates:
            x = g * s.eigvals
            moment = moment - x * (2 - 1.5 * x) * moment + 0.5 * g * x * (float(s.floor) + s.eigvals @ moment)
        return float(s.floor) + s.eigvals @ moment

    fast, slow = best(run(problem, last, False), loop, repeats=2)
    aim("200,000 steps of a schedule: NumPy loop over blocks", slow / fast, at_least=20, fast=fast, slow=slow)
    np.testing.assert_allclose(run(problem, last, False)()[-1], loop(), rtol=1e-9)
