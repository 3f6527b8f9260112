"""The forms of algorithms that learn labels, as interfaces: what a method may ask of one."""

from typing import Any, ClassVar

import equinox as eqx

from solvable.forms.base import AbstractForm


class HardMargin(AbstractForm):
    """The separating direction of largest margin: argmax over |w| = 1 of min_i y_i w . x_i, without a bias."""

    what: ClassVar[str] = "the direction of largest margin (HardMargin)"


class LogisticLoss(AbstractForm):
    """Steps on the logistic loss mean_i log(1 + exp(-y_i w . x_i)) of labels.

    Attributes:
        inner: the optimizer that is given the gradient of that loss, with `Steps` and a batch size.
    """

    inner: eqx.AbstractVar[Any]
    what: ClassVar[str] = "steps on the logistic loss (LogisticLoss)"


class Rounds(AbstractForm):
    """Rounds of selection by the present student, each with fresh samples and a student trained anew.

    Attributes:
        inner: what a student is trained by, a `HardMargin` or a `Penalty` with its `Solution`.
    """

    inner: eqx.AbstractVar[Any]
    what: ClassVar[str] = "rounds of selection and training (Rounds)"
