"""Quadrature nodes of a power-law list of modes, lambda_j = j^{-2 alpha}, j = 1 .. v, for any v up to infinity.

    sum_{j <= v} h(j) = sum_k weight_k h(index_k)

for every h that varies on the scale of its argument, as functions of a power law do. The first ``HEAD`` modes stand
alone. Every octave beyond is a Gauss quadrature *of the sum*: on L consecutive integers the orthogonal polynomials are
Gram's (discrete Chebyshev), whose Jacobi matrix is known for any L, real ones included, so nodes and weights come from
a small symmetric eigenproblem and are exact for polynomials of degree 2 POINTS - 1. The cost is POINTS per octave.

A sum up to a real v is the analytic continuation that `power_sums` states, S(v) = S(v - 1) + h(v). From 2 HEAD modes on
the real length of the last block gives it. Below, it is the sum up to v + m >= 2 HEAD less m modes at v + 1 .. v + m.
"""

import math
from functools import cache
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from solvable.arrays import is_concrete

HEAD = 40  # modes that stand alone; enough that the shortest block, (sqrt(2) - 1) HEAD modes, has more than POINTS
POINTS = 16  # nodes of a block: 1e-14 for sums in alpha <= 2, poles on the imaginary axis of lambda included
CUT = 64  # octaves resolved where there is no end: modes beyond 2^CUT enter by their moments


def gauss_sum(start: Any, length: Any) -> tuple[Float[Array, " points"], Float[Array, " points"]]:
    """Nodes and weights of sum_{j = start}^{start + length - 1} h(j), exact for polynomials of degree 2 POINTS - 1.

    The monic polynomials orthogonal on ``length`` = L consecutive integers have p_{k+1} = (x - c) p_k - b_k p_{k-1},
    b_k = k^2 (L^2 - k^2) / (4 (4 k^2 - 1)), c the centre (Gram; Szego, Orthogonal Polynomials, section 2.8). L >=
    POINTS may be real: then the sum of a polynomial is its Faulhaber polynomial.
    """
    xp = np if is_concrete(start, length) else jnp
    k = np.arange(1.0, POINTS)
    side = k * xp.sqrt((1 - (k / length) ** 2) / (4 * k**2 - 1))  # in units of half the length
    off = xp.concatenate([side, np.zeros(1)])[:, None] * np.eye(POINTS, k=1)
    nodes, vectors = xp.linalg.eigh(off + off.T)
    return start + (length - 1) / 2 + length / 2 * nodes, length * vectors[0] ** 2


@cache
def _octaves(count: int) -> tuple[Float[np.ndarray, " nodes"], Float[np.ndarray, " nodes"]]:
    """Nodes and weights of modes HEAD + 1 .. HEAD 2^count."""
    blocks = [gauss_sum(HEAD * 2.0**m + 1, HEAD * 2.0**m) for m in range(count)]
    nodes, weights = zip(*blocks, strict=True) if blocks else ([np.zeros(0)], [np.zeros(0)])
    return np.concatenate(nodes), np.concatenate(weights)


def power_law_nodes(ambient: Any) -> tuple[Float[Array, " nodes"], Float[Array, " nodes"]]:
    """Indices j_k >= 1 (real numbers) and weights of the modes 1 .. ambient; an infinite ambient is cut at 2^CUT.

    ``ambient`` may be real: sums are continued, which takes weights of -1 below 2 HEAD (see the module). It may be
    traced, up to 2^CUT: then there are nodes up to there, those beyond it with weight 0.
    """
    if not is_concrete(ambient):
        return _traced_nodes(ambient)
    v = float(ambient)
    if math.isinf(v):
        v = 2.0**CUT
    spare = max(2 * HEAD - math.floor(v), 0)
    if spare and v == math.floor(v):
        return np.arange(1.0, v + 1), np.ones(int(v))  # pyright: ignore[reportReturnType]
    last = math.floor(math.log2((v + spare) / HEAD)) - 1  # octaves before the last block, which has one to two
    nodes, weights = _octaves(last)
    ends = _last_block(HEAD * 2.0**last, v + spare)
    head, taken = np.arange(1.0, HEAD + 1), v + np.arange(1.0, spare + 1)
    weights = np.concatenate([np.ones(HEAD), weights, *ends[1], -np.ones(spare)])
    return np.concatenate([head, nodes, *ends[0], taken]), weights  # pyright: ignore[reportReturnType]


