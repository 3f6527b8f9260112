"""What an optimizer must say about itself.

`AbstractAlgorithm` is enough to be simulated. `AbstractModewise` adds how second moments move along each
eigendirection, which is enough for every one-pass theory; `AbstractSpectral` how the error shrinks on a fixed data set.
"""

import abc
import operator
from typing import Any, ClassVar

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float, Inexact, Int

from solvable.arguments import is_concrete

Params = Float[Array, " width"]
Step = Int[Array, ""] | int


class AbstractAlgorithm(eqx.Module):
    """How parameters move, given the batch-mean gradient of half the squared error.

    ``rotation_equivariant`` says whether the trajectory commutes with rotations of the parameters. If not (sign,
    Adam), the simulation keeps the original feature basis instead of the eigenbasis. ``one_shot`` says that there are
    no steps: the solution is a function of the data set. ``continuous`` says that steps are points in continuous time.
    """

    batch_size: eqx.AbstractVar[int | None]
    rotation_equivariant: ClassVar[bool] = True
    one_shot: ClassVar[bool] = False
    continuous: ClassVar[bool] = False

    @abc.abstractmethod
    def init(self, params: Params) -> Any:
        """The optimizer's state before the first step."""

    @abc.abstractmethod
    def update(self, params: Params, state: Any, grad: Params, step: Step) -> tuple[Params, Any]:
        """One step from parameters, state and gradient mean_b f_b (f_b . params - y_b)."""


class AbstractModewise(AbstractAlgorithm):
    """An algorithm whose k second moments per eigendirection close, for Gaussian features.

    Writing M for the moments of one eigendirection (``M[0] = E Delta^2``), one step is

        M' = M - decay @ M + injection * mass * risk,    risk = sum_j eigvals_j M_j[0] + floor.

    ``decay`` is the identity minus the transition matrix. It is the decay that is stated, because at width 10^12 an
    eigenvalue of 10^-24 makes the transition equal to 1 in floating point while its decay keeps full precision.
    """

    @property
    @abc.abstractmethod
    def stationary(self) -> bool:
        """Whether decay and injection are the same at every step."""

    @abc.abstractmethod
    def decay(self, eigvals: Inexact[Array, " modes"], step: Step) -> Inexact[Array, " modes k k"]:
        """The identity minus the transition matrix of the k moments."""

    @abc.abstractmethod
    def injection(self, eigvals: Inexact[Array, " modes"], step: Step) -> Inexact[Array, " modes k"]:
        """Moments added per unit of mass and of risk."""

    def transition(self, eigvals: Inexact[Array, " modes"], step: Step) -> Inexact[Array, " modes k k"]:
        """The transition matrix: identity minus decay."""
        import jax.numpy as jnp

        decay = self.decay(eigvals, step)
        return jnp.eye(decay.shape[-1], dtype=decay.dtype) - decay


class AbstractSpectral(AbstractAlgorithm):
    """An algorithm whose parameter error on a fixed quadratic shrinks along each eigendirection by a known factor.

    With the gradient S (theta - best) of the full data set, S the sample covariance, the error along an eigenvector of
    eigenvalue s is left(s, step) times the initial one (a spectral filter). This is what exact theories of one finite
    data set need.
    """

    @abc.abstractmethod
    def filter(
        self, eigvals: Float[Array, " modes"], steps: Float[Array, " steps"]
    ) -> tuple[Float[Array, "steps modes"], Float[Array, "steps modes"]]:
        """(left, learned): the factor, and 1 - factor to full precision, at steps given as float64."""


def check_learning_rate(algorithm: AbstractAlgorithm) -> None:
    """A constant learning rate must be one finite number > 0; schedules and traced rates pass.

    Raises:
        ValueError: it is not.
    """
    rate = getattr(algorithm, "learning_rate", None)
    if rate is None or callable(rate):
        return
    if np.shape(rate) != ():
        shape = np.shape(rate)
        raise ValueError(f"learning_rate: wanted one number > 0; got an array of shape {shape} (use vmap for many)")
    if is_concrete(rate) and not (np.isfinite(float(rate)) and float(rate) > 0):
        raise ValueError(f"learning_rate: wanted a finite number > 0; got {float(rate):g}")


def check_batch_size(batch_size: int | None) -> int | None:
    """``batch_size`` as a Python int of at least 1, or None for the full data set."""
    if batch_size is None:
        return None
    try:
        if isinstance(batch_size, bool):
            raise TypeError
        size = operator.index(batch_size)
    except TypeError:
        raise ValueError(f"batch_size: wanted an integer >= 1 or None; got {batch_size!r}") from None
    if size < 1:
        raise ValueError(f"batch_size: wanted an integer >= 1 or None; got {size}")
    return size
