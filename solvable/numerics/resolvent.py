"""Deterministic equivalent of the power-law random-feature covariance, for any width and ambient dimension.

The covariance K = W^T D W, with D = diag(j^{-2 alpha}), j <= v, and W_ij ~ N(0, 1/d), has a resolvent fixed by m(z),

    m(z) = 1 / (1 + (1/d) sum_j D_j / (D_j m(z) - z))                    (Paquette et al. 2024, arXiv 2405.15074).

In the variable w = -z / m the fixed point is explicit: S(w) = sum_j 1 / (1 + w j^{2 alpha}) gives m = 1 - S(w)/d and

    z(w) = -w (1 - S(w)/d)                                               (the inverse of Silverstein and Bai 1995),

so the spectrum's edges are critical points of z(w), and w(z) is a Newton iteration. Sums over eigenvalues are then
contour integrals in the w plane; their nodes and weights are the quadrature that every one-pass theory uses.
"""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Inexact

from solvable.arguments import is_concrete
from solvable.numerics.complex_numbers import reciprocal
from solvable.numerics.power_sums import harmonic_sum, power_sum
from solvable.numerics.roots import bisect

ANGLE = 0.65  # half-width of the contour in arg z: midway between the spectrum and the time-inversion contour
HUG = 20.0  # the contour is as close to the support as exp(-2 HUG) of quadrature error allows: 0.2 to 1% beyond it
BISECTIONS = 30  # of the logarithms that the edges are found in
COARSE = 8  # contour nodes per node at which z(w) is inverted
NEWTON = 4  # iterations where w(z) must be accurate; near a contour, which may lie anywhere, 2 are enough


class Law(NamedTuple):
    """The power law and its sizes, as real scalars: the theory is continuous in width and ambient."""

    alpha: Float[Array, ""]
    width: Float[Array, ""]
    ambient: Float[Array, ""]

    def total(self, w: Inexact[Array, "..."]) -> Complex[Array, "..."]:
        """S(w)."""
        return power_sum(jnp.zeros(()), w, self.alpha, self.ambient)

    @property
    def taken(self) -> Float[Array, ""]:
        """How many modes are taken out, from the largest on."""
        return jnp.zeros(())


class Others(NamedTuple):
    """The law of what is left where ``taken``, 0 or 1, of the largest input mode and of one feature are taken out."""

    alpha: Float[Array, ""]
    width: Float[Array, ""]
    ambient: Float[Array, ""]
    taken: Float[Array, ""]

    def total(self, w: Inexact[Array, "..."]) -> Complex[Array, "..."]:
        """S(w) - 1/(1 + w) + 1: the 1 stands for the feature."""
        w = jnp.asarray(w, complex)
        return power_sum(jnp.zeros(()), w, self.alpha, self.ambient) + self.taken * w * reciprocal(1 + w)


class Contour(NamedTuple):
    """Quadrature around the spectrum: sum_j h(lambda_j) = Re sum_k weight_k (-S(w_k)/z_k) h(z_k)."""

    z: Complex[Array, " nodes"]
    w: Complex[Array, " nodes"]
    weight: Complex[Array, " nodes"]
    total: Complex[Array, " nodes"]  # S(w)


def default_nodes(alpha: Any, width: Any) -> int:
    """Contour nodes for an accuracy of about 1e-10: in proportion to the decades of eigenvalues, 512 at least."""
    if not is_concrete(alpha, width) or np.ndim(alpha) or np.ndim(width):
        return 512
    decades = 2 * float(alpha) * math.log(max(float(width), 1.0))
    return 512 * max(1, math.ceil(decades / 60))


def sum_and_slope(law: Law | Others, w: Any) -> tuple[Complex[Array, "..."], Complex[Array, "..."]]:
    """S(w), of what the law is without, and dS/dw."""
    w = jnp.asarray(w, complex)
    return jax.jvp(law.total, (w,), (jnp.ones_like(w),))


