"""Identifiers in the API's spelling."""

import hashlib
import secrets
import string

BASE_MODEL = "local-policy-1"
ORGANIZATION = "local"

_ALPHABET = string.ascii_letters + string.digits


def new_id(prefix: str, length: int = 24) -> str:
    """Return a new id: `prefix` and `length` random letters and digits."""
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(length))


def derived_id(prefix: str, *parts: object, length: int = 24) -> str:
    """Return the id that belongs to `parts`, always the same one, so that a repeated write is recognised."""
    number = int.from_bytes(hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest())
    letters = []
    for _ in range(length):
        number, digit = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[digit])
    return prefix + "".join(letters)


def final_model(job_id: str, suffix: str | None) -> str:
    """Return the model id of a job's last weights."""
    return f"ft:{BASE_MODEL}:{ORGANIZATION}:{suffix or ''}:{derived_id('', job_id, 'final', length=8)}"


def checkpoint_model(job_id: str, suffix: str | None, step: int) -> str:
    """Return the model id of a job's weights after `step`."""
    return f"ft:{BASE_MODEL}:{ORGANIZATION}:{suffix or ''}:{derived_id('', job_id, step, length=8)}:ckpt-step-{step}"
