"""From a generating function back to steps, by contours that cost the same at step 10 and at step 10^15.

A linear recursion's output is P(r) = (1/2 pi i) integral (1 + E)^r H(E) dE around the singularities of H, which lie
at E = -(decay rate). With E = e^s - 1 this is an inverse Laplace transform in s, done on hyperbolas (Weideman and
Trefethen 2007), each serving a window [t, 4 t] of steps. The hyperbola's arms make 61 degrees with the negative axis,
so singularities may lie anywhere within 37 degrees of it: the contour nodes of a deterministic equivalent do.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

FIRST = 64  # from this step on |Im s| < pi wherever the integrand matters; earlier steps are iterated
RATIO = 4.0  # last over first step of a window


class Hyperbola(NamedTuple):
    """s(u) = (mu / t) (1 + sin(i u - phi)), u = (k + 1/2) h: its constants and the number of nodes."""

    mu: float
    h: float
    nodes: int
    phi: float = 0.5


WINDOW = Hyperbola(mu=6.0, h=0.08, nodes=56)  # 4e-14 over a window of ratio 4
SINGLE = Hyperbola(mu=12.0, h=0.08, nodes=32)  # 1e-11 at one time


def nodes_and_weights(
    shape: Hyperbola, last: Float[Array, "..."], shift: Float[Array, "..."]
) -> tuple[Complex[Array, "... nodes"], Complex[Array, "... nodes"]]:
    """Nodes s and weights c with f(t) = Im sum_k c_k e^{s_k t} F(s_k), F the Laplace transform of a real f.

    ``last`` is the largest t of the window, ``shift`` the real part to the right of which F is analytic.
    """
    u = (jnp.arange(shape.nodes) + 0.5) * shape.h
    sin, cos = np.sin(shape.phi), np.cos(shape.phi)
    scale = shape.mu / last[..., None]
    s = shift[..., None] + scale * (1 - sin * jnp.cosh(u) + 1j * cos * jnp.sinh(u))
    slope = scale * (-sin * jnp.sinh(u) + 1j * cos * jnp.cosh(u))
    return s, slope * (shape.h / np.pi)


def windows(steps: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Group steps >= FIRST into windows of ratio 4.

    Returns:
        times, shape (windows, slots), padded with the window's last time; last, shape (windows,);
        index, shape (steps,), where each of ``steps`` sits in the flattened ``times``.
    """
    steps = np.asarray(steps, float)
    which = np.floor(np.log(np.maximum(steps, FIRST) / FIRST) / np.log(RATIO)).astype(int)
    names, row = np.unique(which, return_inverse=True)
    first = np.searchsorted(row, np.arange(len(names)))
    slots = np.arange(len(steps)) - first[row]
    width = 1 << int(slots.max(initial=0)).bit_length()
    last = FIRST * RATIO ** (names + 1.0)
    times = np.repeat(last[:, None], width, axis=1)
    times[row, slots] = steps
    return times, last, row * width + slots
