"""One chunk of a sweep, from cells to results: draw, stack, run, and keep what fails apart."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

import jax
import numpy as np

from solvable.algorithms.base import AbstractAlgorithm
from solvable.forms.base import AbstractSubject
from solvable.method import AbstractResumable
from solvable.sweeps.attempts import TRIES, attempt, deaths
from solvable.sweeps.cells import Recipe, Setting, error_text
from solvable.sweeps.groups import Group, padded, source_of
from solvable.sweeps.outcome import Outcome, recorded
from solvable.sweeps.plan import Chunk
from solvable.sweeps.program import Program, program_for
from solvable.sweeps.store import Store
from solvable.sweeps.walk import Walk
from solvable.verbs.solve import check_types, match_or_suggest, solve


@dataclass(frozen=True)
class Ready:
    """One cell ready to run: its place in the chunk, its arrays, algorithm, and the words of its random key."""

    place: int
    source: Any
    algorithm: AbstractAlgorithm
    words: np.ndarray


class Worker:
    """Computes chunks in this process.

    Args:
        recipe: the sweep.
        devices: where tiles run.
        store: where checkpoints of long runs go, if anywhere.
        on_error: "record" keeps the traceback of a cell that raises, "raise" lets it through.
    """

    def __init__(self, recipe: Recipe, devices: tuple, store: Store | None = None, on_error: str = "record"):
        self.recipe, self.devices, self.store, self.on_error = recipe, devices, store, on_error

    def run(self, chunk: Chunk, only: Iterable[int] | None = None, before: Outcome | None = None) -> Outcome:
        """The results of a chunk; with ``only``, of these places, the others taken from ``before``.

        If a process died at this chunk, cells are computed and kept one by one; one at which a process died `TRIES`
        times is a failed cell.
        """
        started = time.perf_counter()
        out = before or self._empty(chunk)
        places = list(range(len(chunk.cells)) if only is None else only)
        for place in places:
            out.errors.pop(place, None)
        if self.store is None:
            self._compute(chunk, places, out)
        elif deaths(self.store, chunk.name):
            self._with_care(self.store, chunk, places, out)
        else:
            with attempt(self.store, chunk.name):
                self._compute(chunk, places, out)
        out.seconds += time.perf_counter() - started
        return out

    def _empty(self, chunk: Chunk) -> Outcome:
        precise = self.recipe.x64 or self.recipe.method.in_float64
        steps = self.recipe.setting(chunk.cells[0]).steps
        return Outcome.empty(len(chunk.cells), steps, np.float64 if precise else np.float32)

    def _with_care(self, store: Store, chunk: Chunk, places: list[int], out: Outcome) -> None:
        for place in places:
            part = f"cell{place}"
            found = store.read_partial(chunk.name, part)
            died = [] if found is not None else deaths(store, chunk.name, f"{part}-")
            if len(died) >= TRIES:
                out.fail(place, f"{died[-1]}\nThe process died {TRIES} times while it computed this cell alone.")
                continue
            if found is None:
                alone = self._empty(chunk)
                with attempt(store, chunk.name, f"{part}-"):
                    self._compute(chunk, [place], alone)
                store.write_partial(chunk.name, part, found := alone.arrays())
            out.take(place, Outcome.of(found))

    def _compute(self, chunk: Chunk, places: list[int], out: Outcome) -> None:
        group = chunk.group
        if not group.stacked and not group.records:
            self._one_by_one(chunk, places, out)
            return
        # Prepared a call at a time: cells that are alone can be large.
        ready = (cell for place in places if (cell := self._prepare(chunk, place, out)) is not None)
        while cells := list(islice(ready, group.lanes * len(self.devices))):
            self._attempt(chunk, group, cells, out)

    def _fail(self, place: int, error: Exception, out: Outcome) -> None:
        if self.on_error == "raise":
            raise error
        out.fail(place, error_text(error))

    def _prepare(self, chunk: Chunk, place: int, out: Outcome) -> Ready | None:
        recipe, index = self.recipe, chunk.cells[place]
        try:
            setting = recipe.setting(index)
            problem = recipe.problem(index)
            check_types(problem, setting.algorithm, recipe.method)
            setting.check()
            if isinstance(recipe.method, AbstractResumable) and setting.steps[-1] >= 2**31 - 1:
                raise ValueError(f"steps: a simulation needs 0 <= step < 2^31 - 1; got {setting.steps[-1]}")
            source = self._source(problem, setting, chunk.group)
            return Ready(place, source, setting.algorithm, recipe.run_words(index))
        except Exception as error:
            self._fail(place, error, out)
            return None

    def _source(self, problem: AbstractSubject, setting: Setting, group: Group) -> Any:
        reading = match_or_suggest(problem, setting.algorithm, self.recipe.method)
        if group.stacked:
            return padded(problem.lower(reading.subject), group.modes)
        with jax.default_device(self.devices[0]):
            return source_of(self.recipe.method, problem, reading, setting.algorithm)

    def _one_by_one(self, chunk: Chunk, places: Iterable[int], out: Outcome) -> None:
        for place in places:
            index = chunk.cells[place]
            try:
                setting = self.recipe.setting(index)
                key = None if self.recipe.key is None else self.recipe.run_key(index)
                with jax.default_device(self.devices[0]):
                    problem = self.recipe.problem(index)
                    steps = None if self.recipe.stepless else setting.steps
                    curve = solve(problem, setting.algorithm, self.recipe.method, steps, key=key)
                out.put([place], {name: np.asarray(x)[None] for name, x in recorded(curve).items()})
            except Exception as error:
                self._fail(place, error, out)

    def _attempt(self, chunk: Chunk, group: Group, cells: list[Ready], out: Outcome) -> None:
        """Run cells together; where that fails, with fewer lanes if memory ran out, and else one by one."""
        setting = self.recipe.setting(chunk.cells[cells[0].place])
        try:
            program = program_for(self.recipe, setting, group, self.devices)
            for i, found in enumerate(self._call(program, chunk, cells, out.steps)):
                tile = cells[i * group.lanes : (i + 1) * group.lanes]
                out.put([cell.place for cell in tile], found)
        except Exception as error:
            half = -(-len(cells) // 2)
            if out_of_memory(error) and group.lanes > 2:
                group = group._replace(lanes=group.lanes // 2)
                parts = [cells[:half], cells[half:]]
            elif len(cells) > 1:
                parts = [[cell] for cell in cells]
            else:
                self._fail(cells[0].place, error, out)
                return
            for part in filter(None, parts):
                self._attempt(chunk, group, part, out)

    def _call(self, program: Program, chunk: Chunk, cells: list[Ready], steps: np.ndarray) -> list[dict[str, Any]]:
        """What is recorded of each tile of cells."""
        stacked = [(cell.source, program.template.arrays(cell.algorithm)) for cell in cells]
        if not chunk.group.records:
            return jax.device_get(program.each(program.curves, program.tiles(stacked)))
        moving = [(*arrays, cell.words) for arrays, cell in zip(stacked, cells, strict=True)]
        walk = Walk(self.recipe, program, moving, [cell.place for cell in cells], self.store, chunk.name)
        return jax.device_get(walk.to(steps))


def out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that a device's memory is exhausted."""
    return isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)
