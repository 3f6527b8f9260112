"""The compiled part of a sweep: one tile of stacked cells on every device, the same program on each.

A device always runs one tile of a fixed number of cells, whatever the number of devices or of cells, so that the bits
of a cell's result are those of one compiled program.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from solvable.keys import stream
from solvable.sweep.content import digest, sha
from solvable.sweep.lowering import Group, raise_up
from solvable.sweep.recipe import Recipe, Setting

CELLS, SAME = PartitionSpec("cells"), PartitionSpec()  # one share a device, or the same on all
NEVER = np.iinfo(np.int32).max  # pads the steps to record
_PROGRAMS: OrderedDict[str, "Program"] = OrderedDict()
_HELD = 64


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

    Attributes:
        size: number of cells in one call, lanes times devices.
        curves: (arrays, leaves) -> (risk, stderr, result), for a method that does not walk.
        begin: (arrays, leaves, records) -> progress;
        advance: (arrays, leaves, records, words, key data, progress, since, until) -> progress;
        finish: progress -> (risk, stderr, result); for a method that walks.
    """

    def __init__(self, recipe: Recipe, setting: Setting, group: Group, devices: tuple):
        self.method, self.group, self.steps = recipe.method, group, setting.steps
        self.template = Template(setting.algorithm)
        self.x64 = recipe.x64 or recipe.method.in_float64
        self.impl = recipe.key_impl
        self.mesh = Mesh(np.asarray(devices), ("cells",), axis_types=(AxisType.Auto,))
        self.size = group.lanes * len(devices)
        self.curves = self._compile(self._curves, CELLS, CELLS)
        self.begin = self._compile(self._begin, CELLS, CELLS, SAME)
        self.advance = self._compile(self._advance, CELLS, CELLS, SAME, CELLS, SAME, CELLS, SAME, SAME)
        self.finish = self._compile(self._finish, CELLS)

    def _compile(self, function: Callable, *specs: PartitionSpec) -> Callable:
        run = jax.jit(jax.shard_map(function, mesh=self.mesh, in_specs=specs, out_specs=CELLS, check_vma=False))

        def place(x: Any, spec: PartitionSpec) -> Any:
            return x if isinstance(x, jax.Array) else jax.device_put(np.asarray(x), NamedSharding(self.mesh, spec))

        def call(*arguments):
            with jax.enable_x64(self.x64):
                pairs = zip(arguments, specs, strict=True)
                return run(*(jax.tree.map(lambda x, spec=spec: place(x, spec), a) for a, spec in pairs))

        return call

    def _cell(self, arrays, leaves):
        return raise_up(arrays, self.group.view), self.template.rebuild(leaves)

    def _curves(self, arrays, leaves):
        def one(arrays, leaves):
            curve = self.method.curve(*self._cell(arrays, leaves), self.steps, key=None)
            return curve.risk, curve.stderr, curve.result

        return jax.vmap(one)(arrays, leaves)

    def _begin(self, arrays, leaves, records):
        method: Any = self.method
        return jax.vmap(lambda a, b: method.begin(*self._cell(a, b), records))(arrays, leaves)

    def _advance(self, arrays, leaves, records, words, key, progress, since, until):
        method: Any = self.method
        runs = stream(jax.random.wrap_key_data(key, impl=self.impl), "run")

        def one(arrays, leaves, words, progress):
            key = jax.random.fold_in(jax.random.fold_in(runs, words[0]), words[1])
            cell = self._cell(arrays, leaves)
            return method.advance(*cell, records, key, progress, since, until, lanes=self.group.lanes)

        return jax.vmap(one)(arrays, leaves, words, progress)

    def _finish(self, progress):
        method: Any = self.method
        return jax.vmap(method.finish)(progress)


def program_for(recipe: Recipe, setting: Setting, group: Group, devices: tuple) -> Program:
    """The program of a group, made once per process and content."""
    names = [str(device) for device in devices]
    name = sha(digest(recipe.method), names, list(group.program()), recipe.x64, recipe.key_impl)
    if name not in _PROGRAMS:
        while len(_PROGRAMS) >= _HELD:
            _PROGRAMS.popitem(last=False)
        _PROGRAMS[name] = Program(recipe, setting, group, devices)
    _PROGRAMS.move_to_end(name)
    return _PROGRAMS[name]


def padded_records(steps: np.ndarray, records: int) -> np.ndarray:
    """The steps to record, followed by steps that never come; int32."""
    return np.concatenate([steps, np.full(records - len(steps), NEVER)]).astype(np.int32)
