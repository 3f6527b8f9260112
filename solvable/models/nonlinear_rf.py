"""Nonlinear random features of data on a manifold, with a random or given target."""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from solvable.arguments import as_real, check_choice, check_real, is_function, refusal
from solvable.keys import require_key, stream
from solvable.models.base import AbstractModel, AbstractProblem
from solvable.models.checks import check_width, concrete_size
from solvable.models.empirical import empirical_problem
from solvable.models.random_feature_draw import normal_streams, padded_size
from solvable.numerics.precision import in_float64

Activation = Literal["linear", "relu", "erf", "tanh"]
Manifold = Literal["gaussian", "sphere", "torus"]
ACTIVATIONS: dict[str, Callable] = {
    "linear": lambda x: x,
    "relu": jax.nn.relu,
    "erf": jax.scipy.special.erf,
    "tanh": jnp.tanh,
}
MANIFOLDS = ("gaussian", "sphere", "torus")


def _as_activation(value: Any) -> Any:
    return value if is_function(value) else check_choice("activation", value, ACTIVATIONS, also="a function")


def _as_manifold(value: Any) -> Any:
    return check_choice("manifold", value, MANIFOLDS)


def _as_target(value: Any) -> Any:
    if value is None or is_function(value):
        return value
    raise refusal("target", "a function of inputs or None", value)


def _as_size(name: str) -> Callable[[Any], int]:
    return lambda value: concrete_size(name, value, "the model's arrays")


class NonlinearRF(AbstractModel):
    """Features sigma(W^T x) / sqrt(width) of inputs on a manifold, with targets from a wide random network.

    Inputs x (`inputs`), W_ij ~ N(0, 1), targets y = sum_k a_k sigma(V_k . x) / sqrt(teacher_width) + noise * eps with
    V_kj, a_k ~ N(0, 1), or a given function of x. Every unit may have a bias, bias * N(0, 1). With "linear" features of
    Gaussian latents it is the linear random-feature model of Maloney, Roberts, Sully 2022 (arXiv 2210.16859); data of
    dimension d and random teachers are those of Bahri, Dyer, Kaplan, Lee, Sharma 2021 (arXiv 2102.06701).

    There is no closed form of the population. A draw therefore holds a test set of ``num_test`` fresh samples, and its
    population risk *is* the mean squared error on that set (an estimate of relative error about
    sqrt(2 / num_test) of the true one); the test set is the same for all widths and sample sizes of one key.

    Attributes:
        activation: sigma: "linear", "relu", "erf", "tanh", or any function of arrays, elementwise.
        manifold: "gaussian": x_j ~ N(0, j^(-2 alpha)), j <= dimension; "sphere": uniform on the unit sphere of
            intrinsic dimension ``dimension``; "torus": flat, x = (cos t_1, sin t_1, ..., cos t_d, sin t_d) / sqrt(d)
            with uniform angles. On sphere and torus |x| = 1, so that W^T x has variance 1 in every unit.
        dimension: dimension of the manifold (number of latents for "gaussian").
        alpha: exponent of the latents' standard deviations; only for "gaussian".
        bias: standard deviation of the biases of features and teacher.
        width: number of features.
        samples: size of the training set.
        target: a function of inputs (samples, coordinates) to targets (samples,); None for the random teacher.
        teacher_width: units of the random teacher.
        noise: standard deviation of the label noise, on training and test targets alike.
        num_test: size of the test set.
    """

    activation: Activation | Callable = eqx.field(static=True, converter=_as_activation, default="relu")
    manifold: Manifold = eqx.field(static=True, converter=_as_manifold, default="sphere")
    dimension: int = eqx.field(static=True, converter=_as_size("dimension"), default=2)
    alpha: Float[Array, ""] = eqx.field(converter=as_real, default=0.0)
    bias: Float[Array, ""] = eqx.field(converter=as_real, default=0.0)
    width: Any = 16
    samples: Any = 12
    target: Callable | None = eqx.field(static=True, converter=_as_target, default=None)
    teacher_width: int = eqx.field(static=True, converter=_as_size("teacher_width"), default=32)
    noise: Float[Array, ""] = eqx.field(converter=as_real, default=0.0)
    num_test: int = eqx.field(static=True, converter=_as_size("num_test"), default=32)
    references: ClassVar[tuple[str, ...]] = ("maloney2022", "bahri2024")

    def __check_init__(self):
        check_width(self.width)
        concrete_size("samples", self.samples, "the model's arrays")
        for name in ("alpha", "bias", "noise"):
            check_real(name, getattr(self, name), "a finite number >= 0", lambda x: 0 <= x < np.inf)

    @property
    def num_inputs(self) -> int:
        """Number of coordinates of an input."""
        return {"gaussian": 0, "sphere": 1, "torus": self.dimension}[self.manifold] + self.dimension

    def inputs(self, key: Key[Array, ""], count: int) -> Float[Array, "count inputs"]:
        """``count`` inputs; more inputs extend fewer with the same key."""
        if self.manifold == "torus":
            return _on_torus(key, count, self.dimension)
        z = _rows(key, count, self.num_inputs)
        return _placed(z, self.alpha, count, self.num_inputs, self.manifold == "sphere")

    def features(self, key: Key[Array, ""], inputs: Float[Array, "count inputs"]) -> Float[Array, "count width"]:
        """sigma(W^T x) / sqrt(width); a wider model extends a narrower one with the same key, up to the factor."""
        return _units(inputs, *self._weights(key, concrete_size("width", self.width, "drawing")))

    def teach(self, key: Key[Array, ""], inputs: Float[Array, "count inputs"]) -> Float[Array, " count"]:
        """Targets without noise."""
        if self.target is not None:
            return jnp.asarray(self.target(inputs), float)
        readout = _directions(stream(key, "readout"), self.teacher_width, 1)
        return _teacher(inputs, readout, *self._weights(key, self.teacher_width))

    def _weights(self, key, count: int) -> tuple:
        """Of so many units: directions, biases, their standard deviation, sigma, and the number."""
        activation = self.activation if callable(self.activation) else ACTIVATIONS[self.activation]
        rows, biases = _directions(key, count, self.num_inputs), _directions(stream(key, "bias"), count, 1)
        return rows, biases, self.bias, activation, count

    def draw(self, key: Key[Array, ""]) -> AbstractProblem:
        """One draw of W, the teacher, training data and test set.

        A wider model extends a narrower one with the same key, and more samples extend fewer.
        """
        require_key(key, "to draw from")
        return empirical_problem(*_data(self, key, "data", self.samples), *_data(self, key, "test", self.num_test))


