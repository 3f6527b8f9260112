"""A method is a value: how to obtain the risk curve of a model under an algorithm."""

import abc
from typing import Any, ClassVar, Generic, Literal, TypeVar

import equinox as eqx
import numpy as np
from jaxtyping import Array, Int, Key

from solvable.algorithms.base import AbstractAlgorithm
from solvable.curve import Curve
from solvable.models.base import AbstractModel, AbstractProblem

AlgorithmT = TypeVar("AlgorithmT", bound=AbstractAlgorithm)
View = Literal["model", "problem", "spectrum"]


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

    def view(self, model: AbstractModel, algorithm: AbstractAlgorithm) -> View:
        """What `curve` looks at in this model: models that are arrays of one shape in that view can be stacked.

        "spectrum": ``model.spectrum()`` and nothing else; "problem": the eigenvalues, target, start and floor of one
        draw and nothing else; "model": anything more. In the first two, absent modes change nothing.
        """
        return "model"


class AbstractResumable(AbstractMethod[AlgorithmT]):
    """A method that walks through the steps of one draw and can stop anywhere, to go on later with the same bits.

    `begin`, `advance` and `finish` are pure functions of arrays, fit for `jax.jit`, and for `jax.vmap` over sources,
    algorithms, keys and progress; records and step numbers are common to all that is stacked. `lower` is one too where
    `view` is "problem"; elsewhere it needs to see its numbers.
    """

    @abc.abstractmethod
    def walks(self, model: AbstractModel, algorithm: AbstractAlgorithm) -> bool:
        """Whether there is a walk: the model is one draw, and the algorithm moves step by step.

        `curve` answers for everything else.
        """

    @abc.abstractmethod
    def lower(self, problem: AbstractProblem, algorithm: AlgorithmT) -> Any:
        """What the walk sees of one draw, its source of gradients: a tree of arrays."""

    @abc.abstractmethod
    def begin(self, source: Any, algorithm: AlgorithmT, records: Int[Array, " records"]) -> Any:
        """Where things stand before the first step; ``records``: steps to record, increasing."""

    @abc.abstractmethod
    def advance(
        self,
        source: Any,
        algorithm: AlgorithmT,
        records: Int[Array, " records"],
        key: Key[Array, ""],
        progress: Any,
        since: Int[Array, ""],
        until: Int[Array, ""],
        *,
        lanes: int,
    ) -> Any:
        """Where things stand after ``until`` steps, given ``progress`` after ``since``; ``lanes``: problems stacked.

        Stopping at any multiple of ``STRIDE`` steps leaves the bits of the result alone.
        """

    @abc.abstractmethod
    def finish(self, progress: Any, records: Int[Array, " records"]) -> Curve:
        """The curve at the records, after the last of them."""


STRIDE = 512
