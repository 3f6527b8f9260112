"""Many linear recursions coupled through one number, moved by one step, or by a whole block of steps at once.

    y_j(t + 1) = y_j(t) - D_j(t) y_j(t) + i_j(t) P(t),      P(t) = floor + sum_j w_j y_j0(t)      (real part),

with k numbers y_j in each of n modes. In a block every mode is collocated (`sum_collocation`) and answers to P at the
nodes by a solve of its own; P at the nodes is then a system of as many equations as there are nodes.
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Inexact, Int

from solvable.numerics.sum_collocation import SHORTEST, Rule, rule

STAGES = 6  # nodes of a block; one less gives the estimate of its error
PROBES = 16  # steps of a block at which its coefficients are compared with their polynomial
SMOOTH = 1e-3  # relative distance from it at which they hide something from the nodes
UNRESOLVED = 4.0  # h |D T^h| of a mode that neither the block resolves nor its steps damp
ROUNDING = 8 * np.finfo(float).eps
DIGITS = 1e-7  # of what is recorded, that rounding may take
VANISHED = 1e-290  # what is recorded above the floor, when nothing of it is left to be wrong

State = Inexact[Array, "modes k"]


class Coupled(eqx.Module):
    """The recursions of the module's formula.

    Attributes:
        coefficients: (D, i) of shapes (modes, k, k) and (modes, k) at a step, which may be a real number.
        probe: a few numbers at a step that are smooth in it where the coefficients are, and cost little.
        weights: w; shape (modes,).
        floor: shape ().
        outputs: weights v of the numbers that are recorded, offset + sum_j v_j . y_j (real part); shape (numbers,
            modes, k).
        offset: shape (numbers,).
    """

    coefficients: Callable[[Float[Array, ""]], Any]
    probe: Callable[[Float[Array, ""]], Float[Array, " numbers"]]
    weights: Inexact[Array, " modes"]
    floor: Float[Array, ""]
    outputs: Inexact[Array, "numbers modes k"]
    offset: Float[Array, " numbers"]

    def record(self, state: State) -> Float[Array, " numbers"]:
        """What is recorded of a state."""
        return self.offset + (self.outputs * state).sum((-2, -1)).real

    def clear(self, state: State) -> Bool[Array, " numbers"]:
        """Whether rounding leaves digits of what is recorded: modes of a contour may grow that cancel in the sum."""
        return has_digits(self.outputs, state, self.record(state))

    def step(self, state: State, t: Float[Array, ""]) -> State:
        """The state one step later."""
        decay, injection = self.coefficients(t)
        feedback = self.floor + (self.weights * state[:, 0]).sum().real
        return _moved(state, decay, injection, feedback)


def has_digits(outputs: Inexact[Array, "numbers modes k"], state: State, numbers: Float[Array, " numbers"]):
    """Whether rounding the sums v . y of a state leaves digits of ``numbers``, which are made of them."""
    parts = (jnp.abs(outputs) * jnp.abs(state)).sum((-2, -1))
    return ~(ROUNDING * parts > DIGITS * jnp.abs(numbers))


def steps(system: Coupled, state: State, first: Float[Array, ""], count: Int[Array, ""]) -> State:
    """The state after ``count`` <= SHORTEST steps, one by one."""

    def step(state, k):
        return jnp.where(k < count, system.step(state, first + k), state), None

    return jax.lax.scan(step, state, jnp.arange(SHORTEST))[0]


def block(system: Coupled, state: State, first: Float[Array, ""], length: Float[Array, ""], stages: int = STAGES):
    """The state after ``length`` >= SHORTEST steps, and (rule, D at the nodes, y at the nodes)."""
    at = rule(length, stages)
    decay, injection = jax.vmap(system.coefficients)(first + at.nodes)
    answers = _answers(at, decay, injection, state)  # (stages, 1 + stages, modes, k)
    fed = (answers[..., 0] @ system.weights).real
    feedback = jnp.linalg.solve(jnp.eye(stages) - fed[:, 1:], system.floor + fed[:, 0])
    inside = answers[:, 0] + jnp.tensordot(answers[:, 1:], feedback, axes=((1,), (0,)))
    return _moved(inside[-1], decay[-1], injection[-1], feedback[-1]), (at, decay, inside)


def checked_block(system: Coupled, state: State, first: Float[Array, ""], length: Float[Array, ""], tolerance: float):
    """The state after a block, and its estimated error over what is allowed.

    The error is the difference from a block with one node less, summed over modes without their signs, relative to
    what is recorded above the floor. Both blocks damp a mode that they do not resolve; where the mode's own steps do
    not (an undamped oscillation, or growth), its distance from the smooth solution counts as well, with the factor by
    which it survives the block. Coefficients that are no polynomial between the nodes leave the error unbounded.
    """
    after, (at, decay, inside) = block(system, state, first, length)
    other, _ = block(system, state, first, length, STAGES - 1)
    apart = jnp.abs(state - jnp.tensordot(at.origin, inside, axes=((0,), (0,))))
    error = jnp.abs(after - other) + _survivors(decay, apart, length)
    feedback = jnp.zeros_like(system.outputs[:1]).at[..., 0].set(system.weights)
    watched = jnp.concatenate([feedback, system.outputs])  # what is fed back, and what is recorded
    total = lambda y: (jnp.abs(watched) * y).sum((-2, -1))  # noqa: E731
    excess = jnp.abs((watched * after).sum((-2, -1)).real)
    allowed = tolerance * excess + ROUNDING * total(jnp.abs(after) + jnp.abs(state)) + VANISHED
    ratio = (total(error) / allowed).max()
    return after, jnp.where(_hides(system, first, length, at), jnp.inf, ratio)


def _moved(state, decay, injection, feedback):
    """y - D y + i P; a sum of products, which compiles into one loop over modes."""
    return state - (decay * state[:, None, :]).sum(-1) + injection * feedback


def _answers(at: Rule, decay, injection, state):
    """y at the nodes for P = 0, and for P = 1 at one node and y(0) = 0; shape (stages, 1 + stages, modes, k)."""
    stages, (modes, k) = len(at.nodes), state.shape
    kicks = jnp.einsum("il,lma->ialm", at.weights, injection).reshape(stages * k, stages, modes)
    start = jnp.broadcast_to(state.T, (stages, k, modes)).reshape(stages * k, 1, modes)
    matrix = jnp.einsum("il,lmab->ialbm", at.weights, decay).reshape(stages * k, stages * k, modes)
    right = jnp.concatenate([start, kicks], 1)
    solved = _eliminate(matrix + jnp.eye(stages * k)[:, :, None], right.astype(matrix.dtype))
    return jnp.transpose(solved.reshape(stages, k, 1 + stages, modes), (0, 2, 3, 1))


def _eliminate(matrix: Inexact[Array, "n n modes"], right: Inexact[Array, "n columns modes"]):
    """Solve every mode's small system, all modes side by side; without pivots, as I + W D of a decay D allows."""
    rows = jnp.concatenate([matrix, right], 1)
    for p in range(matrix.shape[0]):
        pivot = rows[p, 1:] / rows[p, 0]
        rows = (rows[:, 1:] - rows[:, :1] * pivot).at[p].set(pivot)
    return rows


