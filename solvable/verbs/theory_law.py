"""A law of scaling that is the exact theory of a model: its curve, differentiated in the model's own parameters."""

from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from solvable.algorithms.base import AbstractAlgorithm
from solvable.arguments import check_integers, real_numbers, refusal
from solvable.fits.laws.base import AbstractLaw
from solvable.method import AbstractMethod
from solvable.models.base import AbstractModel
from solvable.theory.recursion import Recursion
from solvable.verbs.solve import solve

POSITIVE = ("alpha", "noise", "learning_rate", "init_std")
AROUND = (0.7, 1.4)  # a search begins at all combinations of these multiples of the given parameters


def as_names(value: Any) -> tuple[str, ...]:
    """Names of parameters; whether a model has them is known later.

    Raises:
        ValueError: it holds none.
    """
    if not isinstance(value, tuple | list) or not value or not all(isinstance(name, str) for name in value):
        raise refusal("parameters", "names of parameters of the model or the algorithm", value)
    return tuple(value)


def as_steps(value: Any) -> tuple[int, ...]:
    """Recorded steps >= 1, which set the shape of the computation."""
    return tuple(check_integers("steps", value, "increasing integers >= 1", least=1).tolist())


class TheoryLaw(AbstractLaw):
    """L(S) = the risk after S steps that a theory gives for a model and an algorithm, a function of their parameters.

    ``sv.fit({"S": steps, "L": risk}, sv.TheoryLaw(model, algorithm, steps=steps))`` finds alpha, beta, the rate and the
    noise of an observed curve, with intervals: the theory is differentiated in all of them. What the curve does not
    tell is said by a doubt (``not_identified``), as of any law.

    Attributes:
        model, algorithm: where the search begins, and what is not fitted; sizes stay as they are.
        method: a theory of the pair.
        steps: increasing steps >= 1 that the rows of the data may have.
        parameters: names of the parameters of the model or the algorithm that are fitted; the rest stays as given.

    Source: `solvable.theory`; the references are those of the model and the method.
    """

    model: AbstractModel
    algorithm: AbstractAlgorithm
    method: AbstractMethod = eqx.field(default=Recursion(), kw_only=True)
    steps: tuple[int, ...] = eqx.field(static=True, converter=as_steps, kw_only=True)
    names: tuple[str, ...] = eqx.field(
        static=True, converter=as_names, default=("alpha", "beta", "learning_rate", "noise"), kw_only=True
    )
    formula: ClassVar[str] = "L = risk(S) of the exact theory"
    references: ClassVar[tuple[str, ...]] = ("paquette2024",)
    raw: ClassVar[tuple[str, ...]] = ("S", "L")
    variables = ("S",)

    def __check_init__(self):
        for name, kind in (("model", AbstractModel), ("algorithm", AbstractAlgorithm), ("method", AbstractMethod)):
            if not isinstance(getattr(self, name), kind):
                raise refusal(name, f"the {name} of a curve", getattr(self, name))
        for name in self.names:
            holder = self._holder(name)
            if real_numbers(getattr(holder, name)) is None or np.ndim(getattr(holder, name)) != 0:
                raise ValueError(f"names: wanted parameters that are one number; got {name!r}")

    @property
    def parameters(self) -> tuple[str, ...]:
        return self.names

    @property
    def positive(self) -> tuple[str, ...]:
        return tuple(name for name in self.names if name in POSITIVE)

    def _holder(self, name: str) -> AbstractModel | AbstractAlgorithm:
        for holder in (self.model, self.algorithm):
            if name in {field.name for field in holder.__dataclass_fields__.values()}:
                return holder
        raise refusal("names", "parameters of the model or the algorithm", name)

    def curve(self, parameters: Any) -> jax.Array:
        """The risk at every one of the steps."""
        parts = {"model": self.model, "algorithm": self.algorithm}
        for name in self.names:
            key = "model" if self._holder(name) is self.model else "algorithm"
            value = jnp.asarray(parameters[name])
            parts[key] = eqx.tree_at(lambda m, name=name: getattr(m, name), parts[key], value)
        return jnp.asarray(solve(parts["model"], parts["algorithm"], self.method, np.array(self.steps)).risk)

    def __call__(self, parameters, variables):
        place = jnp.searchsorted(jnp.asarray(self.steps), jnp.asarray(variables["S"]))
        sizes = {jnp.ndim(parameters[name]) for name in self.names}
        if sizes == {0}:
            return self.curve(parameters)[place]
        flat = {name: jnp.ravel(parameters[name]) for name in self.names}
        return jax.vmap(self.curve)(flat)[:, place]

    def starts(self):
        found = {}
        for name in self.names:
            value = float(getattr(self._holder(name), name))
            found[name] = tuple(value * x for x in AROUND) if value else (0.1, 0.3)
        return found
