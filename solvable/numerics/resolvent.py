"""Deterministic equivalent of the random-feature covariance, for any inputs and any width.

The covariance K = W^T D W, with D = diag(D_1, ..., D_v) and W_ij ~ N(0, 1/d), has a resolvent fixed by m(z),

    m(z) = 1 / (1 + (1/d) sum_j D_j / (D_j m(z) - z))                    (Paquette et al. 2024, arXiv 2405.15074).

In the variable w = -z / m the fixed point is explicit: S(w) = sum_j D_j / (D_j + w) gives m = 1 - S(w)/d and

    z(w) = -w (1 - S(w)/d)                                               (the inverse of Silverstein and Bai 1995),

so the spectrum's edges are critical points of z(w), and w(z) is a Newton iteration. Sums over eigenvalues are then
contour integrals in the w plane; their nodes and weights are the quadrature that every one-pass theory uses. D_1 = 1:
eigenvalues are in units of the largest input mode. What the inputs are is not known here (`solvable.numerics.inputs`).
"""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float

from solvable.arrays import is_concrete
from solvable.numerics.complex_numbers import reciprocal
from solvable.numerics.grouping import map_in_groups
from solvable.numerics.inputs import AbstractInputs
from solvable.numerics.roots import bisect

ANGLE = 0.65  # half-width of the contour in arg z: midway between the spectrum and the time-inversion contour
HUG = 20.0  # the contour is as close to the support as exp(-2 HUG) of quadrature error allows: 0.2 to 1% beyond it
BISECTIONS = 30  # of the logarithms that the edges are found in
COARSE = 8  # contour nodes per node at which z(w) is inverted
NEWTON = 4  # iterations where w(z) must be accurate; near a contour, which may lie anywhere, 2 are enough


class Law(NamedTuple):
    """The inputs and the number of features, real: the theory is continuous in it."""

    inputs: AbstractInputs
    width: Float[Array, ""]

    @property
    def taken(self) -> Float[Array, ""]:
        """How many modes are taken out, from the largest on."""
        return jnp.zeros(())

    @property
    def square(self) -> Bool[Array, ""]:
        """Whether there are no more modes than features."""
        return self.inputs.count <= self.width


class Others(NamedTuple):
    """The law of what is left where ``taken``, 0 or 1, of the largest input mode and of one feature are taken out.

    Its S(w) is S(w) - 1/(1 + w) + 1: the 1 stands for the feature.
    """

    inputs: AbstractInputs
    width: Float[Array, "..."]
    taken: Float[Array, "..."]

    @classmethod
    def of(cls, law: Law, width: Float[Array, "..."], taken: Any = 0.0) -> "Others":
        """Of one law at several widths and counts of modes taken out."""
        return cls(law.inputs, width, jnp.broadcast_to(jnp.asarray(taken, float), width.shape))


class Contour(NamedTuple):
    """Quadrature around the spectrum: sum_j h(lambda_j) = Re sum_k weight_k (-S(w_k)/z_k) h(z_k)."""

    z: Complex[Array, " nodes"]
    w: Complex[Array, " nodes"]
    weight: Complex[Array, " nodes"]
    total: Complex[Array, " nodes"]  # S(w)


def default_nodes(depth: Any) -> int:
    """Contour nodes for an accuracy of about 1e-10: in proportion to the e-folds of eigenvalues, 512 at least.

    ``depth`` is log(D_1 / D_width); where it is traced they are 512.
    """
    if not is_concrete(depth) or np.ndim(depth):
        return 512
    return 512 * max(1, math.ceil(float(depth) / 60))


def sum_and_slope(law: Law | Others, w: Any) -> tuple[Complex[Array, "..."], Complex[Array, "..."]]:
    """S(w), of what the law is without, and w dS/dw."""
    w = jnp.asarray(w, complex)
    total, slope = law.inputs.sums(w)
    share = reciprocal(1 + w)
    return total + law.taken * w * share, slope + law.taken * w * share * share


