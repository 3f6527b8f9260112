"""Gradient descent with a velocity: heavy ball, Nesterov's two forms, and an average of gradients.

G is the batch-mean gradient at theta. Every setting is a number or a function of the step.
"""

from typing import Any, ClassVar, Literal

import equinox as eqx
import jax.numpy as jnp

from solvable.algorithms.base import check_batch_size
from solvable.algorithms.linear import AbstractLinear
from solvable.algorithms.settings import MOMENTUM, RATE, Setting, at, setting
from solvable.arguments import check_choice
from solvable.forms.linear_map import LinearMap

FORMS = ("optax", "lookahead")


class AbstractMomentum(AbstractLinear):
    """The settings that the optimizers of this file share, and the state (theta - theta*, v).

    Attributes:
        learning_rate: g > 0.
        momentum: mu in [0, 1).
        batch_size: B >= 1; None is the full data set, for a fresh stream the population gradient.
    """

    learning_rate: Setting = setting(RATE)
    momentum: Setting = setting(MOMENTUM)
    batch_size: int | None = eqx.field(static=True, converter=check_batch_size, default=1)
    origin = ((1.0, 0.0), (0.0, 0.0))

    # Written out for type checkers, which would take the fields of the forms first.
    def __init__(self, learning_rate: Any = 0.1, momentum: Any = 0.9, batch_size: int | None = 1):
        self.learning_rate, self.momentum, self.batch_size = learning_rate, momentum, batch_size


class HeavyBall(AbstractMomentum):
    """v <- mu v + G;  theta <- theta - g v  (`optax.sgd` with momentum).

    Two numbers and three second moments per eigendirection. With constant settings the noise of a direction is
    x = g / (1 - mu) lam / (B (2 - g lam / (1 + mu))), and the risk is bounded where sum x / (1 - x) < 1
    (`stability`). Polyak 1964. Settings as `AbstractMomentum`.
    """

    references: ClassVar[tuple[str, ...]] = ("polyak1964",)

    def linear_map(self, step):
        """s = (theta - theta*, v)."""
        g, mu = at(step, self.learning_rate, self.momentum)
        return LinearMap(jnp.array([[0, g * mu], [0, 1 - mu]]), jnp.array([g, -1.0]))


class EMAMomentum(AbstractMomentum):
    """v <- mu v + (1 - mu) G;  theta <- theta - g v: an exponential average of gradients, not debiased.

    `optax.ema(mu, debias=False)` followed by a step; at constant settings heavy ball at the rate g (1 - mu). Settings
    as `AbstractMomentum`.
    """

    references: ClassVar[tuple[str, ...]] = ("polyak1964",)

    def linear_map(self, step):
        """s = (theta - theta*, v)."""
        g, mu = at(step, self.learning_rate, self.momentum)
        return LinearMap(jnp.array([[0, g * mu], [0, 1 - mu]]), jnp.array([g * (1 - mu), -(1 - mu)]))


class Nesterov(AbstractMomentum):
    """Nesterov's momentum (1983), in the form of deep learning's libraries or in the original one.

        form="optax":      v <- mu v + G;  theta <- theta - g (G + mu v)         (`optax.sgd(nesterov=True)`, PyTorch)
        form="lookahead":  x' = y - g G(y);  y <- x' + mu (x' - x);  x <- x', judged at x

    At constant settings both follow the same path: y is theta. The form matters where mu changes in time, such as
    ``momentum=lambda t: t / (t + 3)``, and for what is judged. Settings as `AbstractMomentum`.

    Attributes:
        form: "optax" or "lookahead".
    """

    form: Literal["optax", "lookahead"] = eqx.field(static=True, default="optax")
    references: ClassVar[tuple[str, ...]] = ("nesterov1983",)

    def __init__(
        self,
        learning_rate: Any = 0.1,
        momentum: Any = 0.9,
        batch_size: int | None = 1,
        form: Literal["optax", "lookahead"] = "optax",
    ):
        super().__init__(learning_rate, momentum, batch_size)
        check_choice("form", form, FORMS)
        self.form = form

    @property
    def origin(self):
        return ((1.0, 0.0) if self.form == "optax" else (1.0, 1.0)), (0.0, 0.0)

    @property
    def judged(self):
        """theta, or x."""
        return (1.0, 0.0) if self.form == "optax" else (0.0, 1.0)

    def linear_map(self, step):
        """s = (theta - theta*, v), or (y - theta*, x - theta*)."""
        g, mu = at(step, self.learning_rate, self.momentum)
        if self.form == "optax":
            return LinearMap(jnp.array([[0, g * mu**2], [0, 1 - mu]]), jnp.array([g * (1 + mu), -1.0]))
        return LinearMap(jnp.array([[-mu, mu], [-1.0, 1.0]]), jnp.array([g * (1 + mu), g]))
