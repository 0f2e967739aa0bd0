"""RFT jobs for everybody who uses them: launch, look up, pause, resume, cancel; and the work items of each job."""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final, assert_never

import structlog

from jobs.core.errors import Conflict, NotFound
from jobs.core.ids import JOB_PREFIX
from jobs.core.permissions import Permission, Permissions
from jobs.core.records import Action, Job, JobState, LaunchRequest, PendingAction
from jobs.platforms.parse import RemoteEvent, RemoteJob
from jobs.platforms.profiles import Profile
from jobs.queue.pools import Held
from jobs.state.change import Change, Versioned
from jobs.state.find import find
from jobs.state.store import Store, VersionConflict, retried_on_conflict
from jobs.training.kept_answers import Samples, compared_steps, most_changed
from jobs.training.launch import CANCELLED_EARLY, Launcher
from jobs.training.poll import EFFECTS, Poller
from jobs.training.postings import answer, card_posting, status
from jobs.training.trail_entries import asked

MOST_CONFLICTS: Final = 3
"""Attempts in one work item to be quicker than others who write to the same job."""
OVERTAKEN: Final = 5.0
"""Seconds until a job is worked on again after others were quicker: theirs may have planned no work item."""
SET_ASIDE: Final = 900.0
ENDED: Final[Mapping[JobState, str]] = {
    JobState.SUCCEEDED: "has finished",
    JobState.FAILED: "has failed",
    JobState.CANCELLED: "was cancelled",
    JobState.NOT_LAUNCHED: "was not launched",
}

