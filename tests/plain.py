"""The theory again, slowly: sums term by term, loops step by step, NumPy only. Tests compare against this."""

import math

import numpy as np
from scipy.optimize import brentq, minimize_scalar


def recursion(eigvals, mass, error, floor, rate, batch_size, last):
    """Risk at steps 0 ... last by m' = (1 - 2 g lam + (1 + 1/B) g^2 lam^2) m + (g^2/B) lam mass risk."""
    eigvals, moment = np.asarray(eigvals), np.array(error)
    inverse_batch = 0.0 if batch_size is None else 1 / batch_size
    rates = rate if callable(rate) else lambda step: rate
    risk = np.empty(last + 1)
    for step in range(last + 1):
        risk[step] = floor + (eigvals * moment).sum().real
        g = rates(step)
        q = 1 - 2 * g * eigvals + (1 + inverse_batch) * g**2 * eigvals**2
        moment = q * moment + inverse_batch * g**2 * eigvals * mass * risk[step]
    return risk


def matrix(eigvals, rate, batch_size):
    """The recursion's matrix diag(q) + (g^2/B) lam lam^T, for unit masses."""
    inverse_batch = 0.0 if batch_size is None else 1 / batch_size
    q = 1 - 2 * rate * eigvals + (1 + inverse_batch) * rate**2 * eigvals**2
    return np.diag(q) + inverse_batch * rate**2 * np.outer(eigvals, eigvals)


def input_eigvals(alpha, ambient):
    return np.arange(1.0, ambient + 1) ** (-2 * alpha)


def ridge(alpha, width, ambient):
    """kappa with sum_j D_j / (D_j + kappa) = width, by a bracketing root finder on the explicit sum."""
    eigvals = input_eigvals(alpha, ambient)

    def excess(log_kappa):
        return (eigvals / (eigvals + math.exp(log_kappa))).sum() - width

    log_kappa = brentq(excess, math.log(eigvals[-1]) - 40, math.log(eigvals.sum() / width) + 1, xtol=1e-15, rtol=1e-15)
    return math.exp(log_kappa)


def floor(alpha, beta, width, ambient):
    """F_0 = sum_j D_j b_j^2 / (1 + D_j / kappa)."""
    eigvals, j = input_eigvals(alpha, ambient), np.arange(1.0, ambient + 1)
    return (eigvals * j ** (-2 * beta) / (1 + eigvals / ridge(alpha, width, ambient))).sum()


def support(alpha, width, ambient):
    """Extrema of z(u) = -1/u + (1/d) sum_j D_j / (1 + D_j u) over u > 0 (left edge) and -1 < u < 0 (right edge)."""
    eigvals = input_eigvals(alpha, ambient)

    def inverse(u):
        return -1 / u + (eigvals / (1 + eigvals * u)).sum() / width

    tau = 1 / ridge(alpha, width, ambient)
    options = {"xatol": 1e-12, "maxiter": 500}
    grid = np.linspace(math.log(tau), math.log(tau) + 25, 300)
    best = grid[np.argmax([inverse(math.exp(x)) for x in grid])]
    left = minimize_scalar(
        lambda x: -inverse(math.exp(x)), bounds=(best - 0.2, best + 0.2), method="bounded", options=options
    )
    grid = np.linspace(-12.0, 12.0, 400)
    minus_u = lambda x: -1 / (1 + math.exp(-x))  # noqa: E731
    best = grid[np.argmin([inverse(minus_u(x)) for x in grid])]
    right = minimize_scalar(
        lambda x: inverse(minus_u(x)), bounds=(best - 0.2, best + 0.2), method="bounded", options=options
    )
    return -left.fun, right.fun


def resolvent(z, eigvals, width):
    """m(z) on a path of points, by Newton on m + (1/d) sum_j D_j m / (D_j m - z) = 1, from far away where m = 1."""
    path = np.concatenate([z[0] * np.geomspace(1e4, 1.05, 60), z])
    m, values = 1.0 + 0j, []
    for point in path:
        for _ in range(100):
            denominator = eigvals * m - point
            value = m + (eigvals * m / denominator).sum() / width - 1
            slope = 1 - (eigvals * point / denominator**2).sum() / width
            m, old = m - value / slope, m
            if abs(m - old) < 1e-15 * abs(m):
                break
        values.append(m)
    return np.array(values[-len(z) :])


def typical_modes(alpha, beta, width, ambient, nodes=1200, rise=1.1, margin=0.9):
    """(eigvals, mass, error) on an ellipse in log z, wider and higher than the package's."""
    eigvals, j = input_eigvals(alpha, ambient), np.arange(1.0, ambient + 1)
    left, right = support(alpha, width, ambient)
    center = math.log(left * right) / 2
    reach = math.log(right / left) / 2 + margin
    theta = (np.arange(nodes) + 0.5) * math.pi / nodes
    z = np.exp(center + reach * np.cos(theta) + 1j * rise * np.sin(theta))
    m = resolvent(z, eigvals, width)
    turn = z * (-reach * np.sin(theta) + 1j * rise * np.cos(theta)) / (1j * nodes)
    power = np.array([(eigvals * j ** (-2 * beta) / (eigvals * x - y)).sum() for x, y in zip(m, z, strict=True)])
    # The trace of the resolvent is (width (1 - m) - ambient) / z; the -ambient / z encloses no eigenvalue.
    return z, -width * (1 - m) / z * turn, -power / z * turn
