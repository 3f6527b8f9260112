"""Random features over a measured population: the modes that are measured well, continued by fitted power laws."""

import math
from typing import Any

import numpy as np

from solvable.arguments import check_integer, refusal
from solvable.fits.spectrum import fit_spectrum
from solvable.models.base import AbstractProblem
from solvable.models.power_tail import PowerTail
from solvable.models.random_features import RandomFeatures


def measured_features(
    problem: AbstractProblem,
    *,
    between: tuple[int, int] | None = None,
    keep: int | None = None,
    tolerance: float = 0.1,
    until: float = math.inf,
    width: Any = 64,
    samples: Any = None,
) -> RandomFeatures:
    """Random features over the population of a problem such as `from_data` gives, with a power-law tail.

    `fit_spectrum` fits the eigenvalues, and the sums of the target power from each mode on. The first ``keep`` modes
    are taken as they are, the others follow the fits: eigenvalues A k^(-2 alpha), target powers such that those from k
    on sum to B k^-s, s = 2 alpha + 2 beta - 1 (capacity and source in Bordelon, Atanasov, Pehlevan 2024, arXiv
    2402.01092).
    The problem's floor is the label noise.

    Args:
        problem: its eigenvalues and best parameters.
        between, tolerance: as `fit_spectrum`.
        keep: number of measured modes; by default up to where both fits hold.
        until: index of the tail's last mode.
        width, samples: of the `RandomFeatures`.

    Raises:
        ValueError: the spectrum has no such power law, or one that cannot go on for ever.
    """
    if not isinstance(problem, AbstractProblem):
        raise refusal("problem", "one problem with its eigenvalues, such as from_data(...)", problem)
    eigvals, target = (np.asarray(x, np.float64) for x in (problem.eigvals, problem.target))
    order = np.argsort(-eigvals, kind="stable")
    eigvals, power = eigvals[order], (eigvals * target**2)[order]
    present = int((eigvals > 0).sum())
    fit = fit_spectrum(eigvals, power, between=between, tolerance=tolerance)
    assert fit.tail is not None
    assert fit.tail_range is not None
    keep = min(fit.eigvals_range[1], fit.tail_range[1]) if keep is None else keep
    keep = check_integer("keep", keep, 1, present, f"a number of modes from 1 to {present}")
    slope = fit.tail.exponent.value
    eigval = min(float(fit.eigvals.prefactor) * keep ** -float(fit.eigvals.exponent), eigvals[keep - 1])
    at_end = float(fit.tail.prefactor) * slope * keep ** (-slope - 1)
    tail = PowerTail(fit.alpha, fit.beta, until, eigval, max(at_end, 0.0))
    noise = np.sqrt(max(float(problem.floor), 0.0))
    return RandomFeatures(eigvals[:keep], power[:keep], [tail], width=width, noise=noise, samples=samples)


measured_features.references = ("bordelon2024",)  # type: ignore[attr-defined]
