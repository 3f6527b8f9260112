"""One chunk of a sweep, from cells to results: draw, stack, run, and keep what fails apart."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

import jax
import numpy as np

from solvable.method import AbstractResumable
from solvable.sweeps.layout import Chunk
from solvable.sweeps.lowering import Group, lower, pad
from solvable.sweeps.outcome import Outcome, recorded
from solvable.sweeps.programs import Program, program_for
from solvable.sweeps.recipe import Recipe, Setting, error_text
from solvable.sweeps.store import Store
from solvable.sweeps.walk import Walk
from solvable.verbs.solve import check_types, match_or_suggest, solve


@dataclass(frozen=True)
class Cell:
    """One cell ready to run: its place in the chunk, its lowered arrays, algorithm and key words."""

    place: int
    source: Any
    algorithm: Any
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

    def run(self, chunk: Chunk, only: Any = None, before: Outcome | None = None) -> Outcome:
        """The results of a chunk; with ``only``, of these places, the others taken from ``before``."""
        started = time.perf_counter()
        group, precise = chunk.group, self.recipe.x64 or self.recipe.method.in_float64
        steps = self.recipe.setting(chunk.cells[0]).steps
        out = before or Outcome.empty(len(chunk.cells), steps, np.float64 if precise else np.float32)
        places = range(len(chunk.cells)) if only is None else only
        for place in places:
            out.errors.pop(place, None)
        if group.alone and not group.records:
            self._one_by_one(chunk, places, out)
        else:
            # Prepared a call at a time: cells that are alone can be large.
            ready = (cell for place in places if (cell := self._prepare(chunk, place, out)) is not None)
            while cells := list(islice(ready, group.lanes * len(self.devices))):
                self._attempt(chunk, group, cells, out)
        out.seconds += time.perf_counter() - started
        return out

    def _fail(self, place: int, error: Exception, out: Outcome) -> None:
        if self.on_error == "raise":
            raise error
        out.fail(place, error_text(error))

    def _prepare(self, chunk: Chunk, place: int, out: Outcome) -> Cell | None:
        recipe, index = self.recipe, chunk.cells[place]
        try:
            setting = recipe.setting(index)
            problem = recipe.problem(index)
            check_types(problem, setting.algorithm, recipe.method)
            if isinstance(recipe.method, AbstractResumable) and setting.steps[-1] >= 2**31 - 1:
                raise ValueError(f"steps: a simulation needs 0 <= step < 2^31 - 1; got {setting.steps[-1]}")
            source = self._source(problem, setting, chunk.group)
            return Cell(place, source, setting.algorithm, recipe.words(index))
        except Exception as error:
            self._fail(place, error, out)
            return None

    def _source(self, problem: Any, setting: Setting, group: Group) -> Any:
        reading = match_or_suggest(problem, setting.algorithm, self.recipe.method)
        if not group.alone:
            return pad(lower(problem, reading.subject), group.modes)
        method: Any = self.recipe.method
        with jax.default_device(self.devices[0]):
            return method.source(problem.lower(reading.subject), setting.algorithm)

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

    def _attempt(self, chunk: Chunk, group: Group, cells: list[Cell], out: Outcome) -> None:
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

    def _call(self, program: Program, chunk: Chunk, cells: list[Cell], steps: np.ndarray) -> list[dict[str, Any]]:
        """What is recorded of each tile of cells."""
        stacked = [(cell.source, program.template.arrays(cell.algorithm)) for cell in cells]
        if not chunk.group.records:
            return jax.device_get(program.each(program.curves, program.tiles(stacked)))
        path = None if self.store is None else self.store.checkpoint(chunk.name, cells[0].place)
        moving = [(*arrays, cell.words) for arrays, cell in zip(stacked, cells, strict=True)]
        walk = Walk(self.recipe, program, moving, [cell.place for cell in cells], path)
        return jax.device_get(walk.to(steps))


def out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that a device's memory is exhausted."""
    return isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)
