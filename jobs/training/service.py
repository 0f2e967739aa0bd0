"""RFT jobs as a person knows them: launch, look up, pause, resume, cancel; and the work on each of them."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, assert_never

import structlog

from jobs.core.errors import Conflict, NotFound
from jobs.core.permissions import Permission, Permissions
from jobs.core.records import Action, Job, JobState, LaunchRequest, PendingAction
from jobs.platforms.parse import RemoteEvent
from jobs.platforms.profiles import Profile
from jobs.state.change import Change, Versioned
from jobs.state.find import find
from jobs.state.store import Store, VersionConflict, retried_on_conflict
from jobs.training.launch import CANCELLED_EARLY, Launcher
from jobs.training.poll import WISHES, Poller
from jobs.training.postings import answer, card_posting, status
from jobs.training.trail_entries import asked

MOST_ATTEMPTS: Final = 3
"""Attempts that may die before the job is set aside: a job that kills its worker must not do so for ever."""
MOST_LOOKS: Final = 3
"""In one work item, where others keep being quicker."""
SET_ASIDE: Final = 900.0
ENDED: Final[Mapping[JobState, str]] = {
    JobState.SUCCEEDED: "has finished",
    JobState.FAILED: "has failed",
    JobState.CANCELLED: "was cancelled",
    JobState.NOT_LAUNCHED: "was not launched",
}
PREFIX: Final = "rft-"

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

    # -- what people ask -----------------------------------------------------------------------------------------

    async def launch(self, request: LaunchRequest) -> Job:
        """Launch a job; see `Launcher.launch`."""
        return await self.launcher.launch(request)

    async def newest(self, limit: int = 10) -> tuple[Job, ...]:
        """Return the newest jobs, newest first."""
        return await self.store.records(Job, limit)

    async def job(self, reference: str) -> Job:
        """Return a job by its id, or enough of its beginning; raises NotFound."""
        return (await find_job(self.store, reference)).value

    async def of_remote(self, remote_id: str) -> Job | None:
        """Return the job that has this id on its platform, or None."""
        job_id = await self.store.id_of(Job, remote_id)
        held = await self.store.record(Job, job_id) if job_id else None
        return held.value if held else None

    def _known_profile(self, platform: str) -> Profile | None:
        try:
            return self.profile_of(platform)
        except NotFound:
            return None

    async def messages(self, reference: str, most: int) -> tuple[Job, tuple[RemoteEvent, ...]]:
        """Return a job and the platform's own newest `most` messages on it, oldest of them first.

        Raises:
            NotFound: there is no such job, or its platform does not have it.
            PlatformError: the platform does not say.
        """
        job = (await find_job(self.store, reference)).value
        return job, await self.poller.messages(job, most)

    @retried_on_conflict
    async def ask(self, reference: str, action: Action, *, by: str, channel: str, trigger: str) -> Job:
        """Write down what a person wants of a job; its next work item, at once, does it.

        Raises:
            NotFound: there is no such job.
            Conflict: the job is in no state for it.
            NotPermitted: this person may not; nothing was written.
        """
        held = await find_job(self.store, reference)
        self._check(held.value, action)
        await self.require(Permission(action.value), held.value, by)
        pending = PendingAction(action, by, channel, trigger)
        job = replace(held.value, pending=pending)
        change = Change(
            records=(Versioned(job, held.version),),
            # While it is not known whether the platform took the job, its next work must not come early: the
            # request that creates it may still be on its way.
            due_in=None if job.state is JobState.CREATING else 0.0,
            postings=(card_posting(job, urgent=True),) if job.state.is_on_platform else (),
            audit=(asked(job, pending, self.clock()),),
        )
        await self.store.commit(change)
        return job

    async def require(self, permission: Permission, job: Job, user: str) -> None:
        """Raise NotPermitted, naming who may, where a person may not do this to a job."""
        profile = self._known_profile(job.platform)
        pausable = job.state is JobState.WATCHING and job.pending is None and profile is not None and profile.can_pause
        await self.permissions.require_for_job(permission, job, user, pausable=pausable)

    def _check(self, job: Job, action: Action) -> None:
        """Raise Conflict, in words, where the job is in no state for the action, or another wish is under way."""
        if job.state.is_final:
            raise Conflict(f"{job.id} {ENDED[job.state]}; there is nothing left to {action.value}.")
        pending = job.pending.action if job.pending else None
        if pending and pending in {action, Action.CANCEL}:
            raise Conflict(f"{job.id} is being {WISHES[pending].past}; its thread says when that is done.")
        if pending and action is not Action.CANCEL:
            raise Conflict(f"{job.id} is being {WISHES[pending].past}; try again when its thread says that it is.")
        if job.state is JobState.CREATING and not (action is Action.CANCEL and job.troubles):
            raise Conflict(f"{job.id} is being created on {job.platform} right now; try again in a few seconds.")
        if action is not Action.CANCEL and not self.profile_of(job.platform).can_pause:
            raise Conflict(f"{job.platform} cannot pause or resume jobs. `/rft cancel {job.id}` stops it for good.")
        if action is Action.RESUME and job.state is not JobState.PAUSED:
            raise Conflict(f"{job.id} is not paused; it is {job.platform_status or job.state.value}.")
        if action is Action.PAUSE and job.state is not JobState.WATCHING:
            raise Conflict(f"{job.id} is {job.state.value}; only a running job can be paused.")

    # -- its work ------------------------------------------------------------------------------------------------

    async def work(self, job_id: str, attempts: int, reference: str) -> None:
        """Do the next piece of work on a job: what its state asks for.

        `attempts` counts those since the last that finished, this one included; `reference` finds it in the log.
        """
        for _ in range(MOST_LOOKS):
            held = await self.store.record(Job, job_id)
            if held is None:
                return
            try:
                if attempts > MOST_ATTEMPTS:
                    await self._set_aside(held, reference)
                else:
                    await self._step(held, attempts)
            except VersionConflict:
                log.info("work.overtaken")  # another bot, or a person, was quicker
                if held.value.state in {JobState.WATCHING, JobState.PAUSED}:
                    # Theirs may have planned no work item, and the lease of this one would be waited for. To look again
                    # is safe at any time; a launch is not.
                    continue
            return

    async def _step(self, held: Versioned[Job], attempts: int) -> None:
        job = held.value
        if job.pending and job.state in {JobState.CHECKING, JobState.LAUNCHING}:
            await self.launcher.refuse(held, CANCELLED_EARLY)
            return
        match job.state:
            case JobState.CHECKING:
                await self.launcher.check(held)
            case JobState.LAUNCHING:
                await self.launcher.send(held, again=attempts > 1)
            case JobState.CREATING:
                await self.launcher.recover(held)
            case JobState.WATCHING | JobState.PAUSED:
                if job.pending:
                    await self.poller.act(held, job.pending, again=attempts > 1)
                else:
                    await self.poller.look(held)
            case JobState.NOT_LAUNCHED:
                await self.launcher.clean_up(held)
            case JobState.SUCCEEDED | JobState.FAILED | JobState.CANCELLED:
                return  # handed over twice: the first attempt saw the end
            case _:
                assert_never(job.state)

    async def _set_aside(self, held: Versioned[Job], reference: str) -> None:
        """Stop trying a job whose work keeps dying: refuse a launch, look at a running one only now and then."""
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
    return await find(store, Job, reference, prefix=PREFIX, noun="job")
