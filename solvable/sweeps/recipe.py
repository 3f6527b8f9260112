"""What a sweep is told: how each cell is built, by which method, at which steps, under which random key."""

import inspect
import json
import traceback
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

from solvable.algorithms.base import AbstractAlgorithm
from solvable.forms.base import AbstractSubject
from solvable.io.hashing import sha, two_words
from solvable.keys import require_key, stream
from solvable.method import AbstractMethod
from solvable.models.base import AbstractModel
from solvable.sweeps.axes import AxesLike, Value, parse_axes, shape_of, values_at
from solvable.sweeps.content import digest, structure
from solvable.verbs.solve import check_steps

Build = Callable[..., tuple[AbstractSubject, AbstractAlgorithm]]
StepsLike = Iterable[int] | Callable[..., Iterable[int]] | None
T = TypeVar("T")
FOR = "for the draws and runs of the sweep"

_DRAWS_HELD = 1 << 28  # bytes of drawn problems kept for the cells that share them


class Setting:
    """What the cells that differ by their seed alone have in common.

    Attributes:
        model, algorithm, steps: what ``build`` and ``steps`` give.
        shape, kind: hash of the structure of the model and of the algorithm.
        law, times, content: hash of the model, of the steps, and of model, algorithm and steps.
        error, text: the exception if they raised, and its traceback.
    """

    def __init__(self, recipe: "Recipe", values: dict[str, Value]):
        self.error: Exception | None = None
        self.text = ""
        try:
            self.model, self.algorithm = _pair(recipe.build(**recipe.taken(recipe.build, values)))
            self.steps = recipe.steps_at(values)
            self.shape, self.kind = structure(self.model), structure(self.algorithm)
            self.law = digest(self.model, self.shape)
            self.times = sha(self.steps.tobytes())
            self.content = sha(self.law, digest(self.algorithm, self.kind), self.times)
        except Exception as error:
            self.fail(error)

    def fail(self, error: Exception) -> None:
        """Remember why there is nothing to solve."""
        self.error, self.text = error, error_text(error)


