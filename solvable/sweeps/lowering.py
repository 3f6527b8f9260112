"""From cells to stacks: which cells can be solved together, and how a cell becomes arrays of a common shape.

A problem is padded with absent modes to a width from a fixed grid, and cells run in tiles of a fixed size. Both are
functions of the cell alone, so the bits of its result do not depend on what else is in the sweep. A cell that cannot
be padded is alone: it walks by itself, or `solve` answers for it.
"""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np

from solvable.forms.base import AbstractForm, AbstractSubject, Form
from solvable.forms.draws import Reduction
from solvable.forms.spectrum import Spectrum
from solvable.method import AbstractResumable, Mismatch, match
from solvable.models.base import AbstractProblem
from solvable.sweeps.recipe import Recipe, Setting, drawn

NARROWEST, RATIO = 16, 4  # padded widths are 16, 64, 256, 1024, ...
FEWEST_RECORDS = 16  # padded numbers of records are 16, 32, 64, ...
MOST_LANES = 256
LANE_NUMBERS = {"cpu": 1 << 13}  # numbers in one step of all lanes; measured: more leave the cache
LANE_NUMBERS_ELSEWHERE = 1 << 20
TILE_WORK = 1 << 31  # modes x steps x runs of one tile, above which a tile gets fewer lanes: about ten seconds
THEORY_NUMBERS, THEORY_LANES = 1 << 13, 32  # modes of all lanes of a theory, and most lanes


STACKED: dict[str, Form] = {form.__name__: form for form in (Spectrum, Reduction)}


class Group(NamedTuple):
    """Cells of one compiled program, and of the same steps.

    Attributes:
        form: name of the form of the model that the method reads; "" where it reads none.
        modes: padded number of modes; of cells that walk alone, the numbers of the largest array that a step touches;
            0 where `solve` answers.
        dtype: of the modes.
        lanes: cells that run in step, the size of a tile; 1 for cells that are alone.
        algorithm: hash of the algorithm's structure.
        records: padded number of recorded steps of cells that walk; 0 otherwise.
        steps: hash of the steps.
    """

    form: str
    modes: int
    dtype: str
    lanes: int
    algorithm: str
    records: int
    steps: str

    @property
    def alone(self) -> bool:
        """Whether every cell is taken by itself, as it is."""
        return self.form not in STACKED

    def program(self) -> tuple[Any, ...]:
        """What is compiled once: a method that walks takes its steps as an argument."""
        return self if not self.records else (*self[:-1], "")


def bucket(modes: int) -> int:
    """The padded number of modes: the next on a fixed grid, never more than RATIO times what is there."""
    padded = NARROWEST
    while padded < modes:
        padded *= RATIO
    return padded


def group_of(recipe: Recipe, index: int, platform: str, sizes: dict[Any, Any]) -> Group:
    """The group of a cell; ``sizes`` remembers the modes of what was looked at before."""
    setting, method = recipe.setting(index), recipe.method
    drawn, count = _shape_of_draw(recipe, setting, sizes) if recipe.seeded else (setting.model, 0)
    try:
        reading = match(drawn, setting.algorithm, method.reads, "")
    except Mismatch:  # `solve` says of each cell what is missing
        return Group("", 0, "", 1, setting.kind, 0, setting.times)
    form, records, touched = reading.subject, 0, 0
    if isinstance(method, AbstractResumable) and method.walks(reading):
        records = 1 << max(len(setting.steps) - 1, FEWEST_RECORDS - 1).bit_length()
        touched = 0 if form.stackable else _touched(method, drawn, form, setting, sizes)
    if not form.stackable:
        return Group(form.__name__, touched, "", 1, setting.kind, records, setting.times)
    modes, dtype = (count, "float64") if recipe.seeded else _shape_of_form(setting, form, sizes)
    padded, last = bucket(modes), int(setting.steps[-1])
    lanes = lanes_of(method, padded, last, platform)
    return Group(form.__name__, padded, dtype, lanes, setting.kind, records, setting.times)


def lanes_of(method: Any, modes: int, last: int, platform: str) -> int:
    """The size of a tile: a power of two, at least 2, because a batch of one is compiled to other arithmetic."""
    if not isinstance(method, AbstractResumable):
        return _power_of_two(min(THEORY_NUMBERS // modes, THEORY_LANES))
    numbers = modes * getattr(method, "num_runs", 1)
    busy = LANE_NUMBERS.get(platform, LANE_NUMBERS_ELSEWHERE) // numbers
    return _power_of_two(min(busy, TILE_WORK // (numbers * max(last, 1))))


def _power_of_two(value: int) -> int:
    return 1 << (max(2, min(value, MOST_LANES)).bit_length() - 1)


def _shape_of_draw(recipe: Recipe, setting: Setting, sizes: dict) -> tuple[AbstractProblem, int]:
    """One draw of the model without its numbers, and how many modes it has; drawn in earnest if it must be."""

    def draw(key):
        problem = drawn(setting.model, key)
        assert isinstance(problem, AbstractProblem)
        return problem, problem.eigvals

    if setting.shape not in sizes:
        try:
            problem, eigvals = eqx.filter_eval_shape(draw, jax.random.key(0))
        except Exception:  # a draw that needs to see its numbers
            problem, eigvals = draw(recipe.draw_key(0))
        sizes[setting.shape] = problem, int(eigvals.shape[-1])
    return sizes[setting.shape]


def _shape_of_form(setting: Setting, form: Form, sizes: dict) -> tuple[int, str]:
    """Modes of a model as it is, and their dtype; the number can depend on its parameters' values."""
    name = (form.__name__, setting.law)
    if name not in sizes:
        with jax.enable_x64(True):
            first = eqx.filter_eval_shape(lambda: lower(setting.model, form))[0]
        sizes[name] = int(first.shape[-1]), str(np.dtype(first.dtype))
    return sizes[name]


def _touched(method: AbstractResumable, problem: Any, form: Form, setting: Setting, sizes: dict) -> int:
    """The size of the largest array of what a walk sees, or, if that takes the numbers, of the problem itself."""
    name = ("source", setting.shape, setting.kind)
    if name not in sizes:
        try:
            seen = eqx.filter_eval_shape(lambda p, a: method.source(p.lower(form), a), problem, setting.algorithm)
        except Exception:  # a lowering that needs to see its numbers
            seen = problem
        sizes[name] = max(getattr(x, "size", 1) for x in jax.tree.leaves(seen))
    return sizes[name]


def lower(model: AbstractSubject, form: Form) -> tuple[Any, ...]:
    """The arrays of a stackable form, in the order of its fields."""
    return tuple(jax.tree.leaves(model.lower(form)))


def pad(arrays: tuple[Any, ...], modes: int) -> tuple[np.ndarray, ...]:
    """Absent modes up to ``modes``; scalars stay."""
    arrays = tuple(np.asarray(x) for x in arrays)
    return tuple(x if x.ndim == 0 else np.pad(x, (0, modes - x.shape[0])) for x in arrays)


def raise_up(arrays: tuple[Any, ...], form: str) -> AbstractForm:
    """The form that `lower` took apart, by its name."""
    return STACKED[form](*arrays)
