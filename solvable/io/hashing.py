"""One hash for everything: SHA-256 of values by their one JSON text."""

import hashlib
import json


def canonical(value: object) -> str:
    """The one JSON text of a value: sorted keys, no spaces, floats by their shortest exact form."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def sha(*parts: object) -> str:
    """SHA-256 of bytes and JSON-able values, each with its length so that no two lists of parts collide."""
    total = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else canonical(part).encode()
        total.update(len(data).to_bytes(8, "little"))
        total.update(data)
    return total.hexdigest()


def two_words(value: object) -> bytes:
    """Two 32-bit words of a value, to make a random key of: the first eight bytes of the SHA-256 of its text."""
    return hashlib.sha256(canonical(value).encode()).digest()[:8]
