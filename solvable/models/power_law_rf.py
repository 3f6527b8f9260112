"""Power-law random features (PLRF): the model of the 4+3 phases of compute-optimal scaling."""

import math
from functools import partial
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from solvable.keys import require_key, stream
from solvable.models.base import AbstractModel, AbstractProblem, sizes
from solvable.models.checks import (
    check_power_law,
    check_real,
    check_samples,
    check_started_at_zero,
    check_width,
    concrete_size,
)
from solvable.models.linear_regression import gaussian_batch, problem_spectrum
from solvable.numerics.mode_sums import power_law_modes
from solvable.numerics.power_sums import harmonic_sum, power_sum
from solvable.numerics.precision import in_float64
from solvable.numerics.resolvent import Law, contour, default_nodes, edges, effective_ridge, on_axis
from solvable.population import Population
from solvable.shapes import as_real, is_concrete
from solvable.spectrum import Spectrum

HEAD_PER_WIDTH = 16  # ambient coordinates kept one by one, per feature, when the ambient dimension is infinite
FEWEST_NODES = 64


class PowerLawRF(AbstractModel):
    """x ~ N(0, diag(j^{-2 alpha})) in R^ambient, features W^T x, W_ij ~ N(0, 1/width), targets <x, b> + noise * eps.

    b_j = j^{-beta}; the width parameters theta are trained on E (W^T x . theta - y)^2 (Paquette et al. 2024,
    arXiv 2405.15074, section 1; no factor 1/2).

    Attributes:
        alpha: exponent of the input's standard deviations, > 0: eigenvalues of the input covariance j^{-2 alpha}.
        beta: exponent of the target; alpha + beta > 1/2.
        width: number of random features d, an integer to draw, any real number >= 1 for theory.
        ambient: input dimension v >= 1, 4 * width by default; ``math.inf`` if 2 alpha > 1. One-pass theories need
            v >= width.
        noise: standard deviation of the label noise.
        init_std: standard deviation of the initial parameters, independent Gaussians; 0 starts at zero.
        samples: size of the data set, an integer to draw, any real number >= 1 for theory; None is a fresh stream.
    """

    alpha: Float[Array, ""] = eqx.field(converter=as_real, default=1.0)
    beta: Float[Array, ""] = eqx.field(converter=as_real, default=0.7)
    width: Any = 64
    ambient: Any = None
    noise: Float[Array, ""] = eqx.field(converter=as_real, default=0.0)
    init_std: Float[Array, ""] = eqx.field(converter=as_real, default=0.0)
    samples: Any = None
    references: ClassVar[tuple[str, ...]] = ("paquette2024", "silverstein1995")

    def __post_init__(self):
        if self.ambient is None:
            check_width(self.width)
            self.ambient = 4 * self.width

    def __check_init__(self):
        check_power_law(self.alpha, self.beta, self.noise, self.init_std)
        check_width(self.width)
        check_samples(self.samples)
        check_real("ambient", self.ambient, "a number of coordinates >= 1", lambda v: v >= 1)
        if is_concrete(self.ambient) and math.isinf(float(self.ambient)):
            check_real("alpha", self.alpha, "alpha > 1/2 where ambient is infinite (finite trace)", lambda a: a > 0.5)

    def at_width(self, width: Any) -> "PowerLawRF":
        """The same law at another width, the ratio ambient / width kept; ``width`` may be real or traced."""
        ambient = width * (self.ambient / self.width)
        if isinstance(width, int) and math.isfinite(ambient):
            ambient = round(ambient)
        return PowerLawRF(self.alpha, self.beta, width, ambient, self.noise, self.init_std, self.samples)

    def law(self) -> Law:
        """alpha, width and ambient as float64 scalars."""
        return Law(*(jnp.asarray(x, float) for x in (self.alpha, self.width, self.ambient)))

    @in_float64
    def trace(self) -> Float[Array, ""]:
        """Expected trace of the feature covariance, sum_{j <= ambient} j^{-2 alpha}."""
        alpha, _, ambient = self.law()
        return harmonic_sum(2 * alpha, ambient)

    @in_float64
    def floor(self) -> Float[Array, ""]:
        """Risk of the best parameters, F_0 + noise^2, F_0 = sum_j j^{-2 alpha - 2 beta} / (1 + tau j^{-2 alpha}).

        tau is the inverse effective ridge, sum_j D_j tau / (1 + D_j tau) = width with D_j = j^{-2 alpha}.
        """
        return _floor(self.law(), jnp.asarray(self.beta, float), jnp.asarray(self.noise, float))

    @in_float64
    def support(self) -> tuple[Float[Array, ""], Float[Array, ""]]:
        """Smallest and largest eigenvalue of the typical feature covariance (edges of the density's support)."""
        _require_wide_ambient(self, "support()")
        return _support(self.law())

    @in_float64
    def density(self, eigvals: Float[Array, " points"]) -> Float[Array, " points"]:
        """Eigenvalue density of the typical feature covariance, normalised to the width: Im S(w) / (pi lambda)."""
        _require_wide_ambient(self, "density()")
        return _density(self.law(), jnp.asarray(eigvals, float))

    @in_float64
    def spectrum(self, nodes: int | None = None) -> Spectrum:
        """The typical draw's spectrum as ``nodes`` contour nodes; the default suits the decades it must span.

        The sum of the masses is the width (to 1e-12), ``sum(eigvals * error) + floor`` the risk at the start: what
        they miss measures the quadrature error.
        """
        if nodes is not None and (not isinstance(nodes, int | np.integer) or nodes < FEWEST_NODES):
            raise ValueError(f"nodes: wanted an integer >= {FEWEST_NODES} or None; got {nodes!r}")
        _require_wide_ambient(self, "spectrum()")
        law = self.law()
        parameters = (jnp.asarray(x, float) for x in (self.beta, self.noise, self.init_std))
        return typical_spectrum(law, *parameters, nodes or default_nodes(self.alpha, self.width))

    @in_float64
    def population(self) -> Population:
        """Eigenvalues j^{-2 alpha} with target power j^{-2 alpha - 2 beta}, j <= ambient, behind ``width`` features."""
        check_started_at_zero(self.init_std)
        alpha, beta = jnp.asarray(self.alpha, float), jnp.asarray(self.beta, float)
        modes = power_law_modes(alpha, 2 * alpha + 2 * beta, self.ambient)
        return Population(*modes, *sizes(self.width, self), jnp.asarray(self.noise, float))

    def draw(self, key: Key[Array, ""]) -> AbstractProblem:
        """One draw of W (and of the initial parameters), with its data where ``samples`` is set.

        A wider model extends a narrower one with the same key, and more samples extend fewer.
        """
        require_key(key, "to draw from")
        width = concrete_size("width", self.width, "drawing")
        head = _head(self)
        tail = math.isinf(float(self.ambient))
        parameters = (self.alpha, self.beta, self.noise, self.init_std)
        eigvals, target, initial, floor, _ = _draw(key, *parameters, width, head, tail)
        return RandomFeatureProblem(eigvals, target, initial, floor, key, self).draw(key)


