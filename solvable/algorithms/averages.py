"""Averages of iterates: training does not change, what is judged does."""

import abc
from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from solvable.algorithms.linear import AbstractLinear
from solvable.algorithms.settings import MOMENTUM, Setting, at, setting
from solvable.algorithms.sgd import SGD
from solvable.algorithms.wrappers import AbstractWrapper
from solvable.arguments import as_real, check_real
from solvable.arrays import is_concrete
from solvable.forms.algorithms import Step
from solvable.forms.linear_map import LinearMap


class AbstractAverage(AbstractWrapper):
    """a <- rho_t a + (1 - rho_t) x, x being what the inner optimizer judges after its step; judged at a.

    The state is (s, a): x = q . s and the inner row (K, b) add the row ((1 - rho) q K, rho) and the gain
    (1 - rho) q . b. The average starts at theta_0.
    """

    @abc.abstractmethod
    def kept(self, step: Step) -> Float[Array, ""]:
        """rho_t, the part of the average that is kept at update t = 0, 1, ..."""

    @property
    def origin(self):
        c, d = self.inner.origin
        return (*c, 1.0), (*d, 0.0)

    @property
    def judged(self):
        """a alone."""
        return (*(0.0 for _ in self.inner.origin[0]), 1.0)

    def linear_map(self, step):
        """The inner row, and that of a."""
        decay, gain = (jnp.asarray(x) for x in self.inner.linear_map(step))
        q, fresh = jnp.asarray(self.inner.judged), 1 - self.kept(step)
        below = jnp.append(-fresh * (q - q @ decay), fresh)
        return LinearMap(jnp.vstack([jnp.pad(decay, ((0, 0), (0, 1))), below]), jnp.append(gain, fresh * (q @ gain)))

    def shrink_direction(self, step):
        inside = self.inner.shrink_direction(step)
        return jnp.append(inside, (1 - self.kept(step)) * (jnp.asarray(self.inner.judged) @ inside))


class EMA(AbstractAverage):
    """a <- decay a + (1 - decay) x: the exponential moving average of what the inner optimizer judges.

    It starts at theta_0 and is not debiased. Polyak and Juditsky 1992 for averaging.

    Attributes:
        inner: the optimizer whose iterates are averaged.
        rho: ``decay`` in [0, 1), a number or a function of the step.
    """

    inner: AbstractLinear
    rho: Setting = setting(MOMENTUM, label="decay")
    references: ClassVar[tuple[str, ...]] = ("polyak1992",)

    def __init__(self, inner: AbstractLinear | None = None, decay: Any = 0.99):
        self.inner, self.rho = SGD() if inner is None else inner, decay

    def kept(self, step):
        """decay."""
        return at(step, self.rho)[0]


class TailAverage(AbstractAverage):
    """The mean of iterate start + 1 and all later ones; before there are any, the iterate itself.

    rho_t = 0 for t <= start and 1 - 1 / (t - start + 1) after. Polyak and Juditsky 1992.

    Attributes:
        inner: the optimizer whose iterates are averaged.
        first: ``start``, an integer >= 0, below the last step that is asked for.
    """

    inner: AbstractLinear
    first: Float[Array, ""] = eqx.field(converter=as_real)
    references: ClassVar[tuple[str, ...]] = ("polyak1992",)

    def __init__(self, inner: AbstractLinear | None = None, start: Any = 0):
        self.inner, self.first = SGD() if inner is None else inner, start

    def __check_init__(self):
        check_real("start", self.first, "one integer >= 0", lambda x: 0 <= x < np.inf and float(x).is_integer())

    @property
    def stationary(self):
        """Never: the average grows."""
        return False

    def check_last(self, last):
        if is_concrete(self.first) and float(self.first) >= max(last, 1):
            raise ValueError(f"start: wanted an average that starts before the last step, {last}; got {self.first}")

    def kept(self, step):
        """n / (n + 1) with n = max(t - start, 0)."""
        past = jnp.maximum(step - self.first, 0.0)
        return past / (past + 1.0)
