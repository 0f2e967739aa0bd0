"""From a request to a job on the platform, launched once however often this is interrupted.

Each state is a step that may run again: checking costs nothing, launching uploads files, and before the one call that
costs money the intent is written (creating). Whoever finds a job in creating asks the platform for a job with our id
in its metadata before asking for a new one.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import KW_ONLY, dataclass, replace
from typing import Final

import structlog

from jobs.core.errors import BotError, Conflict, PlatformError, PlatformUnavailable
from jobs.core.records import Job, JobState, LaunchRequest
from jobs.graders import GraderRuntime, check_grader, parse_grader
from jobs.platforms.gateway import Gateway, PlatformOf
from jobs.platforms.parse import JobSpec, RemoteJob
from jobs.state.change import RETYPED, Change, Once, Versioned, typed_key
from jobs.state.store import AlreadyTaken, Store, VersionConflict
from jobs.tasks import Task, TaskCatalogue
from jobs.tasks.records import TRAINING_SPLITS
from jobs.training.plan import job_id, plan
from jobs.training.poll_interval import retry_pause
from jobs.training.postings import answer, card_posting
from jobs.training.trail_entries import launched

CREATE_LEASE: Final = 90.0
"""Seconds until another attempt may take up a job in creating: longer than the create call's own time-out."""
MOST_UNKNOWN: Final = 3
"""Failed attempts to learn whether the platform has the job before the person is notified."""
MOST_CLEANUPS: Final = 15
"""Tries to delete what an ended launch left on the platform; with the pauses between them about an hour."""
RETRY_PAUSE: Final = 5.0
CANCELLED_EARLY: Final = "It was cancelled before the launch."