def _require_wide_ambient(model: PowerLawRF, caller: str) -> None:
    """Raise where fewer inputs than features leave the typical feature covariance singular."""
    if is_concrete(model.ambient, model.width) and float(model.ambient) < float(model.width):
        raise ValueError(
            f"ambient: wanted a number of coordinates >= width = {model.width} for {caller} and one-pass theories of "
            f"a model (a draw of it may have fewer); got {model.ambient}"
        )


@jax.jit
def _floor(law: Law, beta, noise):
    kappa = effective_ridge(law)
    square = kappa == 0
    return jnp.where(square, 0.0, _bias(jnp.where(square, 1.0, kappa), law, beta)) + noise**2


def _bias(kappa, law: Law, beta):
    """F_0 = kappa R(kappa), kappa the effective ridge."""
    return kappa * power_sum(2 * beta, kappa, law.alpha, law.ambient).real


@jax.jit
def _support(law: Law):
    return edges(law, effective_ridge(law))


@jax.jit
def _density(law: Law, eigvals):
    w = on_axis(law, eigvals)
    return jnp.abs(power_sum(jnp.zeros(()), w, law.alpha, law.ambient).imag) / (jnp.pi * eigvals)


@partial(jax.jit, static_argnames="nodes")
def typical_spectrum(law: Law, beta, noise, init_std, nodes: int) -> Spectrum:
    """Contour nodes with mass -S(w)/z and error w R(w)/z^2, R(w) = sum_j j^{-2 beta} / (1 + w j^{2 alpha}).

    The target's share of eigenvalue z is Im R(w)/m with m = -z/w, divided by z to turn risk into squared error.
    """
    # A square W has a spectrum that reaches 0: one part in 10^8 fewer features moves its edge off 0.
    square = law.ambient <= law.width
    law = law._replace(width=jnp.where(square, law.width * (1 - 1e-8), law.width))
    kappa = effective_ridge(law)
    floor = jnp.where(square, 0.0, _bias(kappa, law, beta)) + noise**2
    left, right = edges(law, kappa)
    z, w, weight, total = contour(law, left, right, nodes)
    mass = -total / z * weight
    error = w * power_sum(2 * beta, w, law.alpha, law.ambient) / z**2 * weight
    return Spectrum(z, mass, error + init_std**2 * mass, floor, jax.lax.stop_gradient(right))


