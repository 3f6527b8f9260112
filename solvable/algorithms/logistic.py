"""Logistic regression by any optimizer."""

from typing import Any, ClassVar

import equinox as eqx

from solvable.algorithms.base import AbstractAlgorithm, AbstractStepwise
from solvable.algorithms.sgd import SGD
from solvable.arguments import shown
from solvable.forms.algorithms import Steps
from solvable.forms.classifiers import LogisticLoss


class Logistic(AbstractAlgorithm, LogisticLoss):
    """Logistic regression: an optimizer on mean_i s_i log(1 + exp(-y_i w . x_i)) of the labels, from w = 0.

    The gradient that the optimizer is given is -mean_i s_i y_i x_i / (1 + exp(y_i w . x_i)) over a batch; the weights
    s_i are those of the data, 1 unless the model says so.

    Attributes:
        inner: any optimizer that moves step by step: SGD, HeavyBall, Optax. Its batch size is a number or None, for the
            full data set.
    """

    inner: AbstractStepwise = eqx.field(default_factory=SGD)
    references: ClassVar[tuple[str, ...]] = ("ayed2023",)

    def __check_init__(self):
        inner: Any = self.inner
        fixed = isinstance(inner, AbstractStepwise) and Steps in inner.states() and not callable(inner.batch_size)
        if not fixed or getattr(inner, "covariance_power", None) is not None:
            raise ValueError(
                "inner: wanted an optimizer that moves step by step with a constant batch size, not preconditioned by "
                f"the covariance (SGD, HeavyBall, Optax) for Logistic(...); got {shown(inner)}"
            )

    @property
    def batch_size(self) -> Any:
        """That of the optimizer."""
        return self.inner.batch_size

    def parts(self):
        return (self, *self.inner.parts())
