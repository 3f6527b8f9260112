"""The frozen features of one draw over several devices, each of which makes its own."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Float

from solvable.models.ambient import AbstractAmbientDraw

FEATURES = "features"
BLOCK = 128  # features a device draws at a time


def check_mesh(mesh: Any) -> None:
    """Raise unless ``mesh`` is None or a mesh of devices of this process."""
    if mesh is None:
        return
    if not isinstance(mesh, Mesh):
        raise ValueError(f"mesh: wanted a jax.sharding.Mesh or None; got {mesh!r}")
    if any(device.process_index != jax.process_index() for device in mesh.devices.flat):
        raise ValueError("mesh: wanted devices of this process for a simulation; got a mesh over several processes")


def features_over(mesh: Mesh) -> Mesh:
    """The devices of ``mesh`` in one row, whatever its axes are: XLA decides where to communicate."""
    return Mesh(mesh.devices.ravel(), (FEATURES,), axis_types=(AxisType.Auto,))


def share_out(
    draw: AbstractAmbientDraw, dtype: Any, mesh: Mesh
) -> tuple[Float[Array, "ambient coords"], Float[Array, " ambient"], Float[Array, ""], Float[Array, " coords"]]:
    """(F, readout, noise, start) of ``draw``, F and start cut along the features; every device draws its own columns.

    The features are filled up with absent ones, zeros that stay zero, to a multiple of the devices. F is never whole
    anywhere. A device holds its share, ambient * coords / devices numbers, and while it draws the intermediates of
    ``BLOCK`` features, at most 16 bytes an entry.
    """
    devices, (width,) = features_over(mesh), np.shape(draw.start)
    count = devices.size
    each = -(-width // count)
    over = lambda *axes: NamedSharding(devices, PartitionSpec(*axes))  # noqa: E731
    shape, start = (len(draw.readout), each * count), np.pad(np.asarray(draw.start, dtype), (0, each * count - width))
    parts = [_share(draw, device, i * each, each, dtype) for i, device in enumerate(devices.devices)]
    factor = jax.make_array_from_single_device_arrays(shape, over(None, FEATURES), parts)
    readout, noise = (jax.device_put(np.asarray(x, dtype), over()) for x in (draw.readout, draw.noise))
    return factor, readout, noise, jax.device_put(start, over(FEATURES))


def _share(draw: AbstractAmbientDraw, device: Any, first: int, each: int, dtype: Any) -> Float[Array, "ambient each"]:
    """Columns ``first`` to ``first + each`` of F on ``device``."""
    with jax.enable_x64(True):
        draw, index = jax.device_put((draw, np.arange(first, first + each)), device)
        return jax.block_until_ready(_columns(draw, index, dtype))


@eqx.filter_jit
def _columns(draw: AbstractAmbientDraw, index: Any, dtype: Any):
    """Columns ``index`` of F, absent ones zero, made block by block: the float64 intermediates are those of a block."""
    (width,), count = np.shape(draw.start), len(index)
    block = min(BLOCK, count)

    def fill(i, factor):
        first = jnp.minimum(i * block, count - block)  # the last block may overlap the one before
        some = jax.lax.dynamic_slice_in_dim(index, first, block)
        columns = jnp.where(some < width, draw.columns(some), 0.0).astype(dtype)
        return jax.lax.dynamic_update_slice_in_dim(factor, columns, first, axis=1)

    blank = jnp.zeros((len(draw.readout), count), dtype)
    return jax.lax.fori_loop(0, -(-count // block), fill, blank)
