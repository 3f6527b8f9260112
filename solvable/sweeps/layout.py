"""The plan of a sweep: its cells in chunks, what it will compile, compute and store, before anything is run."""

from collections.abc import Callable
from dataclasses import dataclass, field

import jax
import numpy as np
from jax.sharding import Mesh

from solvable.io.hashing import sha
from solvable.sweeps.content import digest
from solvable.sweeps.cost import Devices, cell_bytes, cell_flops, chunk_size, free_memory, size_text, stored_bytes
from solvable.sweeps.identity import identity, versions, words
from solvable.sweeps.lowering import Group, group_of
from solvable.sweeps.recipe import Recipe


@dataclass(frozen=True)
class Chunk:
    """Cells that are computed and stored together.

    Attributes:
        name: hash of everything the results depend on; the name of the file.
        cells: numbers of the cells, in the order of the product of the axes.
        group: what they have in common.
    """

    name: str
    cells: tuple[int, ...]
    group: Group


@dataclass(frozen=True)
class Plan:
    """What a sweep is going to do. ``print(plan)`` says it in words.

    Attributes:
        cells: number of cells.
        chunks: their division; each is one file of a store.
        failures: cells that could not even be built, with their tracebacks.
        compilations: programs to compile: one a group, and for cells that walk alone one a shape.
        flops: floating point operations, an estimate (`solvable.sweeps.cost.cell_flops`).
        stored_bytes: size of all results.
        tile_bytes: device memory of the largest tile in flight.
        free_bytes: free memory of the device when the plan was made.
        platform: ``"cpu"``, ``"gpu"`` or ``"tpu"``.
    """

    recipe: Recipe = field(repr=False)
    chunks: tuple[Chunk, ...] = field(repr=False)
    failures: dict[int, str] = field(repr=False)
    platform: str
    free_bytes: int
    cells: int
    compilations: int
    flops: float
    stored_bytes: int
    tile_bytes: int

    @property
    def groups(self) -> dict[Group, int]:
        """Number of cells of each group."""
        counts: dict[Group, int] = {}
        for chunk in self.chunks:
            counts[chunk.group] = counts.get(chunk.group, 0) + len(chunk.cells)
        return counts

    @property
    def chunk_size(self) -> int:
        """Cells of the largest chunk."""
        return max((len(chunk.cells) for chunk in self.chunks), default=0)

    def as_dict(self) -> dict[str, object]:
        """The numbers of the plan, for JSON."""
        names = ("cells", "compilations", "flops", "stored_bytes", "tile_bytes", "free_bytes", "platform")
        counts = {"chunks": len(self.chunks), "chunk_size": self.chunk_size, "failures": len(self.failures)}
        axes = {axis.dim: len(axis.values) for axis in self.recipe.axes}
        return {**{name: getattr(self, name) for name in names}, **counts, "axes": axes}

    def __str__(self) -> str:
        shape = " x ".join(f"{axis.dim} {len(axis.values)}" for axis in self.recipe.axes)
        free = size_text(self.free_bytes)
        lines = [
            words(self.recipe.method),
            f"cells         {self.cells} ({shape})",
            f"compilations  {self.compilations}",
            f"chunks        {len(self.chunks)} of at most {self.chunk_size} cells",
            f"operations    {self.flops:.2g}",
            f"results       {size_text(self.stored_bytes)}",
            f"memory        {size_text(self.tile_bytes)} in flight, {free} free on this {self.platform}",
        ]
        if self.failures:
            first = next(iter(self.failures.values())).splitlines()[-1]
            lines.append(f"cannot build  {len(self.failures)} cells; the first: {first}")
        lines += ["", "cells   seen as    modes  lanes  chunks"]
        for group, count in self.groups.items():
            number = sum(chunk.group == group for chunk in self.chunks)
            lines.append(f"{count:<7} {group.form:<10} {group.modes or '-':<6} {group.lanes:<6} {number}")
        return "\n".join(lines)


def make_plan(
    recipe: Recipe, devices: Devices, chunk: int | None = None, common: Callable[[int], int] | None = None
) -> Plan:
    """Divide the cells into groups and chunks; ``common`` makes one number of those of several processes.

    Raises:
        ValueError: no cell can be built; the first error is its cause.
    """
    platform, sizes, failures = devices[0].platform, {}, {}
    members: dict[Group, list[int]] = {}
    groups: dict[int, Group] = {}
    for index in range(recipe.count):
        setting = recipe.setting(index)
        if setting.error is None and id(setting) not in groups:
            try:
                groups[id(setting)] = group_of(recipe, index, platform, sizes)
            except Exception as error:
                setting.fail(error)
        if setting.error is not None:
            failures[index] = setting.text
        else:
            members.setdefault(groups[id(setting)], []).append(index)
    if not members:
        error = recipe.setting(0).error
        raise ValueError(f"build: wanted cells; got an error for every one of them, the first: {error}") from error
    free = free_memory(devices[0]) if common is None else common(free_memory(devices[0]))
    chunks = tuple(c for g, cells in members.items() for c in _chunks(recipe, g, cells, platform, free, chunk, devices))
    return _measure(recipe, chunks, failures, platform, free)


def _measure(recipe: Recipe, chunks: tuple[Chunk, ...], failures: dict[int, str], platform: str, free: int) -> Plan:
    flops = stored = tile = 0
    for c in chunks:
        setting, group = recipe.setting(c.cells[0]), c.group
        flops += len(c.cells) * cell_flops(recipe, setting, group)
        stored += len(c.cells) * stored_bytes(recipe, setting)
        tile = max(tile, group.lanes * cell_bytes(recipe, group))
    programs = len({c.group.program() for c in chunks})
    return Plan(recipe, chunks, failures, platform, free, recipe.count, programs, float(flops), stored, tile)


def _chunks(
    recipe: Recipe, group: Group, cells: list[int], platform: str, free: int, wanted: int | None, devices: Devices
) -> list[Chunk]:
    """Cells that share a draw side by side, cut into whole numbers of tiles."""
    seeds = {i: recipe.seed(i) for i in cells}
    cells = sorted(cells, key=lambda i: (recipe.setting(i).law, -1 if seeds[i] is None else seeds[i], i))
    tiles = len(devices) * group.lanes
    last = int(recipe.setting(cells[0]).steps[-1])
    size = wanted or chunk_size(recipe, group, last, free)
    size = -(-size // tiles) * tiles if wanted is None else size
    common = shard_description(recipe, group, platform)
    parts = [tuple(cells[start : start + size]) for start in range(0, len(cells), size)]
    return [Chunk(chunk_name(recipe, common, part), part, group) for part in parts]


def shard_description(recipe: Recipe, group: Group, platform: str) -> str:
    """Hash of what the results of a group depend on, besides their cells."""
    return sha(identity(recipe, platform), list(group), versions(), digest(recipe.method))


def chunk_name(recipe: Recipe, common: str, cells: tuple[int, ...]) -> str:
    """The name of a chunk: a hash of its content's description."""
    return sha(common, [recipe.content(i) for i in cells])


def local_devices(mesh: Mesh | None) -> Devices:
    """The devices of this process among those of a mesh; one device without a mesh."""
    if mesh is None:
        return (jax.local_devices()[0],)
    devices = tuple(d for d in np.asarray(mesh.devices).flat if d.process_index == jax.process_index())
    if not devices:
        raise ValueError(f"mesh: wanted devices of process {jax.process_index()} among them; got {mesh}")
    return devices
