"""Inputs given as a list of modes that power laws continue: any spectrum, measured or bent or cut."""

import math
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

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

    def _lists(self):
        """(eigvals, mass) and (eigvals, power) of what is summed over."""
        if self.merged is not None:
            return (self.merged.eigvals, self.merged.mass), (self.merged.places, self.merged.power)
        return (self.eigvals, jnp.ones_like(self.eigvals)), (self.eigvals, self.power)

    def _sums(self, w, target: bool):
        (eigvals, mass), (places, power) = self._lists()

        def over_list(w):
            ratio = w / eigvals
            share = reciprocal(1 + ratio)
            found = share @ mass, -(ratio * share * share) @ mass
            if not target:
                return found
            again = share if places is eigvals else reciprocal(1 + w / places)
            return *found, again @ (power / places)

        w = jnp.asarray(w, complex)
        flat = map_in_groups(over_list, w.reshape(-1), max(1, HELD // len(eigvals)))
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
        (eigvals, mass), _ = self._lists()
        trace, square = (mass @ eigvals**n + sum(s.total(n, 0) for s in self.stretches) for n in (1, 2))
        return jnp.asarray(trace), jnp.asarray(square)

    def ridge_bracket(self, width, trace):
        # The first n modes alone give S(w) >= n D_n / (D_n + w), so that kappa >= D_n (n / width - 1) for every n.
        d = jnp.asarray(width)[..., None]
        (eigvals, mass), _ = self._lists()
        counts, places = jnp.cumsum(mass) + 0 * d, eigvals + 0 * d
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
        (eigvals, mass), (places, power) = self._lists()
        if self.merged is None:
            parts = [(eigvals, mass, power)]
        else:
            parts = [(eigvals, mass, 0 * mass), (places, 0 * power, power)]
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
    return ListedInputs(unit, own, powers, tuple(stretches), merged)
