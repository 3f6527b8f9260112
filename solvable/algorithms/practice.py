"""Deliberate practice: a learner that chooses what to practise."""

from typing import Any, ClassVar

import equinox as eqx

from solvable.algorithms.base import AbstractAlgorithm
from solvable.algorithms.ridge import Ridge
from solvable.arguments import as_real, shown
from solvable.forms.algorithms import Penalty, Solution
from solvable.forms.classifiers import HardMargin, Rounds


class Practice(AbstractAlgorithm, Rounds):
    """Deliberate practice: every round looks at fresh samples, keeps some by the margin of the present student, and
    trains the next student on what was kept, from nothing.

    Steps are rounds. The model says how many samples a round looks at (``ratio``), which part it keeps (``keep``) and
    which (``selection``); its probe is the student before the first round. With ``probe_angle = pi / 2`` that student
    knows nothing, and the first round selects in vain. Askari-Hemmat et al. 2025 (arXiv 2502.15588); their rounds add
    to a growing data set, these replace it.

    Attributes:
        inner: what a student is trained by, `Ridge` on the labels or `MaxMargin`.
    """

    inner: Any = eqx.field(default_factory=lambda: Ridge(as_real(0.1)))
    batch_size: ClassVar[None] = None
    references: ClassVar[tuple[str, ...]] = ("askari2025",)

    def __check_init__(self):
        inner: Any = self.inner
        solved = isinstance(inner, Penalty) and isinstance(inner, Solution)
        if not isinstance(inner, AbstractAlgorithm) or not (solved or isinstance(inner, HardMargin)):
            raise ValueError(f"inner: wanted Ridge(...) or MaxMargin() for Practice(...); got {shown(inner)}")

    def parts(self):
        return (self, *self.inner.parts())
