"""The forms of sign descent: a stream in the coordinates in which signs are taken, and an optimizer that takes them."""

import abc
from typing import Any, ClassVar

import equinox as eqx
from jaxtyping import Array, Float

from solvable.forms.base import AbstractForm


class Coordinates(AbstractForm):
    """A fresh stream of Gaussian features in the coordinates of the parameters, which signs do not leave alone.

    Features are N(0, covariance), targets are features . theta* + sqrt(floor) eps. The initial error theta_0 - theta*
    is given, or Gaussian with independent coordinates.

    Attributes:
        covariance: of the features; shape (width,) where it is diagonal, else (width, width).
        mean: of the initial error; shape (width,).
        variance: of the initial error; shape (width,).
        floor: risk of the best parameters, label noise included; shape ().
    """

    covariance: Float[Array, " width"] | Float[Array, "width width"]
    mean: Float[Array, " width"]
    variance: Float[Array, " width"]
    floor: Float[Array, ""]
    what: ClassVar[str] = "its feature covariance in the coordinates of the parameters (Coordinates)"
    data: ClassVar[bool | None] = False


class Signs(AbstractForm):
    """theta' = theta - rate(step) * sign(batch-mean gradient), coordinate by coordinate.

    Attributes:
        batch_size: samples a step.
    """

    batch_size: eqx.AbstractVar[int | None]
    what: ClassVar[str] = "steps along the signs of batch gradients (Signs)"

    @abc.abstractmethod
    def rate(self, step: Any) -> Float[Array, ""]:
        """The learning rate at a step."""