def _rows(key, count: int, size: int) -> Float[Array, "padded padded"]:
    """Rows of independent N(0, 1), one stream a row, and more of both: padded sizes share compiled programs."""
    return normal_streams(key, np.arange(padded_size(count)), padded_size(size))


def _directions(key, count: int, size: int) -> Float[Array, "padded padded"]:
    return _rows(stream(key, "directions"), count, size)


@partial(jax.jit, static_argnames=("count", "dimension"))
def _on_torus(key, count: int, dimension: int):
    keys = jax.vmap(partial(jax.random.fold_in, key))(jnp.arange(count))
    angles = 2 * jnp.pi * jax.vmap(lambda k: jax.random.uniform(k, (dimension,), jnp.float32))(keys)
    points = jnp.stack([jnp.cos(angles.astype(float)), jnp.sin(angles.astype(float))], -1)
    return points.reshape(count, -1) / dimension**0.5


@partial(jax.jit, static_argnames=("count", "size", "sphere"))
def _placed(rows, alpha, count: int, size: int, sphere: bool):
    """Inputs on the sphere, or Gaussian latents."""
    z = rows[:count, :size].astype(float)
    return z / jnp.linalg.norm(z, axis=1, keepdims=True) if sphere else z * jnp.arange(1.0, size + 1) ** -alpha


@eqx.filter_jit
def _units(inputs, rows, biases, bias, activation: Callable, count: int) -> Float[Array, "inputs count"]:
    """sigma(W^T x) / sqrt(count)."""
    directions = rows[:count, : inputs.shape[1]].astype(float)
    return activation(inputs @ directions.T + bias * biases[:count, 0].astype(float)) / count**0.5


@eqx.filter_jit
def _teacher(inputs, readout, rows, biases, bias, activation: Callable, count: int) -> Float[Array, " inputs"]:
    return _units(inputs, rows, biases, bias, activation, count) @ readout[:count, 0].astype(float)


@jax.jit
def _noisy(targets, noise, rows):
    return targets + noise * rows[: len(targets), 0].astype(float)


@in_float64
def _data(model: NonlinearRF, key, name: str, count: int):
    """Features and noisy targets of one data set."""
    count = int(count)
    inputs = model.inputs(stream(stream(key, name), "inputs"), count)
    eps = _rows(stream(stream(key, name), "noise"), count, 1)
    targets = _noisy(model.teach(stream(key, "teacher"), inputs), model.noise, eps)
    return model.features(stream(key, "projection"), inputs), targets