class RandomFeatureProblem(AbstractProblem):
    """One draw of `PowerLawRF`, in its own eigenbasis; the frozen W is kept as its key and made again on demand."""

    eigvals: Float[Array, " width"]
    target: Float[Array, " width"]
    initial: Float[Array, " width"]
    floor: Float[Array, ""]
    key: Key[Array, ""]
    model: PowerLawRF
    references: ClassVar[tuple[str, ...]] = ("paquette2024",)

    @property
    def samples(self) -> Any:
        """Size of the data set of the model that was drawn; None for a fresh stream."""
        return self.model.samples

    @in_float64
    def spectrum(self) -> Spectrum:
        return problem_spectrum(self)

    def start_at(self, params: Float[Array, " width"]) -> "RandomFeatureProblem":
        """The same problem started at ``params``, given in the original feature coordinates."""
        shape = np.shape(params)
        if shape != self.eigvals.shape:
            raise ValueError(f"params: wanted shape {self.eigvals.shape}; got {shape}")
        return eqx.tree_at(lambda p: p.initial, self, self.basis().T @ as_real(params))

    def batch(self, key, size):
        return gaussian_batch(self, key, size)

    def basis(self):
        model = self.model
        parameters = (model.alpha, model.beta, model.noise, model.init_std)
        tail = math.isinf(float(model.ambient))
        return _draw(self.key, *parameters, self.eigvals.shape[-1], _head(model), tail)[4]

    @in_float64
    def ambient_features(self):
        model = self.model
        ambient = concrete_size("ambient", model.ambient, "drawing ambient inputs (sampler 'direct')")
        j = jnp.arange(1.0, ambient + 1)
        weights = _projection(self.key, self.eigvals.shape[-1], ambient)
        return j[:, None] ** -model.alpha * weights, j ** -(model.alpha + model.beta), jnp.asarray(model.noise)


def _head(model: PowerLawRF) -> int:
    """Ambient coordinates that are drawn one by one."""
    if math.isinf(float(model.ambient)):
        return HEAD_PER_WIDTH * int(model.width)
    return concrete_size("ambient", model.ambient, "drawing")


def _projection(key: Key[Array, ""], width: int, ambient: int) -> Float[Array, "ambient width"]:
    """W with entries N(0, 1/width); one stream a feature, so that both axes extend. Drawn in float32, exact enough."""
    keys = jax.vmap(partial(jax.random.fold_in, stream(key, "projection")))(jnp.arange(width))
    rows = jax.vmap(lambda k: jax.random.normal(k, (ambient,), jnp.float32))(keys)
    return rows.T.astype(float) / math.sqrt(width)


def _tail_moments(key, alpha, beta, width: int, head: int):
    """The infinitely many coordinates beyond ``head``, by their exact first two moments given the law of W.

    Their covariance is (sum D / d) I plus Gaussian symmetric noise of variance sum D^2 / d^2; their overlap with the
    target is a Gaussian vector of variance sum D^2 b^2 / d per feature; their target power is sum D b^2.
    """
    beyond = lambda p: harmonic_sum(p, jnp.inf) - harmonic_sum(p, jnp.asarray(float(head)))  # noqa: E731
    noise = jax.random.normal(stream(key, "tail covariance"), (width, width), jnp.float32).astype(float)
    spread = jnp.sqrt(beyond(4 * alpha)) / width
    covariance = beyond(2 * alpha) / width * jnp.eye(width) + spread * (noise + noise.T) / math.sqrt(2)
    overlap = jax.random.normal(stream(key, "tail overlap"), (width,), jnp.float32).astype(float)
    return covariance, jnp.sqrt(beyond(4 * alpha + 2 * beta) / width) * overlap, beyond(2 * alpha + 2 * beta)


@in_float64
@partial(jax.jit, static_argnames=("width", "head", "tail"))
def _draw(key, alpha, beta, noise, init_std, width: int, head: int, tail: bool):
    """Eigenvalues, best and initial parameters (eigenbasis), floor, eigenvectors; the Gram matrix in float64."""
    alpha, beta = jnp.asarray(alpha, float), jnp.asarray(beta, float)
    j = jnp.arange(1.0, head + 1)
    features = j[:, None] ** -alpha * _projection(key, width, head)
    labels = j ** -(alpha + beta)
    gram, overlap = features.T @ features, features.T @ labels
    covariance = shift = power = jnp.zeros(())
    if tail:
        covariance, shift, power = _tail_moments(key, alpha, beta, width, head)
        gram, overlap = gram + covariance, overlap + shift
    eigvals, vectors = jnp.linalg.eigh(gram)
    eigvals, vectors = eigvals[::-1], vectors[:, ::-1]
    # Fewer inputs than features leave null directions, which rounding does not show as exact zeros.
    present = (eigvals > 1e-14 * eigvals[0]) & ((jnp.arange(width) < head) | tail)
    eigvals = jnp.where(present, eigvals, 0.0)
    target = jnp.where(present, vectors.T @ overlap / jnp.where(present, eigvals, 1.0), 0.0)
    best = vectors @ target
    # The residual's square, not the difference of two powers: the floor keeps its digits when it is tiny.
    floor = ((labels - features @ best) ** 2).sum()
    if tail:
        floor = jnp.maximum(floor + best @ covariance @ best - 2 * shift @ best + power, 0.0)
    start = init_std * jax.random.normal(stream(key, "initial"), (width,), jnp.float32).astype(float)
    return eigvals, target, vectors.T @ start, floor + noise**2, vectors
