"""What `solvable curve` and `solvable frontier` are told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from solvable.config.registry import assign, construct

if TYPE_CHECKING:
    from solvable.forms.curve import Curve
    from solvable.theory.exact_frontier import Frontier

Unit = Literal["absolute", "inverse_trace"]


@dataclass(frozen=True)
class CurveConfig:
    """Risk against steps.

    Attributes:
        model: name of a model; `solvable list models` shows them.
        algorithm: name of an algorithm; `solvable list algorithms` shows them.
        method: name of a theory, or Simulation; `solvable list methods` shows them.
        parameters: KEY=VALUE, a parameter of the model, the algorithm or the method, such as width=128.
        learning_rate_in: unit of the learning rate; inverse_trace multiplies it by 1 / trace of the feature covariance.
        last_step: the last step.
        num_steps: recorded steps, evenly spaced in the logarithm.
        key: seed of every random number.
    """

    model: str = "PowerLawRF"
    algorithm: str = "SGD"
    method: str = "Recursion"
    parameters: Mapping[str, object] = field(default_factory=dict)
    learning_rate_in: Unit = "absolute"
    last_step: int = 10_000
    num_steps: int = 20
    key: int = 0

    def run(self) -> "Curve":
        """The curve.

        Raises:
            ValueError: a name or a value is impossible, or the method does not apply.
        """
        import jax

        from solvable.verbs.solve import log_steps, solve

        names = {"model": self.model, "algorithm": self.algorithm, "method": self.method}
        values = assign(names, self.parameters, "parameters")
        model = construct("model", self.model, values["model"])
        algorithm = _in_unit(construct("algorithm", self.algorithm, values["algorithm"]), model, self.learning_rate_in)
        steps = None if algorithm.one_shot else log_steps(self.last_step, self.num_steps)
        method = construct("method", self.method, values["method"])
        return solve(model, algorithm, method, steps, key=jax.random.key(self.key))


@dataclass(frozen=True)
class FrontierConfig:
    """The exact compute-optimal frontier of the typical draw, continuous in width.

    Attributes:
        model: name of a model with a law at every width.
        algorithm: name of an algorithm with a constant learning rate and one moment per mode.
        parameters: KEY=VALUE, a parameter of the model or the algorithm; the width only fixes ambient / width.
        learning_rate_in: unit of the learning rate; inverse_trace multiplies it by 1 / trace at every width.
        compute: smallest and largest compute, width * steps * batch_size.
        num: computes, evenly spaced in the logarithm.
    """

    model: str = "PowerLawRF"
    algorithm: str = "SGD"
    parameters: Mapping[str, object] = field(default_factory=dict)
    learning_rate_in: Unit = "absolute"
    compute: tuple[float, float] = (1e5, 1e10)
    num: int = 6

    def run(self) -> "Frontier":
        """The frontier.

        Raises:
            ValueError: a name or a value is impossible, or there is no exact frontier.
        """
        import numpy as np

        from solvable.arguments import check_integer
        from solvable.theory.exact_frontier import theory_frontier

        values = assign({"model": self.model, "algorithm": self.algorithm}, self.parameters, "parameters")
        model = construct("model", self.model, values["model"])
        algorithm: Any = construct("algorithm", self.algorithm, values["algorithm"])
        low, high = self.compute
        if not 0 < low < high < np.inf:
            raise ValueError(f"compute: wanted two finite numbers > 0, the smaller first; got {low} {high}")
        compute = np.geomspace(low, high, check_integer("num", self.num, 2, 1000))

        def rule(at_width: Any) -> Any:
            return _in_unit(algorithm, at_width, self.learning_rate_in)

        return theory_frontier(model, rule, compute)


def _in_unit(algorithm: Any, model: Any, unit: Unit) -> Any:
    if unit == "absolute":
        return algorithm
    for thing, name in ((algorithm, "rescale"), (model, "trace")):
        if not hasattr(thing, name):
            raise ValueError(f"learning_rate_in: wanted 'absolute' for {type(thing).__name__}, which has no {name}()")
    return algorithm.rescale(1 / model.trace())
