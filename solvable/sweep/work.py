"""One chunk of a sweep, from cells to results: draw, stack, run, and keep what fails apart."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax
import numpy as np

from solvable.method import STRIDE, AbstractResumable
from solvable.solve import check_types, solve
from solvable.sweep.layout import Chunk
from solvable.sweep.lowering import Group, lower, pad
from solvable.sweep.programs import Program, padded_records, program_for
from solvable.sweep.recipe import Recipe, error_text
from solvable.sweep.store import Damaged, Store, pack, put, read_arrays

FAILED = -1  # the result code of a cell that raised
FIRST_WORK = 1 << 28  # modes x steps x runs of a tile's first segment
SEGMENT_SECONDS = 5.0  # later segments take about this long: what an interruption waits for
SAVE_SECONDS = 30.0  # between two checkpoints of a long run


@dataclass
class Outcome:
    """Results of a chunk: arrays with a leading axis of its cells.

    Attributes:
        risk, stderr: shape (cells, records), NaN where a cell failed.
        result: result codes, `FAILED` where a cell raised.
        steps: the recorded steps of the chunk's cells.
        errors: traceback of each cell that failed, by its place in the chunk.
        seconds: wall time.
    """

    risk: np.ndarray
    stderr: np.ndarray
    result: np.ndarray
    steps: np.ndarray
    errors: dict[int, str] = field(default_factory=dict)
    seconds: float = 0.0

    def arrays(self) -> dict[str, np.ndarray]:
        """As arrays for a file; the tracebacks as one text each."""
        places = np.asarray(sorted(self.errors), np.int64)
        texts = np.asarray([self.errors[int(i)] for i in places], dtype=np.str_) if len(places) else np.zeros(0, "<U1")
        numbers = {"risk": self.risk, "stderr": self.stderr, "result": self.result, "steps": self.steps}
        return {**numbers, "failed": places, "errors": texts, "seconds": np.asarray(self.seconds)}

    @classmethod
    def of(cls, arrays: dict[str, np.ndarray]) -> "Outcome":
        """From the arrays of a file."""
        errors = {int(i): str(t) for i, t in zip(arrays["failed"], arrays["errors"], strict=True)}
        numbers = {name: arrays[name] for name in ("risk", "stderr", "result", "steps")}
        return cls(**numbers, errors=errors, seconds=float(arrays["seconds"]))


@dataclass(frozen=True)
class Cell:
    """One cell ready to be stacked: its place in the chunk, its lowered arrays, algorithm arrays and key words."""

    place: int
    arrays: tuple[np.ndarray, ...]
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
        setting = self.recipe.setting(chunk.cells[0])
        out = before or self._empty(len(chunk.cells), setting.steps)
        places = range(len(chunk.cells)) if only is None else only
        for place in places:
            out.errors.pop(place, None)
        if chunk.group.view == "model":
            self._one_by_one(chunk, places, out)
        else:
            ready = [cell for place in places if (cell := self._prepare(chunk, place, out)) is not None]
            if ready:
                size = program_for(self.recipe, setting, chunk.group, self.devices).size
                for start in range(0, len(ready), size):
                    self._attempt(chunk, chunk.group, ready[start : start + size], out)
        out.seconds += time.perf_counter() - started
        return out

    def _empty(self, count: int, steps: np.ndarray) -> Outcome:
        precise = self.recipe.x64 or self.recipe.method.in_float64
        nothing = np.full((count, len(steps)), np.nan, np.float64 if precise else np.float32)
        return Outcome(nothing, nothing.copy(), np.full(count, FAILED, np.int8), steps)

    def _fail(self, place: int, error: Exception, out: Outcome) -> None:
        if self.on_error == "raise":
            raise error
        out.errors[place] = error_text(error)
        out.risk[place], out.stderr[place], out.result[place] = np.nan, np.nan, FAILED

    def _prepare(self, chunk: Chunk, place: int, out: Outcome) -> Cell | None:
        recipe, index = self.recipe, chunk.cells[place]
        try:
            setting = recipe.setting(index)
            problem = recipe.problem(index)
            check_types(problem, setting.algorithm, recipe.method)
            if isinstance(recipe.method, AbstractResumable) and setting.steps[-1] >= 2**31 - 1:
                raise ValueError(f"steps: a simulation needs 0 <= step < 2^31 - 1; got {setting.steps[-1]}")
            arrays = pad(lower(problem, chunk.group.view), chunk.group.modes)
            return Cell(place, arrays, setting.algorithm, recipe.words(index))
        except Exception as error:
            self._fail(place, error, out)
            return None

    def _one_by_one(self, chunk: Chunk, places: Any, out: Outcome) -> None:
        for place in places:
            index = chunk.cells[place]
            try:
                setting = self.recipe.setting(index)
                key = None if self.recipe.key is None else self.recipe.run_key(index)
                with jax.default_device(self.devices[0]):
                    problem = self.recipe.problem(index)
                    steps = None if self.recipe.stepless else setting.steps
                    curve = solve(problem, setting.algorithm, self.recipe.method, steps, key=key)
                self._take(out, [place], (curve.risk[None], curve.stderr[None], np.asarray(curve.result)[None]))
            except Exception as error:
                self._fail(place, error, out)

    def _take(self, out: Outcome, places: list[int], results: Any) -> None:
        risk, stderr, result = (np.asarray(x)[: len(places)] for x in results)
        records = len(out.steps)
        out.risk[places], out.stderr[places], out.result[places] = risk[:, :records], stderr[:, :records], result

    def _attempt(self, chunk: Chunk, group: Group, cells: list[Cell], out: Outcome) -> None:
        """Run cells together; where that fails, with fewer lanes if memory ran out, and else one by one."""
        setting = self.recipe.setting(chunk.cells[cells[0].place])
        try:
            program = program_for(self.recipe, setting, group, self.devices)
            self._take(out, [cell.place for cell in cells], self._call(program, chunk, cells, out.steps))
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

    def _call(self, program: Program, chunk: Chunk, cells: list[Cell], steps: np.ndarray) -> list[np.ndarray]:
        arrays = tuple(np.stack(x) for x in zip(*(cell.arrays for cell in cells), strict=True))
        leaves = tuple(np.stack(x) for x in zip(*(program.template.arrays(c.algorithm) for c in cells), strict=True))
        if isinstance(self.recipe.method, AbstractResumable):
            words = np.stack([cell.words for cell in cells])
            path = None if self.store is None else self.store.checkpoint(chunk.name, cells[0].place)
            walk = Walk(self.recipe, program, (arrays, leaves, words), path)
            results = program.each(program.finish, [(progress,) for progress in walk.to(steps)])
        else:
            results = program.each(program.curves, program.tiles(arrays, leaves))
        return [np.concatenate(x) for x in zip(*jax.device_get(results), strict=True)]


class Walk:
    """The way of one tile per device through its steps, in segments, with checkpoints if it takes long."""

    def __init__(self, recipe: Recipe, program: Program, cells: tuple[Any, Any, np.ndarray], path: Path | None):
        self.program, self.tiles, self.path, self.key = program, program.tiles(*cells), path, recipe.key_data
        self.count, self.runs = len(cells[-1]), getattr(recipe.method, "num_runs", 1)

    def to(self, steps: np.ndarray) -> list[Any]:
        """The progress of each tile after the last step."""
        program, last = self.program, int(steps[-1])
        records = padded_records(steps, program.group.records)
        progress = program.each(program.begin, [(arrays, leaves) for arrays, leaves, _ in self.tiles], records)
        since, progress = self._resume(progress)
        numbers = program.group.modes * program.group.lanes * self.runs
        segment = max(FIRST_WORK // numbers // STRIDE * STRIDE, STRIDE)
        saved = time.perf_counter()
        while since < last:
            until, started = min(last, since + segment), time.perf_counter()
            moving = [(*tile, now) for tile, now in zip(self.tiles, progress, strict=True)]
            common = (records, self.key, np.int32(since), np.int32(until))
            progress = jax.block_until_ready(program.each(program.advance, moving, *common))
            now, since = time.perf_counter(), until
            if now - started < SEGMENT_SECONDS / 2:
                segment *= 2
            elif now - started > 2 * SEGMENT_SECONDS:
                segment = max(segment // 2 // STRIDE * STRIDE, STRIDE)
            if self.path is not None and since < last and now - saved > SAVE_SECONDS:
                self._save(self.path, progress, since)
                saved = now
        return progress

    def _save(self, path: Path, progress: list[Any], since: int) -> None:
        parts = zip(*(jax.tree.leaves(tile) for tile in jax.device_get(progress)), strict=True)
        leaves = {f"leaf{i:04d}": np.concatenate(part)[: self.count] for i, part in enumerate(parts)}
        put(path, pack({"since": np.asarray(since), **leaves}))

    def _resume(self, progress: list[Any]) -> tuple[int, list[Any]]:
        """The last checkpoint, or the start."""
        if self.path is None:
            return 0, progress
        try:
            saved = read_arrays(self.path)
        except (FileNotFoundError, Damaged):
            return 0, progress
        leaves, tree = jax.tree.flatten(progress[0])
        loaded = [saved[name] for name in sorted(saved) if name != "since"]
        if [x.shape[1:] for x in loaded] != [x.shape[1:] for x in leaves] or len(loaded[0]) != self.count:
            return 0, progress  # of a call that was cut otherwise, on another number of devices
        return int(saved["since"]), [part for (part,) in self.program.tiles(jax.tree.unflatten(tree, loaded))]


def out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that a device's memory is exhausted."""
    return isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)
