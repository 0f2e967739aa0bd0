"""Ids that people can type: they follow from what caused them, so that the same cause never makes two."""

import hashlib
from base64 import b32encode
from typing import Final

LETTERS: Final = 6


def short_id(prefix: str, cause: str) -> str:
    """Return the prefix and six letters or digits (a-z, 2-7: 30 bits) that follow from the cause."""
    return prefix + b32encode(hashlib.sha256(cause.encode()).digest())[:LETTERS].decode().lower()
