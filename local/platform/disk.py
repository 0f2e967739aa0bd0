"""What lies on disk is always whole: written beside its place, then moved into it."""

import json
from pathlib import Path


def write_atomically(path: Path, data: bytes) -> None:
    """Put `data` at `path` so that a reader, even after a kill in here, finds the old content or the new, whole.

    Every path has one writer at a time, so one name beside it is enough, and a killed writer leaves at most one behind.
    """
    beside = path.with_name(f".{path.name}.new")
    beside.write_bytes(data)
    beside.replace(path)


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
