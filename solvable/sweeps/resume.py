"""A plan and a store: begin one, or go on with it if it is the same sweep."""

from dataclasses import replace

from solvable.sweeps.identity import ChunkEntry, Layout, describe, differences
from solvable.sweeps.layout import Chunk, Plan, chunk_name, shard_description
from solvable.sweeps.lowering import Group
from solvable.sweeps.store import Store


def layout_of(plan: Plan) -> Layout:
    """Chunks and unbuildable cells of a plan, for ``plan.json``."""
    chunks: list[ChunkEntry] = [{"name": c.name, "cells": list(c.cells), "group": list(c.group)} for c in plan.chunks]
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
    chunks = tuple(Chunk(c["name"], tuple(c["cells"]), Group(*c["group"])) for c in found["chunks"])
    chunks += _repaired(plan, chunks, found["failures"], retry_failed)
    _check_contents(plan, chunks, store)
    failures = {int(index): text for index, text in found["failures"].items()}
    covered = {index for c in chunks for index in c.cells}
    adopted = replace(plan, chunks=chunks, failures={i: t for i, t in failures.items() if i not in covered})
    if len(chunks) > len(found["chunks"]):
        store.write_plan({**wanted, **layout_of(adopted)}, replace=True)
    return adopted


def _repaired(plan: Plan, chunks: tuple[Chunk, ...], failures: dict[str, str], retry_failed: bool) -> tuple[Chunk, ...]:
    """New chunks for cells that could not be built before and can be now."""
    if not retry_failed:
        return ()
    before = {int(index) for index in failures}
    parts = [(tuple(i for i in c.cells if i in before), c.group) for c in plan.chunks]
    commons = {g: shard_description(plan.recipe, g, plan.platform) for _, g in parts}
    return tuple(Chunk(chunk_name(plan.recipe, commons[g], cells), cells, g) for cells, g in parts if cells)


def _check_contents(plan: Plan, chunks: tuple[Chunk, ...], store: Store) -> None:
    """Every chunk of the store must be what this process would compute under that name."""
    known = {c.name for c in plan.chunks}
    for c in chunks:
        if c.name in known:
            continue
        broken = [i for i in c.cells if i in plan.failures]
        if broken:
            raise ValueError(
                f"store: wanted what build gave when the sweep began in {store.folder}; now it fails at "
                f"{plan.recipe.values(broken[0])}"
            ) from plan.recipe.setting(broken[0]).error
        if chunk_name(plan.recipe, shard_description(plan.recipe, c.group, plan.platform), c.cells) != c.name:
            raise ValueError(
                f"store: wanted a folder of this sweep; build or steps gave other models, algorithms or steps when "
                f"the sweep began in {store.folder} (in the chunk of {plan.recipe.values(c.cells[0])})"
            )
