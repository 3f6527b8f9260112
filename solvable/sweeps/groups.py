"""Which cells are solved together, and how a cell becomes arrays of a common shape.

A lowered form is padded with absent modes to a width from a fixed grid, and cells run in tiles of a fixed size. Both
are functions of the cell alone, so the bits of its result do not depend on what else is in the sweep. A cell that
cannot be padded is alone: it walks by itself, or `solve` answers for it.
"""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np

from solvable.forms.base import AbstractForm, AbstractSubject, Form
from solvable.method import AbstractMethod, AbstractResumable, Mismatch, Reading, match
from solvable.sweeps.cells import Recipe, Setting, drawn

NARROWEST, RATIO = 16, 4  # padded widths are 16, 64, 256, 1024, ...
FEWEST_RECORDS = 16  # padded numbers of records are 16, 32, 64, ...
MOST_LANES = 256
LANE_NUMBERS = {"cpu": 1 << 13}  # numbers in one step of all lanes; measured: more leave the cache
LANE_NUMBERS_ELSEWHERE = 1 << 20
TILE_WORK = 1 << 31  # modes x steps x runs of one tile, above which a tile gets fewer lanes: about ten seconds
THEORY_NUMBERS, THEORY_LANES = 1 << 13, 32  # modes of all lanes of a theory, and most lanes


class Group(NamedTuple):
    """Cells of one compiled program, and of the same steps.

    Attributes:
        form: name of the form of the model that the method reads; "" where it reads none.
        stacked: whether cells are padded and stacked; otherwise each is taken by itself, as it is.
        fields: of stacked cells, the form's tree: which of its fields are there.
        modes: padded number of modes; of cells that walk alone, the numbers of the largest array that a step touches;
            0 where `solve` answers.
        dtype: of the modes.
        lanes: cells that run in step, the size of a tile; 1 for cells that are alone.
        algorithm: hash of the algorithm's structure.
        records: padded number of recorded steps of cells that walk; 0 otherwise.
        steps: the steps' bytes; none for cells that walk, whose program takes them as an argument.
    """

    form: str
    stacked: bool
    fields: Any
    modes: int
    dtype: str
    lanes: int
    algorithm: str
    records: int
    steps: bytes

    def numbers(self) -> list[object]:
        """What the results depend on besides the cell itself, for its hash."""
        return [self.form, self.modes, self.dtype, self.lanes, self.records]


def bucket(modes: int) -> int:
    """The padded number of modes: the next on a fixed grid, never more than RATIO times what is there."""
    padded = NARROWEST
    while padded < modes:
        padded *= RATIO
    return padded


