"""What survives a kill: named tables of JSON objects, kept by appending one line for each change.

A line is written whole before the call returns, so that `kill -9` loses nothing that was answered. A torn last line
is dropped at the next start, when the file is also rewritten without what was overwritten since.
"""

import fcntl
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from jobs.core.errors import ConfigurationError
from local.slack.errors import Json


@dataclass(slots=True)
class Table:
    """One named table; `rows` holds a JSON object for each key, in the order of first insertion."""

    name: str
    storage: "Storage"
    rows: dict[str, Json] = field(default_factory=dict)

    def put(self, key: str, row: Json) -> None:
        """Insert or replace a row; it is on its way to the disk when this returns."""
        self.rows[key] = row
        self.storage.append(_line(self.name, key, row))

    def drop(self, key: str) -> None:
        """Remove a row, if it is there."""
        if self.rows.pop(key, None) is not None:
            self.storage.append(_line(self.name, key, None))

    def clear(self) -> None:
        """Remove every row."""
        for key in list(self.rows):
            self.drop(key)


class Storage:
    """The file behind the tables.

    Args:
        home: the folder to keep `journal.jsonl` in; None keeps everything in memory only.
    """

    def __init__(self, home: Path | None) -> None:
        self._tables: dict[str, Table] = {}
        self._file: BinaryIO | None = None
        if home is not None:
            home.mkdir(parents=True, exist_ok=True)
            self._lock = _lock(home)
            self._load(home / "journal.jsonl")
            self._file = _rewrite(home / "journal.jsonl", self._tables.values())

    def table(self, name: str) -> Table:
        """The table of that name, made on first use."""
        return self._tables.setdefault(name, Table(name, self))

    def append(self, line: bytes) -> None:
        """Write one change."""
        if self._file is not None:
            self._file.write(line)

    def close(self) -> None:
        """Release the file and the folder; writing afterwards only reaches memory."""
        if self._file is not None:
            self._file.close()
            self._lock.close()
            self._file = None

    def _load(self, path: Path) -> None:
        *whole, _torn = path.read_bytes().split(b"\n") if path.exists() else [b""]
        for line in whole:
            change = json.loads(line)
            rows = self.table(change["table"]).rows
            if change["row"] is None:
                rows.pop(change["key"], None)
            else:
                rows[change["key"]] = change["row"]


def _line(table: str, key: str, row: Json | None) -> bytes:
    return json.dumps({"table": table, "key": key, "row": row}, separators=(",", ":")).encode() + b"\n"


def _rewrite(path: Path, tables: Iterable[Table]) -> BinaryIO:
    fresh = path.with_suffix(".new")
    with fresh.open("wb") as file:
        file.writelines(_line(table.name, key, row) for table in tables for key, row in table.rows.items())
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    return path.open("ab", buffering=0)


def _lock(home: Path) -> BinaryIO:
    lock = (home / "lock").open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise ConfigurationError(
            f"another local workspace is running on {home}; stop it or use another folder"
        ) from None
    return lock
