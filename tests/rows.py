"""Optimizers that are linear in the gradient, each written as a user would: one row of a table."""

import equinox as eqx
import jax.numpy as jnp

from solvable.algorithms import AbstractLinear
from solvable.forms import LinearMap


class Row(AbstractLinear):
    """Settings that the rows below share."""

    learning_rate: float = eqx.field(converter=jnp.asarray, default=0.1)
    batch_size: int | None = eqx.field(static=True, default=3)
    references = ("polyak1964",)

    stationary = True


class HeavyBall(Row):
    """v' = mu v + G, theta' = theta - g v'."""

    momentum: float = 0.8
    origin = ((1.0, 0.0), (0.0, 0.0))

    def linear_map(self, step):
        g, mu = self.learning_rate, self.momentum
        return LinearMap(jnp.array([[0, g * mu], [0, 1 - mu]]), jnp.array([g, -1.0]))


class GradientEMA(Row):
    """v' = be v + (1 - be) G, theta' = theta - g v'."""

    beta: float = 0.9
    origin = ((1.0, 0.0), (0.0, 0.0))

    def linear_map(self, step):
        g, be = self.learning_rate, self.beta
        return LinearMap(jnp.array([[0, g * be], [0, 1 - be]]), jnp.array([g * (1 - be), -(1 - be)]))


class Nesterov(Row):
    """v' = mu v + G, theta' = theta - g (G + mu v')."""

    momentum: float = 0.8
    origin = ((1.0, 0.0), (0.0, 0.0))

    def linear_map(self, step):
        g, mu = self.learning_rate, self.momentum
        return LinearMap(jnp.array([[0, g * mu**2], [0, 1 - mu]]), jnp.array([g * (1 + mu), -1.0]))


class Lookahead(Row):
    """x' = y - g G(y), y' = x' + mu_t (x' - x), mu_t = t / (t + 3), judged at x; s = (y, x)."""

    origin = ((1.0, 1.0), (0.0, 0.0))
    stationary = False
    judged = (0.0, 1.0)

    def linear_map(self, step):
        g, mu = self.learning_rate, step / (step + 3.0)
        return LinearMap(jnp.array([[-mu, mu], [-1.0, 1.0]]), jnp.stack([(1 + mu) * g, g]))


class DANA(Row):
    """y' = (1 - dl) y + G, theta' = theta - g2 G - g3 y', with dl = 4 / (4 + t), g3 = .3 g (1 + t)^(-1 / 1.4)."""

    origin = ((1.0, 0.0), (0.0, 0.0))
    stationary = False

    def linear_map(self, step):
        g, dl = self.learning_rate, 4 / (4.0 + step)
        g2, g3 = 0.5 * g, 0.3 * g * (1.0 + step) ** (-1 / 1.4)
        return LinearMap(jnp.array([[0, g3 * (1 - dl)], [0, dl]]), jnp.stack([g2 + g3, -1.0]))


class IterateEMA(Row):
    """SGD, judged at a' = rho a + (1 - rho) theta'."""

    decay_rate: float = 0.9
    origin = ((1.0, 1.0), (0.0, 0.0))
    judged = (0.0, 1.0)

    def linear_map(self, step):
        g, rho = self.learning_rate, self.decay_rate
        return LinearMap(jnp.array([[0, 0], [rho - 1, 1 - rho]]), jnp.array([g, (1 - rho) * g]))


class TailAverage(Row):
    """SGD, judged at the mean of the iterates after step ``first``."""

    first: int = 15
    origin = ((1.0, 1.0), (0.0, 0.0))
    stationary = False
    judged = (0.0, 1.0)

    def linear_map(self, step):
        g = self.learning_rate
        rho = jnp.where(step <= self.first, 0.0, 1 - 1 / jnp.maximum(step - self.first + 1.0, 1.0))
        return LinearMap(jnp.array([[0, 0], [rho - 1, 1 - rho]]), jnp.stack([g, (1 - rho) * g]))


