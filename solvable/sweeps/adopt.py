"""A plan and a store: begin one, or go on with it if it is the same sweep."""

from dataclasses import replace

from solvable.sweeps.groups import Grouping
from solvable.sweeps.identity import ChunkEntry, Layout, describe, differences
from solvable.sweeps.plan import Chunk, Plan, chunk_name
from solvable.sweeps.store import Store


def layout_of(plan: Plan) -> Layout:
    """Chunks and unbuildable cells of a plan, for ``plan.json``."""
    chunks: list[ChunkEntry] = [{"name": c.name, "cells": list(c.cells)} for c in plan.chunks]
    build = getattr(plan.recipe.build, "__qualname__", type(plan.recipe.build).__qualname__)
    return {"chunks": chunks, "failures": {str(i): text for i, text in plan.failures.items()}, "build": build}


def adopt(plan: Plan, store: Store, retry_failed: bool = False) -> Plan:
    """The plan with the chunks of the store, which are those of whoever came first.

    Raises:
        ValueError: the store holds another sweep; the message says what differs.
    """
    wanted = describe(plan.recipe, plan.platform)
    found = store.read_plan() or store.write_plan({**wanted, **layout_of(plan)})
    differing = differences(wanted, found)
    if differing:
        raise ValueError(f"store: wanted a folder of this sweep; {store.folder} differs in {'; '.join(differing)}")
    mine = {c.name: c for c in plan.chunks}
    grouping = Grouping(plan.recipe, plan.platform)
    chunks = tuple(mine.get(c["name"]) or _taken_over(plan, grouping, c, store) for c in found["chunks"])
    chunks += _repaired(plan, found["failures"], retry_failed)
    failures = {int(index): text for index, text in found["failures"].items()}
    covered = {index for c in chunks for index in c.cells}
    adopted = replace(plan, chunks=chunks, failures={i: t for i, t in failures.items() if i not in covered})
    if len(chunks) > len(found["chunks"]):
        store.write_plan({**wanted, **layout_of(adopted)}, replace=True)
    return adopted


def _taken_over(plan: Plan, grouping: Grouping, entry: ChunkEntry, store: Store) -> Chunk:
    """A chunk of another division; it must be what this process would compute under that name."""
    recipe, cells = plan.recipe, tuple(entry["cells"])
    for index in cells:
        if index in plan.failures:
            raise ValueError(
                f"store: wanted what build gave when the sweep began in {store.folder}; now it fails at "
                f"{recipe.values(index)}"
            ) from recipe.setting(index).error
    group = grouping.of(cells[0])
    if chunk_name(recipe, group, cells, plan.platform) != entry["name"]:
        raise ValueError(
            f"store: wanted a folder of this sweep; build or steps gave other models, algorithms or steps when "
            f"the sweep began in {store.folder} (in the chunk of {recipe.values(cells[0])})"
        )
    return Chunk(entry["name"], cells, group)


def _repaired(plan: Plan, failures: dict[str, str], retry_failed: bool) -> tuple[Chunk, ...]:
    """New chunks for cells that could not be built before and can be now."""
    if not retry_failed:
        return ()
    before = {int(index) for index in failures}
    parts = [(tuple(i for i in c.cells if i in before), c.group) for c in plan.chunks]
    return tuple(Chunk(chunk_name(plan.recipe, g, cells, plan.platform), cells, g) for cells, g in parts if cells)
