"""Who trains when: takes each job from validation over the queue and its trainer to its end, across restarts.

A job's state is on disk before anything follows from it; `open` goes on with whatever was under way.
"""

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from statistics import fmean

from local.platform.child import start_trainer
from local.platform.events import EventLog, closing, pausing, told
from local.platform.examination import BadFile, examined
from local.platform.files import FileStore
from local.platform.names import derived, final_model
from local.platform.orders import Order
from local.platform.records import Fault, JobFolder, JobRecord, JobStore, Status
from local.platform.refusal import bad_request, too_many, wrong_state
from local.platform.trainer import load_outcome
from local.platform.weights import load_linear, load_state, save_linear

_LOG = logging.getLogger(__name__)

MOST_DEATHS = 3
"""Times in a row that a trainer is started again after it died without finishing a single step."""
PAUSE_PATIENCE = 5.0
"""Seconds that the answer to a pause waits for the step at hand; a longer step ends after the answer."""
RECENT_STEPS = 5

Trainers = Callable[[JobFolder], Awaitable[asyncio.subprocess.Process]]


class Foreman:
    """Drives the jobs of one platform.

    Args:
        jobs: their records.
        files: where their files come from and their results go.
        pace: seconds that a step takes at least.
        at_once: trainers that run at the same time.
        most_unfinished: jobs that may wait or train before new ones are refused with 429.
    """

    def __init__(
        self, jobs: JobStore, files: FileStore, *, pace: float, at_once: int = 2, most_unfinished: int = 32
    ) -> None:
        self.jobs = jobs
        self._files = files
        self._pace = pace
        self._places = asyncio.Semaphore(at_once)
        self._most_unfinished = most_unfinished
        self._logs: dict[str, EventLog] = {}
        self._drivers: dict[str, asyncio.Task[None]] = {}
        self._trainers: dict[str, asyncio.subprocess.Process] = {}

    @property
    def trainers(self) -> Mapping[str, int]:
        """The process id of each job that is training now."""
        return {job_id: process.pid for job_id, process in self._trainers.items() if process.returncode is None}

    def open(self) -> None:
        """Go on with every job that was under way, oldest first; those that were running before those that waited."""
        unfinished = [record for record in reversed(self.jobs.list()) if not record.status.over]
        for record in sorted(unfinished, key=lambda record: record.status is not Status.RUNNING):
            if record.status is not Status.PAUSED:
                self._drive(record.id)
        for record in self.jobs.list():
            self.log(record.id).append(closing(record))

    async def close(self) -> None:
        """Stop all trainers where they are; their jobs stay as they are, to be gone on with."""
        drivers = list(self._drivers.values())
        for driver in drivers:
            driver.cancel()
        await asyncio.gather(*drivers, return_exceptions=True)

    def log(self, job_id: str) -> EventLog:
        """Return the events of a job."""
        if job_id not in self._logs:
            self._logs[job_id] = EventLog(self.jobs.folder(self.jobs.get(job_id).id).events)
        return self._logs[job_id]

    def create(self, order: Order) -> JobRecord:
        """Take on a job.

        Raises:
            Refusal: 400 for a file that does not exist, 429 where too many jobs are unfinished.
        """
        contents = [self._content(file_id, name) for file_id, name in _file_parameters(order)]
        idle = sum(record.status.over or record.status is Status.PAUSED for record in self.jobs.list())
        if len(self.jobs.list()) - idle >= self._most_unfinished:
            raise too_many(f"{self._most_unfinished} jobs are waiting or training already; wait for one to end.")
        record = self.jobs.add(order, *contents)
        self.log(record.id).append([told(record.id, "created", f"Created fine-tuning job: {record.id}")])
        self._drive(record.id)
        return record

    async def cancel(self, job_id: str) -> JobRecord:
        """End a job at once; the checkpoints it has stay callable."""
        record = self.jobs.get(job_id)
        if record.status.over:
            raise wrong_state(job_id, record.status, "cancelled")
        self._put(record, status=Status.CANCELLED, finished_at=int(time.time()), pausing=False)
        await self._stop(job_id)
        self.log(job_id).append(closing(self.jobs.get(job_id)))
        return self.jobs.get(job_id)

    async def pause(self, job_id: str) -> JobRecord:
        """Stop a job after the step it is at; its weights stay callable, and `resume` goes on from them."""
        record = self.jobs.get(job_id)
        if record.status not in (Status.QUEUED, Status.RUNNING):
            raise wrong_state(job_id, record.status, "paused")
        record = self._put(record, pausing=True)
        trainer = self._trainers.get(job_id)
        if trainer is None:
            await self._stop(job_id)
            self._settle_pause(record)
        else:
            with contextlib.suppress(ProcessLookupError):
                trainer.send_signal(signal.SIGUSR1)
            await asyncio.wait([self._drivers[job_id]], timeout=PAUSE_PATIENCE)
        return self.jobs.get(job_id)

    def resume(self, job_id: str) -> JobRecord:
        """Queue a paused job again."""
        record = self.jobs.get(job_id)
        if record.status is not Status.PAUSED:
            raise wrong_state(job_id, record.status, "resumed")
        record = self._put(record, status=Status.QUEUED, resumes=record.resumes + 1)
        self.log(job_id).append([told(job_id, f"resumed-{record.resumes}", "Job resumed, moving job to queued state")])
        self._drive(job_id)
        return record

    def estimated_finish(self, job_id: str) -> int | None:
        """Return when a running job will end if its next steps take as long as its last ones; Unix seconds."""
        if self.jobs.get(job_id).status is not Status.RUNNING:
            return None
        told_steps = [(event.created_at, event.data) for event in self.log(job_id).events() if event.type == "metrics"]
        recent = [data for _, data in told_steps[-RECENT_STEPS:] if data is not None]
        if not recent:
            return None
        last = recent[-1]
        left = _number(last["total_steps"]) - _number(last["step"])
        return int(told_steps[-1][0] + left * fmean(_full_iteration(data) for data in recent))

    def _drive(self, job_id: str) -> None:
        driver = asyncio.create_task(self._driven(job_id))
        driver.add_done_callback(lambda ended: self._ended(job_id, ended))
        self._drivers[job_id] = driver

    def _ended(self, job_id: str, driver: asyncio.Task[None]) -> None:
        """A bug of this server's ends the job it met and no other; the traceback is in the log."""
        bug = None if driver.cancelled() else driver.exception()
        if bug is not None:
            _LOG.error("driving %s failed", job_id, exc_info=bug)
            self._fail(job_id, Fault("server_error", "The server had an error while processing the job."))

    async def _driven(self, job_id: str) -> None:
        if self.jobs.get(job_id).status is Status.VALIDATING:
            await self._validate(job_id)
        async with self._places:
            record = self.jobs.get(job_id)
            if record.status in (Status.QUEUED, Status.RUNNING):
                self._put(record, status=Status.RUNNING)
                self.log(job_id).append([told(job_id, "started", "Fine-tuning job started")])
                await self._trained(job_id)

    async def _validate(self, job_id: str) -> None:
        record, log = self.jobs.get(job_id), self.log(job_id)
        training, validation = record.order.training_file, record.order.validation_file
        said = f"Validating training file: {training} and validation file: {validation}"
        log.append([told(job_id, "validating", said)])
        try:
            examples = await asyncio.to_thread(examined, self.jobs.folder(job_id), record.order)
        except BadFile as bad:
            self._fail(job_id, bad.fault)
            return
        self._put(record, status=Status.QUEUED, hyperparameters=record.order.wanted.resolved(examples))
        log.append([told(job_id, "validated", "Files validated, moving job to queued state")])

    async def _trained(self, job_id: str) -> None:
        """Sees a job's trainer through to its end, starting it again where it dies."""
        folder = self.jobs.folder(job_id)
        deaths, reached = 0, -1
        while load_outcome(folder) is None and not self.jobs.get(job_id).pausing:
            step = _step_reached(folder)
            deaths = 0 if step > reached else deaths + 1
            reached = step
            if deaths > MOST_DEATHS:
                fault = f"The trainer ended {deaths} times at step {step + 1}. {_last_line(folder)}"
                self._fail(job_id, Fault("trainer_died", fault.strip()))
                return
            await self._run_trainer(job_id, folder)
        self._settle(job_id)

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

    def _settle(self, job_id: str) -> None:
        record, folder = self.jobs.get(job_id), self.jobs.folder(job_id)
        outcome = load_outcome(folder)
        if outcome is None:
            self._settle_pause(record)
        elif outcome.fault is not None:
            self._fail(job_id, outcome.fault)
        else:
            self._succeed(record, folder)

    def _settle_pause(self, record: JobRecord) -> None:
        folder = self.jobs.folder(record.id)
        step = _step_reached(folder)
        snapshots = record.snapshots
        if step and step not in snapshots:
            save_linear(folder.snapshot(step), load_linear(folder.state))
            snapshots = (*snapshots, step)
        record = self._put(record, status=Status.PAUSED, pausing=False, snapshots=snapshots)
        self.log(record.id).append([pausing(record, step)])

    def _succeed(self, record: JobRecord, folder: JobFolder) -> None:
        result = derived("file-", record.id, "result")
        self._files.keep_result(result, "step_metrics.csv", folder.result.read_bytes())
        model = final_model(record.id, record.order.suffix)
        now = int(time.time())
        record = self._put(
            record,
            status=Status.SUCCEEDED,
            finished_at=now,
            fine_tuned_model=model,
            result_files=(result,),
            pausing=False,
        )
        self.log(record.id).append(closing(record))

    def _fail(self, job_id: str, fault: Fault) -> None:
        record = self.jobs.get(job_id)
        record = self._put(record, status=Status.FAILED, finished_at=int(time.time()), fault=fault, pausing=False)
        self.log(job_id).append(closing(record))

    async def _stop(self, job_id: str) -> None:
        """Ends a job's driver and with it the trainer; its place is free when this returns."""
        driver = self._drivers.get(job_id)
        if driver is not None and not driver.done():
            driver.cancel()
            await asyncio.wait([driver])

    def _put(self, record: JobRecord, **changes: object) -> JobRecord:
        changed = replace(record, **changes)  # type: ignore[arg-type] # names and values are spelled out by the callers above
        self.jobs.put(changed)
        return changed

    def _content(self, file_id: str, parameter: str) -> bytes:
        if all(file.id != file_id or file.purpose != "fine-tune" for file in self._files.list()):
            raise bad_request(f"invalid {parameter}: {file_id}", parameter, "invalid_file")
        return self._files.path(file_id).read_bytes()


def _file_parameters(order: Order) -> list[tuple[str, str]]:
    return [(order.training_file, "training_file"), (order.validation_file, "validation_file")]


def _step_reached(folder: JobFolder) -> int:
    state = load_state(folder.state)
    return 0 if state is None else state.weights.step


def _last_line(folder: JobFolder) -> str:
    lines = folder.log.read_text(errors="replace").splitlines() if folder.log.exists() else []
    return lines[-1][:500] if lines else ""


def _full_iteration(data: Mapping[str, object]) -> float:
    timing = data["timing"]
    assert isinstance(timing, dict)
    return _number(timing["step"]["full_iteration"])


def _number(value: object) -> float:
    assert isinstance(value, int | float)
    return float(value)