RIDGE, LEFT, RIGHT = range(3)  # z(w) = 0 at w > 0; z'(w) = 0 at a smaller w > 0; z'(w) = 0 at w beyond -D_1


def landmarks(law: Others, kinds: tuple[int, ...]) -> Float[Array, " marks"]:
    """w of landmarks of z(w), found together; ``law.width`` and ``law.taken`` have shape (marks,).

    Each is where a count of modes falls to the width as w moves away from the poles: S(w) for a ridge, and
    S(w) + w S'(w) = sum_j (D_j / (D_j + w))^2 for an edge. Roots of logarithms, to (bracket) / 2^31; constants
    to differentiation.
    """
    law = jax.lax.stop_gradient(law)
    kind = np.array(kinds)
    top = jnp.where(law.taken > 0, law.inputs.second, 1.0)

    def place(x):
        return jnp.where(kind == RIGHT, -top * (1 + jnp.exp(x)), jnp.exp(x))

    def missing(x):
        value, slope = sum_and_slope(law, place(x))
        return 1 - (value.real + jnp.where(kind == RIDGE, 0.0, slope.real)) / law.width

    trace, square = law.inputs.moments()
    low, high = law.inputs.ridge_bracket(law.width, trace)
    low, high = low - 1e-3, high + 1e-3
    near, far = _gap_bracket(law, square, top)
    low, high = jnp.where(kind == RIGHT, near, low - 60.0 * (kind == LEFT)), jnp.where(kind == RIGHT, far, high)
    return place(bisect(missing, low, high, BISECTIONS))


def _gap_bracket(law: Others, square, top):
    """Bounds of log(t / D_1 - 1) where sum_j (D_j / (t - D_j))^2 = width; ``square`` is sum_j D_j^2."""
    left = jnp.maximum(law.width - law.taken, 0.5)
    lowest = jnp.log(jnp.maximum(1 / jnp.sqrt(left), 1e-7)) - 0.01
    highest = jnp.log(jnp.maximum(jnp.sqrt((square - law.taken) / left) / top, 1e-7)) + 0.01
    return lowest, jnp.where(jnp.isfinite(highest), jnp.maximum(highest, lowest), lowest + 60.0)


def effective_ridge(law: Law) -> Float[Array, ""]:
    """kappa > 0 with sum_j D_j / (D_j + kappa) = width; 0 if there are no more modes than that. tau = 1/kappa."""
    return ridge_and_sums(law, landmarks(Others.of(law, law.width[None]), (RIDGE,))[0])[0]


def ridge_and_sums(
    law: Law, kappa: Float[Array, ""], others: Others | None = None, w: Complex[Array, " points"] | None = None
) -> tuple[Float[Array, ""], Complex[Array, " points"]]:
    """The effective ridge from a kappa that is nearly right, and S(w) of ``others``, in the same evaluations.

    Differentiable: Newton's steps carry the derivatives of the root.
    """
    square = law.square
    points = jnp.zeros(0, complex) if w is None else w
    taken = jnp.concatenate([jnp.zeros(1), jnp.zeros(0) if others is None else others.taken])
    all_of_them = Others(law.inputs, law.width, taken)

    def polish(_, state):
        x = state[0]
        total, slope = sum_and_slope(all_of_them, jnp.concatenate([jnp.exp(x)[None], points]))
        step = (total[0].real - law.width) / slope[0].real
        return x - jnp.where(square, 0.0, jnp.clip(step, -1.0, 1.0)), total[1:]

    log_kappa, total = jax.lax.fori_loop(0, 3, polish, (jnp.log(kappa), jnp.zeros_like(points)))
    return jnp.where(square, 0.0, jnp.exp(log_kappa)), total


