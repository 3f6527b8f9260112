"""One draw of random features."""

import abc
import math
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from solvable.arguments import as_real, refusal
from solvable.forms.signs import Coordinates
from solvable.keys import require_key, stream
from solvable.models.ambient import AbstractAmbientDraw
from solvable.models.base import AbstractStream
from solvable.models.checks import concrete_size
from solvable.numerics.inputs import AbstractInputs, Rest
from solvable.numerics.precision import in_float64

HEAD_PER_WIDTH = 16  # ambient coordinates kept one by one, per feature, when the ambient dimension is infinite


class AbstractFeatureLaw(eqx.Module):
    """What a draw of random features is made from, and is made again from: the inputs and the sizes."""

    # A type checker takes an AbstractVar for a field at its place in the base; `PowerLawRF` has an order of its own.
    if TYPE_CHECKING:
        width: ClassVar[Any]
        noise: ClassVar[Any]
        init_std: ClassVar[Any]
    else:
        width: eqx.AbstractVar[Any]
        noise: eqx.AbstractVar[Float[Array, ""]]
        init_std: eqx.AbstractVar[Float[Array, ""]]

    @abc.abstractmethod
    def inputs(self) -> AbstractInputs:
        """Eigenvalues and target powers of the inputs, in float64."""

    @property
    @abc.abstractmethod
    def input_count(self) -> Any:
        """Number of input modes, which may be infinite."""


class RandomFeatureProblem(AbstractStream):
    """One draw of random features, in its own eigenbasis; the frozen W is kept as its key and made again on demand."""

    eigvals: Float[Array, " width"]
    target: Float[Array, " width"]
    initial: Float[Array, " width"]
    floor: Float[Array, ""]
    key: Key[Array, ""]
    model: AbstractFeatureLaw
    references: ClassVar[tuple[str, ...]] = ("paquette2024",)

    def __check_init__(self):
        require_key(self.key, "that W is made of")
        if not isinstance(self.model, AbstractFeatureLaw):
            raise refusal("model", "the law that it was drawn from, such as a PowerLawRF", self.model)

    @classmethod
    def of(cls, model: AbstractFeatureLaw, key: Key[Array, ""]) -> "RandomFeatureProblem":
        """The draw of ``model`` with this key, without data.

        Raises:
            ValueError: the width, or a finite ambient dimension, is no integer.
        """
        eigvals, target, initial, floor, _ = _drawn(model, key)
        return cls(eigvals, target, initial, floor, key, model)

    def start_at(self, params: Float[Array, " width"]) -> "RandomFeatureProblem":
        """The same problem started at ``params``, given in the original feature coordinates."""
        shape = np.shape(params)
        if shape != self.eigvals.shape:
            raise ValueError(f"params: wanted shape {self.eigvals.shape}; got {shape}")
        return eqx.tree_at(lambda p: p.initial, self, self.basis().T @ as_real(params))

    def basis(self):
        return _drawn(self.model, self.key)[4]

    def lowerings(self):
        return {**super().lowerings(), Coordinates: self.coordinates}

    @in_float64
    def coordinates(self) -> Coordinates:
        """The feature covariance as it is drawn, W^T D W, not diagonal; the start is given."""
        basis, eigvals, floor = (jnp.asarray(x, float) for x in (self.basis(), self.eigvals, self.floor))
        error = jnp.asarray(self.initial, float) - jnp.asarray(self.target, float)
        return Coordinates((basis * eigvals) @ basis.T, basis @ error, jnp.zeros_like(eigvals), floor)

    @in_float64
    def ambient_draw(self):
        start = jnp.asarray(self.basis(), float) @ jnp.asarray(self.initial, float)
        return eqx.tree_at(lambda draw: draw.start, ProjectedFeatures.of(self.model, self.key), start)


class ProjectedFeatures(AbstractAmbientDraw):
    """F_jk = sqrt(D_j) W_jk, readout_j = sqrt(p_j); W is kept as its key.

    Attributes:
        deviations: sqrt(D_j), square roots of the input eigenvalues; shape (ambient,).
    """

    key: Key[Array, ""]
    deviations: Float[Array, " ambient"]
    readout: Float[Array, " ambient"]
    noise: Float[Array, ""]
    start: Float[Array, " width"]

    @classmethod
    @in_float64
    def of(cls, model: AbstractFeatureLaw, key: Key[Array, ""]) -> "ProjectedFeatures":
        """The draw of ``model`` with this key, the same as its `RandomFeatureProblem` has.

        Raises:
            ValueError: the width or the ambient dimension is no finite integer.
        """
        width = concrete_size("width", model.width, "drawing")
        ambient = concrete_size("ambient", model.input_count, "drawing ambient inputs (sampler 'direct')")
        deviations, readout = model.inputs().coordinates(ambient)
        start = _start(_start_normals(key, width), model.init_std, width)
        return cls(key, deviations, readout, jnp.asarray(model.noise), start)

    @in_float64
    def columns(self, index):
        (width,), (ambient,) = self.start.shape, self.readout.shape
        return _features(_feature_normals(self.key, index, ambient), jnp.asarray(self.deviations, float), width)


