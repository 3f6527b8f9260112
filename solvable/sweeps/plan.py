"""The plan of a sweep: its cells in chunks, what it will compile, compute and store, before anything is run."""

from collections.abc import Callable
from dataclasses import dataclass, field

import jax
import numpy as np
from jax.sharding import Mesh

from solvable.io.hashing import sha
from solvable.sweeps.cells import Recipe, Setting
from solvable.sweeps.cost import (
    Devices,
    cell_bytes,
    cell_flops,
    chunk_size,
    free_memory,
    size_text,
    stored_bytes,
    total_memory,
)
from solvable.sweeps.groups import Group, Grouping
from solvable.sweeps.identity import identity, method_text, versions


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
        compilations: programs to compile: one a group.
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
            method_text(self.recipe.method),
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
        ValueError: no cell can be built (the first error is its cause), or one cannot fit into memory.
    """
    grouping = Grouping(recipe, devices[0].platform)
    members: dict[Group, list[int]] = {}
    failures: dict[int, str] = {}
    groups: dict[Setting, Group] = {}
    for index in range(recipe.count):
        setting = recipe.setting(index)
        if setting.error is None and setting not in groups:
            try:
                groups[setting] = grouping.of(index)
            except Exception as error:
                setting.fail(error)
        if setting.error is not None:
            failures[index] = setting.text
        else:
            members.setdefault(groups[setting], []).append(index)
    if not members:
        error = recipe.setting(0).error
        raise ValueError(f"build: wanted cells; got an error for every one of them, the first: {error}") from error
    free = free_memory(devices[0]) if common is None else common(free_memory(devices[0]))
    for group, cells in members.items():
        _check_memory(recipe, grouping, group, cells, total_memory(devices[0]))
    chunks = tuple(c for g, cells in members.items() for c in _chunks(recipe, g, cells, free, chunk, devices))
    return _measure(recipe, chunks, failures, devices[0].platform, free)


def _check_memory(recipe: Recipe, grouping: Grouping, group: Group, cells: list[int], total: int) -> None:
    """Raise a ValueError if one cell, or the largest array of its draw, is larger than the memory."""
    for index in cells:
        needed = max(cell_bytes(recipe, group), grouping.largest_drawn(index))
        if needed > total:
            raise ValueError(
                f"memory: wanted cells of at most {size_text(total)}; the one of {recipe.values(index)} needs at least "
                f"{size_text(needed)}"
            )


def _measure(recipe: Recipe, chunks: tuple[Chunk, ...], failures: dict[int, str], platform: str, free: int) -> Plan:
    flops = stored = tile = 0
    for c in chunks:
        setting, group = recipe.setting(c.cells[0]), c.group
        flops += len(c.cells) * cell_flops(recipe, setting, group)
        stored += len(c.cells) * stored_bytes(recipe, setting)
        tile = max(tile, group.lanes * cell_bytes(recipe, group))
    programs = len({c.group for c in chunks})
    return Plan(recipe, chunks, failures, platform, free, recipe.count, programs, float(flops), stored, tile)


def _chunks(
    recipe: Recipe, group: Group, cells: list[int], free: int, wanted: int | None, devices: Devices
) -> list[Chunk]:
    """Cells of the same steps, those that share a draw side by side, cut into whole numbers of tiles."""
    def place(i: int) -> tuple[str, int, int]:
        seed = recipe.seed(i)
        return recipe.setting(i).law, -1 if seed is None else seed, i

    tiles, chunks = len(devices) * group.lanes, []
    for same in _of_same_steps(recipe, cells):
        same = sorted(same, key=place)
        size = wanted or chunk_size(recipe, group, int(recipe.setting(same[0]).steps[-1]), free)
        size = -(-size // tiles) * tiles if wanted is None else size
        parts = [tuple(same[start : start + size]) for start in range(0, len(same), size)]
        chunks += [Chunk(chunk_name(recipe, group, part, devices[0].platform), part, group) for part in parts]
    return chunks


def _of_same_steps(recipe: Recipe, cells: list[int]) -> list[list[int]]:
    parts: dict[bytes, list[int]] = {}
    for index in cells:
        parts.setdefault(recipe.setting(index).steps.tobytes(), []).append(index)
    return list(parts.values())


def chunk_name(recipe: Recipe, group: Group, cells: tuple[int, ...], platform: str) -> str:
    """The name of a chunk: a hash of everything its results depend on."""
    return sha(identity(recipe, platform), versions(), group.numbers(), [recipe.content(i) for i in cells])


def local_devices(mesh: Mesh | None) -> Devices:
    """The devices of this process among those of a mesh; one device without a mesh."""
    if mesh is None:
        return (jax.local_devices()[0],)
    if not isinstance(mesh, Mesh):
        raise ValueError(f"mesh: wanted a jax.sharding.Mesh or None; got {mesh!r}")
    devices = tuple(d for d in np.asarray(mesh.devices).flat if d.process_index == jax.process_index())
    if not devices:
        raise ValueError(f"mesh: wanted devices of process {jax.process_index()} among them; got {mesh}")
    return devices
