"""Gradients from a finite data set that is used again and again.

The data of a `FiniteProblem` are held once and indexed; which samples a step uses is a function of (run key, step)
only, so that memory does not grow with the number of steps.
"""

import abc
import math
from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from solvable.algorithms.base import AbstractAlgorithm
from solvable.keys import stream
from solvable.models.finite import FiniteProblem
from solvable.numerics.precision import in_float64
from solvable.simulation.landscape import HIGHEST
from solvable.simulation.samplers import AbstractSampler

Order = Literal["replacement", "epochs"]
ORDERS = ("replacement", "epochs")


class AbstractData(eqx.Module):
    """A data set and a loss, in the coordinates in which a run moves.

    Attributes:
        features, targets: the training data; shapes (rows, coords) and (rows,).
        samples: number of samples present: the rows beyond are absent.
        start: parameters before the first step; shape (coords,).
    """

    features: eqx.AbstractVar[Float[Array, "rows coords"]]
    targets: eqx.AbstractVar[Float[Array, " rows"]]
    samples: eqx.AbstractVar[Int[Array, ""]]
    start: eqx.AbstractVar[Float[Array, " coords"]]

    @abc.abstractmethod
    def gradient(self, params: Float[Array, " coords"], batch: Int[Array, " size"] | None) -> Float[Array, " coords"]:
        """The mean gradient over the samples numbered ``batch``, or over all of them."""

    @abc.abstractmethod
    def risks(self, params: Float[Array, " coords"]) -> Float[Array, "2"]:
        """(population risk, training risk)."""


class DataSet(AbstractData):
    """Training data and population risk, in the coordinates in which a run moves.

    Attributes:
        features, targets: the training data; shapes (rows, coords) and (rows,).
        samples: number of samples present: the rows beyond are absent.
        start: parameters before the first step; shape (coords,).
        best, eigvals, floor: the population risk floor + sum eigvals (params - best)^2 in the eigenbasis.
        basis: columns are the eigenvectors in the coordinates; None where the coordinates are the eigenbasis.
    """

    features: Float[Array, "rows coords"]
    targets: Float[Array, " rows"]
    samples: Int[Array, ""]
    start: Float[Array, " coords"]
    best: Float[Array, " coords"]
    eigvals: Float[Array, " coords"]
    floor: Float[Array, ""]
    basis: Float[Array, "coords coords"] | None

    @classmethod
    def of(cls, problem: FiniteProblem, equivariant: bool, dtype) -> "DataSet":
        """In the eigenbasis for an algorithm that commutes with rotations, else in the original features."""
        features, targets, start, best, eigvals, floor = (
            jnp.asarray(x, dtype)
            for x in (
                problem.features, problem.targets, problem.initial, problem.target, problem.eigvals, problem.floor
            )
        )  # fmt: skip
        samples = jnp.asarray(problem.samples, jnp.int32)
        if equivariant:
            return cls(features, targets, samples, start, best, eigvals, floor, None)
        basis = jnp.asarray(in_float64(problem.basis)(), dtype)
        features, start = (jnp.matmul(x, basis.T, precision=HIGHEST) for x in (features, start))
        return cls(features, targets, samples, start, best, eigvals, floor, basis)

    def residual(self, params: Float[Array, " coords"]) -> Float[Array, " rows"]:
        """Prediction minus target on every training sample."""
        return jnp.matmul(self.features, params, precision=HIGHEST) - self.targets

    def gradient(self, params, batch):
        if batch is None:
            return jnp.matmul(self.residual(params), self.features, precision=HIGHEST) / self.samples
        features = self.features[batch]
        residual = jnp.matmul(features, params, precision=HIGHEST) - self.targets[batch]
        return jnp.matmul(residual, features, precision=HIGHEST) / len(batch)

    def risks(self, params):
        here = params if self.basis is None else jnp.matmul(params, self.basis, precision=HIGHEST)
        population = self.floor + (self.eigvals * (here - self.best) ** 2).sum()
        return jnp.stack([population, (self.residual(params) ** 2).sum() / self.samples])


