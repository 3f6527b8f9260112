"""The form of an optimizer that is linear in the gradient: one row of a table, from which everything else follows.

Each eigendirection has a state s of p numbers, the first of which is the centred point where the gradient is taken.
With the batch-mean gradient G along the direction, of mean lam s_0,

    s' = K s - b G,        and on average s' = A s,        A = K - lam b e_0^T.

I - K is stated and not K: where an eigenvalue is 1e-24, the difference from the identity is all there is.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Inexact, Int

BITS = 62  # of a number of steps


class LinearMap(NamedTuple):
    """One row (K, b) at one step. Leading axes are absent, or run over modes.

    Attributes:
        decay: I - K; shape (p, p).
        gain: b; shape (p,).
    """

    decay: Inexact[Array, "*modes p p"]
    gain: Inexact[Array, "*modes p"]

    def mean_decay(self, eigvals: Inexact[Array, " modes"]) -> Inexact[Array, "modes p p"]:
        """I - A = (I - K) + lam b e_0^T of every eigenvalue."""
        decay, gain = jnp.asarray(self.decay), jnp.asarray(self.gain)
        pull = eigvals[:, None] * gain
        whole = jnp.broadcast_to(decay, (*eigvals.shape, *decay.shape[-2:])).astype(pull.dtype)
        return whole.at[..., 0].add(pull)


def pairs(size: int) -> tuple[np.ndarray, np.ndarray]:
    """(i, j) with i <= j < size: the second moments E s_i s_j of a state, (0, 0) first."""
    return np.triu_indices(size)


def second_moment_decay(
    mean_decay: Inexact[Array, "modes p p"], noise: Inexact[Array, "modes p p"]
) -> Inexact[Array, "modes k k"]:
    """I - T for the moments M_(ij) = E s_i s_j, k = p (p + 1) / 2: S' = A S A^T + noise S_00 is M' = T M.

    With E = I - A, A (x) A = I - E (x) I - I (x) E + E (x) E, so that no digit of a small E is lost.
    """
    i, j = pairs(mean_decay.shape[-1])
    e, one = mean_decay, jnp.eye(mean_decay.shape[-1], dtype=mean_decay.dtype)
    # Entry (i, j, k, l) of I - A (x) A takes s_k s_l to s_i s_j; s_k s_l and s_l s_k are one moment.
    lost = e[:, :, None, :, None] * one[:, None] + one[:, None, :, None] * e[:, None, :, None]
    lost = lost - e[:, :, None, :, None] * e[:, None, :, None]
    both = jnp.where(one == 1, lost, lost + jnp.swapaxes(lost, -1, -2))
    return both[:, i[:, None], j[:, None], i, j].at[:, :, 0].add(-noise[:, i, j])


def join(
    first: tuple[Inexact[Array, "modes p p"], Inexact[Array, "modes p p"]],
    then: tuple[Inexact[Array, "modes p p"], Inexact[Array, "modes p p"]],
) -> tuple[Inexact[Array, "modes p p"], Inexact[Array, "modes p p"]]:
    """(A, I - A) of the product A = A_then A_first, from those of its factors."""
    return then[0] @ first[0], then[1] + first[1] - then[1] @ first[1]


def power(
    mean_decay: Inexact[Array, "modes p p"], count: Int[Array, ""]
) -> tuple[Inexact[Array, "modes p p"], Inexact[Array, "modes p p"]]:
    """(A^count, I - A^count) of A = I - mean_decay by repeated squaring, each to full precision; count < 2^62."""
    one = jnp.broadcast_to(jnp.eye(mean_decay.shape[-1], dtype=mean_decay.dtype), mean_decay.shape)

    def bit(i, carry):
        total, square = carry
        odd, more = (count >> i) & 1 == 1, join(total, square)
        total = tuple(jnp.where(odd, new, old) for new, old in zip(more, total, strict=True))
        return total, join(square, square)

    start = (one, jnp.zeros_like(mean_decay)), (one - mean_decay, mean_decay)
    return jax.lax.fori_loop(0, BITS, bit, start)[0]
