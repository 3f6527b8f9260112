"""How far a least-squares fit may be off, told from its residuals: correlated, of unequal size, or bent.

The weighted residual of the i-th point, in the order of x, is taken to have variance v_i and correlation rho^|i-j| with
the j-th. Nothing is assumed of rho: with k parameters, n points, an orthonormal basis Q of the Jacobian's columns and
R_ij = rho^|i-j|, the residual r alone gives rho the density (restricted likelihood, uniform prior on (-1, 1))

    p(rho | r) ~ |R|^(-1/2) |Q^T R^-1 Q|^(-1/2) S^(-(n-k)/2),    S = min over b of (r - Q b)^T R^-1 (r - Q b).

An estimate that is a sum a.r of the residuals has variance s^2 a^T R a, s^2 = S / (n - k), times (robust) the ratio of
sum_i a_i^2 r_i^2 / (1 - h_i) to its value for equal v_i: the sandwich of MacKinnon and White (HC2), h the diagonal of
Q Q^T. The interval is that of Student's t, with the degrees of freedom of Bell and McCaffrey, averaged over p(rho | r).

Sources: Harville 1974 (restricted likelihood); MacKinnon, White 1985; Bell, McCaffrey 2002; Imbens, Kolesar 2016.
"""

import dataclasses

import numpy as np
from jaxtyping import Float
from scipy import optimize, special

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)
_FULL = 1 - 1e-8  # leverage of a point that no other point checks


@dataclasses.dataclass(frozen=True)
class Scatter:
    """Distribution of the errors of some estimates.

    Attributes:
        chance: probability of each correlation considered; shape (correlations,).
        stderr: of each estimate at each correlation; shape (correlations, estimates).
        freedom: degrees of freedom of each estimate; shape (estimates,).
        correlation: mean of rho, 0 where errors are taken to be independent.
        positive: probability that rho > 0, whatever the errors are taken to be.
        covariance: of the estimates at ``correlation``; shape (estimates, estimates).
    """

    chance: np.ndarray
    stderr: np.ndarray
    freedom: np.ndarray
    correlation: float
    positive: float
    covariance: np.ndarray

    def half_width(self, confidence: float) -> Float[np.ndarray, " estimates"]:
        """Half the length of the interval of each estimate."""
        return np.array([self._quantile(i, (1 - confidence) / 2) for i in range(len(self.freedom))])

    def tail(self, i: int, distance: float) -> float:
        """Chance that estimate ``i`` is too high by more than ``distance``."""
        return float(self.chance @ special.stdtr(self.freedom[i], -distance / self.stderr[:, i]))

    def _quantile(self, i: int, tail: float) -> float:
        least, most = self.stderr[:, i].min(), self.stderr[:, i].max()
        if not 0 < least <= most < np.inf:
            return float(most)
        unit = -special.stdtrit(self.freedom[i], tail)
        ends = 0.999 * unit * least, 1.001 * unit * most
        return float(optimize.brentq(lambda q: self.tail(i, q) - tail, *ends, rtol=1e-12, xtol=1e-300))  # pyright: ignore


def scatter(
    influence: Float[np.ndarray, "estimates points"],
    jacobian: Float[np.ndarray, "points k"],
    residual: Float[np.ndarray, " points"],
    *,
    correlated: bool,
    robust: bool,
) -> Scatter:
    """Errors of the estimates whose change with the residuals is ``influence``, points in the order of x."""
    basis = np.linalg.qr(jacobian)[0]
    lags, inflation, freedom = _lags(influence), *_unequal(influence, basis, residual, robust)
    density, scale = _restricted(basis, residual, _NODES)
    chance = _WEIGHTS * np.exp(density - density.max())
    chance /= chance.sum()
    mean, positive = float(chance @ _NODES), float(chance[_NODES > 0].sum())
    if not correlated:
        mean, chance, rho, scale = 0.0, np.ones(1), np.zeros(1), _restricted(basis, residual, np.zeros(1))[1]
    else:
        rho = _NODES
    variance = scale[:, None] * np.einsum("rl,eel->re", _powers(rho, len(residual)), lags)
    unit = _restricted(basis, residual, np.array([mean]))[1][0] * (lags @ _powers(np.array([mean]), len(residual))[0])
    root = np.sqrt(inflation)
    stderr = root * np.sqrt(np.maximum(variance, 0.0))
    return Scatter(chance, stderr, freedom, mean, positive, root[:, None] * unit * root)


def _restricted(basis, residual, rho):
    """Log density of each rho up to a constant, and s^2 there.

    R^-1 is tridiagonal, ((1 + rho^2) I - rho^2 (first and last) - rho (neighbours)) / (1 - rho^2), so three small
    matrices serve every rho.
    """
    points, k = basis.shape
    norm = np.linalg.norm(residual)
    if norm == 0.0:
        return np.zeros(len(rho)), np.zeros(len(rho))
    both = np.column_stack([basis, residual / norm])
    ends, near = both[[0, -1]].T @ both[[0, -1]], both[1:].T @ both[:-1]
    rho = rho[:, None, None]
    inner = ((1 + rho**2) * (both.T @ both) - rho**2 * ends - rho * (near + near.T)) / (1 - rho**2)
    explained = np.linalg.slogdet(inner[:, :k, :k])[1]
    log_square = np.linalg.slogdet(inner)[1] - explained
    log_det = (points - 1) * np.log(1 - rho[:, 0, 0] ** 2)
    return -(log_det + explained + (points - k) * log_square) / 2, norm**2 * np.exp(log_square) / (points - k)


def _lags(influence) -> Float[np.ndarray, "estimates estimates points"]:
    """Sums over i of a_i b_(i+lag) + b_i a_(i+lag) (once at lag 0): a^T R b is their sum times rho^lag."""
    points = influence.shape[1]
    waves = np.fft.rfft(influence, 2 * points)
    found = np.fft.irfft(waves[:, None] * waves[None].conj(), 2 * points)[..., :points]
    found = found + found.swapaxes(0, 1)
    found[..., 0] /= 2
    return found


def _powers(rho, points: int) -> Float[np.ndarray, "correlations points"]:
    return rho[:, None] ** np.arange(points)


def _unequal(influence, basis, residual, robust: bool):
    """HC2 variance over that of equal errors, and degrees of freedom, of each estimate."""
    points, k = basis.shape
    leverage, square = (basis**2).sum(1), influence**2
    plain = np.ones(len(influence)), np.full(len(influence), float(points - k))
    if not robust or leverage.max() > _FULL or not residual.any():
        return plain
    share = square / (1 - leverage)
    total = square.sum(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = share @ residual**2 / (total * (residual**2).sum() / (points - k))
        crossed = np.einsum("ni,en,nj->eij", basis, share, basis)
        spread = (share**2) @ (1 - 2 * leverage) + (crossed**2).sum((1, 2))
        freedom = total**2 / spread
    return np.where(total > 0, ratio, 1.0), np.where(total > 0, freedom, points - k)


def equivalent_z(tail: float) -> float:
    """The standard normal deviation that is exceeded with this chance; at most 38, where the chance underflows."""
    return float(-special.ndtri(max(tail, 1e-315)))