class Recipe:
    """Everything a sweep is made from; the same in every process that works on it.

    Raises:
        ValueError: an argument is impossible.
    """

    def __init__(
        self,
        build: Build,
        axes: AxesLike,
        method: AbstractMethod,
        steps: StepsLike,
        *,
        key: Key[Array, ""] | None = None,
    ):
        if not callable(build):
            raise ValueError(f"build: wanted a function of the axes' values; got {build!r}")
        if not isinstance(method, AbstractMethod):
            raise ValueError(f"method: wanted an instance of AbstractMethod; got {method!r}")
        self.build, self.method = build, method
        self.axes = parse_axes(axes)
        self.names = tuple(name for axis in self.axes for name in axis.names)
        self.steps_of: Callable[..., Iterable[int]] | None = steps if callable(steps) else None
        # No steps at all is one record, for algorithms that have none.
        self.fixed_steps = np.zeros(1, np.int64) if steps is None or callable(steps) else check_steps(steps)
        self.stepless = steps is None
        self.seeded = "seed" in self.names
        if self.seeded or method.needs_key or key is not None:
            require_key(key, FOR)
        self.key = key
        self.key_impl = None if key is None else str(jax.random.key_impl(key))
        self.key_data = None if key is None else np.asarray(jax.random.key_data(key))
        self.x64 = bool(jax.config.read("jax_enable_x64"))
        self._check_consumed()
        self._settings: dict[str, Setting] = {}
        self._of_cell: dict[int, Setting] = {}
        self._draws: OrderedDict[tuple[str, int], AbstractSubject] = OrderedDict()
        self._held = 0

    def _check_consumed(self) -> None:
        everything = dict.fromkeys(name for name in self.names if name != "seed")
        used = set(self.taken(self.build, everything))
        used |= set() if self.steps_of is None else set(self.taken(self.steps_of, everything))
        unused = [name for name in everything if name not in used]
        if unused:
            raise ValueError(f"axes: wanted names that build or steps takes as arguments; neither takes {unused}")

    def taken(self, function: Callable[..., object], values: dict[str, T]) -> dict[str, T]:
        """Those of ``values`` that the function has parameters for."""
        parameters = inspect.signature(function).parameters.values()
        if any(p.kind is p.VAR_KEYWORD for p in parameters):
            return values
        return {p.name: values[p.name] for p in parameters if p.name in values}

    def steps_at(self, values: dict[str, Value]) -> np.ndarray:
        """The steps to record at these values."""
        if self.steps_of is None:
            return self.fixed_steps
        return check_steps(self.steps_of(**self.taken(self.steps_of, values)))

    @property
    def count(self) -> int:
        """Number of cells."""
        return int(np.prod(shape_of(self.axes)))

    def values(self, index: int) -> dict[str, Value]:
        """The coordinates of a cell."""
        return values_at(self.axes, index)

    def seed(self, index: int) -> int | None:
        """The number of the cell's draw, None where the sweep has no axis ``seed``."""
        seed = self.values(index).get("seed")
        assert seed is None or isinstance(seed, int)
        return seed

    def setting(self, index: int) -> Setting:
        """The cell's model, algorithm and steps, built once for all seeds."""
        if index not in self._of_cell:
            self._of_cell[index] = self._built(self.values(index))
        return self._of_cell[index]

    def _built(self, values: dict[str, Value]) -> Setting:
        values.pop("seed", None)
        name = json.dumps(values)
        if name not in self._settings:
            self._settings[name] = Setting(self, values)
        return self._settings[name]

    def words(self, index: int) -> np.ndarray:
        """Two 32-bit words of the cell's coordinates: what its run's key is derived from; uint32, shape (2,)."""
        return np.frombuffer(two_words(self.values(index)), "<u4")

    def content(self, index: int) -> str:
        """Hash of everything the cell's result depends on, besides the method and the key."""
        return sha(self.values(index), self.setting(index).content)

    def problem(self, index: int) -> AbstractSubject:
        """The cell's model, or its draw where there is a seed; draws are shared between cells of the same law."""
        setting, seed = self.setting(index), self.seed(index)
        if seed is None:
            return setting.model
        name = (setting.law, seed)
        if name in self._draws:
            self._draws.move_to_end(name)
            return self._draws[name]
        draw = drawn(setting.model, self.draw_key(seed))
        self._draws[name] = draw
        self._held += _bytes(draw)
        while self._held > _DRAWS_HELD and len(self._draws) > 1:
            self._held -= _bytes(self._draws.popitem(last=False)[1])
        return draw

    def draw_key(self, seed: int) -> Key[Array, ""]:
        """The key of draw ``seed``: the same for every law, so that a wider model extends a narrower one."""
        return jax.random.fold_in(stream(require_key(self.key, FOR), "draw"), np.uint32(seed))

    def run_key(self, index: int) -> Key[Array, ""]:
        """The key of one cell's runs."""
        first, second = self.words(index)
        return jax.random.fold_in(jax.random.fold_in(stream(require_key(self.key, FOR), "run"), first), second)

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "key": None, "_settings": {}, "_of_cell": {}, "_draws": OrderedDict(), "_held": 0}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        if self.key_data is not None:
            self.key = jax.random.wrap_key_data(jnp.asarray(self.key_data), impl=self.key_impl)


def drawn(model: AbstractSubject, key: Key[Array, ""]) -> AbstractSubject:
    """The draw of a law; a problem is one already, whatever the seed."""
    return model.draw(key) if isinstance(model, AbstractModel) else model


def _pair(built: object) -> tuple[AbstractSubject, AbstractAlgorithm]:
    if not (isinstance(built, tuple) and len(built) == 2):
        raise ValueError(f"build: wanted a pair (model, algorithm); got {built!r}")
    for name, value, kind in zip(("model", "algorithm"), built, (AbstractSubject, AbstractAlgorithm), strict=True):
        if not isinstance(value, kind):
            raise ValueError(f"build: wanted an instance of {kind.__name__} as its {name}; got {value!r}")
    return built


def error_text(error: BaseException) -> str:
    """The traceback of an exception as text."""
    return "".join(traceback.format_exception(error)).strip()


def _bytes(tree: object) -> int:
    return sum(getattr(x, "nbytes", 64) for x in jax.tree.leaves(tree))
