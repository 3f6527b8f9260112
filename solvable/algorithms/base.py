"""What an optimizer must say about itself.

`AbstractStepwise` is enough to be simulated. `AbstractModewise` adds how second moments move along each
eigendirection, which is enough for every one-pass theory. `AbstractLinear` needs one row of a table instead, for an
optimizer that is linear in the gradient, and everything else follows. `AbstractSpectral` states how the error shrinks
on a fixed data set.
"""

from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from solvable.arguments import answer, check_integer, check_real, is_concrete, real_numbers
from solvable.forms.algorithms import (
    Descent,
    Filter,
    Minibatches,
    Moments,
    Penalty,
    Rotatable,
    Solution,
    Steps,
)
from solvable.forms.base import Form

LARGEST_BATCH = 2**53  # what a float64 holds exactly
SEEN = 64  # steps at which a schedule is tried
FORMS: tuple[Form, ...] = (Steps, Moments, Filter, Descent, Minibatches, Penalty, Solution)


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

    def states(self) -> tuple[Form, ...]:
        """The forms that it states: those it derives from, but for those that its batch size rules out."""
        stated = [form for form in FORMS if isinstance(self, form)]
        absent = (Minibatches,) if self.batch_size is None else (Filter, Descent)
        if isinstance(self, Steps) and self.rotation_equivariant:
            stated.append(Rotatable)
        return tuple(form for form in stated if form not in absent)


class AbstractStepwise(AbstractAlgorithm, Steps):
    """An optimizer that moves step by step: a state before the first step (`init`), and a step (`update`)."""


class AbstractModewise(AbstractStepwise, Moments):
    """An optimizer whose second moments per eigendirection close (`stationary`, `decay`, `injection`)."""


class AbstractSpectral(AbstractAlgorithm, Filter):
    """An algorithm whose error on a fixed data set shrinks by a known factor along each direction (`filter`)."""


def check_learning_rate(algorithm: AbstractAlgorithm, steps: Any = (0,)) -> None:
    """A constant learning rate must be one finite number > 0, a schedule one of numbers >= 0 up to some of ``steps``.

    Traced rates pass, and a schedule's NaN and infinity, which the curve's result code tells.

    Raises:
        ValueError: it is not.
    """
    if not isinstance(algorithm, Moments | Descent):
        return
    rate = algorithm.learning_rate
    if not callable(rate):
        check_real("learning_rate", rate, "a finite number > 0", lambda x: 0 < x < np.inf)
        return
    wanted = "a function of one traced step that returns one number >= 0"
    with jax.enable_x64(True):
        used = np.maximum(np.asarray(steps, np.int64) - 1, 0)  # t steps have used the rate at t - 1
        tried = jnp.asarray(used[np.unique(np.linspace(0, len(used) - 1, SEEN).astype(int))])
        rates = answer("learning_rate", wanted, lambda: _rates(rate, tried))
    if np.ndim(rates) != 1 or real_numbers(rates) is None:
        raise ValueError(f"learning_rate: wanted {wanted}; got one that returns shape {np.shape(rates)[1:]}")
    if is_concrete(rates) and (np.asarray(rates) < 0).any():
        raise ValueError(f"learning_rate: wanted {wanted}; got one that returns {float(np.asarray(rates).min()):g}")


@eqx.filter_jit
def _rates(rate: Any, steps: Any) -> Any:
    return jax.vmap(rate)(steps)


def check_batch_size(batch_size: int | None) -> int | None:
    """``batch_size`` as a Python int of at least 1, or None for the full data set."""
    if batch_size is None:
        return None
    return check_integer("batch_size", batch_size, 1, LARGEST_BATCH, "an integer >= 1 or None")
