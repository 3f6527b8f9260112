"""Ways to draw the same batch-mean gradient, mean_b f_b (f_b . params - y_b).

`Direct`, in a file of its own, is the referee: ambient features drawn with JAX's own normals and multiplied out, step
by step, as written in the papers. `Batch` draws the batch in the reduced coordinates. `Wishart` draws the *law of the
gradient*, at a cost that does not depend on the batch size. `PopulationGradient` is the limit of an infinite batch:
no randomness at all.
"""

import abc
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from solvable.forms.draws import Reduction
from solvable.keys import stream
from solvable.models.base import AbstractProblem
from solvable.numerics.chi_square import chi_square, chi_square_of
from solvable.numerics.normals import key_words, normal_pairs
from solvable.simulation.landscape import HIGHEST, AbstractLandscape, Eigenbasis, OriginalBasis

MOST_DRAWN = 2**31 - 1  # numbers of one batch


def _dot(a: Float[Array, "... coords"], b: Float[Array, " coords"]) -> Float[Array, "..."]:
    return jnp.matmul(a, b, precision=HIGHEST)


class AbstractSampler(eqx.Module):
    """A problem, as a source of stochastic gradients. Draws depend on (run key, step) only."""

    @property
    @abc.abstractmethod
    def initial(self) -> Float[Array, " coords"]:
        """Parameters before the first step."""

    @property
    def drawn_inside(self) -> int:
        """Numbers one run draws within a step, on top of those of `draw`."""
        return 0

    @abc.abstractmethod
    def streams(self, key: Key[Array, ""]) -> Any:
        """What a run derives from its key, once."""

    @abc.abstractmethod
    def draw(self, streams: Any, steps: Int[Array, " chunk"]) -> Any:
        """All random numbers of these steps, as raw as they come: arrays with a leading axis of steps."""

    def prepare(self, drawn: Any) -> Any:
        """What a whole chunk of draws becomes before the step loop: arrays with a leading axis of steps."""
        return drawn

    @abc.abstractmethod
    def gradient(self, prepared: Any, params: Float[Array, " coords"]) -> Float[Array, " coords"]:
        """The batch-mean gradient, from one step's share of the prepared draws."""

    @abc.abstractmethod
    def risk(self, params: Float[Array, " coords"]) -> Float[Array, "*risks"]:
        """What is recorded of parameters: the population mean squared error, or that and the training risk."""


class _Reduced(AbstractSampler):
    landscape: AbstractLandscape

    @property
    def initial(self):
        return self.landscape.initial

    @property
    def _num_pairs(self) -> int:
        return (self.landscape.target.shape[-1] + 1) // 2

    @property
    def _dtype(self):
        return self.landscape.target.dtype

    @property
    def _sigma(self):
        return jnp.sqrt(jnp.maximum(self.landscape.floor, 0))

    def risk(self, params):
        return self.landscape.risk(params)


class PopulationGradient(_Reduced):
    """The exact gradient K (params - target)."""

    def streams(self, key):
        return ()

    def draw(self, streams, steps):
        return ()

    def gradient(self, prepared, params):
        return self.landscape.hessian(params - self.landscape.target)


class Batch(_Reduced):
    """size x width normals a step: f_b with covariance K, residual f_b . (params - target) - eps_b, eps ~
    N(0, floor).

    Sample b has its own stream, so a larger batch extends a smaller one.
    """

    size: int = eqx.field(static=True)

    def streams(self, key):
        samples = jax.vmap(lambda b: key_words(jax.random.fold_in(stream(key, "features"), b)))(jnp.arange(self.size))
        return samples, key_words(stream(key, "noise"))

    def draw(self, streams, steps):
        samples, noise = streams
        pairs = jax.vmap(lambda w: normal_pairs(w, steps, self._num_pairs, self._dtype), out_axes=1)(samples)
        label = normal_pairs(noise, steps, self.size, self._dtype).real
        return pairs, label

    def prepare(self, drawn):
        pairs, label = drawn
        if self.size == 1:  # without the axis of one sample, the step is two fused loops and a dot product
            pairs, label = pairs[:, 0], label[:, 0]
        return self.landscape.features(pairs), self._sigma * label

    def gradient(self, prepared, params):
        features, noise = prepared
        residual = jnp.matmul(features, params - self.landscape.target, precision=HIGHEST) - noise
        if self.size == 1:
            return features * residual
        return jnp.matmul(residual, features, precision=HIGHEST) / self.size


class AbstractWishart(_Reduced):
    """The law of the batch-mean gradient in O(width), for any batch size B.

    With s^2 = Delta^T K Delta, sigma^2 = floor, chi_k^2 and n independent chi-square and normal numbers,

        p = chi_B,  r = s p - sigma n,  Q = r^2 + sigma^2 chi^2_{B-1},  f ~ N(0, K),
        gradient = (sqrt(Q) f + K Delta (p r / s - sqrt(Q) (f . Delta) / s^2)) / B:

    the 2 x 2 Wishart matrix of (signal, noise) gives the part of the gradient along K Delta and the length
    of the rest, which is isotropic in the whitened coordinates. At s = 0 the residuals do not depend on the
    features, and the gradient is sqrt(Q) f / B.
    """

    @abc.abstractmethod
    def degrees(self, signal, rest, steps: Int[Array, " chunk"]) -> tuple[Any, ...]:
        """(chi^2_B, chi^2_{B-1}) of these steps from two streams, and B where it changes in time."""

    def streams(self, key):
        names = ("features", "signal", "noise", "rest")
        first = jax.random.fold_in(stream(key, "features"), 0)
        return (key_words(first), *(key_words(stream(key, name)) for name in names[1:]))

    def draw(self, streams, steps):
        features, signal, noise, rest = streams
        pairs = normal_pairs(features, steps, self._num_pairs, self._dtype)
        label = normal_pairs(noise, steps, 1, self._dtype)[:, 0].real
        return pairs, label, *self.degrees(signal, rest, steps)

    def _whole(self, features, p, label, outside, size, params):
        """The gradient from p / sqrt(B), sigma n / sqrt(B) and sigma^2 chi^2_{B-1} / B, whose products carry the
        1/B of the mean."""
        delta = params - self.landscape.target
        pull = self.landscape.hessian(delta)
        square, overlap = _dot(jnp.stack([pull, features]), delta)  # one pass over delta
        s = jnp.sqrt(square)
        r = s * p - label
        length = jnp.sqrt((r**2 + outside) / size)
        inverse = jnp.where(square > 0, 1 / s, 0)
        return length * features + pull * (inverse * (p * r - length * overlap * inverse))


