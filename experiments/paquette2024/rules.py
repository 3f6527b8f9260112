"""The algorithms of the phase diagram: functions of the law at each width and of the number of steps of the run.

``scale`` is the learning rate in units of 1 / trace of the feature covariance, at batch size 1. With momentum mu it is
that of a velocity which gathers 1 / (1 - mu) gradients. Source: Ferbach et al. 2025 (arXiv 2505.16098) for DANA.
"""

import equinox as eqx
import jax.numpy as jnp

import solvable as sv

MOMENTUM = 0.9
SHARE = 20.0  # steps of the run over steps that the average of "ema" remembers
PLANNED = ("ema", "tail_average", "cosine", "linear", "wsd")  # stretched to the horizon of every run


class Rule(eqx.Module):
    """One of `NAMES`."""

    name: str = eqx.field(static=True)
    scale: float

    def __call__(self, model, horizon=1):
        return NAMES[self.name](self.scale / model.trace(), model, horizon)


class Planned(eqx.Module):
    """A rule that is given the horizon."""

    rule: Rule

    def __call__(self, model, horizon):
        return self.rule(model, horizon)


class Unplanned(eqx.Module):
    """A rule that does not depend on the horizon: one run shows every step of its frontier."""

    rule: Rule

    def __call__(self, model):
        return self.rule(model)


def rule(name: str, scale: float):
    """The rule of a name, as `compute_frontier` takes it."""
    return (Planned if name in PLANNED else Unplanned)(Rule(name, scale))


def ema(rate, model, horizon):
    """An average over a part of the run."""
    return sv.EMA(sv.SGD(rate), decay=1 - SHARE / (SHARE + horizon))


NAMES = {
    "sgd": lambda rate, model, horizon: sv.SGD(rate),
    "heavy_ball": lambda rate, model, horizon: sv.HeavyBall(rate * (1 - MOMENTUM), MOMENTUM),
    "nesterov": lambda rate, model, horizon: sv.Nesterov(rate * (1 - MOMENTUM), MOMENTUM),
    "dana": lambda rate, model, horizon: sv.DANA(rate / 2, 0.25, 1 / (2 * model.alpha), delta=8.0),
    "schedule_free": lambda rate, model, horizon: sv.ScheduleFree(rate),
    "inverse_sqrt": lambda rate, model, horizon: sv.SGD(sv.schedules.inverse_sqrt(rate)),
    "ema": ema,
    "tail_average": lambda rate, model, horizon: sv.TailAverage(sv.SGD(rate), start=jnp.floor(horizon / 2)),
    "cosine": lambda rate, model, horizon: sv.SGD(sv.schedules.cosine(rate, horizon)),
    "linear": lambda rate, model, horizon: sv.SGD(sv.schedules.linear(rate, horizon)),
    "wsd": lambda rate, model, horizon: sv.SGD(sv.schedules.wsd(rate, horizon, cooldown=0.2)),
}
