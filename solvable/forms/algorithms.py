"""The forms of algorithms, as interfaces: what a method may ask of one.

An algorithm states a form by deriving from it, unless its own values rule it out (`AbstractAlgorithm.states`).
"""

import abc
from typing import Any, ClassVar, TypeVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Inexact, Int

from solvable.forms.base import AbstractForm
from solvable.forms.spectrum import Spectrum

Params = Float[Array, " width"]
Step = Int[Array, ""] | Float[Array, ""] | int
Self = TypeVar("Self", bound="Moments")


class Steps(AbstractForm):
    """It moves step by step, given the batch-mean gradient of half the squared error."""

    what: ClassVar[str] = "how it moves step by step (Steps)"

    @abc.abstractmethod
    def init(self, params: Params) -> Any:
        """The optimizer's state before the first step."""

    @abc.abstractmethod
    def update(self, params: Params, state: Any, grad: Params, step: Step) -> tuple[Params, Any]:
        """One step from parameters, state and gradient mean_b f_b (f_b . params - y_b) taken at the parameters."""

    def observed(self, params: Params, state: Any) -> Params:
        """The parameters that are judged; those where the gradient is taken unless iterates are averaged."""
        return params

    def preconditioner(self, eigvals: Inexact[Array, " modes"]) -> Inexact[Array, " modes"] | None:
        """What multiplies the gradient along each eigendirection before `update` sees it; None for nothing."""
        return None


class Rotatable(Steps):
    """Its steps commute with rotations of the parameters, so that they can be taken in the eigenbasis."""

    what: ClassVar[str] = "steps that commute with rotations (Rotatable)"


class Moments(AbstractForm):
    """Its k second moments per eigendirection close, for Gaussian features and a fresh batch at every step.

    Writing M for the moments of one eigendirection, M[0] = E Delta^2 at the point where the gradient is taken, one
    step is

        M' = M - decay @ M + injection * mass * risk,    risk = sum_j eigvals_j M_j[0] + floor.

    The decay is stated, the identity minus the transition matrix, because at width 10^12 an eigenvalue of 10^-24
    makes the transition equal to 1 in floating point while its decay keeps full precision.

    Attributes:
        learning_rate: what `rescale` multiplies.
    """

    learning_rate: eqx.AbstractVar[Any]
    what: ClassVar[str] = "its second moments along each eigendirection (Moments)"

    @property
    @abc.abstractmethod
    def stationary(self) -> bool:
        """Whether decay and injection are the same at every step."""

    @property
    def kinks(self) -> Float[Array, " kinks"]:
        """Times at which settings jump or have a kink, where they are known; between them settings are smooth.

        They need not be complete: where steps are skipped, what is not smooth is found. A kink that is stated is not
        searched for, and cannot be too narrow to be found.
        """
        return jnp.zeros(0)

    @abc.abstractmethod
    def decay(self, eigvals: Inexact[Array, " modes"], step: Step) -> Inexact[Array, " modes k k"]:
        """The identity minus the transition matrix of the k moments, at a step or at a time between steps."""

    @abc.abstractmethod
    def injection(self, eigvals: Inexact[Array, " modes"], step: Step) -> Inexact[Array, " modes k"]:
        """Moments added per unit of mass and of risk."""

    def transition(self, eigvals: Inexact[Array, " modes"], step: Step) -> Inexact[Array, " modes k k"]:
        """The transition matrix: identity minus decay."""
        decay = self.decay(eigvals, step)
        return jnp.eye(decay.shape[-1], dtype=decay.dtype) - decay

    def start(self, spectrum: Spectrum) -> Inexact[Array, "modes k"]:
        """The moments before the first step: (E Delta^2, 0, ..., 0) unless the state starts elsewhere."""
        blank = jnp.zeros((*spectrum.eigvals.shape, self.count_moments()), spectrum.eigvals.dtype)
        return blank.at[:, 0].set(spectrum.error)

    def observation(self) -> Float[Array, " k"]:
        """Weights w: w . M is E Delta^2 of the judged parameters. (1, 0, ..., 0) unless iterates are averaged."""
        return jnp.zeros(self.count_moments()).at[0].set(1.0)

    @property
    def plain(self) -> bool:
        """Whether it starts at (E Delta^2, 0, ...) and the judged parameters are those where the gradient is taken."""
        return True

    def count_moments(self) -> int:
        """k, the number of second moments of a direction."""
        one = np.ones(1)
        return eqx.filter_eval_shape(lambda: self.injection(jnp.asarray(one), 0)).shape[-1]

    def rescale(self: Self, factor: Float[Array, ""]) -> Self:
        """The same algorithm with its learning rate multiplied by ``factor``."""
        return eqx.tree_at(lambda a: a.learning_rate, self, self.learning_rate * factor)


