"""The papers behind each object, as BibTeX.

A class names the papers it implements, ``references: ClassVar[tuple[str, ...]] = ("paquette2024",)``, by
the keys of ``references.bib`` beside this file. `cite` collects them from whatever was used.
"""

import dataclasses
import functools
import re
from collections.abc import Iterator
from importlib import resources

_PACKAGE = "solvable"


@functools.cache
def bibliography() -> dict[str, str]:
    """Every known reference: key -> its BibTeX entry."""
    text = resources.files(_PACKAGE).joinpath("references.bib").read_text(encoding="utf-8")
    entries = [entry.strip() for entry in re.split(r"^(?=@)", text, flags=re.MULTILINE) if entry.strip()]
    return {re.match(r"@\w+\{([^,\s]+),", entry).group(1): entry for entry in entries}  # type: ignore[union-attr]


def cite(*objects: object) -> str:
    """BibTeX of exactly what was used: the package, and every paper that the objects say they implement.

    Args:
        objects: models, problems, algorithms, methods (or their classes), functions with a ``references``
            attribute, or keys of the bibliography. Objects held in the fields of an object are followed.

    Returns:
        BibTeX entries, each once, in the order of first use, separated by blank lines.

    Raises:
        ValueError: a key is not in the bibliography.
    """
    keys = dict.fromkeys([_PACKAGE, *(key for obj in objects for key in reference_keys(obj))])
    known = bibliography()
    for key in keys:
        if key not in known:
            raise ValueError(f"references: wanted keys among {sorted(known)}; got {key!r}")
    return "\n\n".join(known[key] for key in keys)


def reference_keys(obj: object) -> Iterator[str]:
    """The reference keys of one object: its own, those of its classes, and those of what its fields hold."""
    if isinstance(obj, str):
        yield obj
        return
    holders = [] if isinstance(obj, type) or not hasattr(obj, "__dict__") else [obj]
    for holder in (*holders, *(obj if isinstance(obj, type) else type(obj)).__mro__):
        stated = vars(holder).get("references", ())
        yield from stated if isinstance(stated, tuple) else ()
    if dataclasses.is_dataclass(obj) and not isinstance(obj, type):
        for field in dataclasses.fields(obj):
            value = getattr(obj, field.name, None)
            if dataclasses.is_dataclass(value) and not isinstance(value, type):
                yield from reference_keys(value)
