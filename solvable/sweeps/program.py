"""The compiled part of a sweep: one tile of stacked cells on every device, the same program on each.

A device always runs one tile of a fixed number of cells, whatever the number of devices or of cells, so that the bits
of a cell's result are those of one compiled program. A cell that cannot be stacked is a tile by itself, and its
program is compiled once for every shape it has. It is a program of one device, sent to each of them: nothing is
communicated, so nothing is gained from one program that spans them.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from solvable.io.fingerprint import fingerprint
from solvable.io.hashing import sha
from solvable.keys import stream
from solvable.sweeps.cells import Recipe, Setting
from solvable.sweeps.groups import Group
from solvable.sweeps.identity import numeric_settings
from solvable.sweeps.outcome import recorded

NEVER = np.iinfo(np.int32).max  # pads the steps to record
_PROGRAMS: OrderedDict[str, "Program"] = OrderedDict()
_HELD = 64
_LOCK = threading.Lock()


class Template:
    """An algorithm taken apart: its arrays, to be stacked, and the rest, common to a group."""

    def __init__(self, algorithm: Any):
        self.leaves, self.treedef = jax.tree.flatten(algorithm)
        self.moving = [isinstance(x, jax.Array | np.ndarray | np.generic) for x in self.leaves]

    def arrays(self, algorithm: Any) -> tuple[np.ndarray, ...]:
        """The arrays of an algorithm of the same structure."""
        leaves = jax.tree.leaves(algorithm)
        return tuple(np.asarray(x) for x, moves in zip(leaves, self.moving, strict=True) if moves)

    def rebuild(self, arrays: tuple[Any, ...]) -> Any:
        """The algorithm with other arrays."""
        values = iter(arrays)
        leaves = [next(values) if moves else x for x, moves in zip(self.leaves, self.moving, strict=True)]
        return jax.tree.unflatten(self.treedef, leaves)


class Program:
    """One tile per device of the cells of one group.

    A tile is a tree of arrays (source, leaves of the algorithm, key words): with a leading axis of ``lanes`` cells
    where cells are stacked, and without it where a tile is one cell as it is. The source is a padded form, or, of a
    cell that is not stacked, what the method's own ``source`` gives. Results have the leading axis.

    Attributes:
        curves: (source, leaves) -> `recorded`, for a method that does not walk.
        begin: (source, leaves, records) -> progress, for a method that walks;
        advance: (source, leaves, words, progress, records, key data, since, until) -> progress;
        finish: (progress, records) -> `recorded`.
    """

    def __init__(self, recipe: Recipe, setting: Setting, group: Group, devices: tuple):
        self.method, self.group, self.steps, self.devices = recipe.method, group, setting.steps, devices
        self.template = Template(setting.algorithm)
        self.x64 = recipe.x64 or recipe.method.in_float64
        self.impl = recipe.key_impl
        # Virtual devices of one processor share its threads, and can starve each other for ever.
        self.in_turn = len(devices) > 1 and devices[0].platform == "cpu"
        self.curves, self.begin = jax.jit(self._curves), jax.jit(self._begin)
        self.advance, self.finish = jax.jit(self._advance), jax.jit(self._finish)

    def tiles(self, cells: list[Any]) -> list[Any]:
        """Cells cut into tiles, the last one filled up with its last cell, each on its device."""
        lanes = self.group.lanes
        parts = [cells[start : start + lanes] for start in range(0, len(cells), lanes)]
        parts[-1] = parts[-1] + parts[-1][-1:] * (lanes - len(parts[-1]))
        with jax.enable_x64(self.x64):
            pairs = zip(parts, self.devices, strict=False)
            return [jax.device_put(self._joined(part), device) for part, device in pairs]

    def each(self, function: Callable, tiles: list[Any], *common: Any) -> list[Any]:
        """``function(*tile, *common)`` on every tile, each on the device of its tile."""
        results = []
        with jax.enable_x64(self.x64):
            for tile in tiles:
                results.append(function(*tile, *common))
                if self.in_turn:
                    jax.block_until_ready(results[-1])
        return results

    def _joined(self, cells: list[Any]) -> Any:
        return cells[0] if not self.group.stacked else jax.tree.map(lambda *leaves: np.stack(leaves), *cells)

    def _over_lanes(self, function: Callable, *stacked: Any) -> Any:
        return jax.vmap(function)(*stacked) if self.group.stacked else function(*stacked)

    def _source(self, source, algorithm):
        """What a method that walks sees of one cell."""
        method: Any = self.method
        return method.source(source, algorithm) if self.group.stacked else source

    def _curves(self, form, leaves):
        def one(form, leaves):
            return recorded(self.method.curve(form, self.template.rebuild(leaves), self.steps, key=None))

        return self._over_lanes(one, form, leaves)

    def _begin(self, source, leaves, records):
        method: Any = self.method

        def one(source, leaves):
            algorithm = self.template.rebuild(leaves)
            return method.begin(self._source(source, algorithm), algorithm, records)

        return self._over_lanes(one, source, leaves)

    def _advance(self, source, leaves, words, progress, records, key, since, until):
        method: Any = self.method
        runs = stream(jax.random.wrap_key_data(key, impl=self.impl), "run")

        def one(source, leaves, words, progress):
            key = jax.random.fold_in(jax.random.fold_in(runs, words[0]), words[1])
            algorithm = self.template.rebuild(leaves)
            source = self._source(source, algorithm)
            return method.advance(source, algorithm, records, key, progress, since, until, lanes=self.group.lanes)

        return self._over_lanes(one, source, leaves, words, progress)

    def _finish(self, progress, records):
        method: Any = self.method
        found = self._over_lanes(lambda progress: recorded(method.finish(progress, records)), progress)
        return found if self.group.stacked else jax.tree.map(lambda x: x[None], found)


def program_for(recipe: Recipe, setting: Setting, group: Group, devices: tuple) -> Program:
    """The program of a group, made once per process and content.

    Its name covers the code that is compiled: a method that was edited since, in a notebook for instance, is compiled
    anew.
    """
    where = [str(device) for device in devices]
    how = [setting.code, fingerprint(recipe.method), recipe.x64, recipe.key_impl, numeric_settings()]
    steps = group.steps.hex()
    name = sha(where, how, group.numbers(), group.stacked, str(group.fields), group.algorithm, steps)
    with _LOCK:
        if name not in _PROGRAMS:
            while len(_PROGRAMS) >= _HELD:
                _PROGRAMS.popitem(last=False)
            _PROGRAMS[name] = Program(recipe, setting, group, devices)
        _PROGRAMS.move_to_end(name)
        return _PROGRAMS[name]


def padded_records(steps: np.ndarray, records: int) -> np.ndarray:
    """The steps to record, followed by steps that never come; int32."""
    return np.concatenate([steps, np.full(records - len(steps), NEVER)]).astype(np.int32)
