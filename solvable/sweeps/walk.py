"""Long runs: tiles of cells walk through their steps in segments, with checkpoints on the way."""

import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from solvable.method import STRIDE
from solvable.sweeps.attempts import acquit
from solvable.sweeps.cells import Recipe
from solvable.sweeps.program import Program, padded_records
from solvable.sweeps.store import Store

FIRST_WORK = 1 << 28  # modes x steps x runs of a tile's first segment
SEGMENT_SECONDS = 5.0  # later segments take about this long: what an interruption waits for
SAVE_SECONDS = 30.0  # between two checkpoints of a long run


class Walk:
    """The way of one tile per device through its steps, in segments, with checkpoints if it takes long.

    Args:
        recipe: the sweep.
        program: of the cells' group.
        cells: the cells' arrays, as for `Program.tiles`.
        places: their places in the chunk.
        store: where the checkpoints go, if anywhere.
        chunk: the chunk's name.
    """

    def __init__(
        self, recipe: Recipe, program: Program, cells: list[Any], places: list[int], store: Store | None, chunk: str
    ):
        self.program, self.tiles, self.key = program, program.tiles(cells), recipe.key_data
        self.places, self.store, self.chunk = np.asarray(places), store, chunk
        self.part = f"walk{places[0]}"
        self.runs = getattr(recipe.method, "num_runs", 1)

    def to(self, steps: np.ndarray) -> list[Any]:
        """What is recorded of each tile after the last step."""
        program, last = self.program, int(steps[-1])
        records = padded_records(steps, program.group.records)
        progress = program.each(program.begin, [(source, leaves) for source, leaves, _ in self.tiles], records)
        since, progress = self._resume(progress)
        numbers = max(np.size(x) for x in jax.tree.leaves(self.tiles[0])) * self.runs
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
            if self.store is not None and since < last and now - saved > SAVE_SECONDS:
                self._save(self.store, progress, since)
                saved = now
        return program.each(program.finish, [(now,) for now in progress], records)

    def _save(self, store: Store, progress: list[Any], since: int) -> None:
        leaves = {f"leaf{i:04d}": np.asarray(_plain(x)) for i, x in enumerate(jax.tree.leaves(progress))}
        store.write_partial(self.chunk, self.part, {"since": np.asarray(since), "places": self.places, **leaves})
        acquit(store, self.chunk, f"cell{self.places[0]}-")

    def _resume(self, progress: list[Any]) -> tuple[int, list[Any]]:
        """The last checkpoint, or the start."""
        saved = None if self.store is None else self.store.read_partial(self.chunk, self.part)
        if saved is None:
            return 0, progress
        leaves, tree = jax.tree.flatten(progress)
        loaded = [saved[name] for name in sorted(saved) if name.startswith("leaf")]
        alike = [(x.shape, x.dtype) for x in loaded] == [(_plain(x).shape, _plain(x).dtype) for x in leaves]
        if not (alike and np.array_equal(saved["places"], self.places)):
            return 0, progress  # of a call that was cut otherwise, on another number of devices
        with jax.enable_x64(self.program.x64):
            placed = [_like(new, old) for new, old in zip(loaded, leaves, strict=True)]
        return int(saved["since"]), jax.tree.unflatten(tree, placed)


def _is_key(x: Any) -> bool:
    return jnp.issubdtype(x.dtype, jax.dtypes.prng_key)


def _plain(x: Any) -> Any:
    """An array that a file can hold; an optimizer may keep random keys."""
    return jax.random.key_data(x) if _is_key(x) else x


def _like(new: Any, old: Any) -> Any:
    """What `_plain` made an array of, on its device."""
    if _is_key(old):
        new = jax.random.wrap_key_data(jnp.asarray(new), impl=jax.random.key_impl(old))
    return jax.device_put(new, old.sharding)
