"""Reading a job that the platform has: what is new since the last look, and what a person asks for."""

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
from jobs.platforms.parse import RemoteEvent, RemoteJob
from jobs.platforms.profiles import Profile
from jobs.state.change import Change, Versioned
from jobs.state.store import Store
from jobs.state.sweep_entry import RUNNING
from jobs.training.poll_interval import poll_interval
from jobs.training.postings import answer, card_posting, status
from jobs.training.reduce import SAY_SO_AFTER, STATES, News, changes_nothing, reduce
from jobs.training.sweep import sweep_entry

LONGEST_WAIT: Final = 300.0
METRICS: Final = "metrics"
"""The kind of an event that reports on a step."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What people say of an action."""

    done: str
    """What the person did, after their name."""
    past: str
    stands: str
    """How a job is for which there is nothing to do."""
    state: JobState
    """Of the job once the wish has come true."""


WISHES: Final[Mapping[Action, Wish]] = {
    Action.PAUSE: Wish("asked the platform to pause it after the step in hand", "paused", "is paused", JobState.PAUSED),
    Action.RESUME: Wish("resumed it", "resumed", "is running", JobState.WATCHING),
    Action.CANCEL: Wish("cancelled it", "cancelled", "was cancelled", JobState.CANCELLED),
}


@dataclass(frozen=True, slots=True)
class Poller:
    """Polls jobs on their platforms."""

    store: Store
    platform_of: PlatformOf
    clock: Callable[[], float]
    _: KW_ONLY
    picture_steps: int | None = None
    """Steps between two pictures of a job's curve; None leaves it to the job's length."""

    async def look(self, held: Versioned[Job]) -> None:
        """Read what is new, write it down with the messages it causes, and say when to look again."""
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

    async def act(self, held: Versioned[Job], pending: PendingAction, *, again: bool = False) -> None:
        """Ask the platform for what a person asked for, say how it went, and look again at once.

        `again` tells that an earlier attempt died that may have asked for it already.
        """
        job = held.value
        cleared = replace(job, pending=None)
        try:
            _, gateway = self.platform_of(job.platform)
            was_so = await self._ask(gateway, job, pending.action)
        except BotError as failure:
            postings: tuple[Posting, ...] = (_told(job, pending, _failed(job, pending.action, failure)),)
        else:
            if was_so and not again:
                postings = (_told(job, pending, f"{job.id} {WISHES[pending.action].stands} already."),)
            else:
                cleared = replace(cleared, status_notes=job.status_notes + 1)
                postings = (status(cleared, WISHES[pending.action].done, by=pending.by),)
        shown = (*postings, card_posting(cleared, urgent=True))
        await self.store.save(held, cleared, due_in=0, postings=shown)

    async def messages(self, job: Job, most: int) -> tuple[RemoteEvent, ...]:
        """Return the platform's own newest `most` messages on a job, oldest of them first.

        Raises:
            NotFound: the platform does not have the job.
            PlatformError: it does not say.
        """
        if job.remote_id is None:
            raise NotFound(f"{job.platform} does not have {job.id}, so it says nothing about it.")
        _, gateway = self.platform_of(job.platform)
        return await gateway.newest_events(job.remote_id, most)

    async def _ask(self, gateway: Gateway, job: Job, action: Action) -> bool:
        """Ask for one thing; return whether it was so already.

        A platform refuses to resume what runs, and an answer may get lost although the request took effect: in both
        cases the job itself tells.
        """
        assert job.remote_id is not None, "only jobs on a platform are acted on"
        try:
            calls = {Action.PAUSE: gateway.pause, Action.RESUME: gateway.resume, Action.CANCEL: gateway.cancel}
            await calls[action](job.remote_id)
        except PlatformError as failure:
            refused = isinstance(failure, PlatformRejected)
            if not refused and not _may_have_worked(failure):
                raise
            with suppress(PlatformError):
                remote = await gateway.job(job.remote_id)
                if STATES.get(remote.status, JobState.WATCHING) is WISHES[action].state:
                    return refused
            raise
        return False

    async def _read(self, job: Job, gateway: Gateway) -> News:
        """Return what is new: two requests where nothing is, or one where a sweep has seen that the job runs."""
        assert job.remote_id is not None, "only jobs on a platform are watched"
        entry = sweep_entry(job, 1)
        if job.platform_status == RUNNING and entry and await self.store.is_listed(entry):
            events = await gateway.events_since(job.remote_id, job.last_event)
            # Whatever else happens to a job, an event tells of it, or the next sweep.
            if all(event.kind == METRICS for event in events):
                return News(RemoteJob(job.remote_id, RUNNING), events, _steps(events), None)
        # The status is read before the events: when it is final, no later event comes. Once then, all of them are read:
        # a platform may have listed one late, before one that was known.
        remote = await gateway.job(job.remote_id)
        events = await gateway.events_since(job.remote_id, None if remote.is_finished else job.last_event)
        ended = remote.is_finished or remote.status == "paused"
        checkpoints = await gateway.checkpoints(job.remote_id) if ended else None
        return News(remote, events, _steps(events), checkpoints)


def _steps(events: tuple[RemoteEvent, ...]) -> tuple[Step, ...]:
    steps = (step_of(event.data, kind=event.kind, message=event.message, at=event.at) for event in events)
    return tuple(step for step in steps if step is not None)


def _failed(job: Job, action: Action, failure: BotError) -> str:
    if _may_have_worked(failure):
        return f"It is not certain that {job.id} was {WISHES[action].past}; its card shows it soon. {failure}"
    return f"{job.id} was not {WISHES[action].past}. {failure}"


def _may_have_worked(failure: BotError) -> bool:
    return isinstance(failure, PlatformUnavailable) and failure.outcome_unknown


def _told(job: Job, pending: PendingAction, text: str) -> Posting:
    """Return the answer to the person who had the wish."""
    return replace(answer(job, text, pending.trigger), user=pending.by)


def unanswered(held: Versioned[Job], failure: BotError, profile: Profile | None) -> Change:
    """Return the change for a poll without an answer: look again later, and say so once when it lasts.

    Without a `profile`, the bot does not know the platform any more.
    """
    job = replace(held.value, troubles=held.value.troubles + 1)
    asked = failure.retry_after if isinstance(failure, PlatformUnavailable) else None
    pace = profile.poll_seconds if profile else LONGEST_WAIT
    wait = max(asked or 0.0, min(LONGEST_WAIT, pace * 2 ** min(job.troubles, 8)))
    postings: tuple[Posting, ...] = ()
    if job.troubles == SAY_SO_AFTER:
        job = replace(job, status_notes=job.status_notes + 1)
        postings = (status(job, f"No news: {failure} I keep asking; the platform trains without me, if it can."),)
    return Change(records=(Versioned(job, held.version),), due_in=wait, postings=postings)
