"""The life of one cell: values of the axes, what is built of them, its draw, its random key, and its hash."""

import inspect
import json
import traceback
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from contextlib import suppress
from typing import NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

from solvable.algorithms.base import AbstractAlgorithm, check_settings
from solvable.forms.base import AbstractSubject
from solvable.io.fingerprint import array_bytes, code_of, fingerprint
from solvable.io.hashing import sha, two_words
from solvable.keys import require_key, stream
from solvable.method import AbstractMethod
from solvable.models.base import AbstractModel
from solvable.sweeps.axes import AxesLike, Value, parse_axes, shape_of, values_at
from solvable.verbs.solve import check_steps

Build = Callable[..., tuple[AbstractSubject, AbstractAlgorithm]]
StepsLike = Iterable[int] | Callable[..., Iterable[int]] | None
T = TypeVar("T")
FOR = "for the draws and runs of the sweep"

_DRAWS_HELD = 1 << 28  # bytes of drawn problems kept for the cells that share them


class Kind(NamedTuple):
    """What models or algorithms that differ in the values of their arrays have in common.

    Attributes:
        structure: hash of classes, static fields and functions, and of the shapes and types of the arrays.
        code: hash of every class and function that they and the method can run.
    """

    structure: str
    code: str


class Setting:
    """What the cells that differ by their seed alone have in common.

    Attributes:
        model, algorithm, steps: what ``build`` and ``steps`` give.
        kinds, code: those of the model and of the algorithm, and the hashes of the code that they run.
        law: hash of the model.
        content: hash of model, algorithm, steps, and the code they run.
        error, text: the exception if they raised, and its traceback.
    """

    def __init__(self, recipe: "Recipe", values: dict[str, Value]):
        self.error: Exception | None = None
        self.text = ""
        self._checked = False
        try:
            self.model, self.algorithm = _pair(recipe.build(**recipe.taken(recipe.build, values)))
            self.steps = recipe.steps_at(values)
            self.kinds = recipe.kind(self.model), recipe.kind(self.algorithm)
            self.law = _content(self.model, self.kinds[0])
            self.code = [kind.code for kind in self.kinds]
            self.content = sha(self.law, _content(self.algorithm, self.kinds[1]), self.steps.tobytes(), self.code)
        except Exception as error:
            self.fail(error)

    def check(self) -> None:
        """Raise a ValueError unless the settings are possible at these steps; looked at once for all seeds."""
        if not self._checked:
            check_settings(self.algorithm, int(self.steps[-1]))
            self._checked = True

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
        self.key_data = None if key is None else np.asarray(jax.random.key_data(key))
        self.key_impl = None if key is None else _stackable_impl(key)
        self.x64 = bool(jax.config.read("jax_enable_x64"))
        self._forget()
        self._check_names()

    def _forget(self) -> None:
        """Nothing is built yet."""
        self._settings: dict[str, Setting] = {}
        self._of_cell: dict[int, Setting] = {}
        self._structures: dict[Hashable, str] = {}
        self._codes: dict[str, tuple[dict[str, str], str]] = {}  # structure -> the code that it runs, and its hash
        self._draws: OrderedDict[tuple[str, int], AbstractSubject] = OrderedDict()
        self._held = 0

    def _check_names(self) -> None:
        everything = {name: None for name in self.names if name != "seed"}
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
            values = self.values(index)
            values.pop("seed", None)
            name = json.dumps(values)
            if name not in self._settings:
                self._settings[name] = Setting(self, values)
            self._of_cell[index] = self._settings[name]
        return self._of_cell[index]

    def kind(self, part: AbstractSubject | AbstractAlgorithm) -> Kind:
        """Structure and code of a model or an algorithm, found once for all of the same tree."""
        leaves, tree = jax.tree.flatten(part)
        shaped = [jax.ShapeDtypeStruct(np.shape(x), x.dtype) if _is_array(x) else x for x in leaves]
        try:
            structure = self._structures.get((tree, *shaped))
        except TypeError:  # something in it has no hash
            structure = None
        if structure is None:
            structure = fingerprint(jax.tree.unflatten(tree, shaped))
            with suppress(TypeError):
                self._structures[(tree, *shaped)] = structure
        if structure not in self._codes:
            code = code_of(part, self.method)
            self._codes[structure] = code, sha(code)
        return Kind(structure, self._codes[structure][1])

    def code(self) -> dict[str, str]:
        """The code that some cell runs: qualified name -> hash."""
        return {name: x for code, _ in self._codes.values() for name, x in code.items()}

    def content(self, index: int) -> str:
        """Hash of everything the cell's result depends on, besides the method's fields and the key."""
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

    def run_words(self, index: int) -> np.ndarray:
        """Two 32-bit words of the cell's coordinates: what its run's key is derived from; uint32, shape (2,)."""
        return np.frombuffer(two_words(self.values(index)), "<u4")

    def run_key(self, index: int) -> Key[Array, ""]:
        """The key of one cell's runs."""
        first, second = self.run_words(index)
        return jax.random.fold_in(jax.random.fold_in(stream(require_key(self.key, FOR), "run"), first), second)

    def __getstate__(self) -> dict[str, object]:
        hidden = {"key", "_settings", "_of_cell", "_structures", "_codes", "_draws", "_held"}
        return {name: x for name, x in self.__dict__.items() if name not in hidden}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._forget()
        data = None if self.key_data is None else jnp.asarray(self.key_data)
        self.key = None if data is None else jax.random.wrap_key_data(data, impl=self.key_impl)


def _stackable_impl(key: Key[Array, ""]) -> str:
    """The implementation of the key, one whose numbers are the same alone and stacked.

    Raises:
        ValueError: it is another one.
    """
    impl = str(jax.random.key_impl(key))
    if "threefry" not in impl:
        raise ValueError(
            f"key: wanted one of threefry2x32, jax.random.key(seed); got one of {impl}, whose numbers depend on how "
            "many cells are stacked"
        )
    return impl


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


def _content(tree: object, kind: Kind) -> str:
    return sha(kind.structure, *(array_bytes(x) for x in jax.tree.leaves(tree) if _is_array(x)))


def _is_array(x: object) -> bool:
    return isinstance(x, jax.Array | np.ndarray | np.generic)


def error_text(error: BaseException) -> str:
    """The traceback of an exception as text."""
    return "".join(traceback.format_exception(error)).strip()


def _bytes(tree: object) -> int:
    return sum(getattr(x, "nbytes", 64) for x in jax.tree.leaves(tree))
