"""Collocation for recursions: a block of many steps solved at a few nodes, exactly as good as its smoothness.

A recursion y(t + 1) - y(t) = f(t) over the steps t = 0 .. h - 1 of a block is a sum, as a differential equation is an
integral. Where f is smooth over the block, it is collocated: with f a polynomial of degree s - 1 through s nodes,

    y(c_i) = y(0) + sum_l W_il f(c_l),        W_il = sum_{t=0}^{c_i - 1} l_l(t),

l_l being the Lagrange polynomials of the nodes and the sum up to a real end its polynomial continuation. The nodes are
those of the Gauss-Radau rule *of the sum*, whose last node is the last step h - 1: sums of polynomials of degree
2 s - 2 are exact, so the end of the block is of order 2 s - 1, and with h = s the nodes are the steps themselves and
collocation is iteration. For h to infinity it is the Radau IIA method of differential equations, and damps what has
decayed as that does (Hairer and Wanner, Solving Ordinary Differential Equations II, section IV.5). No logarithm of a
transition is needed, and nothing is lost to the difference between a step and a derivative.

Nodes and weights, divided by h, are analytic in 1 / h; they are tabulated as Chebyshev series in it.
"""

from functools import cache
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.polynomial import chebyshev, legendre

SHORTEST = 32  # steps of a block from which the tables hold
DEGREE = 12  # of the series in 1 / h

# Coefficients of the Euler-Maclaurin formula, B_k / k!, of the (k - 1)-th derivative.
ENDS = {1: -1 / 2, 2: 1 / 12, 4: -1 / 720, 6: 1 / 30240, 8: -1 / 1209600}


class Rule(NamedTuple):
    """Nodes of a block and what they weigh.

    Attributes:
        nodes: c, steps from the first one of the block, real numbers; the last is h - 1; shape (s,).
        weights: W of the module's formula; shape (s, s).
        origin: l_l(0), the value at the first step of the polynomial through the nodes; shape (s,).
    """

    nodes: Float[Array, " s"]
    weights: Float[Array, "s s"]
    origin: Float[Array, " s"]


def rule(length: Float[Array, ""], stages: int) -> Rule:
    """The rule of ``stages`` nodes for a block of ``length`` >= SHORTEST steps."""
    x = 2 * SHORTEST / length - 1
    terms = [jnp.ones_like(x), x]
    for _ in range(DEGREE - 1):
        terms.append(2 * x * terms[-1] - terms[-2])
    table = jnp.stack(terms) @ _series(stages)
    nodes, weights, origin = jnp.split(table, [stages, stages + stages**2])
    return Rule(length * nodes, length * weights.reshape(stages, stages), origin)


@cache
def _series(stages: int) -> Float[np.ndarray, "terms entries"]:
    """Chebyshev coefficients of nodes / h, W / h and l(0) in the variable 2 SHORTEST / h - 1."""
    x = chebyshev.chebpts1(DEGREE + 1)
    values = [np.concatenate([v.ravel() for v in scaled_rule((y + 1) / (2 * SHORTEST), stages)]) for y in x]
    return np.linalg.solve(chebyshev.chebvander(x, DEGREE), np.stack(values))


def scaled_rule(step: float, stages: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(nodes / h, W / h, l(0)) for h = 1 / ``step``, or any h >= stages; ``step`` = 0 is Radau IIA itself.

    The orthogonal polynomials of equal steps are Gram's, with p_{k+1} = (x - c) p_k - b_k p_{k-1}; the last diagonal
    entry of their Jacobi matrix is chosen so that h - 1 is a node (Golub, SIAM Review 15 (1973) 318).
    """
    k = np.arange(1.0, stages)
    b = k**2 * (1 - (k * step) ** 2) / (4 * k**2 - 1)
    end, values = 1 - step, [1.0, 1 - step]
    for i in range(stages - 2):
        values.append(end * values[-1] - b[i] * values[-2])
    last = end - b[-1] * values[-2] / values[-1]
    jacobi = np.diag(np.sqrt(b), 1) + np.diag(np.sqrt(b), -1)
    jacobi[-1, -1] = last
    u = np.linalg.eigvalsh(jacobi)  # (2 t + 1) / h - 1
    t = (u + 1 - step) / 2
    basis = legendre.legvander(2 * t - 1, stages - 1)
    sums = np.stack([_sum(np.eye(stages)[d], t, step) for d in range(stages)], -1)
    inverse = np.linalg.inv(basis)
    return t, sums @ inverse, legendre.legvander(np.array([-1.0]), stages - 1)[0] @ inverse


def _sum(coefficients: np.ndarray, t: np.ndarray, step: float) -> np.ndarray:
    """(1 / h) sum over steps before h t of a Legendre series in 2 t - 1, by Euler and Maclaurin, which end here."""
    total = legendre.legval(2 * t - 1, legendre.legint(coefficients, lbnd=-1)) / 2
    for k, weight in ENDS.items():
        slope = legendre.legder(coefficients, k - 1) * 2.0 ** (k - 1)
        total = total + weight * step**k * (legendre.legval(2 * t - 1, slope) - legendre.legval(-1.0, slope))
    return total
