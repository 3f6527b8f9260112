"""What `solvable sweep` is told: a whole sweep in one file."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack

from solvable.config.registry import assign, construct, find
from solvable.config.values import expand
from solvable.io.hashing import sha

if TYPE_CHECKING:
    import xarray as xr
    from jax.sharding import Mesh
    from jaxtyping import Array, Key

    from solvable.algorithms.base import AbstractAlgorithm
    from solvable.method import AbstractMethod
    from solvable.models.base import AbstractModel
    from solvable.sweeps import Plan
    from solvable.sweeps.axes import Value
    from solvable.sweeps.cells import Build, StepsLike
    from solvable.sweeps.executors import Executor
    from solvable.sweeps.progress import Report

RUNNING = ("store", "chunk")  # fields that say how it is run, not what comes out


class Running(TypedDict, total=False):
    """Arguments of `solvable.sweep` that say how it is run."""

    mesh: "Mesh | None"
    shard: tuple[int, int] | None
    progress: "Report | bool | None"
    on_error: Literal["record", "raise"]
    retry_failed: bool
    compilation_cache: Path | None


class Arguments(TypedDict):
    """Arguments of `solvable.sweep` and `solvable.plan` that say what comes out."""

    build: "Build"
    axes: dict[str | tuple[str, ...], list[object]]
    method: "AbstractMethod"
    steps: "StepsLike"
    key: "Key[Array, '']"


@dataclass(frozen=True)
class SweepConfig:
    """Solve every combination of the axes' values.

    Attributes:
        model: name of a model; `solvable list models` shows them.
        algorithm: name of an algorithm; `solvable list algorithms` shows them.
        method: name of a theory, or Simulation; `solvable list methods` shows them.
        parameters: KEY=VALUE, the same in every cell: a parameter of the model, the algorithm or the method.
        axes: KEY=VALUES, a parameter of the model or the algorithm. VALUES are a list, 64,128, or a range,
            0.01:1.0:20log (start:stop:number; in a file also a table with start, stop, num, log). A KEY of two names,
            "width,ambient", varies both together. The axis `compute` sets the steps: IsoFLOP.
        seeds: draws of the model, an axis `seed` from 0; without it a theory answers for the typical draw.
        per_width: KEY=FACTOR, a parameter that grows with the width, such as ambient=10.
        learning_rate_in: unit of the learning rate; a multiple of 1 / trace of the feature covariance, or of the
            largest stable one, makes rates comparable across widths.
        last_step: the last step; without effect where `compute` is an axis or the algorithm has no steps.
        num_steps: recorded steps, evenly spaced in the logarithm.
        key: seed of every random number.
        precision: of simulations; theories are float64 always.
        store: folder that keeps finished work; by default results/sweep- and a hash of what comes out.
        chunk: cells that are computed and stored together; by default as fits the memory.
    """

    model: str = "PowerLawRF"
    algorithm: str = "SGD"
    method: str = "Recursion"
    parameters: Mapping[str, object] = field(default_factory=dict)
    axes: Mapping[str, object] = field(default_factory=dict)
    seeds: int = 0
    per_width: Mapping[str, float] = field(default_factory=dict)
    learning_rate_in: Literal["absolute", "inverse_trace", "critical"] = "absolute"
    last_step: int = 10_000
    num_steps: int = 40
    key: int = 0
    precision: Literal["float32", "float64"] = "float32"
    store: Path | None = None
    chunk: int | None = None

    def build(self, **values: "Value") -> "tuple[AbstractModel, AbstractAlgorithm]":
        """Model and algorithm of the cell with these values of the axes."""
        values.pop("compute", None)
        given: dict[str, Any] = {**self.parameters, **values}
        given |= {name: factor * given["width"] for name, factor in self.per_width.items()}
        parts = assign(self._names(), given, "axes")
        model = construct("model", self.model, parts["model"])
        algorithm = construct("algorithm", self.algorithm, parts["algorithm"])
        return model, self._scaled(model, algorithm)

    def steps(self, *, compute: float, **values: "Value") -> list[int]:
        """The one recorded step of an IsoFLOP cell, compute / (width * batch size)."""
        model, algorithm = self.build(**values)
        if not isinstance(algorithm.batch_size, int):
            given = "None" if algorithm.batch_size is None else "one that changes in time"
            raise ValueError(f"compute: wanted an algorithm with a constant batch size; got {given}")
        width = getattr(model, "width", None)
        if width is None:
            raise ValueError(f"compute: wanted a model with a width; got {self.model}")
        return [max(1, round(compute / (width * algorithm.batch_size)))]

    def arguments(self) -> Arguments:
        """The arguments of `solvable.sweep` and `solvable.plan` that it stands for.

        Raises:
            ValueError: a name or a value is impossible.
        """
        import jax

        from solvable.verbs.solve import log_steps

        axes = self.expanded()
        everything = [name for key in axes for name in ((key,) if isinstance(key, str) else key)]
        self._check(everything)
        method = construct("method", self.method, assign(self._names(), self.parameters, "parameters")["method"])
        steps = self.steps if "compute" in everything else log_steps(self.last_step, self.num_steps)
        steps = None if find("algorithm", self.algorithm).one_shot else steps
        return {"build": self.build, "axes": axes, "method": method, "steps": steps, "key": jax.random.key(self.key)}

    def expanded(self) -> dict[str | tuple[str, ...], list[object]]:
        """The axes with every range as its values, and the seeds."""
        axes: dict[str | tuple[str, ...], list[object]] = {}
        for key, value in self.axes.items():
            names = tuple(name.strip() for name in key.split(","))
            values = expand(key, value)
            axes[names if len(names) > 1 else key] = list(values) if isinstance(values, list | tuple) else [values]
        if self.seeds < 0:
            raise ValueError(f"seeds: wanted a number of draws >= 0; got {self.seeds}")
        if self.seeds:
            axes["seed"] = list(range(self.seeds))
        if not axes:
            raise ValueError("axes: wanted at least one axis, such as width=64,128, or seeds; got none")
        return axes

    def folder(self) -> Path:
        """The store, named after what comes out unless it has a name."""
        if self.store is not None:
            return Path(self.store)
        content = {k: v for k, v in dataclasses.asdict(self).items() if k not in RUNNING}
        content["axes"] = [[key, values] for key, values in self.expanded().items()]
        return Path("results") / f"sweep-{sha(content)[:8]}"

    def plan(self) -> "Plan":
        """The `solvable.Plan` of the sweep. Raises ValueError where a name or a value is impossible."""
        import jax

        from solvable.sweeps import plan

        with jax.enable_x64(self.precision == "float64"):
            return plan(**self.arguments(), chunk=self.chunk)

    def run(self, *, executor: "Executor | None" = None, **options: Unpack[Running]) -> "xr.Dataset":
        """The dataset of the sweep, through its store; ``executor`` and ``options`` as for `solvable.sweep`.

        Raises:
            ValueError: a name or a value is impossible.
        """
        import jax

        from solvable.sweeps import sweep

        with jax.enable_x64(self.precision == "float64"):
            return sweep(**self.arguments(), chunk=self.chunk, store=self.folder(), executor=executor, **options)

    def _names(self) -> dict[str, str]:
        return {"model": self.model, "algorithm": self.algorithm, "method": self.method}

    def _check(self, everything: list[str]) -> None:
        """Every name is known, given once, and set where it can be."""
        varied = [name for name in everything if name not in ("seed", "compute")]
        assign(self._names(), dict.fromkeys([*self.parameters, *self.per_width]), "parameters")
        of_method = list(assign(self._names(), dict.fromkeys(varied), "axes")["method"])
        if of_method:
            raise ValueError(
                f"axes: wanted parameters of the model or the algorithm; got {of_method} of {self.method}, "
                "which is the same in every cell: set it in parameters"
            )
        for name in [*self.parameters, *self.per_width, *varied]:
            places = [
                label
                for label, names in (("parameters", self.parameters), ("per_width", self.per_width), ("axes", varied))
                if name in names
            ]
            if len(places) > 1:
                raise ValueError(f"{' and '.join(places)}: wanted every name in one of them; got {name!r} in both")
        if self.per_width and "width" not in {*self.parameters, *varied}:
            raise ValueError("per_width: wanted a width in parameters or axes; got none")

    def _scaled(self, model: Any, algorithm: Any) -> Any:
        """The algorithm with its learning rate in absolute units."""
        from solvable.algorithms import AbstractModewise
        from solvable.theory import stability

        if self.learning_rate_in == "absolute":
            return algorithm
        if not isinstance(algorithm, AbstractModewise):
            raise ValueError(f"learning_rate_in: wanted an algorithm with a learning rate; got {self.algorithm}")
        if self.learning_rate_in == "inverse_trace":
            return algorithm.rescale(1 / model.trace())
        return algorithm.rescale(stability(model, algorithm).critical_learning_rate)