log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Launcher:
    """Launches RFT jobs."""

    store: Store
    tasks: TaskCatalogue
    platform_of: PlatformOf
    graders: GraderRuntime
    """Tries the reward grader before money is spent."""
    _: KW_ONLY
    default_platform: str
    """Used if neither the person nor the task names one."""
    default_approvers: tuple[str, ...]
    """Who may approve if the task does not say."""
    clock: Callable[[], float]
    appearance: float = 60.0
    """Seconds within which a created job appears in the platform's list, if the platform took it."""

    # -- the request ---------------------------------------------------------------------------------------------

    async def launch(self, request: LaunchRequest) -> Job:
        """Check a request and write the job down; its work items do the rest.

        The same trigger asked twice returns the same job.

        Raises:
            UserError: the task, platform, model or rows do not allow a launch; nothing was written.
            AlreadyTaken: the same person made the same request within the last seconds; names that job.
        """
        job = await plan(
            request,
            self.tasks,
            self.platform_of,
            default_platform=self.default_platform,
            default_approvers=self.default_approvers,
            now=self.clock(),
        )
        key = typed_key(replace(request, trigger=""))
        while True:
            once = Once(key, job.id, RETYPED)
            change = Change(records=(Versioned(job, 0),), due_in=0, once=once, audit=(launched(job),))
            try:
                await self.store.commit(change)
            except VersionConflict:
                held = await self.store.record(Job, job.id)
                assert held is not None, "a conflict at version 0 means that the job exists"
                if held.value.request.trigger == request.trigger:
                    return held.value
                job = replace(job, id=job_id(f"{job.id} {request.trigger}"))  # the short id is another launch's
            except AlreadyTaken as taken:
                held = await self.store.record(Job, taken.holder)
                if held is None or held.value.state is not JobState.NOT_LAUNCHED:
                    raise
                # Asking again after a refusal is deliberate; the next request after that is guarded as well.
                key = f"{key}:{taken.holder}"
            else:
                return job

    # -- its work ------------------------------------------------------------------------------------------------

    async def check(self, held: Versioned[Job]) -> None:
        """Try the reward grader on a real item; go on to launching, or refuse in words."""
        job = held.value
        try:
            task = await self._task_of(job)
            rows = await asyncio.to_thread(self.tasks.rows, task, "train")
            grader = parse_grader(task.reward_grader, task.reward)
            problems = await check_grader(self.graders, grader, rows[0].item, task.response_format)
        except BotError as failure:
            problems = [str(failure)]
        if problems:
            await self.refuse(held, " ".join(problems))
        else:
            await self.store.save(held, replace(job, state=JobState.LAUNCHING), due_in=0)

    async def _task_of(self, job: Job) -> Task:
        """Return the job's task; raises UserError if its folder is gone or has changed."""
        task = await asyncio.to_thread(self.tasks.load, job.task)
        if task.version != job.task_version:
            raise Conflict(f"The files of {job.task} were changed while it was being launched; launch it again.")
        return task

    async def send(self, held: Versioned[Job], *, again: bool = False) -> None:
        """Upload the job's files, write down that it is about to be created, and create it.

        `again`: an earlier attempt did not finish, so files of its own may lie on the platform.
        """
        job = held.value
        files: list[str] = []
        try:
            _, gateway = self.platform_of(job.platform)
            task = await self._task_of(job)
            for split in TRAINING_SPLITS:
                rows = await asyncio.to_thread(self.tasks.training_rows, task, split, job.prompt or None)
                files.append(await gateway.upload(_file_name(job, split), rows))
        except BotError as failure:
            await self.refuse(Versioned(replace(job, files=tuple(files)), held.version), str(failure))
            return
        creating = replace(job, state=JobState.CREATING, files=tuple(files), create_asked_at=self.clock())
        try:
            written = await self.store.save(held, creating, due_in=CREATE_LEASE)
        except VersionConflict:
            await _delete(gateway, files)
            raise
        await self._create(written, gateway, task)
        if again:
            try:
                await _delete(gateway, set(await _uploads(gateway, creating)) - set(files))
            except PlatformError as failure:  # they cost nothing
                log.warning("files.left_behind", reason=str(failure))

    async def recover(self, held: Versioned[Job]) -> None:
        """Find out whether the platform took a job whose creation was interrupted, and create it if not."""
        job = held.value
        try:
            _, gateway = self.platform_of(job.platform)
            found = await gateway.find(job.id)
        except BotError as failure:
            await self._still_unknown(held, failure)
            return
        if found is not None:
            await self._created(held, found)
            return
        # A slow platform may still be at it: what is not there yet is not known to be missing.
        early = self.appearance - (self.clock() - (job.create_asked_at or 0.0))
        if early > 0:
            await self.store.save(held, job, due_in=early)
            return
        if job.pending:
            await self.refuse(held, CANCELLED_EARLY)
            return
        try:
            task = await self._task_of(job)
        except BotError as failure:
            await self.refuse(held, str(failure))
            return
        # Claimed again before the call that costs money: of two attempts that got here, one loses this write.
        claimed = replace(job, troubles=job.troubles + 1, create_asked_at=self.clock())
        await self._create(await self.store.save(held, claimed, due_in=CREATE_LEASE), gateway, task)

    async def clean_up(self, held: Versioned[Job]) -> None:
        """Delete what an ended launch left on the platform; try again later if the platform does not answer."""
        job, wait = held.value, -1.0
        try:
            _, gateway = self.platform_of(job.platform)
            for file in {*job.files, *await _uploads(gateway, job)}:
                await gateway.delete_file(file)
            job = replace(job, files=())
        except BotError as failure:
            job = replace(job, troubles=job.troubles + 1)
            # Only a platform that gives no answer is worth asking again; without a key, say, nothing was left there.
            if isinstance(failure, PlatformError) and job.troubles < MOST_CLEANUPS:
                wait = retry_pause(job.troubles, RETRY_PAUSE)
            log.warning("files.left_behind", files=job.files, reason=str(failure), again_in=wait)
        await self.store.save(held, job, due_in=wait)

    async def _create(self, held: Versioned[Job], gateway: Gateway, task: Task) -> None:
        job = held.value
        try:
            remote = await gateway.create(_spec(job, task))
        except BotError as failure:
            if isinstance(failure, PlatformUnavailable) and failure.outcome_unknown:
                await self._still_unknown(held, failure)
            else:
                await self.refuse(held, str(failure))
        else:
            await self._created(held, remote)

    async def _created(self, held: Versioned[Job], remote: RemoteJob) -> None:
        job = replace(
            held.value,
            state=JobState.WATCHING,
            remote_id=remote.id,
            platform_status=remote.status,
            batch_size=remote.batch_size,
            troubles=0,
            note=None,
        )
        await self.store.save(held, job, due_in=0, postings=(card_posting(job, urgent=True),))
        log.info("job.created", remote=remote.id)

    async def _still_unknown(self, held: Versioned[Job], failure: BotError) -> None:
        """Ask again later; notify the person once if it takes long."""
        job = replace(held.value, troubles=held.value.troubles + 1, note=str(failure))
        text = (
            f"{job.platform} has not said whether it took {job.id}: {failure} "
            f"I keep asking, and launch it only if it did not. `/rft cancel {job.id}` ends this."
        )
        postings = (answer(job, text, "unknown"),) if job.troubles >= MOST_UNKNOWN else ()
        await self.store.save(held, job, due_in=retry_pause(job.troubles, RETRY_PAUSE), postings=postings)

    async def refuse(self, held: Versioned[Job], reason: str) -> None:
        """End a launch before the platform has the job, and tell the person why; the next work item cleans up."""
        job = replace(held.value, state=JobState.NOT_LAUNCHED, note=reason, finished_at=self.clock())
        job = replace(job, pending=None, troubles=0)
        posting = answer(job, f"{job.task} was not launched. {reason}", "refused")
        sent_nothing = held.value.state is JobState.CHECKING
        await self.store.save(held, job, due_in=-1 if sent_nothing else 0, postings=(posting,))
        log.info("job.refused", reason=reason)


def _spec(job: Job, task: Task) -> JobSpec:
    training_file, validation_file = job.files
    return JobSpec(
        key=job.id,
        model=job.model,
        training_file=training_file,
        validation_file=validation_file,
        suffix=job.suffix,
        seed=job.request.seed,
        grader=task.reward_grader,
        response_format=task.response_format,
        hyperparameters=job.request.hyperparameters,
    )


def _file_name(job: Job, split: str) -> str:
    return f"{job.id}-{split}.jsonl"


async def _uploads(gateway: Gateway, job: Job) -> list[str]:
    """Return every file uploaded for the job, known or left by an upload whose answer was lost."""
    return [file for split in TRAINING_SPLITS for file in await gateway.files_named(_file_name(job, split))]


async def _delete(gateway: Gateway, files: Iterable[str]) -> None:
    """Delete files that nothing needs; those that cannot be deleted are only logged."""
    for file in files:
        try:
            await gateway.delete_file(file)
        except PlatformError as failure:
            log.warning("files.left_behind", files=(file,), reason=str(failure))
