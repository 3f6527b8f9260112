"""One neuron under spherical SGD: in two numbers, by Gaussian symmetry, and in all its coordinates."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from solvable.forms.algorithms import Spherical
from solvable.keys import stream
from solvable.models.single_index import NeuronProblem
from solvable.numerics.chi_square import chi_square
from solvable.numerics.hermite import hermite
from solvable.numerics.normals import key_words, normal_pairs
from solvable.simulation.samplers import AbstractSampler, check_batch


class _Neuron(AbstractSampler):
    """What both share; a "gradient" is the whole change of the parameters, with the opposite sign.

    Attributes:
        link: Hermite coefficients.
        noise: standard deviation of the label noise.
        start: overlap before the first step.
        rate: learning_rate / dimension.
        dimension: of the inputs.
        size: batch size; 0 for the population gradient.
    """

    link: Float[Array, " coefficients"]
    noise: Float[Array, ""]
    start: Float[Array, ""]
    rate: Float[Array, ""]
    dimension: int = eqx.field(static=True)
    size: int = eqx.field(static=True)

    def streams(self, key):
        if not self.size:
            return ()
        names = ("inputs", "noise", "rest")
        return tuple(key_words(stream(key, name)) for name in names)

    def overlap(self, params: Float[Array, " coords"]) -> Float[Array, "2"]:
        """(m, sqrt(1 - m^2)) of the parameters."""
        return params

    def risk(self, params):
        m, across = self.overlap(params)
        near = across**2 / (1 + jnp.abs(m))  # 1 - |m|, without cancellation
        rest = jnp.where(m > 0, near, 1 - m)
        sums = jnp.cumsum(m ** jnp.arange(len(self.link) - 1))  # (1 - m^k) / (1 - m)
        return 2 * rest * (self.link[1:] ** 2 @ sums) + self.noise**2

    def _pull(self, here, there, eps):
        """(g(a) - y) g'(a) of samples with w . x = a, w* . x = b."""
        value, slope = hermite(self.link, here)
        return (value - hermite(self.link, there)[0] - self.noise * eps) * slope


class ReducedNeuron(_Neuron):
    """The chain of the overlap, exact in law at any dimension, in O(batch) numbers a step.

    Of a sample all that matters are a = w . x, z = x along the direction t = (w* - m w) / sqrt(1 - m^2) and the rest of
    x, whose weighted mean is a Gaussian vector in dimension - 2 coordinates, of which the length alone matters. With
    n = sqrt(1 - m^2), p = (g(a) - y) g'(a), z the batch mean of p z and r^2 = sum p^2 / B^2 chi^2_{dimension - 2},

        (m, n) <- (m - eta n z, sqrt((n + eta m z)^2 + eta^2 r^2)) / sqrt(1 + eta^2 (z^2 + r^2)).
    """

    @property
    def initial(self):
        return jnp.stack([self.start, jnp.sqrt(jnp.maximum(1 - self.start**2, 0.0))])

    def draw(self, streams, steps):
        if not self.size:
            return ()
        inputs, noise, rest = streams
        dtype = self.link.dtype
        pairs = normal_pairs(inputs, steps, self.size, dtype)
        labels = normal_pairs(noise, steps, (self.size + 1) // 2, dtype)
        eps = jnp.stack([labels.real, labels.imag], -1).reshape(len(steps), -1)[:, : self.size]
        return pairs, eps, chi_square(rest, steps, self.dimension - 2, dtype)

    def gradient(self, prepared, params):
        m, across = params
        if self.size:
            pairs, eps, square = prepared
            here, z = pairs.real, pairs.imag
            pull = self._pull(here, m * here + across * z, eps)
            along, rest = (pull * z).mean(), (pull**2).sum() / self.size**2 * square
        else:
            along, rest = self._population(m, across), 0.0
        turned = jnp.stack([
            m - self.rate * across * along,
            jnp.sqrt((across + self.rate * m * along) ** 2 + self.rate**2 * rest),
        ])
        return params - turned / jnp.linalg.norm(turned)

    def _population(self, m, across):
        """E p z = -sqrt(1 - m^2) sum_k k c_k^2 m^(k - 1)."""
        powers = jnp.arange(1, len(self.link))
        return -across * (powers * self.link[1:] ** 2 @ m ** (powers - 1))


class FullNeuron(_Neuron):
    """The neuron in all its coordinates, w* = e_1: the referee, in O(batch * dimension) numbers a step."""

    @property
    def initial(self):
        across = jnp.sqrt(jnp.maximum(1 - self.start**2, 0.0))
        return jnp.zeros(self.dimension, self.link.dtype).at[:2].set(jnp.stack([self.start, across]))

    def overlap(self, params):
        return jnp.stack([params[0], jnp.linalg.norm(params[1:])])

    def draw(self, streams, steps):
        inputs, noise, _ = streams
        count, dtype = self.size * self.dimension, self.link.dtype
        labels = normal_pairs(noise, steps, self.size, dtype).real
        pairs = normal_pairs(inputs, steps, (count + 1) // 2, dtype)
        flat = jnp.stack([pairs.real, pairs.imag], -1).reshape(len(steps), -1)[:, :count]
        return flat.reshape(len(steps), self.size, self.dimension), labels

    def gradient(self, prepared, params):
        inputs, eps = prepared
        here = jnp.matmul(inputs, params, precision="highest")
        pull = self._pull(here, inputs[:, 0], eps)
        mean = jnp.matmul(pull, inputs, precision="highest") / self.size
        moved = params - self.rate * (mean - params * (mean @ params))
        return params - moved / jnp.linalg.norm(moved)


def neuron(problem: NeuronProblem, algorithm: Spherical, name: str, dtype: Any) -> AbstractSampler:
    """The source of steps called ``name``, "direct" or "auto"; the population gradient is that of the reduced chain."""
    size = algorithm.batch_size
    full = name == "direct" and size is not None
    check_batch(size, problem.dimension if full else 2)
    link, noise, start = (jnp.asarray(x, dtype) for x in (problem.link, problem.noise, problem.start))
    rate = jnp.asarray(algorithm.learning_rate / problem.dimension, dtype)
    kind = FullNeuron if full else ReducedNeuron
    return kind(link, noise, start, rate, problem.dimension, size or 0)
