"""The frozen features of one draw over several devices, each of which makes its own."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec, get_abstract_mesh
from jaxtyping import Array, Float

from solvable.arguments import refusal
from solvable.models.ambient import AbstractAmbientDraw

FEATURES = "features"
BLOCK = 128  # features a device draws at a time


def check_mesh(mesh: Any) -> Mesh | None:
    """``mesh``, None or a mesh of devices of this process.

    Raises:
        ValueError: it is neither.
    """
    if mesh is None:
        return None
    if not isinstance(mesh, Mesh):
        raise refusal("mesh", "a jax.sharding.Mesh or None", mesh)
    if any(device.process_index != jax.process_index() for device in mesh.devices.flat):
        raise ValueError("mesh: wanted devices of this process for a simulation; got a mesh over several processes")
    return mesh


def features_over(mesh: Mesh) -> Mesh:
    """The devices of ``mesh`` in one row, whatever its axes are: XLA decides where to communicate."""
    return Mesh(mesh.devices.ravel(), (FEATURES,), axis_types=(AxisType.Auto,))


def share_out(
    draw: AbstractAmbientDraw, dtype: Any, mesh: Mesh
) -> tuple[Float[Array, "ambient coords"], Float[Array, " ambient"], Float[Array, ""], Float[Array, " coords"]]:
    """(F, readout, noise, start) of ``draw``, F and start cut along the features; every device draws its own columns.

    The features are filled up with absent ones, zeros that stay zero, to a multiple of the devices. F is never whole
    anywhere. A device holds its share, ambient * coords / devices numbers, and while it draws the intermediates of
    ``BLOCK`` features, at most 16 bytes an entry. (A problem that holds F as an array has every device see it whole.)

    Raises:
        ValueError: the caller has set a mesh of its own.
    """
    if not get_abstract_mesh().empty:  # the caller's mesh would have to agree with every array here
        raise ValueError("mesh: wanted no jax.set_mesh around a simulation over devices; got one (mesh= is enough)")
    devices, (width,) = features_over(mesh), np.shape(draw.start)
    count = devices.size
    each = -(-width // count)
    over = lambda *axes: NamedSharding(devices, PartitionSpec(*axes))  # noqa: E731
    start = np.pad(np.asarray(draw.start, dtype), (0, each * count - width))
    with jax.enable_x64(True):
        index = jax.device_put(np.arange(each * count), over(FEATURES))
        factor = _columns(jax.device_put(draw, over()), index, dtype, devices)
    readout, noise = (jax.device_put(np.asarray(x, dtype), over()) for x in (draw.readout, draw.noise))
    return factor, readout, noise, jax.device_put(start, over(FEATURES))


@eqx.filter_jit
def _columns(draw: AbstractAmbientDraw, index: Any, dtype: Any, devices: Mesh):
    """Columns ``index`` of F, absent ones zero. Every device makes its own columns without communication."""
    own = lambda draw, some: _own_columns(draw, some, dtype)  # noqa: E731
    cut, specs = PartitionSpec(None, FEATURES), (PartitionSpec(), PartitionSpec(FEATURES))
    return jax.shard_map(own, mesh=devices, in_specs=specs, out_specs=cut, check_vma=False)(draw, index)


def _own_columns(draw: AbstractAmbientDraw, index: Any, dtype: Any):
    """Block by block, so that the float64 intermediates are those of a block."""
    (width,), count = np.shape(draw.start), len(index)
    block = min(BLOCK, count)

    def fill(i, factor):
        first = jnp.minimum(i * block, count - block)  # the last block may overlap the one before
        some = jax.lax.dynamic_slice_in_dim(index, first, block)
        columns = jnp.where(some < width, draw.columns(some), 0.0).astype(dtype)
        return jax.lax.dynamic_update_slice_in_dim(factor, columns, first, axis=1)

    blank = jnp.zeros((len(draw.readout), count), dtype)
    return jax.lax.fori_loop(0, -(-count // block), fill, blank)