class Wishart(AbstractWishart):
    """The same batch size at every step."""

    size: int = eqx.field(static=True)

    def degrees(self, signal, rest, steps):
        return tuple(chi_square(w, steps, k, self._dtype) for w, k in ((signal, self.size), (rest, self.size - 1)))

    def prepare(self, drawn):
        pairs, label, inside, outside = drawn
        scale = self._sigma / self.size**0.5
        return self.landscape.features(pairs), jnp.sqrt(inside / self.size), scale * label, scale**2 * outside

    def gradient(self, prepared, params):
        features, p, label, outside = prepared
        return self._whole(features, p, label, outside, self.size, params)


class WishartSchedule(AbstractWishart):
    """A batch size B_t >= 1 for every step; a real number gives the law between those of the integers around it.

    Chi-square numbers of B and B - 1 degrees of freedom exist for every real B >= 1, and the first two moments of the
    gradient are those of a batch of B samples: means do not depend on B, second moments are linear in 1/B.
    """

    numbers: Any
    function: Any = eqx.field(static=True)

    @classmethod
    def of(cls, landscape: AbstractLandscape, size: Any) -> "WishartSchedule":
        """``size``, a function of the step, as its numbers and the rest: samplers of many draws can be stacked."""
        return cls(landscape, *eqx.partition(size, eqx.is_array_like))

    def degrees(self, signal, rest, steps):
        sizes = eqx.combine(self.numbers, self.function)
        size = jax.vmap(lambda t: jnp.asarray(sizes(t), self._dtype))(steps)
        inside, outside = (chi_square_of(w, steps, k, self._dtype) for w, k in ((signal, size), (rest, size - 1)))
        return inside, outside, size

    def prepare(self, drawn):
        pairs, label, inside, outside, size = drawn
        scale = self._sigma / jnp.sqrt(size)
        return self.landscape.features(pairs), jnp.sqrt(inside / size), scale * label, scale**2 * outside, size

    def gradient(self, prepared, params):
        features, p, label, outside, size = prepared
        return self._whole(features, p, label, outside, size, params)


class Preconditioned(AbstractSampler):
    """The gradients of another sampler in the eigenbasis, each coordinate times a number."""

    sampler: AbstractSampler
    scale: Float[Array, " coords"]

    @property
    def initial(self):
        return self.sampler.initial

    def streams(self, key):
        return self.sampler.streams(key)

    def draw(self, streams, steps):
        return self.sampler.draw(streams, steps)

    def prepare(self, drawn):
        return self.sampler.prepare(drawn)

    def gradient(self, prepared, params):
        return self.scale * self.sampler.gradient(prepared, params)

    def risk(self, params):
        return self.sampler.risk(params)


def check_batch(size: int | None, numbers: int) -> None:
    """Raise where one batch, of ``numbers`` numbers a sample, is more than can be drawn at once."""
    if size is not None and size * numbers > MOST_DRAWN:
        each = "" if numbers == 1 else f" for this sampler and {numbers} numbers a sample"
        raise ValueError(f"batch_size: wanted an integer from 1 to {MOST_DRAWN // numbers}{each}; got {size}")


def reduced(problem: AbstractProblem | Reduction, algorithm: Any, name: str, dtype: Any) -> AbstractSampler:
    """The sampler called ``name`` ("auto", "batch", "wishart") of the Gaussian reduction of ``problem``.

    Without a batch size there is nothing to sample, whatever the name.
    """
    if isinstance(problem, Reduction) or algorithm.rotation_equivariant:
        landscape = Eigenbasis.of(problem, dtype)
        scale = algorithm.preconditioner(landscape.eigvals)
    else:
        landscape, scale = OriginalBasis.of(problem, dtype), None
    sampler = _named(name, landscape, algorithm.batch_size)
    return sampler if scale is None else Preconditioned(sampler, jnp.asarray(scale, dtype))


def _named(name: str, landscape: AbstractLandscape, size: int | None) -> AbstractSampler:
    if size is None:
        return PopulationGradient(landscape)
    if callable(size):
        if name == "batch":
            raise ValueError("sampler: wanted 'auto' or 'wishart' for a batch size that changes in time; got 'batch'")
        return WishartSchedule.of(landscape, size)
    name = ("batch" if size == 1 else "wishart") if name == "auto" else name
    check_batch(size, landscape.target.shape[-1] if name == "batch" else 1)
    return {"batch": Batch, "wishart": Wishart}[name](landscape, size)
