"""Polls the jobs that a platform has, and asks the platform for what people want: pause, resume, cancel."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass, replace
from typing import Final

from jobs.core.errors import BotError, NotFound, PlatformError, PlatformRejected, PlatformUnavailable
from jobs.core.records import Action, Job, JobState, PendingAction, Posting
from jobs.core.series import Step
from jobs.platforms.gateway import Gateway, PlatformOf
from jobs.platforms.metrics import step_of
from jobs.platforms.parse import KeptItem, RemoteEvent, RemoteJob
from jobs.platforms.patience import Wait, given_up, wait_for
from jobs.platforms.profiles import Profile
from jobs.state.change import Change, Versioned
from jobs.state.store import Store
from jobs.state.sweep_entry import RUNNING
from jobs.training.poll_interval import LONGEST_RETRY_PAUSE, poll_interval, retry_pause
from jobs.training.postings import answer, card_posting, status
from jobs.training.reduce import SAY_SO_AFTER, STATES, News, changes_nothing, reduce
from jobs.training.sweep import sweep_entry
from jobs.training.sweep_state import SweepState

METRICS: Final = "metrics"
"""The kind of an event that reports on a step."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What an action does to a job, and how it is described."""

    done: str
    """What the person did, after their name."""
    past: str
    already: str
    """The job, if there is nothing to do."""
    state: JobState
    """Of the job once the platform has done it."""


EFFECTS: Final[Mapping[Action, Effect]] = {
    Action.PAUSE: Effect(
        "asked the platform to pause it after the step in hand", "paused", "is paused", JobState.PAUSED
    ),
    Action.RESUME: Effect("resumed it", "resumed", "is running", JobState.WATCHING),
    Action.CANCEL: Effect("cancelled it", "cancelled", "was cancelled", JobState.CANCELLED),
}


