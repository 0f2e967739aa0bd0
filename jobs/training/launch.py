"""From a request to a job on the platform, launched once however often this is interrupted.

Each state is a step that may run again: checking costs nothing, launching uploads files, and before the one call that
costs money the intent is written (creating). Whoever finds a job in creating asks the platform for a job with our id
in its metadata before asking for a new one.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import KW_ONLY, dataclass, replace
from functools import partial
from typing import Final

import structlog

from jobs.core.errors import BotError, Conflict, PlatformError, PlatformUnavailable
from jobs.core.ids import JOB_PREFIX
from jobs.core.records import Job, JobState, LaunchRequest, Posting
from jobs.evals.grade import EvalGraders
from jobs.graders import GraderRuntime, check_grader, models_of
from jobs.platforms.gateway import Gateway, PlatformOf
from jobs.platforms.parse import JobSpec, RemoteJob
from jobs.platforms.patience import PATIENCE, given_up, shown_time, wait_for
from jobs.state.change import Versioned
from jobs.state.start import start
from jobs.state.store import Store, VersionConflict
from jobs.tasks import Task, TaskCatalogue
from jobs.tasks.defaults import chosen_for
from jobs.tasks.records import EVIDENCE_SPLITS, TRAINING_SPLITS
from jobs.tasks.rows import unfed
from jobs.training import uploads
from jobs.training.alike import NEWEST, launched_like
from jobs.training.plan import plan
from jobs.training.postings import answer, card_posting
from jobs.training.trail_entries import launched

UNKNOWN_PAUSE: Final = 300.0
"""Seconds between two questions whether the platform has the job, once it is no longer launched if it has not."""
BEFORE_CREATION: Final = frozenset({JobState.CHECKING, JobState.LAUNCHING})
CANCELLED_EARLY: Final = "It was cancelled before the launch."

log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Launcher:
    """Launches RFT jobs."""

    store: Store
    tasks: TaskCatalogue
    platform_of: PlatformOf
    graders: GraderRuntime
    """Tries the graders before money is spent."""
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
        job = await self.planned(request)
        like = launched_like(job, await self.store.records(Job, NEWEST))
        return await start(
            self.store,
            replace(job, like=like),
            prefix=JOB_PREFIX,
            asked=request,
            was_refused=lambda earlier: earlier.state is JobState.NOT_LAUNCHED,
            entry=launched,
        )

    async def planned(self, request: LaunchRequest) -> Job:
        """Return the job that a request describes; nothing is written. Raises UserError as `launch` does."""
        return await plan(
            request,
            (await chosen_for(self.store, request.task)).choice,
            self.tasks,
            self.platform_of,
            default_platform=self.default_platform,
            default_approvers=self.default_approvers,
            now=self.clock(),
        )

    # -- its work ------------------------------------------------------------------------------------------------

    async def check(self, held: Versioned[Job]) -> None:
        """Try every grader on real items of each split that the job needs; go on to launching, or refuse in words."""
        job = held.value
        try:
            task = await self._task_of(job)
            problems = await self._grader_problems(task)
        except BotError as failure:
            await self._wait_or_refuse(held, failure)
            return
        if problems:
            await self.refuse(held, " ".join(problems))
        else:
            await self._save(held, lambda now: replace(now, state=JobState.LAUNCHING), due_in=0)

    async def _grader_problems(self, task: Task) -> list[str]:
        """Return what keeps a grader from grading; what evidence would stumble over after training is found now."""
        graders = EvalGraders(self.graders, task).run
        for split in dict.fromkeys((*TRAINING_SPLITS, *EVIDENCE_SPLITS)):
            if split not in task.splits:
                continue
            rows = await asyncio.to_thread(self.tasks.rows, task, split)
            for grader in graders:
                if lacks := await asyncio.to_thread(next, unfed(grader, rows), None):
                    return [lacks]
                if models_of(grader) and split != TRAINING_SPLITS[0]:
                    continue  # each grading costs tokens; that its judge answers is known from the first split
                if problems := await check_grader(self.graders, grader, rows[0].item, task.response_format):
                    where = f"{task.name}/{task.splits[split].name}, row {rows[0].id}"
                    return [*problems, f"It was tried on {where}."]
        return []

    async def _task_of(self, job: Job) -> Task:
        """Return the job's task; raises UserError if its folder is gone or has changed."""
        task = (await asyncio.to_thread(self.tasks.load, job.task)).training_on(job.request.reward)
        if task.version != job.task_version:
            raise Conflict(f"The files of {job.task} were changed while it was being launched; launch it again.")
        return task

    async def send(self, held: Versioned[Job], *, again: bool = False) -> None:
        """Upload the job's files, write down that it is about to be created, and create it.

        `again`: an earlier attempt did not finish, so files of its own may lie on the platform.
        """
        job, files = held.value, [*held.value.files]
        may_have_uploaded = again or job.waiting_since is not None
        try:
            _, gateway = self.platform_of(job.platform)
            task = await self._task_of(job)
            await uploads.upload(gateway, self.tasks, task, job, files, look_first=may_have_uploaded)
        except BotError as failure:
            await self._wait_or_refuse(held, failure, files)
            return
        creating = partial(replace, state=JobState.CREATING, files=tuple(files), create_asked_at=self.clock())
        try:
            written = await self._save(held, creating)
        except VersionConflict:
            if await self._refuse_cancelled(job.id, files):
                return
            newest = await self.store.record(Job, job.id)  # another bot was quicker, with files of its own
            await uploads.delete(gateway, set(files) - set(newest.value.files if newest else ()))
            raise
        await self._create(written, gateway, task, else_in=JobState.LAUNCHING)
        if may_have_uploaded:
            await uploads.delete_others(gateway, job, files)

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
            await self._save(held, lambda now: now, due_in=early)
            return
        if job.pending:
            await self.refuse(held, CANCELLED_EARLY)
            return
        if job.waiting_since is not None and self.clock() - job.waiting_since > PATIENCE:
            last = PlatformUnavailable(job.note or f"{job.platform} did not take it.")
            await self.refuse(held, given_up(last, job.waiting_since, self.clock()))
            return
        try:
            task = await self._task_of(job)
        except BotError as failure:
            await self.refuse(held, str(failure))
            return
        # Claimed again before the call that costs money: of two attempts that got here, one loses this write.
        claimed = await self._save(held, partial(replace, create_asked_at=self.clock()))
        await self._create(claimed, gateway, task, else_in=JobState.CREATING)

    async def clean_up(self, held: Versioned[Job]) -> None:
        """Delete what an ended launch left on the platform; wait for a platform that does not answer."""
        job, due_in, postings = held.value, -1.0, tuple[Posting, ...]()
        try:
            _, gateway = self.platform_of(job.platform)
            for file in job.files:  # before those are asked for that are not known: not every platform lists files
                await gateway.delete_file(file)
            for file in await uploads.uploaded(gateway, job) - set(job.files):
                await gateway.delete_file(file)
            job = replace(job, files=(), waiting_since=None)
        except BotError as failure:
            wait = wait_for(failure, job.waiting_since, self.clock())
            log.warning("files.left_behind", files=job.files, reason=str(failure), again=wait is not None)
            if wait:
                job, due_in = replace(job, waiting_since=wait.since), wait.pause
            elif isinstance(failure, PlatformError):  # without a key, say, nothing was left there
                text = f"Files of {job.id} may be left on {job.platform}; delete what is called {job.id}-*. {failure}"
                postings = (answer(job, text, "left"),)
        await self.store.save(held, job, due_in=due_in, postings=postings)

    async def _create(self, held: Versioned[Job], gateway: Gateway, task: Task, *, else_in: JobState) -> None:
        """Create the job; where the platform cannot take it now, it waits in the state `else_in`."""
        job = held.value
        try:
            remote = await gateway.create(_spec(job, task))
        except BotError as failure:
            if isinstance(failure, PlatformUnavailable) and failure.outcome_unknown:
                await self._still_unknown(held, failure)
            else:
                await self._wait_or_refuse(held, failure, job.files, state=else_in)
        else:
            await self._created(held, remote)

    async def _created(self, held: Versioned[Job], remote: RemoteJob) -> None:
        watching = partial(
            replace,
            state=JobState.WATCHING,
            remote_id=remote.id,
            platform_status=remote.status,
            batch_size=remote.batch_size,
            n_epochs=remote.hyperparameters.n_epochs,
            troubles=0,
            waiting_since=None,
            note=None,
        )
        await self._save(
            held, watching, due_in=0, postings=(card_posting(held.value, urgent=True),), cancelled_too=True
        )
        log.info("job.created", remote=remote.id)

    # -- a platform that cannot be used now ------------------------------------------------------------------------

    async def _wait_or_refuse(
        self, held: Versioned[Job], failure: BotError, files: Iterable[str] = (), state: JobState | None = None
    ) -> None:
        """Have the same step taken again later if waiting may help, and say so once; else refuse.

        Args:
            held: the job.
            failure: of the step.
            files: what has been uploaded.
            state: in which it waits, if not in the present one.
        """
        job = held.value
        wait = wait_for(failure, job.waiting_since, self.clock())
        files = tuple(files)
        if wait is None:
            uploaded = Versioned(replace(job, files=files), held.version)
            await self.refuse(uploaded, given_up(failure, job.waiting_since, self.clock()))
            return
        log.info("job.waits", reason=wait.failure, again_in=wait.pause)
        waits = partial(replace, state=state or job.state, files=files, waiting_since=wait.since, note=wait.sentence)
        try:
            await self._save(held, waits, due_in=wait.pause, postings=_waits(job, wait.sentence))
        except VersionConflict:
            if not await self._refuse_cancelled(job.id, files):
                raise

    async def _still_unknown(self, held: Versioned[Job], failure: BotError) -> None:
        """Ask again later whether the platform has the job, for as long as it takes; say so once."""
        job = held.value
        wait = wait_for(failure, job.waiting_since, self.clock())
        since = self.clock() if job.waiting_since is None else job.waiting_since
        text = (
            f"{job.platform} has not said whether it took {job.id}: {failure} I keep asking, and until "
            f"{shown_time(since + PATIENCE)} I launch it if it did not."
        )
        await self._save(
            held,
            partial(replace, waiting_since=since, note=str(failure)),
            due_in=wait.pause if wait else UNKNOWN_PAUSE,
            postings=_waits(job, text),
            cancelled_too=True,
        )

    async def _refuse_cancelled(self, job_id: str, files: Iterable[str]) -> bool:
        """End a launch that somebody cancelled in the middle of a step, and tell whether somebody did."""
        held = await self.store.record(Job, job_id)
        if held is None or not held.value.pending or held.value.state not in BEFORE_CREATION:
            return False
        await self.refuse(Versioned(replace(held.value, files=tuple(files)), held.version), CANCELLED_EARLY)
        return True

    async def refuse(self, held: Versioned[Job], reason: str) -> None:
        """End a launch before the platform has the job, and tell the person why; the next work item cleans up."""
        refused = partial(
            replace,
            state=JobState.NOT_LAUNCHED,
            files=held.value.files,
            note=reason,
            finished_at=self.clock(),
            pending=None,
            troubles=0,
            waiting_since=None,
        )
        posting = answer(held.value, f"{held.value.task} was not launched. {reason}", "refused")
        sent_nothing = held.value.state is JobState.CHECKING
        await self._save(held, refused, due_in=-1 if sent_nothing else 0, postings=(posting,), cancelled_too=True)
        log.info("job.refused", reason=reason)

    async def _save(
        self,
        held: Versioned[Job],
        changed: Callable[[Job], Job],
        *,
        due_in: float | None = None,
        postings: tuple[Posting, ...] = (),
        cancelled_too: bool = False,
    ) -> Versioned[Job]:
        """Change the newest record: what others write to it meanwhile, such as who watches it, is kept.

        Without `due_in` this is in the middle of a step: who dies here leaves the job to be taken up at once.

        Raises:
            VersionConflict: another bot has taken the launch further or, unless `cancelled_too`, somebody cancelled it.
        """
        before = held.value
        while True:
            try:
                return await self.store.save(held, changed(held.value), due_in=due_in, postings=postings)
            except VersionConflict:
                newest = await self.store.record(Job, before.id)
                if newest is None or _step_of(newest.value) != _step_of(before):
                    raise
                if newest.value.pending != before.pending and not cancelled_too:
                    raise
                held = newest


def _step_of(job: Job) -> tuple[object, ...]:
    """Return what only those who launch a job write."""
    return job.state, job.create_asked_at, job.waiting_since


def _waits(job: Job, text: str) -> tuple[Posting, ...]:
    """Return what the person who launched a job is told when it begins to wait."""
    if job.waiting_since is not None:
        return ()
    return (answer(job, f"{job.id} waits. {text} `/rft cancel {job.id}` ends it.", "waits"),)


def _spec(job: Job, task: Task) -> JobSpec:
    training_file, validation_file = job.files
    return JobSpec(
        key=job.id,
        model=job.model,
        training_file=training_file,
        validation_file=validation_file,
        suffix=job.suffix,
        seed=job.request.seed,
        grader=task.training_grader,
        response_format=task.response_format,
        hyperparameters=job.request.hyperparameters,
    )
