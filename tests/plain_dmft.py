"""Dynamical mean-field theory as anyone would write it: dense lower-triangular matrices over every step (NumPy).

Every time-translation-invariant response is a Toeplitz matrix, and the four correlations are solved for as a linear
system in all their entries. Cost modes * steps^3: a referee for up to a few hundred steps.
"""

import numpy as np


def responses(eigvals, mass, width, samples, rate, steps):
    """(H, R1, R3, Theta): H of shape (modes, steps, steps), the others (steps, steps), steps 0 ... steps - 1.

        H_k = (1 + g lambda_k Theta R3 R1)^-1,    R1 = (1 - R02 / P)^-1,   R02 = -g sum_k lambda_k H_k Theta R3,
                                                  R3 = (1 - R24 / N)^-1,   R24 = -g sum_k lambda_k H_k Theta R1.

    Theta sums over the past, so each sweep of the fixed point settles one more lag.
    """
    one = np.eye(steps)
    theta = np.tril(np.ones((steps, steps)), -1)
    r1 = r3 = one
    for _ in range(steps + 1):
        h = np.linalg.inv(one + rate * eigvals[:, None, None] * (theta @ r3 @ r1))
        total = -rate * np.einsum("k,kij->ij", mass * eigvals, h) @ theta
        r1, r3 = np.linalg.inv(one - total @ r3 / samples), np.linalg.inv(one - total @ r1 / width)
    return h, r1, r3, theta


def correlations(population, rate, steps, features=True, data=True):
    """(C0, C1, C2, C3), each (steps, steps), of two systems that share their features, their data, both or neither.

    C0 = C1 = risk and training risk on the diagonal if both are shared. Without shared features the term C3 / N is
    dropped, without shared data C1 / P and the label noise. Iterated: each sweep settles one more step.
    """
    eigvals, mass, power, width, samples, noise = population
    h, r1, r3, theta = responses(eigvals, mass, width, samples, rate, steps)
    ones, unit = np.ones((steps, steps)), np.eye(steps)
    b = -rate * h @ theta
    start0 = np.einsum("k,kij->ij", power, h @ ones @ h.transpose(0, 2, 1)) + data * noise**2 * ones
    moved = r1 @ h
    start2 = np.einsum("k,kij->ij", eigvals * power, moved @ ones @ moved.transpose(0, 2, 1))
    kept = [unit + x * r1 @ y @ r3 for x, y in zip(eigvals, b, strict=True)]
    c0, c2 = start0, start2
    for _ in range(min(2 * steps, 60)):
        c1, c3 = data * r1 @ c0 @ r1.T, features * r3 @ c2 @ r3.T
        inner = r3 @ c1 @ r3.T
        new0, new2 = start0.copy(), start2.copy()
        for x, m, y, k in zip(eigvals, mass, b, kept, strict=True):
            new0 += m * x * y @ (c3 / width + x * inner / samples) @ y.T
            new2 += m * (x**2 * (r1 @ y) @ (c3 / width) @ (r1 @ y).T + x * k @ (c1 / samples) @ k.T)
        change = abs(new0 - c0).max() + abs(new2 - c2).max()
        c0, c2 = new0, new2
        if change == 0:
            break
    return c0, r1 @ c0 @ r1.T, c2, r3 @ c2 @ r3.T