def _drawn(model: AbstractFeatureLaw, key: Key[Array, ""]):
    """Eigenvalues, best and initial parameters (eigenbasis), floor, eigenvectors of the draw of a law with a key.

    Random numbers come from programs of padded sizes, which many laws share, because they take longest to compile.
    """
    width = concrete_size("width", model.width, "drawing")
    tail = math.isinf(float(model.input_count))
    head = HEAD_PER_WIDTH * width if tail else concrete_size("ambient", model.input_count, "drawing")
    rows, start = _feature_normals(key, np.arange(padded_size(width)), head), _start_normals(key, width)
    return _reduced(key, rows, start, model.inputs(), model.noise, model.init_std, width, head, tail)


def padded_size(size: int) -> int:
    """The next power of two from 64 to 1024, then the next multiple of 1024.

    Coarser than `solvable.numerics.padding.rounded_up`: spare normals cost less than one more program.
    """
    return max(64, 1 << (size - 1).bit_length()) if size <= 1024 else -(-size // 1024) * 1024


@partial(jax.jit, static_argnames="count")
def _normals(key: Key[Array, ""], count: int) -> Float[Array, " count"]:
    """Standard normals in float32, exact enough for a draw; more of them extend fewer."""
    return jax.random.normal(key, (count,), jnp.float32)


@partial(jax.jit, static_argnames="count")
def normal_streams(key: Key[Array, ""], index, count: int) -> Float[Array, "some count"]:
    """`_normals` of the streams ``index`` of a key."""
    return jax.vmap(lambda i: _normals(jax.random.fold_in(key, i), count))(index)


def _feature_normals(key: Key[Array, ""], index, ambient: int) -> Float[Array, "some padded"]:
    """Standard normals of the features ``index``: one stream a feature, so that both axes of W extend."""
    return normal_streams(stream(key, "projection"), index, padded_size(ambient))


def _start_normals(key: Key[Array, ""], width: int) -> Float[Array, " padded"]:
    """Standard normals of the initial parameters."""
    return _normals(stream(key, "initial"), padded_size(width))


def _features(normals, deviations, width: int) -> Float[Array, "ambient some"]:
    """Columns of F = sqrt(D) W, W with entries N(0, 1/width)."""
    return deviations[:, None] * (normals[:, : len(deviations)].T.astype(float) / math.sqrt(width))


def _start(normals, init_std, width: int) -> Float[Array, " width"]:
    """Parameters before the first step, in the original coordinates."""
    return init_std * normals[:width].astype(float)


def _tail_moments(key, rest: Rest, width: int):
    """The infinitely many coordinates that are left, by their exact first two moments given the law of W.

    Their covariance is (sum D / d) I plus Gaussian symmetric noise of variance sum D^2 / d^2; their overlap with the
    target is a Gaussian vector of variance sum D p / d per feature; their target power is sum p.
    """
    noise = jax.random.normal(stream(key, "tail covariance"), (width, width), jnp.float32).astype(float)
    spread = jnp.sqrt(rest.square) / width
    covariance = rest.trace / width * jnp.eye(width) + spread * (noise + noise.T) / math.sqrt(2)
    overlap = jax.random.normal(stream(key, "tail overlap"), (width,), jnp.float32).astype(float)
    return covariance, jnp.sqrt(rest.overlap / width) * overlap, rest.power


@in_float64
@partial(jax.jit, static_argnames=("width", "head", "tail"))
def _reduced(key, rows, start, inputs: AbstractInputs, noise, init_std, width: int, head: int, tail: bool):
    """`_drawn` from its random numbers; the Gram matrix in float64."""
    deviations, labels = inputs.coordinates(head)
    features = _features(rows[:width], deviations, width)
    gram, overlap = features.T @ features, features.T @ labels
    covariance = shift = power = jnp.zeros(())
    if tail:
        covariance, shift, power = _tail_moments(key, inputs.beyond(head), width)
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
    return eigvals, target, vectors.T @ _start(start, init_std, width), floor + noise**2, vectors
