"""Fine-tuning jobs on disk: one folder each, with a record that the server alone writes, and a log of events.

The log has one JSON line for each event and is only ever appended to: by the server before a trainer starts and after
it has ended, by the trainer in between. An event's id is derived from what it says, so that appending it again after a
crash changes nothing.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter

from local.platform.disk import write_json
from local.platform.errors import ApiError
from local.platform.ids import ORGANIZATION, derived_id, new_id
from local.platform.job_request import Hyperparameters, JobRequest

KEPT_CHECKPOINTS = 3

Level = Literal["info", "warn", "error"]


class Status(StrEnum):
    """The state of a job, in the API's words.

    validating_files -> queued -> running -> succeeded | failed; queued, running <-> paused; any of these -> cancelled.
    """

    VALIDATING = "validating_files"
    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def over(self) -> bool:
        """Whether nothing will happen to the job any more."""
        return self in (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED)


@dataclass(frozen=True, slots=True)
class JobError:
    """Why a job failed."""

    code: str
    message: str
    param: str | None = None


class JobFailed(Exception):
    """A job cannot go on; `error` is what it says about that."""

    def __init__(self, error: JobError) -> None:
        super().__init__(error.message)
        self.error = error


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job's request and state; times in Unix seconds."""

    id: str
    number: int
    """Counts the jobs of this platform, from 1: the order they were created in."""
    created_at: int
    request: JobRequest
    status: Status = Status.VALIDATING
    hyperparameters: Hyperparameters | None = None
    """Known once the files are validated."""
    finished_at: int | None = None
    error: JobError | None = None
    fine_tuned_model: str | None = None
    result_files: tuple[str, ...] = ()
    pausing: bool = False
    """The trainer is to stop after its step; kept here so that a restart in between does not forget it."""
    resumes: int = 0
    snapshots: tuple[int, ...] = ()
    """Steps at which the job was paused: their weights stay callable."""

    def view(self, estimated_finish: int | None = None) -> dict[str, object]:
        """Return the API's job object."""
        request, reinforcement = self.request, self.request.reinforcement
        requested, resolved = reinforcement.hyperparameters, self.hyperparameters
        method: dict[str, object] = {
            "grader": reinforcement.grader,
            "hyperparameters": requested.view() if resolved is None else asdict(resolved),
        }
        if reinforcement.response_format is not None:
            method["response_format"] = reinforcement.response_format.model_dump(by_alias=True, exclude_none=True)
        return {
            "id": self.id,
            "object": "fine_tuning.job",
            "created_at": self.created_at,
            "error": {} if self.error is None else asdict(self.error),
            "fine_tuned_model": self.fine_tuned_model,
            "finished_at": self.finished_at,
            "model": request.model,
            "organization_id": f"org-{ORGANIZATION}",
            "result_files": self.result_files,
            "seed": request.seed,
            "status": self.status,
            "trained_tokens": None,
            "training_file": request.training_file,
            "validation_file": request.validation_file,
            "estimated_finish": estimated_finish,
            "integrations": [],
            "metadata": request.metadata,
            "method": {"type": "reinforcement", "reinforcement": method},
            "user_provided_suffix": request.suffix,
            "usage_metrics": None,
            "shared_with_openai": False,
            "eval_id": None,
        }


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Weights kept after a validation, with the figures of that step."""

    step: int
    train_reward: float
    valid_reward: float
    created_at: int
    train_tokens: float
    valid_tokens: float


def best_checkpoints(checkpoints: Sequence[Checkpoint]) -> tuple[Checkpoint, ...]:
    """Return the checkpoints to keep, oldest first: the highest validation rewards, of equal ones the earlier."""
    ranked = sorted(checkpoints, key=lambda checkpoint: (-checkpoint.valid_reward, checkpoint.step))
    return tuple(sorted(ranked[:KEPT_CHECKPOINTS], key=lambda checkpoint: checkpoint.step))


_RECORD = TypeAdapter(JobRecord)
_ERROR = TypeAdapter(JobError)
_CHECKPOINTS = TypeAdapter(tuple[Checkpoint, ...])


class JobFolder:
    """The files of one job. Only the server writes job.json; the trainer owns the rest while it lives."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.record_file = path / "job.json"
        self.training = path / "training.jsonl"  # the rows as they were when the job was created
        self.validation = path / "validation.jsonl"
        self.events = path / "events.jsonl"
        self.features = path / "features.npz"  # the fitted features and the plan of answers; written once
        self.state = path / "state.npz"  # the weights after the last step, with all that training needs to go on
        self.checkpoints_file = path / "checkpoints.json"
        self.result = path / "result.csv"  # written when training has reached its end
        self.error_file = path / "error.json"  # written when it cannot go on
        self.evaluations = path / "evaluations"  # the answers of each validation, in the order of its rows
        self.log = path / "trainer.log"  # what the trainer wrote on stderr

    def record(self) -> JobRecord:
        """Return the job's record."""
        return _RECORD.validate_json(self.record_file.read_bytes())

    def error(self) -> JobError | None:
        """Return why training cannot go on, if so."""
        return _ERROR.validate_json(self.error_file.read_bytes()) if self.error_file.exists() else None

    def checkpoints(self) -> tuple[Checkpoint, ...]:
        """Return the checkpoints that are kept, oldest first."""
        file = self.checkpoints_file
        return _CHECKPOINTS.validate_json(file.read_bytes()) if file.exists() else ()

    def evaluation(self, step: int) -> Path:
        """Return where the answers of the validation after `step` are, if there was one."""
        return self.evaluations / f"{step}.json"

    def weights(self, step: int) -> Path:
        """Return where the weights after `step` are, if they are kept: for a checkpoint, or because of a pause."""
        return self.path / f"weights-{step}.npz"


