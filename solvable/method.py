"""A method is a value: how to obtain the risk curve of a model under an algorithm."""

import abc
from typing import ClassVar, Generic, TypeVar

import equinox as eqx
import numpy as np
from jaxtyping import Array, Key

from solvable.algorithms.base import AbstractAlgorithm
from solvable.curve import Curve
from solvable.models.base import AbstractModel

AlgorithmT = TypeVar("AlgorithmT", bound=AbstractAlgorithm)


class AbstractMethod(eqx.Module, Generic[AlgorithmT]):
    """One rung of the ladder from simulation to asymptote.

    Attributes:
        needs_key: whether a random key is needed for this model (a theory of a typical draw needs none).
        in_float64: whether it computes in float64 whatever JAX's flags are (theories), or follows them (simulations).
    """

    needs_key: ClassVar[bool] = False
    in_float64: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = ()

    @abc.abstractmethod
    def curve(
        self, model: AbstractModel, algorithm: AlgorithmT, steps: np.ndarray, *, key: Key[Array, ""] | None
    ) -> Curve:
        """The risk at ``steps``: sorted, nonnegative, int64, known now (never traced)."""