def _last_block(before: Any, v: Any):
    """Modes before + 1 .. v in two blocks of equal ratio; their common end need not be an integer."""
    middle = (before * v) ** 0.5
    first, second = gauss_sum(before + 1, middle - before), gauss_sum(middle + 1, v - middle)
    return (first[0], second[0]), (first[1], second[1])


def _traced_nodes(v):
    spare = jnp.maximum(2 * HEAD - jnp.floor(v), 0)
    last = jnp.floor(jnp.log2((v + spare) / HEAD)) - 1
    count = math.floor(CUT - math.log2(HEAD))
    nodes, weights = _octaves(count)
    present = np.repeat(np.arange(count), POINTS) < last
    ends = _last_block(HEAD * 2.0**last, v + spare)
    head, steps = np.arange(1.0, HEAD + 1), np.arange(1.0, 2 * HEAD)
    weights = jnp.concatenate([np.ones(HEAD), jnp.where(present, weights, 0.0), *ends[1], -1.0 * (steps <= spare)])
    return jnp.concatenate([head, nodes, *ends[0], v + steps]), weights


def power_law_modes(
    alpha: Any, power: Any, ambient: Any
) -> tuple[Float[Array, " nodes"], Float[Array, " nodes"], Float[Array, " nodes"]]:
    """(eigvals, mass, target power) of modes with eigenvalue j^{-2 alpha} and target power j^{-power}, j <= ambient.

    An infinite ambient (2 alpha > 1, power > 1) ends in two nodes that carry the rest by its moments: one has the
    rest's trace, squared trace and sum of eigenvalue * power, one at eigenvalue 0 what is left of its power (which
    may be negative). alpha and power may be traced: the indices do not depend on them.
    """
    xp: Any = np if is_concrete(alpha, power, ambient) else jnp
    alpha, power = xp.asarray(alpha, float), xp.asarray(power, float)
    index, mass = (xp.asarray(x, float) for x in power_law_nodes(ambient))
    eigvals, target = index ** (-2 * alpha), mass * index**-power
    if not is_concrete(ambient) or math.isfinite(float(ambient)):
        return eigvals, mass, target
    beyond = rest_modes(2 * alpha, power, 2.0**CUT)
    unit = 2.0 ** (-CUT * 2 * alpha), 1.0, 2.0 ** (-CUT * power)
    return tuple(  # pyright: ignore[reportReturnType]
        xp.concatenate([x, u * y]) for x, u, y in zip((eigvals, mass, target), unit, beyond, strict=True)
    )


def rest_modes(a: Any, s: Any, unit: float) -> tuple[Float[Array, " two"], Float[Array, " two"], Float[Array, " two"]]:
    """(eigvals, mass, target power) of two nodes for all modes beyond a large index ``unit``.

    Eigenvalues x^-a and target powers x^-s with x = index / unit, a, s > 1. Sums are integrals, exact to one part in
    ``unit`` of the rest.
    """
    xp: Any = np if is_concrete(a, s) else jnp
    ratio = (a - 1) / (2 * a - 1)  # sum lambda^2 / sum lambda
    tilt = (s - 1) / (a + s - 1) / ratio  # (sum lambda power / sum power) / (sum lambda^2 / sum lambda)
    zero = xp.zeros(())
    eigvals, mass = xp.stack([ratio + zero, zero]), xp.stack([unit / (a - 1) / ratio, zero])
    return eigvals, mass, unit / (s - 1) * xp.stack([tilt, 1 - tilt])


def stretch_nodes(start: int, stop: float) -> tuple[Float[np.ndarray, " nodes"], Float[np.ndarray, " nodes"]]:
    """Indices and weights of the modes start + 1 .. stop, start >= HEAD: by octaves of the index, to 2^CUT at most."""
    before, stop, blocks = float(start), min(stop, 2.0**CUT), []
    while before < stop:
        length = min(before, stop - before)
        listed = before + np.arange(1.0, length + 1 if length < 2 * POINTS else 1)
        blocks.append((listed, np.ones(len(listed))) if len(listed) else gauss_sum(before + 1, length))
        before += length
    nodes, weights = zip(*blocks, strict=True) if blocks else ([np.zeros(0)], [np.zeros(0)])
    return np.concatenate(nodes), np.concatenate(weights)
