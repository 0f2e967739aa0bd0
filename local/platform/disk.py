"""What lies on disk is always whole: written beside its place, then moved into it."""

import json
import secrets
from pathlib import Path


def write_atomically(path: Path, data: bytes) -> None:
    """Put `data` at `path` so that a reader, even after a kill in here, finds the old content or the new, whole."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        beside.write_bytes(data)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def write_object(path: Path, value: dict[str, object]) -> None:
    """Put `value` as JSON at `path`, whole or not at all."""
    write_atomically(path, json.dumps(value, ensure_ascii=False, indent=1).encode())


def read_object(path: Path) -> dict[str, object] | None:
    """Return the JSON object at `path`; None where there is no such file."""
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    if not isinstance(value, dict):
        raise TypeError(f"{path} does not hold a JSON object")
    return value
