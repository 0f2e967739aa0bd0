"""What survives a kill: named tables of JSON objects, kept by appending one line for each change.

A line is written whole before the call returns, so that `kill -9` loses nothing that was answered. A torn last line
is dropped at the next start, when the file is also rewritten without what was overwritten since.
"""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from jobs.core.errors import ConfigurationError
from local.slack.wire import Json


class Table:
    """One named table: key to JSON object, in the order of first insertion."""

    def __init__(self, name: str, journal: "Journal") -> None:
        self._name = name
        self._journal = journal
        self._rows: dict[str, Json] = {}

    def get(self, key: str) -> Json | None:
        """The row, or None."""
        return self._rows.get(key)

    def rows(self) -> Iterator[Json]:
        """Every row, oldest key first."""
        return iter(list(self._rows.values()))

    def put(self, key: str, row: Json) -> None:
        """Insert or replace a row; it is on its way to the disk when this returns."""
        self._rows[key] = row
        self._journal.write(self._name, key, row)

    def drop(self, key: str) -> None:
        """Remove a row, if it is there."""
        if self._rows.pop(key, None) is not None:
            self._journal.write(self._name, key, None)

    def clear(self) -> None:
        """Remove every row."""
        for key in list(self._rows):
            self.drop(key)

    def replay(self, key: str, row: Json | None) -> None:
        """Take over one line of the file, without writing it again."""
        if row is None:
            self._rows.pop(key, None)
        else:
            self._rows[key] = row

    def lines(self) -> Iterator[bytes]:
        """The fewest lines that bring this table back."""
        return (_line(self._name, key, row) for key, row in self._rows.items())


class Journal:
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
        if name not in self._tables:
            self._tables[name] = Table(name, self)
        return self._tables[name]

    def write(self, table: str, key: str, row: Json | None) -> None:
        """Append one change."""
        if self._file is not None:
            self._file.write(_line(table, key, row))

    def close(self) -> None:
        """Let go of the file and of the folder; writing afterwards only reaches memory."""
        if self._file is not None:
            self._file.close()
            self._lock.close()
            self._file = None

    def _load(self, path: Path) -> None:
        if not path.exists():
            return
        *whole, _torn = path.read_bytes().split(b"\n")
        for line in whole:
            change = json.loads(line)
            self.table(change["table"]).replay(change["key"], change["row"])


def _line(table: str, key: str, row: Json | None) -> bytes:
    return json.dumps({"table": table, "key": key, "row": row}, separators=(",", ":")).encode() + b"\n"


def _rewrite(path: Path, tables: Iterable[Table]) -> BinaryIO:
    fresh = path.with_suffix(".new")
    with fresh.open("wb") as file:
        for table in tables:
            file.writelines(table.lines())
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
