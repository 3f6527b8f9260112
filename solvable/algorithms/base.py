"""What an optimizer must say about itself.

`AbstractStepwise` is enough to be simulated. `AbstractModewise` adds how second moments move along each
eigendirection, which is enough for every one-pass theory. `AbstractLinear` needs one row of a table instead, for an
optimizer that is linear in the gradient, and everything else follows. `AbstractSpectral` states how the error shrinks
on a fixed data set.
"""

from typing import ClassVar

import equinox as eqx

from solvable.algorithms.settings import RATE, Ruled, check_number, check_schedule, settings_of
from solvable.arguments import check_integer, refusal
from solvable.forms.algorithms import (
    Descent,
    Filter,
    Flowing,
    Minibatches,
    Moments,
    Penalty,
    Rotatable,
    Solution,
    Spherical,
    Steps,
)
from solvable.forms.base import Form
from solvable.forms.classifiers import HardMargin, LogisticLoss, Rounds
from solvable.forms.signs import Signs
from solvable.showing import described

LARGEST_BATCH = 2**53  # what a float64 holds exactly
FORMS: tuple[Form, ...] = (
    Steps, Moments, Filter, Descent, Minibatches, Penalty, Signs, Solution, HardMargin, LogisticLoss, Rounds, Flowing,
    Spherical,
)  # fmt: skip


class AbstractAlgorithm(eqx.Module):
    """How parameters are found, from a stream or a data set.

    Attributes:
        batch_size: samples a step; None for the full data set, of a stream the population.
        rotation_equivariant: whether the trajectory commutes with rotations of the parameters. If not (sign, Adam),
            the simulation keeps the original feature basis instead of the eigenbasis.
        one_shot: whether there are no steps: the solution is a function of the data set.
        continuous: whether steps are points in continuous time.
    """

    batch_size: eqx.AbstractVar[int | None]
    rotation_equivariant: ClassVar[bool] = True
    one_shot: ClassVar[bool] = False
    continuous: ClassVar[bool] = False
    references: ClassVar[tuple[str, ...]] = ()

    def __repr__(self) -> str:
        return described(self)

    def states(self) -> tuple[Form, ...]:
        """The forms that it states: those it derives from, but for those that its batch size rules out."""
        stated = [form for form in FORMS if isinstance(self, form)]
        absent = (Minibatches, Signs) if self.batch_size is None else (Filter, Descent)
        if isinstance(self, Steps) and self.rotation_equivariant:
            stated.append(Rotatable)
        return tuple(form for form in stated if form not in absent)

    def parts(self) -> tuple["AbstractAlgorithm", ...]:
        """Itself, and the algorithms it wraps."""
        return (self,)

    def check_last(self, last: int) -> None:
        """Raise a ValueError, naming the argument, if it means nothing to stop after ``last`` steps."""


class AbstractStepwise(AbstractAlgorithm, Steps):
    """An optimizer that moves step by step: a state before the first step (`init`), and a step (`update`)."""


class AbstractModewise(AbstractStepwise, Moments):
    """An optimizer whose second moments per eigendirection close (`stationary`, `decay`, `injection`)."""


class AbstractSpectral(AbstractAlgorithm, Filter):
    """An algorithm whose error on a fixed data set shrinks by a known factor along each direction (`filter`)."""


def check_settings(algorithm: AbstractAlgorithm, last: int | None = None) -> None:
    """Constant settings must be what their rules allow; those that change in time too, at the steps before ``last``.

    Traced settings pass, and with ``last`` None those that change in time.

    Raises:
        ValueError: one is not; the message names it, and the step where it happens.
    """
    for part in algorithm.parts():
        known = settings_of(part)
        if isinstance(part, Moments | Descent) and not any(s.name == "learning_rate" for s in known):
            known = [Ruled("learning_rate", part.learning_rate, RATE), *known]
        for name, value, rule in known:
            if not callable(value):
                check_number(name, value, rule)
            elif last is not None:
                check_schedule(name, value, rule, last)
        if last is not None:
            part.check_last(last)


def check_batch_size(batch_size: int | None) -> int | None:
    """``batch_size`` as a Python int of at least 1, or None for the full data set."""
    if batch_size is None:
        return None
    if callable(batch_size):
        wanted = "an integer >= 1 or None (sv.BatchSchedule(algorithm, schedule) changes it in time)"
        raise refusal("batch_size", wanted, batch_size)
    return check_integer("batch_size", batch_size, 1, LARGEST_BATCH, "an integer >= 1 or None")
