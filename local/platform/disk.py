"""Atomic writes: a file on disk is always complete."""

from pathlib import Path

import pydantic_core


def write_atomically(path: Path, data: bytes) -> None:
    """Put `data` at `path` so that a reader, even after a kill in here, finds either the old content or the new.

    Every path has one writer at a time, so one temporary name is enough, and a killed writer leaves at most one behind.
    """
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_bytes(data)
    temporary.replace(path)


def write_json(path: Path, value: object) -> None:
    """Put a value made of dataclasses, enums and JSON types at `path`, atomically."""
    write_atomically(path, pydantic_core.to_json(value, indent=1))