def effective_ridge(law: Law) -> Float[Array, ""]:
    """kappa > 0 with sum_j D_j / (D_j + kappa) = width; 0 if ambient equals width. tau = 1/kappa.

    Differentiable: the last Newton steps carry the derivatives of the root.
    """
    alpha, d, v = law
    trace = harmonic_sum(2 * alpha, v)
    square = v <= d
    spare = jnp.where(jnp.isinf(v) | square, 1.0, v / d - 1)
    finite = jnp.log(spare) - 2 * alpha * jnp.log(jnp.where(jnp.isinf(v), 2 * d + 2, v))
    low = jnp.where(v >= 2 * d + 2, -2 * alpha * jnp.log(2 * d + 2), finite)
    high = jnp.where(jnp.isinf(trace), 0.0, jnp.log(trace / d))
    fixed = jax.tree.map(jax.lax.stop_gradient, law)
    low, high = jax.lax.stop_gradient((low, high))
    log_kappa = bisect(lambda x: fixed.width - fixed.total(jnp.exp(x)).real, low - 1e-3, high + 1e-3, 20)

    def polish(_, x):
        value, slope = sum_and_slope(law, jnp.exp(x))
        step = (value.real - d) / (jnp.exp(x) * slope.real)
        return x - jnp.where(square, 0.0, jnp.clip(step, -1.0, 1.0))

    return jnp.where(square, 0.0, jnp.exp(jax.lax.fori_loop(0, 3, polish, log_kappa)))


