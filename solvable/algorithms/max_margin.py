"""The direction of largest margin: the hard-margin support vector machine, without a bias."""

from typing import ClassVar

from solvable.algorithms.base import AbstractAlgorithm
from solvable.forms.classifiers import HardMargin


class MaxMargin(AbstractAlgorithm, HardMargin):
    """argmax over |w| = 1 of min_i y_i w . x_i: the separating direction of largest margin, without a bias.

    Gradient descent on the logistic loss tends to it on separable data. Weights of samples change nothing. There are no
    steps. Where no direction separates the labels there is no margin: the error is NaN, and the curve says NONFINITE.
    Sorscher et al. 2022 (arXiv 2206.14486) prune the data of this student.
    """

    batch_size: ClassVar[None] = None
    one_shot: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = ("sorscher2022", "lawson1974")
