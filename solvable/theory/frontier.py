"""What a compute-optimal frontier is, however it was found."""

import equinox as eqx
import numpy as np
from jaxtyping import Array, Bool, Float

from solvable.arrays import is_concrete
from solvable.showing import described

STAIRCASE = 1.0  # modes learned per e-fold of steps below which single modes show in the exponents


class Frontier(eqx.Module):
    """Compute-optimal risk against compute.

    Attributes:
        compute: f = width * steps * batch_size; every attribute has its shape.
        risk: least risk at that compute.
        width: width that attains it, a real number.
        steps: compute / (width * batch_size).
        loss_exponent: eta, the local exponent: risk ~ compute^-eta.
        width_exponent: xi, the local exponent: width ~ compute^xi.
        interior: whether this is the least risk over widths, at a minimum inside those tried (at least FIRST steps and
            width above 2) that moves with compute. It is False for a saturated optimum, as near alpha + beta = 1/2:
            there the ambient dimension grows with the width, the target with it, and the smallest stable model is the
            best one at any compute.
        modes_per_fold: number of modes learned while the steps grow e-fold, sum_j mass_j u_j e^{-u_j} with u_j =
            decay_j * steps. Where it is small modes are learned one by one and the frontier is a staircase: around its
            trend eta swings by less than 0.002 from 2 on, by 0.02 to 0.05 at 1, by 0.1 at 0.8 and by 1 at 0.3. NaN
            where modes have no one decay: with settings that change in time or several moments.
        rate_factor: what the learning rate is multiplied by at the optimum; 1 where it is not tuned.
        staircase: whether ``modes_per_fold`` is below 1: the exponents are those of one step of a staircase, not of a
            smooth power law. So at alpha = 5 with 10 inputs a feature up to compute 10^11; never seen at alpha <= 2.
    """

    compute: Float[Array, "..."]
    risk: Float[Array, "..."]
    width: Float[Array, "..."]
    steps: Float[Array, "..."]
    loss_exponent: Float[Array, "..."]
    width_exponent: Float[Array, "..."]
    interior: Bool[Array, "..."]
    modes_per_fold: Float[Array, "..."]
    rate_factor: Float[Array, "..."]
    references = ("paquette2024",)

    def __repr__(self) -> str:
        if not is_concrete(self.compute, self.risk):
            return described(self)
        compute, eta, xi = (np.ravel(x) for x in (self.compute, self.loss_exponent, self.width_exponent))
        best = int(np.argmax(compute))
        reach = f"{compute.size} points, compute {compute.min():.3g} to {compute.max():.3g}"
        end = f"there width ~ compute^{xi[best]:.3f}, risk ~ compute^-{eta[best]:.3f}"
        return f"Frontier({reach}; {end}; {int(np.sum(~np.asarray(self.interior)))} not interior)"

    def summary(self) -> str:
        """A table, one line a point: compute, width, steps, risk, eta, xi, whether it is interior."""
        names = ("compute", "width", "steps", "risk", "loss_exponent", "width_exponent")
        columns = [np.ravel(np.asarray(getattr(self, name))).tolist() for name in names]
        titles = ("compute", "width", "steps", "risk", "eta", "xi")
        rows = ["  ".join(f"{x:>11.5g}" for x in row) for row in zip(*columns, strict=True)]
        inside = ("" if inner else "  not interior" for inner in np.ravel(np.asarray(self.interior)))
        return "\n".join(["  ".join(f"{x:>11}" for x in titles), *map(str.__add__, rows, inside)])

    @property
    def staircase(self) -> Bool[Array, "..."]:
        """Whether single modes show: ``modes_per_fold < 1``; False where it is NaN."""
        return self.modes_per_fold < STAIRCASE
