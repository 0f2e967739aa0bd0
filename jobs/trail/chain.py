"""How entries of the trail are chained: each hash covers the entry and the hash before it.

Without a key the chain shows that something was changed, removed or put in between, unless somebody who can write to
Redis computes all that follows again. With a key that they do not have they cannot; and a hash noted elsewhere
(`audit verify` prints the newest) shows it even without one.
"""

import hashlib
import hmac
from collections.abc import Iterable
from typing import Final

from jobs.trail.entry import ENTRY, AuditEntry

FIRST: Final = "0" * 64
"""What the first entry carries as the hash before it."""


def hash_of(text: str, previous: str, key: bytes) -> str:
    """Return the hash of an entry: SHA-256 over the hash before it and its text; HMAC-SHA256 with a key.

    Args:
        text: the entry as it is stored.
        previous: hash of the entry before, 64 hex digits.
        key: secret; empty for a chain without one.
    """
    covered = f"{previous}\n{text}".encode()
    return hmac.new(key, covered, hashlib.sha256).hexdigest() if key else hashlib.sha256(covered).hexdigest()


def sealed(entries: Iterable[AuditEntry], previous: str, key: bytes) -> tuple[tuple[str, str, str], ...]:
    """Return (text, hash before, hash) of each entry, chained on to the entry that has the hash `previous`."""
    chain: list[tuple[str, str, str]] = []
    for entry in entries:
        text = ENTRY.dump_json(entry).decode()
        found = hash_of(text, previous, key)
        chain.append((text, previous, found))
        previous = found
    return tuple(chain)