class Filter(AbstractForm):
    """On a fixed data set its error shrinks along each eigendirection of the sample covariance by a known factor.

    With the gradient S (theta - best) of the full data set, S the sample covariance, the error along an eigenvector of
    eigenvalue s is left(s, step) times the initial one (a spectral filter). Only the full batch has a filter.
    """

    what: ClassVar[str] = "how its error shrinks on a fixed data set, with the full batch (Filter)"

    @abc.abstractmethod
    def filter(
        self, eigvals: Float[Array, " modes"], steps: Float[Array, " steps"]
    ) -> tuple[Float[Array, "steps modes"], Float[Array, "steps modes"]]:
        """(left, learned): the factor, and 1 - factor to full precision, at steps given as float64."""

    @property
    def constant(self) -> bool:
        """Whether settings are the same at every step, so that the filter at step 10^15 costs what it costs at 10."""
        return True


class Descent(Filter):
    """Plain full-batch gradient descent, or its flow, with one learning rate: left = (1 - g s)^t or e^{-g s t}.

    Attributes:
        learning_rate: g, a number.
        continuous: whether it is the flow.
    """

    learning_rate: eqx.AbstractVar[Any]
    continuous: ClassVar[bool] = False
    what: ClassVar[str] = "full-batch gradient descent or flow with a constant learning rate (Descent)"


class Flowing(AbstractForm):
    """Gradient flow: time learning_rate * step passes until a step, and steps have no size.

    Attributes:
        learning_rate: a number > 0.
    """

    learning_rate: eqx.AbstractVar[Any]
    what: ClassVar[str] = "gradient flow (Flowing)"


class Spherical(AbstractForm):
    """w <- v / |v|, v = w - (learning_rate / dimension) (1 - w w^T) G: gradient steps that stay on the unit sphere.

    Attributes:
        learning_rate: a number > 0; G is the batch-mean gradient of half the squared error.
        batch_size: samples a step; None for the population gradient.
    """

    learning_rate: eqx.AbstractVar[Any]
    batch_size: eqx.AbstractVar[int | None]
    what: ClassVar[str] = "gradient steps on the sphere (Spherical)"


class Minibatches(AbstractForm):
    """theta' = theta - rate(step) * gradient of a batch drawn with replacement.

    Attributes:
        batch_size: samples a step.
    """

    batch_size: eqx.AbstractVar[int | None]
    what: ClassVar[str] = "plain gradient steps on batches (Minibatches)"

    @abc.abstractmethod
    def rate(self, step: Step) -> Float[Array, ""]:
        """The learning rate at a step."""


class Penalty(AbstractForm):
    """Ridge regression: argmin over theta of (1/P) sum_i (f_i . theta - y_i)^2 + penalty |theta - theta_0|^2.

    Attributes:
        penalty: a number >= 0.
    """

    penalty: eqx.AbstractVar[Float[Array, ""]]
    what: ClassVar[str] = "a ridge penalty (Penalty)"


class Solution(AbstractForm):
    """Its parameters are a function of the data set, or of the data set and time, without a step loop."""

    what: ClassVar[str] = "its solution on a data set, without steps (Solution)"

    @abc.abstractmethod
    def solution(
        self,
        features: Float[Array, "rows width"],
        residual: Float[Array, " rows"],
        samples: Int[Array, ""],
        steps: Float[Array, " steps"],
    ) -> Float[Array, "steps width"]:
        """theta - theta_0 at steps, for targets minus predictions ``residual`` at theta_0; rows of zeros are absent."""
