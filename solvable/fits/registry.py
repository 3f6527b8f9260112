"""Laws by name: every law that `solvable.fits.laws` shows and that needs nothing to be built."""

import inspect
from typing import Any

from solvable.arguments import shown
from solvable.fits import laws
from solvable.fits.laws.base import AbstractLaw
from solvable.fits.laws.compute_optimal import ComputeOptimal
from solvable.fits.methods.base import AbstractFitMethod
from solvable.fits.methods.frontier import AbstractFrontierMethod


def law_names() -> tuple[str, ...]:
    """Names of the laws that can be fitted as they stand."""
    return tuple(_known())


def _known() -> dict[str, AbstractLaw]:
    classes = [c for c in vars(laws).values() if isinstance(c, type) and issubclass(c, AbstractLaw)]
    ready = [c for c in classes if not inspect.isabstract(c) and _is_free(c)]
    return {law.name: law for law in (c() for c in ready)}


def _is_free(cls: type) -> bool:
    return all(p.default is not p.empty for p in inspect.signature(cls).parameters.values())


def law_named(law: Any, method: AbstractFitMethod) -> AbstractLaw:
    """The law itself, or that of a name; it must be one that the method fits.

    Raises:
        ValueError: it is none, or another than the method fits.
    """
    if isinstance(law, str):
        known, plain = _known(), law.lower().replace("_", "-").replace(" ", "-")
        if plain not in known:
            raise ValueError(f"law: wanted one of {', '.join(known)}, or a law of sv.fits.laws; got {shown(law)}")
        law = known[plain]
    if not isinstance(law, AbstractLaw):
        raise ValueError(f"law: wanted one of {', '.join(law_names())}, or a law of sv.fits.laws; got {shown(law)}")
    if isinstance(method, AbstractFrontierMethod) != isinstance(law, ComputeOptimal):
        if isinstance(method, AbstractFrontierMethod):
            raise ValueError(f"law: wanted ComputeOptimal() for {type(method).__name__}(); got {law.name}")
        raise ValueError(f"method: wanted Envelope() or IsoFLOP() for ComputeOptimal(); got {type(method).__name__}()")
    return law
