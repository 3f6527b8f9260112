"""Inputs given as a list of modes that power laws continue: any spectrum, measured or bent or cut."""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Array, Float

from solvable.arrays import is_concrete
from solvable.numerics.complex_numbers import reciprocal
from solvable.numerics.grouping import map_in_groups
from solvable.numerics.inputs import AbstractInputs, Rest
from solvable.numerics.merged_modes import Merged
from solvable.numerics.mode_sums import CUT, rest_modes, stretch_nodes
from solvable.numerics.power_sums import HEAD
from solvable.numerics.tail_sums import stretch_power, stretch_sum_and_slope

HELD = 1 << 22  # complex numbers of one array held at a time, modes times points


class Stretch(eqx.Module):
    """Modes start < j <= stop with D_j = eigval x^{-2 alpha} and p_j = power x^{-2 alpha - 2 beta}, x = j / anchor."""

    alpha: Float[Array, ""]
    beta: Float[Array, ""]
    eigval: Float[Array, ""]
    power: Float[Array, ""]
    anchor: int = eqx.field(static=True)
    start: int = eqx.field(static=True)
    stop: float = eqx.field(static=True)

    def at(self, index: Any) -> tuple[Any, Any]:
        """(D_j, p_j), whether or not j is in the stretch."""
        x = index / self.anchor
        return self.eigval * x ** (-2 * self.alpha), self.power * x ** (-2 * self.alpha - 2 * self.beta)

    def after(self, start: int) -> "Stretch":
        """What is left of it beyond an index."""
        start = max(start, self.start)
        return Stretch(self.alpha, self.beta, self.eigval, self.power, self.anchor, start, self.stop)

    def sums(self, w, target: bool):
        """S(w), w dS/dw and, if asked, R(w) of these modes alone."""
        p = jnp.stack([jnp.zeros_like(self.beta), 2 * self.beta]) if target else jnp.zeros(1)
        p = p.reshape(-1, *(1,) * jnp.ndim(w))
        ends = self.start, self.stop, self.anchor
        total, slope = stretch_sum_and_slope(p, w / self.eigval, self.alpha, *ends)
        return total[0], slope[0], *(self.power / self.eigval * total[1:])

    def total(self, eigvals: int, powers: int) -> Float[Array, ""]:
        """sum D^eigvals p^powers."""
        p = 2 * self.alpha * (eigvals + powers) + 2 * self.beta * powers
        return self.eigval**eigvals * self.power**powers * stretch_power(p, self.start, self.stop, self.anchor)

    def nodes(self):
        """(eigenvalues, mass, power) of nodes."""
        index, mass = (jnp.asarray(x) for x in stretch_nodes(self.start, self.stop))
        eigvals, power = self.at(index)
        found = [(eigvals, mass, mass * power)]
        if math.isinf(self.stop):
            unit = self.at(2.0**CUT)
            eigvals, mass, power = rest_modes(2 * self.alpha, 2 * self.alpha + 2 * self.beta, 2.0**CUT)
            found.append((unit[0] * eigvals, mass, unit[1] * power))
        eigvals, mass, power = (jnp.concatenate(x) for x in zip(*found, strict=True))
        return eigvals, mass, power


def _plain_sums(target: bool, eigvals, power, w):
    ratio = w[..., None] / eigvals
    share = reciprocal(1 + ratio)
    found = share.sum(-1), -(ratio * share * share).sum(-1)
    return (*found, share @ (power / eigvals)) if target else found


def _node_sums(target: bool, nodes: Merged, w):
    ratio = w[..., None] / nodes.eigvals
    share = reciprocal(1 + ratio)
    found = share @ nodes.mass, -(ratio * share * share) @ nodes.mass
    if not target:
        return found
    return *found, reciprocal(1 + w[..., None] / nodes.places) @ (nodes.power / nodes.places)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def list_sums(target: bool, eigvals, power, merged: Merged | None, w):
    """S(w), w dS/dw and, if asked, R(w) of a list; by the nodes that stand for it, if there are any.

    Derivatives in the list are those of the plain sums.
    """
    return _plain_sums(target, eigvals, power, w) if merged is None else _node_sums(target, merged, w)


def _list_sums_rule(target: bool, primals, tangents):
    (eigvals, power, merged, w), (d_eigvals, d_power, _, d_w) = primals, tangents
    changes = []
    if not isinstance(d_w, SymbolicZero):
        of_w = partial(_plain_sums, target, eigvals, power) if merged is None else partial(_node_sums, target, merged)
        changes.append(jax.jvp(of_w, (w,), (d_w,))[1])
    if not (isinstance(d_eigvals, SymbolicZero) and isinstance(d_power, SymbolicZero)):
        moved = tuple(jnp.zeros_like(x) if isinstance(d, SymbolicZero) else d
                      for x, d in ((eigvals, d_eigvals), (power, d_power)))  # fmt: skip
        changes.append(jax.jvp(lambda a, b: _plain_sums(target, a, b, w), (eigvals, power), moved)[1])
    return list_sums(target, *primals), tuple(sum(x) for x in zip(*changes, strict=True))


list_sums.defjvp(_list_sums_rule, symbolic_zeros=True)