class AbstractReused(AbstractSampler):
    """A source of gradients from a fixed data set; records the population and the training risk."""

    data: eqx.AbstractVar[AbstractData]

    @property
    def initial(self):
        return self.data.start

    def risk(self, params):
        return self.data.risks(params)


class FullBatch(AbstractReused):
    """The gradient of the training risk itself: nothing is random."""

    data: AbstractData

    def streams(self, key):
        return ()

    def draw(self, streams, steps):
        return ()

    def gradient(self, prepared, params):
        return self.data.gradient(params, None)


class AbstractMinibatch(AbstractReused):
    """``size`` samples a step; a subclass says which."""

    size: eqx.AbstractVar[int]

    @abc.abstractmethod
    def draw(self, streams, steps) -> Int[Array, "chunk size"]:
        """Indices of the samples of each step."""

    def gradient(self, prepared, params):
        return self.data.gradient(params, prepared)


class Replacement(AbstractMinibatch):
    """Every sample of every batch uniform over the data set, independent of all others."""

    data: AbstractData
    size: int = eqx.field(static=True)

    def streams(self, key):
        return stream(key, "replacement")

    def draw(self, streams, steps):
        one = lambda t: jax.random.randint(jax.random.fold_in(streams, t), (self.size,), 0, self.data.samples)  # noqa: E731
        return jax.vmap(one)(steps)


class Epochs(AbstractMinibatch):
    """A fresh shuffle of the data set for every epoch, the shuffles laid end to end and cut into batches.

    A batch may reach over the end of an epoch, so every sample is used exactly once an epoch whatever the batch size.
    """

    data: AbstractData
    size: int = eqx.field(static=True)

    def streams(self, key):
        return stream(key, "epochs")

    def draw(self, streams, steps):
        samples, rows = self.data.samples, self.data.features.shape[0]
        # After `period` steps whole epochs are used up: counting from there keeps the positions within 32 bits.
        shared = jnp.gcd(jnp.asarray(self.size, samples.dtype), samples)
        period = samples // shared
        position = (steps % period)[:, None] * self.size + jnp.arange(self.size, dtype=samples.dtype)
        epoch = (steps // period)[:, None] * (self.size // shared) + position // samples

        def fill(e, index):
            shuffle = _shuffle(jax.random.fold_in(streams, e), samples, rows)
            return jnp.where(epoch == e, shuffle[position % samples], index)

        return jax.lax.fori_loop(epoch[0, 0], epoch[-1, -1] + 1, fill, jnp.zeros(position.shape, samples.dtype))


def _shuffle(key: Key[Array, ""], samples: Int[Array, ""], rows: int) -> Int[Array, " rows"]:
    """The present samples in random order, then the absent rows."""
    bits = jax.random.bits(key, (rows,), jnp.uint32)
    present = jnp.arange(rows) < samples
    return jnp.argsort(jnp.where(present, bits, jnp.uint32(2**32 - 1)), stable=True).astype(samples.dtype)


def reused(problem: FiniteProblem, algorithm: AbstractAlgorithm, order: Order, dtype) -> AbstractReused:
    """The source of gradients of ``algorithm`` on the data of ``problem``.

    Raises:
        ValueError: samples * batch_size is 2^31 or more in shuffled epochs.
    """
    return source_of(DataSet.of(problem, algorithm.rotation_equivariant, dtype), algorithm.batch_size, order)


def source_of(data: AbstractData, size: int | None, order: Order) -> AbstractReused:
    """The source of gradients of a data set, of batches of ``size`` or, for None, of the full batch.

    Raises:
        ValueError: samples * batch_size is 2^31 or more in shuffled epochs.
    """
    if size is None:
        return FullBatch(data)
    if order == "replacement":
        return Replacement(data, size)
    rows = np.shape(data.features)[0]
    if math.prod((rows, size)) >= 2**31:
        raise ValueError(f"batch_size: wanted samples * batch_size < 2^31 in shuffled epochs; got {rows} * {size}")
    return Epochs(data, size)