log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RftJobs:
    """The RFT jobs of this bot."""

    store: Store
    launcher: Launcher
    poller: Poller
    profile_of: Callable[[str], Profile]
    permissions: Permissions
    clock: Callable[[], float] = time.time

    # -- requests ------------------------------------------------------------------------------------------------

    async def launch(self, request: LaunchRequest) -> Job:
        """Launch a job; see `Launcher.launch`."""
        return await self.launcher.launch(request)

    async def newest(self, limit: int = 10) -> tuple[Job, ...]:
        """Return the newest jobs, newest first."""
        return await self.store.records(Job, limit)

    async def job(self, reference: str) -> Job:
        """Return a job by its id, or enough of its beginning; raises NotFound."""
        return (await find_job(self.store, reference)).value

    async def by_remote_id(self, remote_id: str) -> Job | None:
        """Return the job that has this id on its platform, or None."""
        job_id = await self.store.id_of(Job, remote_id)
        held = await self.store.record(Job, job_id) if job_id else None
        return held.value if held else None

    async def messages(self, reference: str, most: int) -> tuple[Job, tuple[RemoteEvent, ...]]:
        """Return a job and its platform's newest `most` messages about it; see `Poller.messages`."""
        job = await self.job(reference)
        return job, await self.poller.messages(job, most)

    async def remote(self, job: Job) -> RemoteJob:
        """Return a job as its platform has it now; see `Poller.messages` for what it raises."""
        return await self.poller.remote(job)

    async def samples(self, reference: str, step: int | None, since: int | None) -> Samples:
        """Return the answers whose reward changed most between two evaluations of a job; see `compared_steps`.

        Raises:
            Conflict: its platform keeps no answers.
        """
        job = await self.job(reference)
        if not self.profile_of(job.platform).keeps_answers:
            raise Conflict(
                f"{job.platform} keeps no answers of its evaluations. Those of the checkpoints that it kept are in "
                f"`/rft checkpoints {job.id}`; `/eval run task={job.task} model=<checkpoint>` asks one again."
            )
        steps = compared_steps(job, await self.store.series(job.id), step, since)
        before, after = [await self.poller.evaluation(job, each) for each in steps]
        return most_changed(job, steps, before, after)

    @retried_on_conflict
    async def request(self, reference: str, action: Action, *, by: str, channel: str, trigger: str) -> Job:
        """Write an action down as pending; the job's next work item, at once, performs it.

        Raises:
            NotFound: there is no such job.
            Conflict: the job's state does not allow it.
            NotPermitted: this person may not do it; nothing was written.
        """
        held = await find_job(self.store, reference)
        self._check(held.value, action)
        await self.require(Permission(action.value), held.value, by)
        pending = PendingAction(action, by, channel, trigger)
        # A cancel takes the place of another action that waits for the platform, and has a patience of its own.
        since = None if held.value.state.is_on_platform else held.value.waiting_since
        job = replace(held.value, pending=pending, waiting_since=since)
        change = Change(
            records=(Versioned(job, held.version),),
            due_in=0.0,
            postings=(card_posting(job, urgent=True),) if job.state.is_on_platform else (),
            audit=(asked(job, pending, self.clock()),),
        )
        await self.store.commit(change)
        return job

    async def require(self, permission: Permission, job: Job, user: str) -> None:
        """Raise NotPermitted, naming who may, if a person may not do this to a job."""
        pausable = False
        with suppress(NotFound):  # of a platform that the bot does not know any more
            can_pause = self.profile_of(job.platform).can_pause
            pausable = job.state is JobState.WATCHING and job.pending is None and can_pause
        await self.permissions.require_for_job(permission, job, user, pausable=pausable)

    def _check(self, job: Job, action: Action) -> None:
        """Raise Conflict, in words, if the job's state does not allow the action, or another one is pending."""
        if job.state.is_final:
            raise Conflict(f"{job.id} {ENDED[job.state]}; there is nothing left to {action.value}.")
        if pending := job.pending:
            being = f"{job.id} is being {EFFECTS[pending.action].past}"
            if pending.action in {action, Action.CANCEL}:
                raise Conflict(f"{being}; its thread says when that is done.")
            if action is not Action.CANCEL:
                raise Conflict(f"{being}; try again when its thread says that it is.")
        if job.state is JobState.CREATING and not (action is Action.CANCEL and job.waiting_since is not None):
            raise Conflict(f"{job.id} is being created on {job.platform} right now; try again in a few seconds.")
        if action is not Action.CANCEL and not self.profile_of(job.platform).can_pause:
            raise Conflict(f"{job.platform} cannot pause or resume jobs. `/rft cancel {job.id}` stops it for good.")
        if action is Action.RESUME and job.state is not JobState.PAUSED:
            raise Conflict(f"{job.id} is not paused; it is {job.platform_status or job.state.value}.")
        if action is Action.PAUSE and job.state is not JobState.WATCHING:
            raise Conflict(f"{job.id} is {job.state.value}; only a running job can be paused.")

    # -- work items ----------------------------------------------------------------------------------------------

    async def work(self, job_id: str, held_item: Held, reference: str) -> None:
        """Do a job's work item: what its state asks for; `reference` finds it in the log."""
        for _ in range(MOST_CONFLICTS):
            held = await self.store.record(Job, job_id)
            if held is None:
                return
            try:
                if held_item.is_exhausted:
                    await self._set_aside(held, reference)
                else:
                    await self._step(held, again=held_item.again)
            except VersionConflict:
                log.info("work.overtaken")  # another bot, or a person, was quicker
                if held.value.state not in {JobState.WATCHING, JobState.PAUSED}:
                    break  # polling again is safe at any time; launching again is not
            else:
                return
        await self.store.commit(Change(item=job_id, due_in=OVERTAKEN))

    async def _step(self, held: Versioned[Job], *, again: bool) -> None:
        job = held.value
        if job.pending and job.state in {JobState.CHECKING, JobState.LAUNCHING}:
            await self.launcher.refuse(held, CANCELLED_EARLY)
            return
        match job.state:
            case JobState.CHECKING:
                await self.launcher.check(held)
            case JobState.LAUNCHING:
                await self.launcher.send(held, again=again)
            case JobState.CREATING:
                await self.launcher.recover(held)
            case JobState.WATCHING | JobState.PAUSED:
                if job.pending:
                    await self.poller.perform(held, job.pending, again=again)
                else:
                    await self.poller.poll(held)
            case JobState.NOT_LAUNCHED:
                await self.launcher.clean_up(held)
            case JobState.SUCCEEDED | JobState.FAILED | JobState.CANCELLED:
                return  # delivered twice: the first attempt saw the end
            case _:
                assert_never(job.state)

    async def _set_aside(self, held: Versioned[Job], reference: str) -> None:
        """Stop trying a job whose work keeps dying: refuse a launch, poll a running job only now and then."""
        job = held.value
        if job.state.is_final:
            await self.store.save(held, job, due_in=-1)
            return
        fault = f"A fault of mine stops me from going on with {job.id} (reference {reference})."
        if not job.state.is_on_platform and job.state is not JobState.CREATING:
            await self.launcher.refuse(held, fault)
            return
        if job.note and job.note.startswith("A fault of mine"):
            await self.store.save(held, job, due_in=SET_ASIDE)
            return
        known = "The job itself goes on" if job.state.is_on_platform else f"{job.platform} may have it or not"
        text = f"{fault} {known}; I look again every {SET_ASIDE / 60:.0f} minutes."
        noted = replace(job, note=text, status_notes=job.status_notes + 1)
        posting = status(noted, text) if job.state.is_on_platform else answer(noted, text, "fault")
        await self.store.save(held, noted, due_in=SET_ASIDE, postings=(posting,))


async def find_job(store: Store, reference: str) -> Versioned[Job]:
    """Return the job that a person means; see `find`."""
    return await find(store, Job, reference, prefix=JOB_PREFIX, noun="job")