def edges(law: Law) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Smallest and largest point of the nonzero spectrum's support.

    Left: the maximum of z(w) over 0 < w < kappa. Right: the minimum of z(-t) beyond the largest mode. Both are
    extrema, hence accurate to the square of the root's error.
    """
    both = Others.of(law, jnp.stack([law.width, law.width]))
    w = landmarks(both, (LEFT, RIGHT))
    left, right = height(both, w, sum_and_slope(both, w)[0])
    return jnp.where(law.square, 0.0, left), right


def height(law: Law | Others, w: Float[Array, "..."], total: Complex[Array, "..."]) -> Float[Array, "..."]:
    """z(w) at a real w, where S(w) = ``total``."""
    return -w * (1 - total.real / law.width)


def _newton(law: Law | Others, z, w):
    """One Newton step for z(w) = z, and d log w / d log z at its start."""
    value, slope = sum_and_slope(law, w)
    gap = 1 - (value + slope) / law.width
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
        lowest = 1e-28 * jnp.exp(-law.inputs.depth(law.width))
        left = jnp.maximum(left, right * jnp.maximum(1e-300, lowest))
        center, focus = jnp.log(left * right) / 2, jnp.log(right / left) / 2
        return cls(center, focus, jnp.minimum(ANGLE, HUG * focus / nodes))

    def at(self, psi: np.ndarray) -> Complex[Array, " points"]:
        """Points z of the upper half, 0 < psi < pi, from right to left."""
        reach = jnp.sqrt(self.focus**2 + self.rise**2)
        return jnp.exp(self.center + reach * jnp.cos(psi) + 1j * self.rise * jnp.sin(psi))

    def right_end(self, apart: float) -> Float[Array, ""]:
        """log z where a confocal ellipse ``apart`` times as far from the support meets the real axis."""
        return self.center + self.focus * jnp.cosh(apart * jnp.arcsinh(self.rise / self.focus))


def course(law: Law | Others, left: Float[Array, ""], right: Float[Array, ""], nodes: int) -> Complex[Array, " nodes"]:
    """w along the upper half of a contour around the support [left, right] of a law; a constant to differentiation.

    It is laid in the w plane, where z(w) is explicit: near an ellipse in log z, found by Newton at one node in
    ``COARSE`` and interpolated.
    """
    law, left, right = jax.lax.stop_gradient((law, left, right))
    psi = half_angles(nodes // COARSE)
    curve = Ellipse.around(law, left, right, nodes).at(psi)
    approach = jnp.exp(jnp.linspace(8.0, 0.0, 8, endpoint=False)) * curve[0]
    log_w = jnp.log(_follow(law, jnp.concatenate([approach, curve]), 2)[8:])
    # w turns once around 0 while z does not, so it is log w - i (psi - pi) that is periodic.
    log_w = _refine(log_w - 1j * (psi - np.pi), nodes)
    return jax.lax.stop_gradient(jnp.exp(log_w + 1j * (half_angles(nodes) - np.pi)))


def contour(law: Law, w: Complex[Array, " nodes"], total: Complex[Array, " nodes"]) -> Contour:
    """The contour along a `course` w, where S(w) = ``total``, by the trapezoidal rule.

    Any contour around the same modes gives the same integrals, whichever law's support it was laid around: z and the
    weights carry the derivatives in the inputs and the width.
    """
    z = -w * (1 - total / law.width)
    return Contour(z, w, z * _slope_along(jnp.log(z)) / (1j * len(w)), total)


def on_axis(law: Law, x: Float[Array, " points"], height: float = 1e-9) -> Complex[Array, " points"]:
    """w(x + i 0+) at real points: followed down from far above the axis, z = x e^{i theta} with theta -> height."""
    angles = jnp.exp(jnp.linspace(jnp.log(jnp.pi / 2), jnp.log(height), 48))

    def follow(x):
        radius = jnp.exp(jnp.linspace(6.0, 0.0, 8))
        path = jnp.concatenate([jnp.exp(1j * angles[0]) * x * radius, x * jnp.exp(1j * angles[1:])])
        return _follow(law, path, NEWTON)[-1]

    return map_in_groups(follow, x, 64)