def edges(law: Law | Others, kappa: Float[Array, ""]) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Smallest and largest point of the nonzero spectrum's support.

    Left: the maximum of z(w) over 0 < w < kappa. Right: the minimum of z(-t) beyond the largest mode, see `turning`.
    Both are extrema, hence accurate to the square of the root's error.
    """
    d, v = law.width, law.ambient

    def rises(log_w):
        w = jnp.exp(log_w)
        value, slope = sum_and_slope(law, w)
        return 1 - (value.real + w * slope.real) / d

    kappa = jnp.maximum(kappa, 1e-300)
    w = jnp.exp(bisect(rises, jnp.log(kappa) - 60.0, jnp.log(kappa), BISECTIONS))
    left = w * (law.total(w).real / d - 1)
    return jnp.where(v <= d, 0.0, left), of_real(law, turning(law))


def turning(law: Law | Others) -> Float[Array, ""]:
    """t beyond the largest mode D_1 where z(-t) is least: sum_j (D_j / (t - D_j))^2 = width."""
    alpha, d, v = law[:3]
    top = jnp.where(law.taken > 0, 2.0 ** (-2 * alpha), 1.0)

    def excess(log_gap):
        t = top * (1 + jnp.exp(log_gap))
        value, slope = sum_and_slope(law, -t)
        return 1 - (value.real - t * slope.real) / d

    left = jnp.maximum(d - law.taken, 0.5)
    lowest = jnp.log(jnp.maximum(1 / jnp.sqrt(left), 1e-7)) - 0.01
    highest = jnp.log(jnp.maximum(jnp.sqrt((harmonic_sum(4 * alpha, v) - law.taken) / left) / top, 1e-7)) + 0.01
    highest = jnp.where(jnp.isfinite(highest), jnp.maximum(highest, lowest), lowest + 60.0)
    return top * (1 + jnp.exp(bisect(excess, lowest, highest, BISECTIONS)))


def of_real(law: Law | Others, t: Float[Array, ""]) -> Float[Array, ""]:
    """z(-t), t > 0."""
    return t * (1 - law.total(-t).real / law.width)


def _newton(law: Law | Others, z, w):
    """One Newton step for z(w) = z, and d log w / d log z at its start."""
    value, slope = sum_and_slope(law, w)
    gap = 1 - (value + w * slope) / law.width
    return w - (z + w * (1 - value / law.width)) / gap, -z / (w * gap)


def _follow(law: Law | Others, path: Complex[Array, " points"], iterations: int) -> Complex[Array, " points"]:
    """w along a path that starts far outside the spectrum, where m = 1 and w = -z."""

    def advance(carry, z):
        z_last, w_last, slope = carry
        guess = w_last * jnp.exp(slope * jnp.log(z / z_last)), slope
        w, slope = jax.lax.fori_loop(0, iterations, lambda _, state: _newton(law, z, state[0]), guess)
        return (z, w, slope), w

    start = path[0]
    return jax.lax.scan(advance, (start, -start, jnp.ones_like(start)), path)[1]


def half_angles(count: int) -> np.ndarray:
    """Midpoints of ``count`` equal parts of (0, pi)."""
    return (np.arange(count) + 0.5) * np.pi / count


def _refine(coarse: Complex[Array, " coarse"], nodes: int) -> Complex[Array, " nodes"]:
    """A closed curve, symmetric about the real axis, from samples of its upper half to more of them.

    Real part by cosines, imaginary part by sines, of the midpoint angles.
    """
    count = coarse.shape[0]
    old, new, order = half_angles(count), half_angles(nodes), np.arange(count)
    even = np.cos(np.outer(order, old)) * np.where(order == 0, 1, 2)[:, None] / count
    odd = np.sin(np.outer(order, old)) * 2 / count
    cosines, sines = np.cos(np.outer(new, order)), np.sin(np.outer(new, order))
    return cosines @ (even @ coarse.real) + 1j * (sines @ (odd @ coarse.imag))  # pyright: ignore[reportReturnType]


def _slope_along(curve: Complex[Array, " nodes"]) -> Complex[Array, " nodes"]:
    """Derivative in the angle of a closed curve, symmetric about the real axis, given on its upper half: by FFT."""
    count = curve.shape[0]
    whole = jnp.concatenate([curve, curve[::-1].conj()])
    order = np.fft.fftfreq(2 * count, 1 / (2 * count))
    order[count] = 0
    return jnp.fft.ifft(1j * order * jnp.fft.fft(whole))[:count]


class Ellipse(NamedTuple):
    """A curve around a support [left, right], confocal with it in log z."""

    center: Float[Array, ""]
    focus: Float[Array, ""]  # half of log(right / left)
    rise: Float[Array, ""]  # half-width in arg z

    @classmethod
    def around(cls, law: Law | Others, left: Float[Array, ""], right: Float[Array, ""], nodes: int) -> "Ellipse":
        """As close as ``nodes`` nodes allow."""
        left = jnp.maximum(left, right * jnp.maximum(1e-300, 1e-28 * law.width ** (-2 * law.alpha)))
        center, focus = jnp.log(left * right) / 2, jnp.log(right / left) / 2
        return cls(center, focus, jnp.minimum(ANGLE, HUG * focus / nodes))

    def at(self, psi: np.ndarray) -> Complex[Array, " points"]:
        """Points z of the upper half, 0 < psi < pi, from right to left."""
        reach = jnp.sqrt(self.focus**2 + self.rise**2)
        return jnp.exp(self.center + reach * jnp.cos(psi) + 1j * self.rise * jnp.sin(psi))

    def right_end(self, apart: float) -> Float[Array, ""]:
        """log z where a confocal ellipse ``apart`` times as far from the support meets the real axis."""
        return self.center + self.focus * jnp.cosh(apart * jnp.arcsinh(self.rise / self.focus))


def contour(
    law: Law, left: Float[Array, ""], right: Float[Array, ""], nodes: int, course: Law | Others | None = None
) -> Contour:
    """Upper half of a contour around the support [left, right], by the trapezoidal rule.

    It is laid in the w plane, where z(w) is explicit: near an ellipse in log z, found by Newton at one node in
    ``COARSE`` and interpolated. Any contour around the same modes gives the same integrals, so it is a constant to
    differentiation, and z and the weights carry the derivatives in alpha, width and ambient. With the law of the other
    modes as its ``course`` the contour is laid around theirs, with the integrands of the whole law.
    """
    fixed, left, right = jax.lax.stop_gradient((law if course is None else course, left, right))
    psi = half_angles(nodes // COARSE)
    curve = Ellipse.around(fixed, left, right, nodes).at(psi)
    approach = jnp.exp(jnp.linspace(8.0, 0.0, 8, endpoint=False)) * curve[0]
    log_w = jnp.log(_follow(fixed, jnp.concatenate([approach, curve]), 2)[8:])
    # w turns once around 0 while z does not, so it is log w - i (psi - pi) that is periodic.
    log_w = _refine(log_w - 1j * (psi - np.pi), nodes)
    w = jax.lax.stop_gradient(jnp.exp(log_w + 1j * (half_angles(nodes) - np.pi)))
    total = law.total(w)
    z = -w * (1 - total / law.width)
    return Contour(z, w, z * _slope_along(jnp.log(z)) / (1j * nodes), total)


def on_axis(law: Law, x: Float[Array, " points"], height: float = 1e-9) -> Complex[Array, " points"]:
    """w(x + i 0+) at real points: followed down from far above the axis, z = x e^{i theta} with theta -> height."""
    angles = jnp.exp(jnp.linspace(jnp.log(jnp.pi / 2), jnp.log(height), 48))

    def follow(x):
        radius = jnp.exp(jnp.linspace(6.0, 0.0, 8))
        path = jnp.concatenate([jnp.exp(1j * angles[0]) * x * radius, x * jnp.exp(1j * angles[1:])])
        return _follow(law, path, NEWTON)[-1]

    return jax.lax.map(follow, x, batch_size=64)
