"""Runs each job from validation through the queue and its trainer to its end, across restarts.

A job's state is on disk before anything follows from it; `open` goes on with whatever was under way.
"""

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from local.platform.errors import ApiError, rate_limited
from local.platform.file_store import FileStore
from local.platform.ids import derived_id, model_id
from local.platform.job_request import JobRequest
from local.platform.job_store import (
    EventLog,
    JobError,
    JobFailed,
    JobFolder,
    JobRecord,
    JobStore,
    Level,
    Status,
    new_event,
)
from local.platform.numpy_policy.engine import keep_weights, refusal, start_trainer, step_reached, validate_files
from local.platform.numpy_policy.train_step import AnswerGrader

_LOG = logging.getLogger(__name__)

MOST_DEATHS = 3
"""Times in a row that a trainer is started again after it died without finishing a single step."""
PAUSE_SECONDS = 5.0
"""How long the answer to a pause waits for the current step; a longer step ends after the answer."""
RECENT_STEPS = 5


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a platform takes on before it answers 429 or 413."""

    trainers: int = 2
    """Jobs that train at the same time."""
    unfinished_jobs: int = 32
    requests_at_once: int = 256
    upload_bytes: int = 64 * 1024 * 1024


DEFAULT_LIMITS = Limits()


class JobRunner:
    """Runs the jobs of one platform.

    Args:
        jobs: their records.
        files: where their files come from and their results go.
        graders: grade answers to a few rows before a job is taken on.
        pace: least seconds for a step.
        limits: how many jobs it takes on.
    """

    def __init__(self, jobs: JobStore, files: FileStore, graders: AnswerGrader, pace: float, limits: Limits) -> None:
        self.jobs = jobs
        self.files = files
        self._graders = graders
        self._pace = pace
        self._most_unfinished = limits.unfinished_jobs
        self._slots = asyncio.Semaphore(limits.trainers)
        self._logs: dict[str, EventLog] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._trainers: dict[str, asyncio.subprocess.Process] = {}

    @property
    def trainers(self) -> Mapping[str, int]:
        """The process id of each job that is training now."""
        return {job_id: process.pid for job_id, process in self._trainers.items() if process.returncode is None}

    def open(self) -> None:
        """Go on with every job that was under way, oldest first; those that were running before those that waited."""
        records = self.jobs.list()[::-1]
        for record in sorted(records, key=lambda record: record.status is not Status.RUNNING):
            if record.status.over:
                self._log_end(record)
            elif record.status is not Status.PAUSED:
                self._start(record.id)

    async def close(self) -> None:
        """Stop all trainers where they are; their jobs stay as they are and go on at the next `open`."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def log(self, job_id: str) -> EventLog:
        """Return the events of a job, or refuse with 404."""
        if job_id not in self._logs:
            self._logs[job_id] = EventLog(self.jobs.folder(self.jobs.get(job_id).id).events)
        return self._logs[job_id]

    async def create(self, request: JobRequest) -> JobRecord:
        """Take on a job.

        Refused with 400 are a file that does not exist and a job with nothing to learn, with 429 too many unfinished
        jobs.
        """
        training = self.files.rows(request.training_file, "training_file")
        validation = self.files.rows(request.validation_file, "validation_file")
        if said := await refusal(request, training, self._graders):
            raise ApiError(said, "method.reinforcement.response_format", "nothing_to_learn")
        unfinished = [one for one in self.jobs.list() if not one.status.over and one.status is not Status.PAUSED]
        if len(unfinished) >= self._most_unfinished:
            raise rate_limited(f"{self._most_unfinished} jobs are waiting or training already; wait for one to end.")
        record = self.jobs.add(request, training, validation)
        self._tell(record.id, "created", f"Created fine-tuning job: {record.id}")
        self._start(record.id)
        return record

    async def cancel(self, job_id: str) -> JobRecord:
        """End a job at once; the checkpoints it has stay callable."""
        record = self.jobs.get(job_id)
        if record.status.over:
            raise _wrong_state(record, "cancelled")
        self._put(record, status=Status.CANCELLED, finished_at=int(time.time()), pausing=False)
        await self._stop(job_id)
        self._log_end(self.jobs.get(job_id))
        return self.jobs.get(job_id)

    async def pause(self, job_id: str) -> JobRecord:
        """Stop a job after its current step; its weights stay callable, and `resume` goes on from them."""
        record = self.jobs.get(job_id)
        if record.status not in (Status.QUEUED, Status.RUNNING):
            raise _wrong_state(record, "paused")
        record = self._put(record, pausing=True)
        trainer = self._trainers.get(job_id)
        if trainer is None:
            await self._stop(job_id)
            self._settle_pause(record)
        else:
            with contextlib.suppress(ProcessLookupError):
                trainer.send_signal(signal.SIGUSR1)
            await asyncio.wait([self._tasks[job_id]], timeout=PAUSE_SECONDS)
        return self.jobs.get(job_id)

    def resume(self, job_id: str) -> JobRecord:
        """Queue a paused job again."""
        record = self.jobs.get(job_id)
        if record.status is not Status.PAUSED:
            raise _wrong_state(record, "resumed")
        record = self._put(record, status=Status.QUEUED, resumes=record.resumes + 1)
        self._tell(job_id, f"resumed-{record.resumes}", "Job resumed, moving job to queued state")
        self._start(job_id)
        return record

    def estimated_finish(self, record: JobRecord) -> int | None:
        """Return when a running job will end if its next steps take as long as its last ones; Unix seconds."""
        if record.status is not Status.RUNNING:
            return None
        steps = [(event.created_at, event.data) for event in self.log(record.id).events() if event.data is not None]
        if not steps:
            return None
        written_at, last = steps[-1]
        step_seconds = fmean(data["timing"]["step"]["full_iteration"] for _, data in steps[-RECENT_STEPS:])
        return int(written_at + (last["total_steps"] - last["step"]) * step_seconds)

    def _start(self, job_id: str) -> None:
        self._tasks[job_id] = asyncio.create_task(self._run(job_id))

    async def _run(self, job_id: str) -> None:
        try:
            if self.jobs.get(job_id).status is Status.VALIDATING:
                await self._validate(self.jobs.get(job_id))
            async with self._slots:
                self._put(self.jobs.get(job_id), status=Status.RUNNING)
                self._tell(job_id, "started", "Fine-tuning job started")
                await self._train(job_id)
        except JobFailed as failed:
            self._end(self.jobs.get(job_id), Status.FAILED, error=failed.error)
        except Exception:  # noqa: BLE001 - a bug of this server ends the job it happened in and no other
            _LOG.exception("running %s failed", job_id)
            error = JobError("server_error", "The server had an error while processing the job.")
            self._end(self.jobs.get(job_id), Status.FAILED, error=error)

    async def _validate(self, record: JobRecord) -> None:
        request = record.request
        files = f"training file: {request.training_file} and validation file: {request.validation_file}"
        self._tell(record.id, "validating", f"Validating {files}")
        examples = await asyncio.to_thread(validate_files, self.jobs.folder(record.id), request)
        hyperparameters = request.reinforcement.hyperparameters.resolved(examples)
        self._put(record, status=Status.QUEUED, hyperparameters=hyperparameters)
        self._tell(record.id, "validated", "Files validated, moving job to queued state")

    async def _train(self, job_id: str) -> None:
        """See a job's trainer through to its end, and start it again when it dies."""
        folder = self.jobs.folder(job_id)
        deaths, reached = 0, -1
        while not folder.result.exists():
            if error := folder.error():
                raise JobFailed(error)
            if self.jobs.get(job_id).pausing:
                self._settle_pause(self.jobs.get(job_id))
                return
            step = step_reached(folder)
            deaths = 0 if step > reached else deaths + 1
            reached = step
            if deaths > MOST_DEATHS:
                said = f"The trainer ended {deaths} times at step {step + 1}. {_last_line(folder)}"
                raise JobFailed(JobError("trainer_died", said.strip()))
            await self._run_trainer(job_id, folder)
        self._succeed(self.jobs.get(job_id), folder)

    async def _run_trainer(self, job_id: str, folder: JobFolder) -> None:
        process = await start_trainer(folder, self._pace)
        self._trainers[job_id] = process
        try:
            await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
            del self._trainers[job_id]

    def _settle_pause(self, record: JobRecord) -> None:
        folder = self.jobs.folder(record.id)
        step = step_reached(folder)
        said = "Job paused before its first step"
        if step:
            keep_weights(folder, step)
            said = f"Job paused at step {step} with Snapshot ID: {model_id(record.id, record.request.suffix, step)}"
        snapshots = {*record.snapshots, step} - {0}
        self._put(record, status=Status.PAUSED, pausing=False, snapshots=tuple(sorted(snapshots)))
        self._tell(record.id, f"paused-{record.resumes}", said)

    def _succeed(self, record: JobRecord, folder: JobFolder) -> None:
        result = derived_id("file-", record.id, "result")
        self.files.keep_result(result, "step_metrics.csv", folder.result.read_bytes())
        model = model_id(record.id, record.request.suffix)
        self._end(record, Status.SUCCEEDED, fine_tuned_model=model, result_files=(result,))

    def _end(self, record: JobRecord, status: Status, **changes: Any) -> None:
        self._log_end(self._put(record, status=status, finished_at=int(time.time()), pausing=False, **changes))

    async def _stop(self, job_id: str) -> None:
        """End a job's task and with it the trainer; its slot is free when this returns."""
        task = self._tasks.get(job_id)
        if task is not None and not task.done():
            task.cancel()
            await asyncio.wait([task])

    def _put(self, record: JobRecord, **changes: Any) -> JobRecord:
        changed = replace(record, **changes)
        self.jobs.put(changed)
        return changed

    def _tell(self, job_id: str, key: str, message: str, level: Level = "info") -> None:
        self.log(job_id).append(new_event(job_id, key, message, level))

    def _log_end(self, record: JobRecord) -> None:
        """Write the events of a job's end, where they are not written yet."""
        match record.status:
            case Status.SUCCEEDED:
                self._tell(record.id, "model", f"New fine-tuned model created: {record.fine_tuned_model}")
                self._tell(record.id, "completed", "The job has successfully completed")
            case Status.FAILED if record.error is not None:
                self._tell(record.id, "failed", f"The job failed: {record.error.message}", "error")
            case Status.CANCELLED:
                self._tell(record.id, "cancelled", "The job was cancelled")


def _wrong_state(record: JobRecord, verb: str) -> ApiError:
    """Return the 409 for a job that is past doing what was asked; clients are told not to try again."""
    said = f"Job {record.id} is {record.status} and cannot be {verb}."
    return ApiError(said, code="job_state_conflict", status=409, headers={"x-should-retry": "false"})


def _last_line(folder: JobFolder) -> str:
    lines = folder.log.read_text(errors="replace").splitlines() if folder.log.exists() else []
    return lines[-1][:500] if lines else ""