class JobStore:
    """The records of all jobs, in memory and on disk, with one folder for each job in `folder`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        # A folder without a record is a job that was being created when the server ended: it does not exist.
        records = [JobFolder(file.parent).record() for file in folder.glob("ftjob-*/job.json")]
        self._records = {record.id: record for record in records}

    def add(self, request: JobRequest, training: bytes, validation: bytes) -> JobRecord:
        """Keep a new job with its own copy of its files; it exists from the moment its record is written, last."""
        record = JobRecord(new_id("ftjob-"), len(self._records) + 1, int(time.time()), request)
        folder = self.folder(record.id)
        folder.path.mkdir()
        folder.training.write_bytes(training)
        folder.validation.write_bytes(validation)
        self.put(record)
        return record

    def put(self, record: JobRecord) -> None:
        """Keep a job's new state."""
        write_json(self.folder(record.id).record_file, record)
        self._records[record.id] = record

    def get(self, job_id: str) -> JobRecord:
        """Return a job's record, or refuse with 404."""
        if job_id not in self._records:
            raise ApiError(f"Could not find fine tune: {job_id}", "fine_tune_id", "fine_tune_not_found", status=404)
        return self._records[job_id]

    def folder(self, job_id: str) -> JobFolder:
        """Return where a job's files are."""
        return JobFolder(self._folder / job_id)

    def list(self) -> list[JobRecord]:
        """Return all jobs, newest first."""
        return sorted(self._records.values(), key=lambda record: record.number, reverse=True)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to a job; `created_at` in Unix seconds, `data` the metrics of a step."""

    id: str
    created_at: int
    level: Level
    message: str
    data: Mapping[str, Any] | None

    def view(self) -> dict[str, object]:
        """Return the API's event object."""
        return {
            "object": "fine_tuning.job.event",
            "id": self.id,
            "created_at": self.created_at,
            "level": self.level,
            "message": self.message,
            "type": "message" if self.data is None else "metrics",
            "data": self.data,
        }


_EVENT = TypeAdapter(Event)


def new_event(
    job_id: str, key: str, message: str, level: Level = "info", data: Mapping[str, Any] | None = None
) -> Event:
    """Return the event `key` of a job, happening now; the same key always makes the same id."""
    return Event(derived_id("ftevent-", job_id, key), int(time.time()), level, message, data)


class EventLog:
    """The events of one job, oldest first; reads only what was added since the last look."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0
        self._events: dict[str, Event] = {}

    def events(self) -> list[Event]:
        """Return all events written so far; a line that is still being written does not count yet."""
        if self._path.exists():
            with self._path.open("rb") as file:
                file.seek(self._read)
                added, newline, _ = file.read().rpartition(b"\n")
            self._read += len(added) + len(newline)
            self._events |= {event.id: event for event in map(_EVENT.validate_json, added.splitlines())}
        return list(self._events.values())

    def append(self, *events: Event) -> None:
        """Add the events that are not there yet, in one write; a line left unfinished by a killed writer is cut off."""
        self.events()
        lines = "".join(json.dumps(event.view()) + "\n" for event in events if event.id not in self._events)
        with self._path.open("ab") as file:
            file.truncate(self._read)
            file.write(lines.encode())
        self.events()
