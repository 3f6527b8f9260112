"""What `solvable check` is told: theory against simulation."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from solvable.config.registry import assign, construct

if TYPE_CHECKING:
    from solvable.algorithms.base import AbstractAlgorithm
    from solvable.method import AbstractMethod
    from solvable.models.base import AbstractModel
    from solvable.verbs.check import Check


@dataclass(frozen=True)
class CheckConfig:
    """Put a theory beside a simulation of the same model and algorithm.

    Attributes:
        model: name of a model; `solvable list models` shows them.
        algorithm: name of an algorithm; `solvable list algorithms` shows them.
        theory: name of the theory to check; `solvable list methods` shows them.
        parameters: KEY=VALUE, a parameter of the model, the algorithm or the theory, such as width=128.
        one_draw: both see the same single draw of the model, so that z is of order 1. Otherwise the theory is that of
            the typical draw, which differs from the mean over draws by O(1 / width).
        num_runs: runs of the simulation.
        last_step: the last step compared.
        num_steps: compared steps, evenly spaced in the logarithm.
        allowed: largest |z| that counts as agreement.
        key: seed of every random number.
    """

    model: str = "PowerLawRF"
    algorithm: str = "SGD"
    theory: str = "Recursion"
    parameters: Mapping[str, object] = field(default_factory=dict)
    one_draw: bool = True
    num_runs: int = 64
    last_step: int = 1000
    num_steps: int = 12
    allowed: float = 4.5
    key: int = 0

    def build(self) -> "tuple[AbstractModel, AbstractAlgorithm, AbstractMethod]":
        """Model, algorithm and theory.

        Raises:
            ValueError: a name or a value is impossible.
        """
        names = {"model": self.model, "algorithm": self.algorithm, "method": self.theory}
        values = assign(names, self.parameters, "parameters")
        model = construct("model", self.model, values["model"])
        algorithm = construct("algorithm", self.algorithm, values["algorithm"])
        return model, algorithm, construct("method", self.theory, values["method"])

    def run(self) -> "Check":
        """The `solvable.Check` of both curves.

        Raises:
            ValueError: a name or a value is impossible, or the theory does not apply.
        """
        import jax

        from solvable.keys import stream
        from solvable.simulation import Simulation
        from solvable.verbs.check import check
        from solvable.verbs.solve import log_steps

        model, algorithm, theory = self.build()
        key = jax.random.key(self.key)
        subject = model.draw(stream(key, "draw")) if self.one_draw else model
        steps = None if algorithm.one_shot else log_steps(self.last_step, self.num_steps)
        return check(subject, algorithm, theory, steps, key=key, simulation=Simulation(num_runs=self.num_runs))