def _hides(system: Coupled, first, length, at: Rule):
    """Whether the probe, at whole steps spread over a block, is far from its polynomial through the nodes."""
    golden = (5**0.5 - 1) / 2
    points = jnp.floor(length * ((jnp.arange(1.0, PROBES + 1) * golden) % 1.0))
    same = jnp.eye(len(at.nodes), dtype=bool)
    gaps = jnp.where(same, 1.0, at.nodes[:, None] - at.nodes)
    factors = jnp.where(same, 1.0, (points[:, None, None] - at.nodes) / gaps)
    inside, between = (jax.vmap(system.probe)(first + t) for t in (at.nodes, points))
    far = jnp.abs(factors.prod(-1) @ inside - between)
    return ~(far <= SMOOTH * jnp.maximum(jnp.abs(inside).max(0), jnp.abs(between).max(0))).all()


def _survivors(decay, apart, length):
    """What is left at the end of a block of a distance ``apart`` at its start, in modes that no node resolves."""
    some = decay[:: STAGES // 2 - 1]  # enough of the nodes: between them settings are smooth
    if apart.shape[-1] == 1:
        gone, slow = some[..., 0, 0], jnp.abs(some[..., 0, 0])
        left = jnp.exp(length / 2 * jnp.log1p(jnp.maximum(slow**2 - 2 * gone.real, -1.0)))
        return jnp.where(length * slow * left > UNRESOLVED, left * apart[:, 0], 0.0).max(0)[:, None]
    power = jnp.eye(apart.shape[-1]) - some
    halvings = jnp.floor(jnp.log2(length)).astype(int)
    power = jax.lax.fori_loop(0, halvings, lambda _, x: (x[..., :, :, None] * x[..., None, :, :]).sum(-2), power)
    moving = length * jnp.abs(jnp.einsum("lmab,lmba->lma", some, power)).max(-1)
    left = (jnp.abs(power) * apart[:, None, :]).sum(-1)
    return jnp.where((moving > UNRESOLVED)[..., None], left, 0.0).max(0)