class ListedInputs(AbstractInputs):
    """Modes 1 .. n of a list, n >= HEAD where stretches of power laws follow it.

    Attributes:
        unit: D_1 in units of the inputs.
        eigvals: D_j / D_1 of the list; shape (modes,).
        power: p_j of the list; shape (modes,).
        stretches: what continues it.
        merged: nodes that stand for a long list.
    """

    unit: Float[Array, ""]
    eigvals: Float[Array, " modes"]
    power: Float[Array, " modes"]
    stretches: tuple[Stretch, ...]
    merged: Merged | None

    @property
    def count(self):
        return jnp.asarray(float(self.stretches[-1].stop if self.stretches else len(self.eigvals)))

    @property
    def scale(self):
        return self.unit

    @property
    def second(self):
        return self.eigvals[1]

    def _sums(self, w, target: bool):
        over_list = lambda w: list_sums(target, self.eigvals, self.power, self.merged, w)  # noqa: E731
        w = jnp.asarray(w, complex)
        size = len(self.eigvals if self.merged is None else self.merged.eigvals)
        flat = map_in_groups(over_list, w.reshape(-1), max(1, HELD // size))
        totals = [x.reshape(w.shape) for x in flat]
        for stretch in self.stretches:
            totals = [a + b for a, b in zip(totals, stretch.sums(w, target), strict=True)]
        return tuple(totals)

    def sums(self, w):
        total, slope = self._sums(w, target=False)
        return total, slope

    def all_sums(self, w):
        return self._sums(w, target=True)

    def moments(self):
        trace, square = ((self.eigvals**n).sum() + sum(s.total(n, 0) for s in self.stretches) for n in (1, 2))
        return jnp.asarray(trace), jnp.asarray(square)

    def ridge_bracket(self, width, trace):
        # The first n modes alone give S(w) >= n D_n / (D_n + w), so that kappa >= D_n (n / width - 1) for every n.
        d = jnp.asarray(width)[..., None]
        counts, places = jnp.arange(1.0, len(self.eigvals) + 1) + 0 * d, self.eigvals + 0 * d
        for stretch in self.stretches:
            ends = [jnp.clip(2 * d + 2, stretch.start, stretch.stop)]
            ends += [] if math.isinf(stretch.stop) else [stretch.stop + 0 * d]
            counts = jnp.concatenate([counts, *ends], -1)
            places = jnp.concatenate([places, *(stretch.at(n)[0] for n in ends)], -1)
        more = counts > d
        low = jnp.where(more, jnp.log(places) + jnp.log(jnp.where(more, counts / d - 1, 1.0)), -jnp.inf).max(-1)
        high = jnp.log(trace / d[..., 0])
        return jnp.where(jnp.isfinite(low), low, high - 60.0), high

    def depth(self, width):
        place = jnp.clip(jnp.ceil(width) - 1, 0, len(self.eigvals) - 1).astype(int)
        found = self.eigvals[place]
        for stretch in self.stretches:
            found = jnp.where(width > stretch.start, stretch.at(jnp.minimum(width, stretch.stop))[0], found)
        return -jnp.log(found)

    def coordinates(self, count):
        parts = [(self.eigvals[:count], self.power[:count])]
        parts += [s.at(jnp.arange(s.start + 1.0, min(s.stop, count) + 1)) for s in self.stretches]
        eigvals, power = (jnp.concatenate(x) for x in zip(*parts, strict=True))
        return jnp.sqrt(self.unit * eigvals), jnp.sqrt(power)

    def beyond(self, count):
        eigvals, power = self.eigvals[count:], self.power[count:]
        left = [s.after(count) for s in self.stretches if s.stop > count]
        total = lambda own, n, m: own.sum() + sum(s.total(n, m) for s in left)  # noqa: E731
        u = self.unit
        overlap = u * total(eigvals * power, 1, 1)
        return Rest(u * total(eigvals, 1, 0), u**2 * total(eigvals**2, 2, 0), overlap, total(power, 0, 1))

    def nodes(self):
        one, m = jnp.ones_like(self.eigvals), self.merged
        parts = [(self.eigvals, one, self.power)]
        if m is not None and is_concrete(self.eigvals, self.power):  # else derivatives in the list may be asked for
            parts = [(m.eigvals, m.mass, 0 * m.mass), (m.places, 0 * m.power, m.power)]
        parts += [s.nodes() for s in self.stretches]
        eigvals, mass, power = (jnp.concatenate(x) for x in zip(*parts, strict=True))
        return self.unit * eigvals, mass, power


@jax.jit
def listed_inputs(eigvals, power, tails: Sequence[Any], merged: Merged | None) -> ListedInputs:
    """The inputs whose first modes are listed, and continued by ``tails`` one after the other.

    A tail has alpha, beta, ``until`` (the index of its last mode), and eigval and power, the values of its law at the
    index before its first mode, or None for those of the mode there.
    """
    unit, last = eigvals[0], (eigvals[-1], power[-1])
    start, stretches = len(eigvals), []
    for tail in tails:
        eigval, at_start = (a if b is None else b for a, b in zip(last, (tail.eigval, tail.power), strict=True))
        stretch = Stretch(tail.alpha, tail.beta, eigval / unit, at_start, start, start, tail.until)
        stretches.append(stretch)
        end = stretch.at(tail.until)
        start, last = tail.until, (unit * end[0], end[1])
    listed = [(eigvals / unit, power)]
    for stretch in stretches:  # a stretch is smooth from HEAD on
        listed.append(stretch.at(np.arange(stretch.start + 1.0, min(stretch.stop, HEAD) + 1)))
    stretches = [s.after(HEAD) for s in stretches if s.stop > HEAD]
    own, powers = (jnp.concatenate(x) for x in zip(*listed, strict=True))
    if merged is not None:  # another list was put in the place of the one it was made from
        merged = merged._replace(mass=jnp.where(merged.fits(own, powers), merged.mass, jnp.nan))
    return ListedInputs(unit, own, powers, tuple(stretches), merged)
