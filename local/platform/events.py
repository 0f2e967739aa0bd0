"""A job's events, one JSON line each, only ever appended to.

The server writes before a trainer starts and after it has ended, the trainer in between; each event's id is derived
from what it tells, so that telling it again after a crash changes nothing.
"""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from local.platform.names import checkpoint_model, derived
from local.platform.records import JobRecord, Status


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to a job; `created_at` in Unix seconds."""

    id: str
    created_at: int
    message: str
    level: Literal["info", "warn", "error"] = "info"
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


def told(job_id: str, key: str, message: str, level: Literal["info", "warn", "error"] = "info") -> Event:
    """Return the event `key` of a job, happening now; the same key always makes the same id."""
    return Event(derived("ftevent-", job_id, key), int(time.time()), message, level)


def metrics(job_id: str, step: int, message: str, data: Mapping[str, object]) -> Event:
    """Return the metrics event of a step, happening now."""
    return Event(derived("ftevent-", job_id, "step", step), int(time.time()), message, type="metrics", data=data)


def closing(record: JobRecord) -> list[Event]:
    """Return the events that a job's end calls for; none before it."""
    match record.status:
        case Status.SUCCEEDED:
            model = f"New fine-tuned model created: {record.fine_tuned_model}"
            done = "The job has successfully completed"
            return [told(record.id, "model", model), told(record.id, "completed", done)]
        case Status.FAILED if record.fault is not None:
            return [told(record.id, "failed", f"The job failed: {record.fault.message}", "error")]
        case Status.CANCELLED:
            return [told(record.id, "cancelled", "The job was cancelled")]
        case _:
            return []


def pausing(record: JobRecord, step: int) -> Event:
    """Return the event of a pause after `step`; 0 before the first."""
    said = "Job paused before its first step"
    if step:
        said = f"Job paused at step {step} with Snapshot ID: {checkpoint_model(record.id, record.order.suffix, step)}"
    return told(record.id, f"paused-{record.resumes}", said)


def event_from(value: Mapping[str, object]) -> Event:
    """Return the event that `Event.view` made `value` of."""
    return Event(**{key: inner for key, inner in value.items() if key != "object"})  # type: ignore[arg-type] # our own line, read back


class EventLog:
    """The events of one job, oldest first; reads only what was added since it last looked."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0
        self._events: list[Event] = []
        self._ids: set[str] = set()

    def events(self) -> list[Event]:
        """Return all events written so far; a line still being written is not one yet."""
        if self._path.exists():
            with self._path.open("rb") as file:
                file.seek(self._read)
                fresh, _, _ = file.read().rpartition(b"\n")
            for line in fresh.splitlines():
                event = event_from(json.loads(line))
                self._events.append(event)
                self._ids.add(event.id)
            self._read += len(fresh) + 1 if fresh else 0
        return self._events

    def append(self, events: Iterable[Event]) -> None:
        """Add the events that are not there yet, in one write; what a killed writer left of a line is cut off."""
        self.events()
        new = [event for event in events if event.id not in self._ids]
        lines = "".join(json.dumps(event.view()) + "\n" for event in new)
        with self._path.open("ab") as file:
            file.truncate(self._read)
            file.write(lines.encode())
        self.events()
