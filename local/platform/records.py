"""What a fine-tuning job is now: one record for each, owned and written by the server alone."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from local.platform.body import JsonObject
from local.platform.disk import read_object, write_object
from local.platform.names import ORGANIZATION, fresh
from local.platform.orders import Hyperparameters, Order, Wanted
from local.platform.refusal import no_such_job


class Status(StrEnum):
    """Where a job stands, in the API's words.

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
class Fault:
    """Why a job failed."""

    code: str
    message: str
    param: str | None = None


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job's order and state; times in Unix seconds."""

    id: str
    number: int
    """Counts the jobs of this platform, from 1: the order they were created in."""
    created_at: int
    order: Order
    status: Status = Status.VALIDATING
    hyperparameters: Hyperparameters | None = None
    """Known once the files are validated."""
    finished_at: int | None = None
    fault: Fault | None = None
    fine_tuned_model: str | None = None
    result_files: tuple[str, ...] = ()
    pausing: bool = False
    """The trainer is to stop after its step; kept here so that a restart in between does not forget it."""
    resumes: int = 0
    snapshots: tuple[int, ...] = ()
    """Steps at which the job was paused: their weights stay callable."""

    def view(self, estimated_finish: int | None = None) -> dict[str, object]:
        """Return the API's job object."""
        order, fault = self.order, self.fault
        knobs = self.order.wanted.view() if self.hyperparameters is None else asdict(self.hyperparameters)
        reinforcement: dict[str, object] = {"grader": order.grader, "hyperparameters": knobs}
        if order.response_format is not None:
            reinforcement["response_format"] = order.response_format
        return {
            "id": self.id,
            "object": "fine_tuning.job",
            "created_at": self.created_at,
            "error": {} if fault is None else asdict(fault),
            "fine_tuned_model": self.fine_tuned_model,
            "finished_at": self.finished_at,
            "model": order.model,
            "organization_id": f"org-{ORGANIZATION}",
            "result_files": list(self.result_files),
            "seed": order.seed,
            "status": self.status,
            "trained_tokens": None,
            "training_file": order.training_file,
            "validation_file": order.validation_file,
            "estimated_finish": estimated_finish,
            "integrations": [],
            "metadata": None if order.metadata is None else dict(order.metadata),
            "method": {"type": "reinforcement", "reinforcement": reinforcement},
            "user_provided_suffix": order.suffix,
            "usage_metrics": None,
            "shared_with_openai": False,
            "eval_id": None,
        }


@dataclass(frozen=True, slots=True)
class JobFolder:
    """Where everything of one job lies.

    Only the server writes job.json. The trainer owns the rest while it lives.
    """

    path: Path

    @property
    def record(self) -> Path:
        """The job's record."""
        return self.path / "job.json"

    @property
    def training(self) -> Path:
        """The training rows, as they were when the job was created."""
        return self.path / "training.jsonl"

    @property
    def validation(self) -> Path:
        """The validation rows, as they were when the job was created."""
        return self.path / "validation.jsonl"

    @property
    def events(self) -> Path:
        """What happened, one event a line."""
        return self.path / "events.jsonl"

    @property
    def features(self) -> Path:
        """The fitted projection and the plan of answers; written once."""
        return self.path / "features.npz"

    @property
    def state(self) -> Path:
        """The weights after the last step, with everything training needs to go on."""
        return self.path / "state.npz"

    @property
    def result(self) -> Path:
        """The result table of a job that succeeded."""
        return self.path / "result.csv"

    @property
    def outcome(self) -> Path:
        """How the trainer ended, where it ended by itself."""
        return self.path / "outcome.json"

    @property
    def log(self) -> Path:
        """What the trainer wrote on stderr."""
        return self.path / "trainer.log"

    @property
    def checkpoints(self) -> Path:
        """The list of checkpoints kept."""
        return self.path / "checkpoints.json"

    def weights(self, step: int) -> Path:
        """Return where the weights of the checkpoint at `step` lie."""
        return self.path / f"checkpoint-{step}.npz"

    def snapshot(self, step: int) -> Path:
        """Return where the weights of a pause after `step` lie."""
        return self.path / f"snapshot-{step}.npz"


class JobStore:
    """The records of all jobs, in memory and on disk.

    Args:
        folder: holds one folder for each job; made if missing.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        kept = (read_object(path) for path in folder.glob("ftjob-*/job.json"))
        self._records = {record.id: record for record in map(record_from, filter(None, kept))}

    def add(self, order: Order, training: bytes, validation: bytes) -> JobRecord:
        """Keep a new job with its own copy of its files; it exists from the moment its record is written, last."""
        record = JobRecord(fresh("ftjob-"), len(self._records) + 1, int(time.time()), order)
        folder = self.folder(record.id)
        folder.path.mkdir()
        folder.training.write_bytes(training)
        folder.validation.write_bytes(validation)
        self.put(record)
        return record

    def put(self, record: JobRecord) -> None:
        """Keep a job's new state."""
        write_object(self.folder(record.id).record, asdict(record))
        self._records[record.id] = record

    def get(self, job_id: str) -> JobRecord:
        """Return a job's record, or refuse with 404."""
        if job_id not in self._records:
            raise no_such_job(job_id)
        return self._records[job_id]

    def folder(self, job_id: str) -> JobFolder:
        """Return where a job's files lie."""
        return JobFolder(self._folder / job_id)

    def list(self) -> list[JobRecord]:
        """Return all jobs, newest first."""
        return sorted(self._records.values(), key=lambda record: record.number, reverse=True)


def record_from(value: Mapping[str, object]) -> JobRecord:
    """Return the record that `asdict` made `value` of."""
    kept = dict(value)
    kept["order"] = _order_from(_object(kept["order"]))
    kept["status"] = Status(str(kept["status"]))
    kept["result_files"] = tuple(_list(kept["result_files"]))
    kept["snapshots"] = tuple(_list(kept["snapshots"]))
    if kept["hyperparameters"] is not None:
        kept["hyperparameters"] = Hyperparameters(**_object(kept["hyperparameters"]))  # type: ignore[arg-type] # our own record, read back
    if kept["fault"] is not None:
        kept["fault"] = Fault(**_object(kept["fault"]))  # type: ignore[arg-type] # the same
    return JobRecord(**kept)  # type: ignore[arg-type] # the same


def _order_from(value: JsonObject) -> Order:
    kept = dict(value)
    kept["wanted"] = Wanted(**_object(kept["wanted"]))  # type: ignore[arg-type] # our own record, read back
    return Order(**kept)  # type: ignore[arg-type] # the same


def _object(value: object) -> dict[str, object]:
    assert isinstance(value, dict)
    return value


def _list(value: object) -> list[object]:
    assert isinstance(value, list)
    return value