class Grouping:
    """Finds the groups of a sweep's cells; remembers the shapes it has looked at.

    Args:
        recipe: the sweep.
        platform: ``"cpu"``, ``"gpu"`` or ``"tpu"``.
    """

    def __init__(self, recipe: Recipe, platform: str):
        self.recipe, self.platform = recipe, platform
        self._shapes: dict[Any, Any] = {}
        self._largest: dict[str, int] = {}

    def of(self, index: int) -> Group:
        """The group of a cell."""
        setting, method = self.recipe.setting(index), self.recipe.method
        kind, steps = setting.kinds[1].structure, setting.steps.tobytes()
        subject = self._draw(setting) if self.recipe.seeded else setting.model
        try:
            reading = match(subject, setting.algorithm, method.reads, "")
        except Mismatch:  # `solve` says of each cell what is missing
            return Group("", False, None, 0, "", 1, kind, 0, steps)
        form, walks = reading.subject.__name__, is_walked(method, reading)
        records = padded_count(len(setting.steps)) if walks else 0
        steps = b"" if walks else steps
        if not reading.subject.stackable:
            touched = self._touched(subject, reading, setting) if walks else 0
            return Group(form, False, None, touched, "", 1, kind, records, steps)
        shaped = self._lowered(subject, reading.subject, setting)
        first = jax.tree.leaves(shaped)[0]
        # A drawn form is lowered outside a program, in the precision of its own draw.
        dtype = "float64" if self.recipe.seeded else str(np.dtype(first.dtype))
        modes = bucket(int(first.shape[-1])) if first.shape else NARROWEST  # a form of numbers alone has no modes
        lanes = lanes_of(method, modes, int(setting.steps[-1]), self.platform)
        return Group(form, True, jax.tree.structure(shaped), modes, dtype, lanes, kind, records, steps)

    def largest_drawn(self, index: int) -> int:
        """Bytes of the largest array that appears while a cell's problem is drawn; 0 where only drawing would tell."""
        setting = self.recipe.setting(index)
        if self.recipe.seeded and setting.kinds[0].structure not in self._largest:
            self._draw(setting)
        return self._largest.get(setting.kinds[0].structure, 0)

    def _draw(self, setting: Setting) -> AbstractSubject:
        """One draw of the model without its numbers; drawn in earnest if it must be."""

        def draw(key):
            problem = drawn(setting.model, key)
            assert isinstance(problem, AbstractSubject)
            return problem

        structure = setting.kinds[0].structure
        name = "draw", structure
        if name not in self._shapes:
            try:
                closed, arrays, rest = eqx.filter_make_jaxpr(draw)(jax.random.key(0))
            except Exception:  # a draw that needs to see its numbers
                self._shapes[name] = draw(self.recipe.draw_key(0))
            else:
                self._shapes[name], self._largest[structure] = eqx.combine(arrays, rest), largest_array(closed)
        return self._shapes[name]

    def _lowered(self, subject: AbstractSubject, form: Form, setting: Setting) -> AbstractForm:
        """The form without its numbers; of a law the number of modes can depend on its parameters' values."""
        name = "form", form, setting.kinds[0].structure if self.recipe.seeded else setting.law
        if name not in self._shapes:
            with jax.enable_x64(self.recipe.x64 or not self.recipe.seeded):
                try:
                    self._shapes[name] = eqx.filter_eval_shape(lambda s: s.lower(form), subject)
                except Exception:  # a lowering that needs to see its numbers
                    whole = drawn(setting.model, self.recipe.draw_key(0)) if self.recipe.seeded else subject
                    self._shapes[name] = whole.lower(form)
        return self._shapes[name]

    def _touched(self, problem: AbstractSubject, reading: Reading, setting: Setting) -> int:
        """The size of the largest array of what a walk sees, or, if that takes the numbers, of the problem itself."""
        name = "source", setting.kinds[0].structure, setting.kinds[1].structure
        if name not in self._shapes:
            try:
                seen = eqx.filter_eval_shape(source_of, self.recipe.method, problem, reading, setting.algorithm)
            except Exception:  # a lowering that needs to see its numbers
                seen = problem
            self._shapes[name] = max(getattr(x, "size", 1) for x in jax.tree.leaves(seen))
        return self._shapes[name]


def largest_array(closed: Any) -> int:
    """Bytes of the largest array in a traced computation."""
    return max(_sizes(closed.jaxpr), default=0)


def _sizes(jaxpr: Any) -> Iterator[int]:
    for equation in jaxpr.eqns:
        for out in equation.outvars:
            shape, dtype = getattr(out.aval, "shape", ()), getattr(out.aval, "dtype", None)
            yield math.prod(shape) * getattr(dtype, "itemsize", 8)
        for value in equation.params.values():
            for inner in value if isinstance(value, tuple | list) else (value,):
                inner = getattr(inner, "jaxpr", inner)
                if hasattr(inner, "eqns"):
                    yield from _sizes(inner)


def is_walked(method: AbstractMethod, reading: Reading) -> bool:
    """Whether a method walks through the steps of what it reads."""
    return isinstance(method, AbstractResumable) and method.walks(reading)


def source_of(method: Any, problem: AbstractSubject, reading: Reading, algorithm: Any) -> Any:
    """What a method that walks sees of a problem."""
    return method.source(problem.lower(reading.subject), algorithm)


def lanes_of(method: Any, modes: int, last: int, platform: str) -> int:
    """The size of a tile: a power of two, at least 2, because a batch of one is compiled to other arithmetic."""
    if not isinstance(method, AbstractResumable):
        return _power_of_two(min(THEORY_NUMBERS // modes, THEORY_LANES))
    numbers = modes * getattr(method, "num_runs", 1)
    busy = LANE_NUMBERS.get(platform, LANE_NUMBERS_ELSEWHERE) // numbers
    return _power_of_two(min(busy, TILE_WORK // (numbers * max(last, 1))))


def _power_of_two(value: int) -> int:
    return 1 << (max(2, min(value, MOST_LANES)).bit_length() - 1)


def padded_count(records: int) -> int:
    """The padded number of records of a walk."""
    return 1 << max(records - 1, FEWEST_RECORDS - 1).bit_length()


def padded(form: AbstractForm, modes: int) -> AbstractForm:
    """The form with absent modes up to ``modes``, in NumPy; scalars stay."""
    def pad(x):
        x = np.asarray(x)
        return x if x.ndim == 0 else np.pad(x, (0, modes - x.shape[0]))

    return jax.tree.map(pad, form)
