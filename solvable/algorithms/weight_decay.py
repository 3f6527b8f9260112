"""Weight decay, decoupled from the gradient or inside it."""

from functools import partial
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp

from solvable.algorithms.linear import AbstractLinear
from solvable.algorithms.settings import STRENGTH, Setting, at, setting
from solvable.algorithms.sgd import SGD
from solvable.algorithms.wrappers import AbstractWrapper
from solvable.arguments import check_flag
from solvable.forms.linear_map import LinearMap


class WeightDecay(AbstractWrapper):
    """theta <- (1 - g_t w) theta before the inner step, whose gradient is still that of the old theta; or G + w theta.

    Decoupled (Loshchilov and Hutter 2019, arXiv 1711.05101; torch's SGDW): with r the answer of the inner state to its
    parameters (`shrink_direction`), s' = K s - b G - g w r (theta - theta* + theta*). Coupled (a ridge penalty w / 2
    |theta|^2 in the loss): the same with b in place of g r. For SGD both are one. The state remembers theta*, one
    number more, so that there is no filter on a fixed data set.

    Attributes:
        inner: the optimizer; averages inside average the decayed parameters.
        rate: w >= 0, a number or a function of the step.
        decoupled: whether decay bypasses the velocity.
    """

    inner: AbstractLinear = eqx.field(default_factory=SGD)
    rate: Setting = setting(STRENGTH, default=0.1)
    decoupled: bool = eqx.field(static=True, converter=partial(check_flag, "decoupled"), default=True)
    references: ClassVar[tuple[str, ...]] = ("loshchilov2019",)

    def __check_init__(self):
        if not self.decoupled and isinstance(self.inner, AbstractLinear) and self.inner.covariance_power is not None:
            raise ValueError(
                "decoupled: wanted True outside Preconditioned(...), or Preconditioned(WeightDecay(..., "
                "decoupled=False)); got False"
            )

    @property
    def _target(self) -> tuple[int, bool]:
        """(place of theta* in the state, whether it is new)."""
        c, d = self.inner.origin
        known = [i for i, both in enumerate(zip(c, d, strict=True)) if both == (0.0, 1.0)]
        return (known[0], False) if known else (len(c), True)

    @property
    def origin(self):
        (c, d), (_, new) = self.inner.origin, self._target
        return ((*c, 0.0), (*d, 1.0)) if new else (c, d)

    @property
    def judged(self):
        """What the inner optimizer judges."""
        return (*self.inner.judged, 0.0) if self._target[1] else self.inner.judged

    def linear_map(self, step):
        """The inner row, with what decay takes from theta = (theta - theta*) + theta*."""
        (decay, gain), (place, new) = (self.inner.linear_map(step), self._target)
        rate, weight = at(step, self.learning_rate, self.rate)
        push = weight * (rate * self.inner.shrink_direction(step) if self.decoupled else jnp.asarray(gain))
        decay = jnp.pad(jnp.asarray(decay), (0, int(new)))
        push, gain = (jnp.pad(x, (0, int(new))) for x in (push, jnp.asarray(gain)))
        return LinearMap(decay.at[:, 0].add(push).at[:, place].add(push), gain)

    def shrink_direction(self, step):
        return jnp.pad(self.inner.shrink_direction(step), (0, int(self._target[1])))
