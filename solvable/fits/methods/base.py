"""What a method of fitting is."""

from typing import ClassVar

import equinox as eqx


class AbstractFitMethod(eqx.Module):
    """How a law is fitted to a table of runs; a value."""

    references: ClassVar[tuple[str, ...]] = ()
