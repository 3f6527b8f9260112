"""Estimates of what a cell takes, operations, memory and disk, and from them the number of cells of a chunk."""

from typing import Protocol

import psutil

from solvable.method import AbstractResumable
from solvable.sweeps.cells import Recipe, Setting
from solvable.sweeps.groups import Group

CHUNK_WORK = 1 << 31  # modes x steps x runs of a chunk: about ten seconds of one core
CHUNK_CELLS = 4096
MEMORY_SHARE = 0.25  # of the free memory, for the cells of one chunk


class Device(Protocol):
    """What is asked of a device of JAX."""

    @property
    def platform(self) -> str:
        """``"cpu"``, ``"gpu"`` or ``"tpu"``."""
        ...

    def memory_stats(self) -> dict[str, int] | None:
        """What the allocator reports, if anything."""


Devices = tuple[Device, ...]


def chunk_size(recipe: Recipe, group: Group, last: int, free: int) -> int:
    """Number of cells of a chunk: about ten seconds of one core's work, and at most a quarter of the free memory."""
    runs = getattr(recipe.method, "num_runs", 1)
    walked = max(last, 1) if isinstance(recipe.method, AbstractResumable) else 1000
    work = CHUNK_WORK // (max(group.modes, 64) * runs * walked)
    held = int(MEMORY_SHARE * free) // cell_bytes(recipe, group)
    return max(1, min(work, held, CHUNK_CELLS))


def cell_flops(recipe: Recipe, setting: Setting, group: Group) -> float:
    """Operations of one cell.

    A method that walks: 60 for every mode, step and run: 40 for the normal number (20 rounds of the cipher serve two),
    the rest for gradient and update. A theory: 1000 for every mode and record.
    """
    last = max(int(setting.steps[-1]), 1)
    modes = group.modes or 256
    runs = getattr(recipe.method, "num_runs", 1)
    if recipe.method.in_float64:
        return 1000.0 * modes * len(setting.steps)
    return 60.0 * modes * last * runs


def stored_bytes(recipe: Recipe, setting: Setting) -> int:
    """Bytes of one cell's results: risk and standard error at every record, for finite data also in training."""
    curves = 2 if setting.model.samples is None else 4
    return curves * len(setting.steps) * (8 if recipe.x64 or recipe.method.in_float64 else 4)


def cell_bytes(recipe: Recipe, group: Group) -> int:
    """Bytes on the device for one cell: its modes, a few copies per run, and the curves of its runs."""
    number = 8 if recipe.x64 or recipe.method.in_float64 else 4
    runs = getattr(recipe.method, "num_runs", 1)
    return number * (group.modes * (8 + 8 * runs) + (group.records or 128) * (runs + 2)) + 1024


def free_memory(device: Device) -> int:
    """Bytes a device has to spare: what its allocator reports, or the machine's available memory."""
    stats = device.memory_stats()
    if stats and "bytes_limit" in stats:
        return int(stats["bytes_limit"] - stats.get("bytes_in_use", 0))
    return psutil.virtual_memory().available


def total_memory(device: Device) -> int:
    """Bytes a device has at all."""
    stats = device.memory_stats()
    return int(stats["bytes_limit"]) if stats and "bytes_limit" in stats else psutil.virtual_memory().total


def size_text(count: float) -> str:
    """Bytes in a unit that fits."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"