class WeightDecay(Row):
    """theta' = (1 - g w) theta - g G; s = (theta - theta*, theta*)."""

    weight_decay: float = 0.3
    origin = ((1.0, 0.0), (0.0, 1.0))

    def linear_map(self, step):
        shrink = self.learning_rate * self.weight_decay
        return LinearMap(jnp.array([[shrink, shrink], [0, 0]]), jnp.array([self.learning_rate, 0.0]))


class HeavyBallWeightDecay(Row):
    """v' = mu v + G, theta' = (1 - g w) theta - g v'; s = (theta - theta*, v, theta*)."""

    momentum: float = 0.8
    weight_decay: float = 0.3
    origin = ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0))

    def linear_map(self, step):
        g, mu, w = self.learning_rate, self.momentum, self.weight_decay
        rows = [[g * w, g * mu, g * w], [0, 1 - mu, 0], [0, 0, 0]]
        return LinearMap(jnp.array(rows), jnp.array([g, -1.0, 0.0]))


class HeavyBallPenalty(Row):
    """v' = mu v + G + w theta, theta' = theta - g v' (weight decay in the gradient)."""

    momentum: float = 0.8
    weight_decay: float = 0.3
    origin = ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0))

    def linear_map(self, step):
        g, mu, w = self.learning_rate, self.momentum, self.weight_decay
        rows = [[g * w, g * mu, g * w], [-w, 1 - mu, -w], [0, 0, 0]]
        return LinearMap(jnp.array(rows), jnp.array([g, -1.0, 0.0]))


class HeavyBallEMA(Row):
    """Heavy ball, judged at a' = rho a + (1 - rho) theta'; s = (theta, v, a), centred."""

    momentum: float = 0.8
    decay_rate: float = 0.9
    origin = ((1.0, 0.0, 1.0), (0.0, 0.0, 0.0))
    judged = (0.0, 0.0, 1.0)

    def linear_map(self, step):
        g, mu, rho = self.learning_rate, self.momentum, self.decay_rate
        rows = [[0, g * mu, 0], [0, 1 - mu, 0], [rho - 1, (1 - rho) * g * mu, 1 - rho]]
        return LinearMap(jnp.array(rows), jnp.array([g, -1.0, (1 - rho) * g]))


class ScheduleFree(Row):
    """z' = z - g G(y), x' = (1 - c) x + c z', y = (1 - be) z + be x, c = 1 / (t + 1), judged at x; s = (y, z)."""

    beta: float = 0.9
    origin = ((1.0, 1.0), (0.0, 0.0))
    stationary = False
    @property
    def judged(self):
        return (1 / self.beta, -(1 - self.beta) / self.beta)

    def linear_map(self, step):
        g, be, c = self.learning_rate, self.beta, 1 / (step + 1.0)
        return LinearMap(jnp.array([[c, -c], [0, 0]]), jnp.stack([g * (1 - be + be * c), g]))


ROWS = {
    "heavy ball": (HeavyBall, (0.77963, 0.49988, 0.42017)),
    "gradient EMA": (GradientEMA, (0.96317, 0.40728, 0.25759)),
    "Nesterov": (Nesterov, (0.54955, 0.34973, 0.33164)),
    "lookahead": (Lookahead, (0.42500, 0.31240, 0.43282)),
    "DANA": (DANA, (0.58358, 0.28162, 0.23765)),
    "EMA": (IterateEMA, (1.05877, 0.33283, 0.23369)),
    "tail average": (TailAverage, (0.48054, 0.26598, 0.23619)),
    "weight decay": (WeightDecay, (0.54136, 0.37542, 0.36672)),
    "heavy ball, weight decay": (HeavyBallWeightDecay, (0.59675, 0.34058, 0.32213)),
    "heavy ball, penalty": (HeavyBallPenalty, (0.49842, 0.53690, 0.49713)),
    "heavy ball, EMA": (HeavyBallEMA, (0.79673, 0.29552, 0.26250)),
    "schedule-free": (ScheduleFree, (0.64883, 0.30473, 0.25026)),
}
