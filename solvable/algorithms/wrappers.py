"""What wrappers share: the row of an optimizer, composed into that of another. Two that change its gradients."""

from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from solvable.algorithms.base import AbstractAlgorithm
from solvable.algorithms.linear import AbstractLinear
from solvable.algorithms.settings import SAMPLES, Setting, at, setting
from solvable.algorithms.sgd import SGD
from solvable.arguments import as_real, check_real, shown


class AbstractWrapper(AbstractLinear):
    """An optimizer made of another one that is linear in the gradient; wrappers compose in any order and number.

    Attributes:
        inner: any `AbstractLinear`: SGD, HeavyBall, a wrapper, a row of your own.
    """

    inner: eqx.AbstractVar[AbstractLinear]

    def __check_init__(self):
        inner: Any = self.inner
        if not isinstance(inner, AbstractLinear):
            given = type(inner).__name__ if isinstance(inner, AbstractAlgorithm) else shown(inner)
            raise ValueError(
                f"inner: wanted an optimizer that is linear in the gradient (SGD, HeavyBall, Nesterov, EMAMomentum, "
                f"DANA, ScheduleFree, a wrapper of one, an AbstractLinear of yours) for {type(self).__name__}(...); "
                f"got {given}"
            )

    @property
    def learning_rate(self):
        """That of the inner optimizer."""
        return self.inner.learning_rate

    @property
    def batch_size(self) -> Any:
        """That of the inner optimizer."""
        return self.inner.batch_size

    @property
    def covariance_power(self) -> Any:
        """That of the inner optimizer."""
        return self.inner.covariance_power

    @property
    def origin(self):
        """That of the inner optimizer, unless the wrapper adds to its state."""
        return self.inner.origin

    @property
    def judged(self):
        """What the inner optimizer judges."""
        return self.inner.judged

    @property
    def stationary(self):
        """Whether all settings are numbers, the inner ones too."""
        return self.inner.stationary and super().stationary

    def linear_map(self, step):
        """That of the inner optimizer, unless the wrapper changes it."""
        return self.inner.linear_map(step)

    def shrink_direction(self, step):
        return self.inner.shrink_direction(step)

    def rescale(self, factor):
        return eqx.tree_at(lambda w: w.inner, self, self.inner.rescale(factor))

    def parts(self):
        return (self, *self.inner.parts())


class Preconditioned(AbstractWrapper):
    """The inner optimizer with H^-power G in place of the gradient G; H is the covariance of the features.

    Along a direction of eigenvalue lam, b -> lam^-power b. Steps shrink as with eigenvalues lam^(1 - power), but noise
    is lam^(1 - 2 power) / B times the risk: it is not the same optimizer on another spectrum. H is the covariance of
    the problem itself, so there is one on a fresh stream alone. `WeightDecay` inside acts on the parameters as they
    are.

    Attributes:
        inner: the optimizer that is given the changed gradients.
        power: 0 changes nothing, 1/2 is what sign descent does on average, 1 is Newton's method.
    """

    inner: AbstractLinear = eqx.field(default_factory=SGD)
    power: Float[Array, ""] = eqx.field(converter=as_real, default=0.5)
    references: ClassVar[tuple[str, ...]] = ("amari1998",)

    def __check_init__(self):
        check_real("power", self.power, "one finite number")

    @property
    def covariance_power(self):
        """The power, and that of what is inside."""
        inside = self.inner.covariance_power
        return jnp.asarray(self.power) + (0.0 if inside is None else inside)


class BatchSize(eqx.Module):
    """B_t as a function of the step."""

    size: Setting

    def __call__(self, step):
        return at(step, self.size)[0]


class BatchSchedule(AbstractWrapper):
    """The inner optimizer with another batch size at every step; only 1 / B_t enters the theory.

    On a fresh stream `Recursion`, `Volterra` and `DMFT` take it, and `Simulation` by the law of the batch-mean gradient
    (sampler "wishart"). What draws the samples of a batch one by one refuses it, and so does everything on a finite
    data set. B need not be an integer, and `schedules.constant` makes one that can be traced.

    Attributes:
        inner: the optimizer; its own batch size is not used.
        size: B_t >= 1, a number or a function of the step.
    """

    inner: AbstractLinear = eqx.field(default_factory=SGD)
    size: Setting = setting(SAMPLES, default=1.0)
    references: ClassVar[tuple[str, ...]] = ("mccandlish2018",)

    @property
    def batch_size(self) -> Any:
        """B_t as a function of the step."""
        return BatchSize(self.size)
