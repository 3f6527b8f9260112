"""Two-layer linear networks: features that learn, with a richness that says how much."""

import math
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from solvable.arguments import as_real, check_integer, check_real, refusal, shown
from solvable.arrays import is_concrete
from solvable.forms.base import AbstractSubject, Lowerings
from solvable.forms.feature_learning import Network, NetworkDraw, NetworkLaw
from solvable.keys import require_key, stream
from solvable.models.base import AbstractModel, AbstractStream, HasSpectrum
from solvable.models.checks import LARGEST_SIZE
from solvable.models.linear_regression import LinearRegression
from solvable.numerics.precision import in_float64


def _as_hidden(value: Any) -> int | None:
    return None if value is None else check_integer("hidden", value, 1, LARGEST_SIZE, "an integer >= 1, or None")


def _as_inputs(value: Any) -> Any:
    return LinearRegression(1.25, -0.25, 24) if value is None else value


def _check_gamma(gamma: Any) -> None:
    check_real("gamma", gamma, "a finite number >= 0 (a richness)", lambda x: 0 <= x < math.inf)


class NetworkProblem(AbstractSubject):
    """One draw of a network: the inputs' features, and its weights before the first step.

    With A = A_0 + gamma sqrt(N) D, w = w_0 + gamma sqrt(N) d, and N hidden units, it predicts

        (w^T A - w_0^T A_0) x / (gamma N) = [w_0^T D / sqrt(N) + d^T A_0 / sqrt(N) + gamma d^T D] x,

    which has a limit at gamma = 0. D and d are the parameters that an optimizer moves: they start at zero, where the
    prediction is zero, and weight decay pulls them there.

    Attributes:
        inputs: the regression problem that the network learns.
        gamma: richness.
        weights: A_0 / sqrt(N), then w_0 / sqrt(N) as its last column; shape (hidden, width + 1). None for infinite N.
    """

    inputs: AbstractStream
    gamma: Float[Array, ""] = eqx.field(converter=as_real)
    weights: Float[Array, "hidden columns"] | None = None
    references: ClassVar[tuple[str, ...]] = ("bordelon2024b",)

    def __check_init__(self):
        if not isinstance(self.inputs, AbstractStream):
            raise refusal("inputs", "a regression problem on a fresh stream", self.inputs)
        if is_concrete(self.inputs.initial) and jnp.any(jnp.asarray(self.inputs.initial) != 0):
            raise ValueError("inputs: wanted zero parameters at the start, as a network predicts; got others")
        _check_gamma(self.gamma)
        width = self.inputs.eigvals.shape[0]
        given = getattr(self.weights, "shape", None)
        if self.weights is not None and (given is None or len(given) != 2 or given[1] != width + 1 or given[0] < 1):
            raise ValueError(f"weights: wanted shape (hidden, {width + 1}) or None; got {shown(self.weights)}")

    def lowerings(self) -> Lowerings:
        """One of infinite width is its own limit; the weights of a finite one are what a simulation trains."""
        if self.weights is not None:
            return {NetworkDraw: lambda: NetworkDraw(self)}
        return {Network: lambda: Network(self.inputs.spectrum(), self.gamma)}


class TwoLayerLinear(AbstractModel):
    """f(x) = (w^T A x - its start) / (gamma hidden), A_ij and w_i starting as N(0, 1), learns the target of ``inputs``.

    Bordelon, Atanasov, Pehlevan 2024 (arXiv 2409.17858). Learning rates multiply gamma^2 hidden, so that at any
    richness and width the function moves by the same amount in the first step: at gamma = 0 it is linear regression at
    twice the rate (both layers learn), and the larger gamma, the more the features turn to the target. Theory describes
    the limit of many hidden units, a simulation trains ``hidden`` of them.

    Attributes:
        inputs: a law of linear features on a fresh stream: `LinearRegression`, or `PowerLawRF`, whose width is then
            the bottleneck in front of the network; None is LinearRegression(1.25, -0.25, 24). In the letters of the
            paper its eigenvalues are k^-a, a = 2 alpha, and its source exponent is
            B = (2 alpha + 2 beta - 1) / (2 alpha).
        gamma: richness, >= 0.
        hidden: number N of hidden units, an integer to draw; None is the limit of many.
    """

    inputs: Any = eqx.field(converter=_as_inputs, default=None)
    gamma: Float[Array, ""] = eqx.field(converter=as_real, default=1.0)
    hidden: int | None = eqx.field(static=True, converter=_as_hidden, default=16)
    references: ClassVar[tuple[str, ...]] = ("bordelon2024b",)

    def __check_init__(self):
        if not (isinstance(self.inputs, AbstractModel) and isinstance(self.inputs, HasSpectrum)):
            raise refusal("inputs", "a model with a known spectrum (LinearRegression, PowerLawRF)", self.inputs)
        if self.inputs.samples is not None:
            raise ValueError(f"inputs: wanted a fresh stream, samples=None; got samples={shown(self.inputs.samples)}")
        std = getattr(self.inputs, "init_std", 0.0)
        if is_concrete(std) and float(std) != 0:
            raise ValueError(f"inputs: wanted init_std=0, a network predicts zero at the start; got {float(std):g}")
        _check_gamma(self.gamma)

    @in_float64
    def network(self) -> Network:
        """The limit of many hidden units."""
        return Network(self.inputs.spectrum(), jnp.asarray(self.gamma, float))

    def lowerings(self) -> Lowerings:
        stated: Lowerings = {Network: self.network}
        return stated if self.hidden is None else {**stated, NetworkLaw: lambda: NetworkLaw(self)}

    @in_float64
    def draw(self, key: Key[Array, ""]) -> NetworkProblem:
        """The draw of the inputs, and weights where ``hidden`` is set."""
        require_key(key, "to draw from")
        inputs = self.inputs.draw(key)
        if self.hidden is None:
            return NetworkProblem(inputs, self.gamma)
        shape = self.hidden, inputs.eigvals.shape[0] + 1
        weights = jax.random.normal(stream(key, "weights"), shape, jnp.float32).astype(float)
        return NetworkProblem(inputs, self.gamma, weights / self.hidden**0.5)
