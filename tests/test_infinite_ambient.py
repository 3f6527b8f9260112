"""A draw with infinitely many inputs extends the draw with finitely many by a tail with its exact moments."""

import jax
import numpy as np
import pytest
from scipy.special import zeta

import solvable as sv

ALPHA, BETA, WIDTH = 0.6, 0.2, 64
HEAD = 16 * WIDTH  # inputs of an infinite draw that are drawn one by one


@pytest.fixture(scope="module")
def tail():
    """What the inputs beyond `HEAD` add, in the original coordinates: to W^T D W and to W^T D b of eight draws."""
    added = []
    for seed in range(8):
        infinite, finite = (
            sv.PowerLawRF(ALPHA, BETA, WIDTH, ambient).draw(jax.random.key(seed)) for ambient in (np.inf, HEAD)
        )
        matrices = [np.asarray(d.basis()) * d.eigvals @ np.asarray(d.basis()).T for d in (infinite, finite)]
        overlaps = [np.asarray(d.basis()) @ (d.eigvals * d.target) for d in (infinite, finite)]
        added.append((matrices[0] - matrices[1], overlaps[0] - overlaps[1]))
    return added


def beyond(power):
    """sum_{j > HEAD} j^(-power)."""
    return zeta(power, HEAD + 1)


def test_the_tail_covariance_is_a_multiple_of_the_identity_plus_a_goe(tail):
    """Mean sum D / d on the diagonal; variance sum D^2 / d^2 off it and twice that on it; all entries independent."""
    above = np.concatenate([m[np.triu_indices(WIDTH, 1)] for m, _ in tail])
    diagonal = np.concatenate([np.diag(m) for m, _ in tail])
    spread = np.sqrt(beyond(4 * ALPHA)) / WIDTH
    assert diagonal.mean() == pytest.approx(beyond(2 * ALPHA) / WIDTH, rel=1e-3)
    assert abs(above.mean()) < 0.04 * spread
    assert above.std() == pytest.approx(spread, rel=0.03)  # 16,128 entries: one standard error is 0.0056
    assert diagonal.std() == pytest.approx(np.sqrt(2) * spread, rel=0.15)  # 512 entries: 0.031
    products = [m[0, 2:] * m[1, 2:] for m, _ in tail]
    assert abs(np.mean(products)) < 0.22 * spread**2


def test_the_tail_overlap_is_gaussian_with_its_exact_variance(tail):
    """W^T D b beyond the head: variance sum D^2 b^2 / d = sum j^(-4 alpha - 2 beta) / d for every feature."""
    scores = np.concatenate([overlap for _, overlap in tail]) / np.sqrt(beyond(4 * ALPHA + 2 * BETA) / WIDTH)
    assert abs(scores.mean()) < 0.22
    assert (scores**2).mean() == pytest.approx(1, abs=0.3)  # 512 entries: one standard error is 0.063


def test_an_untrained_draw_has_the_power_of_the_whole_target():
    """Whatever W: the risk of zero parameters is sum_j j^(-2 alpha - 2 beta) over all inputs, plus the noise."""
    draw = sv.PowerLawRF(ALPHA, BETA, WIDTH, np.inf, noise=0.3).draw(jax.random.key(2))
    untrained = float(draw.floor) + (np.asarray(draw.eigvals) * np.asarray(draw.target) ** 2).sum()
    assert untrained == pytest.approx(zeta(2 * ALPHA + 2 * BETA) + 0.09, rel=1e-9)
