"""A job's events, one JSON line each, only ever appended to.

The server writes before a trainer starts and after it has ended, the trainer in between. An event's id is derived from
what it says, so that appending it again after a crash changes nothing.
"""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter

from local.platform.ids import derived_id

Level = Literal["info", "warn", "error"]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to a job; `created_at` in Unix seconds."""

    id: str
    created_at: int
    message: str
    level: Level = "info"
    type: Literal["message", "metrics"] = "message"
    data: Mapping[str, object] | None = None

    def view(self) -> dict[str, object]:
        """Return the API's event object."""
        return {
            "object": "fine_tuning.job.event",
            "id": self.id,
            "created_at": self.created_at,
            "level": self.level,
            "message": self.message,
            "type": self.type,
            "data": self.data,
        }


_EVENT = TypeAdapter(Event)


def message_event(job_id: str, key: str, message: str, level: Level = "info") -> Event:
    """Return the event `key` of a job, happening now; the same key always makes the same id."""
    return Event(derived_id("ftevent-", job_id, key), int(time.time()), message, level)


def metrics_event(job_id: str, step: int, message: str, data: Mapping[str, object]) -> Event:
    """Return the metrics event of a step, happening now."""
    return Event(derived_id("ftevent-", job_id, "step", step), int(time.time()), message, type="metrics", data=data)


class EventLog:
    """The events of one job, oldest first; reads only what was added since the last look."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0
        self._events: list[Event] = []
        self._ids: set[str] = set()

    def events(self) -> list[Event]:
        """Return all events written so far; a line that is still being written does not count yet."""
        if self._path.exists():
            with self._path.open("rb") as file:
                file.seek(self._read)
                added, newline, _ = file.read().rpartition(b"\n")
            new = [_EVENT.validate_json(line) for line in added.splitlines()]
            self._events += new
            self._ids |= {event.id for event in new}
            self._read += len(added) + len(newline)
        return self._events

    def metrics(self) -> list[tuple[int, Mapping[str, object]]]:
        """Return the data of the metrics events, each with its time."""
        return [(event.created_at, event.data) for event in self.events() if event.data is not None]

    def append(self, events: Iterable[Event]) -> None:
        """Add the events that are not there yet, in one write; a line left unfinished by a killed writer is cut off."""
        self.events()
        new = [event for event in events if event.id not in self._ids]
        lines = "".join(json.dumps(event.view()) + "\n" for event in new)
        with self._path.open("ab") as file:
            file.truncate(self._read)
            file.write(lines.encode())
        self.events()
