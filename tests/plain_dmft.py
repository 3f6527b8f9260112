"""Dynamical mean-field theory as anyone would write it: every step of the time domain, dense matrices (NumPy).

Responses that depend on the lag alone are found lag by lag; the four correlations are iterated as matrices over all
pairs of steps, at a cost of modes * steps^3 a sweep: a referee for up to a few hundred steps.
"""

import numpy as np
from scipy.linalg import toeplitz


def responses(eigvals, mass, width, samples, rate, steps):
    """(H, R1, R3, Theta): H of shape (modes, steps, steps), the others (steps, steps), steps 0 ... steps - 1.

        H_k = (1 + g lambda_k Theta R3 R1)^-1,    R1 = (1 - R02 / P)^-1,   R02 = -g sum_k lambda_k H_k Theta R3,
                                                  R3 = (1 - R24 / N)^-1,   R24 = -g sum_k lambda_k H_k Theta R1,

    with Theta summing over the past: entries at a lag follow from those at smaller lags.
    """
    r1, r3, r02, r24, both = (np.zeros(steps) for _ in range(5))
    h = np.zeros((steps, len(eigvals)))
    r1[0] = r3[0] = both[0] = h[0] = 1.0
    for t in range(1, steps):
        past = np.cumsum(h[:t], 0)[::-1]  # (Theta h)[t - s] for s = 0 ... t - 1
        h[t] = -rate * eigvals * (both[:t] @ past)
        pull = -rate * past @ (mass * eigvals)
        r02[t], r24[t] = pull @ r3[:t], pull @ r1[:t]
        r1[t], r3[t] = r02[1 : t + 1] @ r1[t - 1 :: -1] / samples, r24[1 : t + 1] @ r3[t - 1 :: -1] / width
        both[t] = r1[: t + 1] @ r3[t::-1]
    matrix = lambda column: toeplitz(column, np.zeros(steps))  # noqa: E731
    return np.stack([matrix(x) for x in h.T]), matrix(r1), matrix(r3), np.tril(np.ones((steps, steps)), -1)


def correlations(population, rate, steps, features=True, data=True):
    """(C0, C1, C2, C3), each (steps, steps), of two systems that share their features, their data, both or neither.

    The diagonals of C0 and C1 are risk and training risk if both are shared. Without shared features the term C3 / N
    is dropped, without shared data C1 / P and the label noise. Iterated until nothing changes.
    """
    eigvals, mass, power, width, samples, noise = population
    h, r1, r3, theta = responses(eigvals, mass, width, samples, rate, steps)
    flip = lambda x: x.swapaxes(-1, -2)  # noqa: E731
    lam = eigvals[:, None, None]
    b = -rate * h @ theta
    moved, kept = lam * r1 @ b, np.eye(steps) + lam * r1 @ b @ r3
    reached = h.sum(2)
    start0 = np.einsum("k,ki,kj->ij", power, reached, reached) + data * noise**2
    shown = reached @ r1.T
    start2 = np.einsum("k,ki,kj->ij", eigvals * power, shown, shown)
    c0, c2 = start0, start2
    for _ in range(2 * steps):
        c1, c3 = data * r1 @ c0 @ r1.T / samples, features * r3 @ c2 @ r3.T / width
        inner = c3 + lam * (r3 @ c1 @ r3.T)
        new0 = start0 + np.einsum("k,kij->ij", mass * eigvals, b @ inner @ flip(b))
        new2 = start2 + np.einsum("k,kij->ij", mass, moved @ c3 @ flip(moved) + lam * (kept @ c1 @ flip(kept)))
        change = max(abs(new0 - c0).max() / abs(new0).max(), abs(new2 - c2).max() / abs(new2).max())
        c0, c2 = new0, new2
        if change < 1e-16:
            break
    return c0, r1 @ c0 @ r1.T, c2, r3 @ c2 @ r3.T
