"""Identifiers in the API's spelling."""

import base64
import hashlib
import secrets

BASE_MODEL = "local-policy-1"
ORGANIZATION = "local"


def new_id(prefix: str) -> str:
    """Return a new id: `prefix` and 24 random digits."""
    return prefix + secrets.token_hex(12)


def derived_id(prefix: str, *parts: object, length: int = 24) -> str:
    """Return the id that belongs to `parts`, always the same one, so that a repeated write is recognised."""
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
    return prefix + base64.b32encode(digest).decode().lower()[:length]


def model_id(job_id: str, suffix: str | None, step: int | None = None) -> str:
    """Return the model id of a job's weights after `step`, or of its last weights."""
    model = f"ft:{BASE_MODEL}:{ORGANIZATION}:{suffix or ''}:{derived_id('', job_id, step, length=8)}"
    return model if step is None else f"{model}:ckpt-step-{step}"