@dataclass(frozen=True, slots=True)
class Poller:
    """Polls jobs on their platforms."""

    store: Store
    sweeps: SweepState
    platform_of: PlatformOf
    clock: Callable[[], float]
    _: KW_ONLY
    picture_steps: int | None = None
    """Steps between two pictures of a job's curve; None leaves it to the job's length."""

    async def poll(self, held: Versioned[Job]) -> None:
        """Read what is new, write it down with the messages it causes, and plan the next poll."""
        profile: Profile | None = None
        try:
            profile, gateway = self.platform_of(held.value.platform)
            news = await self._read(held.value, gateway)
        except BotError as failure:
            await self.store.commit(unanswered(held, failure, profile))
            return
        now = self.clock()
        if changes_nothing(held.value, news, now):
            await self.store.save(held, held.value, due_in=poll_interval(held.value, profile, now))
            return
        series = await self.store.series(held.value.id, held.token)
        # The rules read a long series for tenths of a second.
        change = await asyncio.to_thread(reduce, held, news, series, profile, now, picture_steps=self.picture_steps)
        await self.store.commit(change)

    async def perform(self, held: Versioned[Job], pending: PendingAction, *, again: bool = False) -> None:
        """Ask the platform for what a person wants, tell them the result, and poll again at once.

        A platform that cannot do it now is asked again later, and that is said once.

        `again`: an earlier attempt died and may have asked already.
        """
        effect, problem = EFFECTS[pending.action], ""
        job = replace(held.value, pending=None, waiting_since=None)
        try:
            _, gateway = self.platform_of(job.platform)
            if await self._ask(gateway, job, pending.action) and not again:
                problem = f"{job.id} {effect.already} already."
        except BotError as failure:
            since, now = held.value.waiting_since, self.clock()
            if _may_have_worked(failure):
                problem = f"It is not certain that {job.id} was {effect.past}; its card shows it soon. {failure}"
            elif wait := wait_for(failure, since, now):
                await self._put_off(held, pending, wait)
                return
            else:
                problem = f"{job.id} was not {effect.past}. {given_up(failure, since, now)}"
        if problem:
            posting = answer(job, problem, pending.trigger, to=pending.by)
        else:
            job = replace(job, status_notes=job.status_notes + 1)
            posting = status(job, effect.done, by=pending.by)
        await self.store.save(held, job, due_in=0, postings=(posting, card_posting(job, urgent=True)))

    async def _put_off(self, held: Versioned[Job], pending: PendingAction, wait: Wait) -> None:
        """Ask for an action again later; who wants it is told so the first time."""
        job = replace(held.value, waiting_since=wait.since)
        text = f"{job.id} is not {EFFECTS[pending.action].past} yet. {wait.sentence}"
        said = answer(job, text, f"{pending.trigger}:waits", to=pending.by)
        postings = (said, card_posting(job, urgent=True)) if held.value.waiting_since is None else ()
        await self.store.save(held, job, due_in=wait.pause, postings=postings)

    async def messages(self, job: Job, most: int) -> tuple[RemoteEvent, ...]:
        """Return the platform's newest `most` messages about a job, oldest first.

        Raises:
            NotFound: the platform does not have the job.
            PlatformError: the platform does not answer.
        """
        return await self._gateway(job).newest_events(job.remote_id or "", most)

    async def remote(self, job: Job) -> RemoteJob:
        """Return a job as its platform has it now; raises as `messages` does."""
        return await self._gateway(job).job(job.remote_id or "")

    async def evaluation(self, job: Job, step: int) -> tuple[KeptItem, ...]:
        """Return the answers of one of a job's evaluations; raises as `messages` does."""
        return await self._gateway(job).evaluation(job.remote_id or "", step)

    def _gateway(self, job: Job) -> Gateway:
        if job.remote_id is None:
            raise NotFound(f"{job.platform} does not have {job.id}, so it says nothing about it.")
        return self.platform_of(job.platform)[1]

    async def _ask(self, gateway: Gateway, job: Job, action: Action) -> bool:
        """Ask for an action; return whether the job was in that state already.

        A platform refuses to resume what runs, and an answer may get lost although the request took effect: in both
        cases the job's status decides.
        """
        assert job.remote_id is not None, "only jobs on a platform are acted on"
        calls = {Action.PAUSE: gateway.pause, Action.RESUME: gateway.resume, Action.CANCEL: gateway.cancel}
        try:
            await calls[action](job.remote_id)
        except PlatformError as failure:
            refused = isinstance(failure, PlatformRejected)
            if not refused and not _may_have_worked(failure):
                raise
            with suppress(PlatformError):
                remote = await gateway.job(job.remote_id)
                if STATES.get(remote.status, JobState.WATCHING) is EFFECTS[action].state:
                    return refused
            raise
        return False

    async def _read(self, job: Job, gateway: Gateway) -> News:
        """Return what is new, with two requests if nothing is, or one if a sweep has seen that the job runs."""
        assert job.remote_id is not None, "only jobs on a platform are watched"
        entry = sweep_entry(job, 1)
        if job.platform_status == RUNNING and entry and await self.sweeps.is_listed(entry):
            events = await gateway.events_since(job.remote_id, job.last_event)
            # Whatever else happens to a job shows in an event, or in the next sweep.
            if all(event.kind == METRICS for event in events):
                return News(RemoteJob(job.remote_id, RUNNING), events, _steps(events), None)
        # The status is read before the events: if it is final, no later event comes. All of them are then read once
        # more, because a platform may have listed one late, before one that was known.
        remote = await gateway.job(job.remote_id)
        events = await gateway.events_since(job.remote_id, None if remote.is_finished else job.last_event)
        ended = remote.is_finished or remote.status == "paused"
        checkpoints = await gateway.checkpoints(job.remote_id) if ended else None
        return News(remote, events, _steps(events), checkpoints)


def _steps(events: tuple[RemoteEvent, ...]) -> tuple[Step, ...]:
    steps = (step_of(event.data, kind=event.kind, message=event.message, at=event.at) for event in events)
    return tuple(step for step in steps if step is not None)


def _may_have_worked(failure: BotError) -> bool:
    return isinstance(failure, PlatformUnavailable) and failure.outcome_unknown


def unanswered(held: Versioned[Job], failure: BotError, profile: Profile | None) -> Change:
    """Return the change for a poll without an answer: poll again later, and say so once if it lasts.

    `profile` is None if the bot does not know the platform any more.
    """
    job = replace(held.value, troubles=held.value.troubles + 1)
    asked = failure.retry_after if isinstance(failure, PlatformUnavailable) else None
    wait = max(asked or 0.0, retry_pause(job.troubles, profile.poll_seconds if profile else LONGEST_RETRY_PAUSE))
    postings: tuple[Posting, ...] = ()
    if job.troubles == SAY_SO_AFTER:
        job = replace(job, status_notes=job.status_notes + 1)
        postings = (status(job, f"No news: {failure} I keep asking; the platform trains without me, if it can."),)
    return Change(records=(Versioned(job, held.version),), due_in=wait, postings=postings)
