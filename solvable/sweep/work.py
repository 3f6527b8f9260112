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

    def _take(self, out: Outcome, places: list[int], results: tuple) -> None:
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

    def _call(self, program: Program, chunk: Chunk, cells: list[Cell], steps: np.ndarray) -> tuple:
        full = cells + cells[-1:] * (program.size - len(cells))
        arrays = tuple(np.stack(x) for x in zip(*(cell.arrays for cell in full), strict=True))
        algorithms = tuple(np.stack(x) for x in zip(*(program.template.arrays(c.algorithm) for c in full), strict=True))
        if not isinstance(self.recipe.method, AbstractResumable):
            return jax.device_get(program.curves(arrays, algorithms))
        walk = Walk(self, program, chunk, cells, (arrays, algorithms), np.stack([cell.words for cell in full]))
        return jax.device_get(program.finish(walk.to(steps)))


class Walk:
    """A tile's way through its steps, in segments, with checkpoints if it takes long."""

    def __init__(self, worker: Worker, program: Program, chunk: Chunk, cells: list[Cell], cell_arrays: tuple, words):
        self.program, self.cell_arrays, self.words = program, cell_arrays, words
        self.key = worker.recipe.key_data
        self.count, self.runs = len(cells), getattr(worker.recipe.method, "num_runs", 1)
        self.path = None if worker.store is None else worker.store.checkpoint(chunk.name, cells[0].place)

    def to(self, steps: np.ndarray) -> Any:
        """The progress after the last step."""
        records, last = padded_records(steps, self.program.group.records), int(steps[-1])
        progress = self.program.begin(*self.cell_arrays, records)
        since, progress = self._resume(progress)
        numbers = self.program.group.modes * self.program.group.lanes * self.runs
        segment = max(FIRST_WORK // numbers // STRIDE * STRIDE, STRIDE)
        saved = time.perf_counter()
        while since < last:
            until, started = min(last, since + segment), time.perf_counter()
            arguments = (records, self.words, self.key, progress, np.int32(since), np.int32(until))
            progress = jax.block_until_ready(self.program.advance(*self.cell_arrays, *arguments))
            now, since = time.perf_counter(), until
            if now - started < SEGMENT_SECONDS / 2:
                segment *= 2
            elif now - started > 2 * SEGMENT_SECONDS:
                segment = max(segment // 2 // STRIDE * STRIDE, STRIDE)
            if self.path is not None and since < last and now - saved > SAVE_SECONDS:
                self._save(self.path, progress, since)
                saved = now
        return progress

    def _save(self, path: Path, progress: Any, since: int) -> None:
        leaves = [np.asarray(x)[: self.count] for x in jax.tree.leaves(progress)]
        put(path, pack({"since": np.asarray(since), **{f"leaf{i:04d}": x for i, x in enumerate(leaves)}}))

    def _resume(self, progress: Any) -> tuple[int, Any]:
        """The last checkpoint, or the start."""
        if self.path is None:
            return 0, progress
        try:
            saved = read_arrays(self.path)
        except (FileNotFoundError, Damaged):
            return 0, progress
        leaves, tree = jax.tree.flatten(progress)
        loaded = [saved[name] for name in sorted(saved) if name != "since"]
        if [x.shape[1:] for x in loaded] != [x.shape[1:] for x in leaves] or len(loaded[0]) != self.count:
            return 0, progress
        full = [np.concatenate([x, np.repeat(x[-1:], len(y) - len(x), 0)]) for x, y in zip(loaded, leaves, strict=True)]
        return int(saved["since"]), jax.tree.unflatten(tree, full)


def out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that a device's memory is exhausted."""
    return isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)
