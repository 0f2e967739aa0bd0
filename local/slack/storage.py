"""What survives a kill: named tables of records, kept by appending one line of JSON for each change.

A line is written whole before the call returns, so that `kill -9` loses nothing that was answered. A torn last line
is dropped at the next start, when the file is also rewritten without what was overwritten since.
"""

import fcntl
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Generic, TypeAlias, TypeVar

from pydantic import TypeAdapter

from jobs.core.errors import ConfigurationError
from local.slack.errors import Json

Record = TypeVar("Record")
Rows: TypeAlias = dict[str, dict[str, Json]]


@dataclass(slots=True)
class Table(Generic[Record]):
    """One named table; `rows` holds a record for each key, in the order of first insertion."""

    name: str
    rows: dict[str, Record]
    adapter: TypeAdapter[Record]
    storage: "Storage"

    def put(self, key: str, record: Record) -> None:
        """Insert or replace a record; it is on its way to the disk when this returns."""
        self.rows[key] = record
        self.storage.append(_line(self.name, key, self.adapter.dump_python(record)))

    def drop(self, key: str) -> None:
        """Remove a record, if it is there."""
        if self.rows.pop(key, None) is not None:
            self.storage.append(_line(self.name, key, None))

    def clear(self) -> None:
        """Remove every record."""
        for key in list(self.rows):
            self.drop(key)


class Storage:
    """The file behind the tables.

    Args:
        home: the folder to keep `journal.jsonl` in; None keeps everything in memory only.
    """

    def __init__(self, home: Path | None) -> None:
        self._found: Rows = {}
        self._file: BinaryIO | None = None
        if home is not None:
            home.mkdir(parents=True, exist_ok=True)
            self._lock = _lock(home)
            self._found = _read(home / "journal.jsonl")
            self._file = _rewrite(home / "journal.jsonl", self._found)

    def table(self, name: str, kind: type[Record]) -> Table[Record]:
        """The table of that name, with what the file held of it at the start; to be asked for once."""
        adapter = TypeAdapter(kind)
        rows = {key: adapter.validate_python(row) for key, row in self._found.get(name, {}).items()}
        return Table(name, rows, adapter, self)

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


def _line(table: str, key: str, row: Json | None) -> bytes:
    return json.dumps({"table": table, "key": key, "row": row}, separators=(",", ":")).encode() + b"\n"


def _read(path: Path) -> Rows:
    found: Rows = {}
    *whole, _torn = path.read_bytes().split(b"\n") if path.exists() else [b""]
    for change in map(json.loads, whole):
        rows = found.setdefault(change["table"], {})
        rows[change["key"]] = change["row"]
        if change["row"] is None:
            del rows[change["key"]]
    return found


def _rewrite(path: Path, found: Rows) -> BinaryIO:
    fresh = path.with_suffix(".new")
    with fresh.open("wb") as file:
        file.writelines(_line(table, key, row) for table, rows in found.items() for key, row in rows.items())
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
