"""Settings that change in time cost what constant ones do: blocks of steps equal the plain iteration, or are refused."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import plain
import pytest
from rows import DANA, HeavyBall

import solvable as sv
from solvable.forms import Moments
from solvable.numerics.sum_collocation import rule, scaled_rule
from solvable.theory import recursion

KEY = jax.random.key(0)
T = 200_000
STEPS = sv.log_steps(T, 12)
LAM = np.arange(1.0, 201) ** -1.5
PROBLEM = sv.LinearProblem(LAM, LAM**-0.5 * np.arange(1.0, 201) ** -1.0, 0.01)


class Shape(eqx.Module):
    """Every schedule that is tested, as one function of the step, so that it is compiled once."""

    peak: jax.Array = eqx.field(converter=np.asarray, default=0.1)
    horizon: jax.Array = eqx.field(converter=np.asarray, default=float(T))
    cosine: jax.Array = eqx.field(converter=np.asarray, default=0.0)
    decay_from: jax.Array = eqx.field(converter=np.asarray, default=np.inf)  # of the horizon; then linear to 0
    power: jax.Array = eqx.field(converter=np.asarray, default=0.0)
    warmup: jax.Array = eqx.field(converter=np.asarray, default=0.0)

    def __call__(self, t):
        part = t / self.horizon
        wave = jnp.where(self.cosine > 0, (1 + jnp.cos(jnp.pi * jnp.minimum(part, 1.0))) / 2, 1.0)
        falling = jnp.isfinite(self.decay_from)
        start = jnp.where(falling, self.decay_from, 0.0)
        line = jnp.where(falling, jnp.clip((1 - part) / (1 - start), 0.0, 1.0), 1.0)
        rise = jnp.minimum((t + 1) / jnp.maximum(self.warmup * self.horizon, 1.0), 1.0)
        return self.peak * wave * line * rise * (1.0 + t) ** -self.power


SHAPES = {
    "constant": Shape(),
    "cosine": Shape(cosine=1.0),
    "linear": Shape(decay_from=0.0),
    "WSD, 10% cooldown": Shape(decay_from=0.9),
    "1/sqrt": Shape(power=0.5),
    "warmup and cosine": Shape(cosine=1.0, warmup=0.02),
}


def close(risk, exact, floor=0.01):
    """1e-9 of the risk and 1e-7 of what is above the floor."""
    np.testing.assert_allclose(risk, exact, rtol=1e-9)
    np.testing.assert_allclose(risk - floor, exact - floor, rtol=1e-7)


@pytest.mark.parametrize("name", SHAPES)
def test_blocks_of_steps_equal_the_plain_iteration(name):
    """200,000 steps under every schedule, its kinks not stated, against the loop in NumPy."""
    shape = SHAPES[name]
    with jax.enable_x64(True):
        rates = np.asarray(jax.vmap(shape)(jnp.arange(T + 1.0)))
    ours = sv.solve(PROBLEM, sv.SGD(shape, 2), sv.Recursion(), STEPS).risk
    s = PROBLEM.spectrum()
    exact = plain.recursion(s.eigvals, s.mass, s.error, 0.01, rates.__getitem__, 2, T)[STEPS]
    close(ours, exact)


def visited(model, algorithm, steps, monkeypatch):
    """The same curve with every step visited."""
    with monkeypatch.context() as patch:
        patch.setattr(recursion, "SHORTEST_BLOCKS", recursion.LONGEST_SCAN)
        return sv.solve(model, algorithm, sv.Recursion(), steps).risk


@pytest.mark.parametrize("name", ["cosine", "WSD, 10% cooldown"])
def test_the_typical_draw_follows_the_same_blocks(name, monkeypatch):
    """On the complex nodes of a contour."""
    model, steps = sv.PowerLawRF(0.7, 0.6, 200, 800, noise=0.1), sv.log_steps(20_000, 12)
    algorithm = sv.SGD(eqx.tree_at(lambda s: s.horizon, SHAPES[name], np.asarray(2e4)), 2)
    ours = sv.solve(model, algorithm, sv.Recursion(), steps).risk
    close(ours, visited(model, algorithm, steps, monkeypatch), float(model.spectrum().floor.real))


class Scheduled(HeavyBall):
    """Heavy ball under a schedule."""

    shape: Shape = SHAPES["cosine"]
    stationary = False

    def linear_map(self, step):
        return HeavyBall(self.learning_rate * self.shape(step), self.batch_size, self.momentum).linear_map(step)


@pytest.mark.parametrize("algorithm", [Scheduled(1.0), DANA(0.05), HeavyBall(0.02)], ids=["cosine", "DANA", "constant"])
def test_rows_with_several_moments_follow_the_same_blocks(algorithm, monkeypatch):
    steps = sv.log_steps(20_000, 12)
    close(
        sv.solve(PROBLEM, algorithm, sv.Recursion(), steps).risk, visited(PROBLEM, algorithm, steps, monkeypatch)
    )
