"""Reading a job that the platform has: what is new since the last turn, and what follows from it.

A turn may run twice: steps are kept by number, alerts by rule and step, and messages by their posting id, so that the
second time changes nothing.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

import structlog

from jobs.alerts import Alert, evaluate, facts_of
from jobs.approvals import card_posting, summary_posting
from jobs.checkpoints import with_scores
from jobs.errors import BotError, NotFound, PlatformError, PlatformRejected, PlatformUnavailable
from jobs.gateway import Gateway
from jobs.launching import answer
from jobs.normaliser import step_of
from jobs.planning import PlatformOf
from jobs.platforms import Profile
from jobs.records import (
    Action,
    Approval,
    Checkpoint,
    Intent,
    Job,
    JobState,
    Posting,
    PostingKind,
    RaisedAlert,
)
from jobs.remote import RemoteEvent, RemoteJob
from jobs.series import Series, Step
from jobs.store import Change, Store, Versioned

WORSE_FORM_OF: Final[Mapping[str, str]] = {"O2": "O1"}
"""Rules that only say louder what another has said."""
SAY_SO_AFTER: Final = 5
"""Consecutive polls without an answer before the thread hears of it."""
MOST_TOLD: Final = 5
"""Alerts of the past that the thread names one by one."""
LONGEST_WAIT: Final = 300.0
STATES: Final[Mapping[str, JobState]] = {
    "paused": JobState.PAUSED,
    "succeeded": JobState.SUCCEEDED,
    "failed": JobState.FAILED,
    "cancelled": JobState.CANCELLED,
}
"""The platform's status to ours; every other status, known or not, means that the job is alive."""
DONE: Final[Mapping[Action, str]] = {
    Action.PAUSE: "asked the platform to pause it after the step in hand",
    Action.RESUME: "resumed it",
    Action.CANCEL: "cancelled it",
}

log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class News:
    """What the platform says beyond what was known."""

    remote: RemoteJob
    events: tuple[RemoteEvent, ...]
    steps: tuple[Step, ...]
    checkpoints: tuple[Checkpoint, ...] | None
    """None where they were not asked for, because they may still be displaced."""


class Watcher:
    """Watches jobs on their platforms.

    Args:
        store: where jobs are kept.
        platform_of: profile and gateway by name.
        clock: unix seconds.
    """

    def __init__(self, store: Store, platform_of: PlatformOf, clock: Callable[[], float]) -> None:
        self._store = store
        self._platform_of = platform_of
        self._clock = clock

    async def look(self, held: Versioned[Job]) -> None:
        """Read what is new, write it down with the messages it causes, and say when to look again."""
        profile: Profile | None = None
        try:
            profile, gateway = self._platform_of(held.value.platform)
            news = await self._read(held.value, gateway)
        except BotError as failure:
            await self._store.commit(unanswered(held, failure, profile))
            return
        series = await self._store.series(held.value.id)
        # The rules read a long series for tenths of a second.
        change = await asyncio.to_thread(follow, held, news, series, profile, self._clock())
        await self._store.commit(change)

    async def act(self, held: Versioned[Job], intent: Intent, *, again: bool = False) -> None:
        """Ask the platform for what a person asked for, say how it went, and look again at once.

        Args:
            held: the job as it was read.
            intent: what is asked for.
            again: whether an earlier turn died that may have asked for it already.
        """
        job = held.value
        cleared = replace(job, intent=None)
        try:
            _, gateway = self._platform_of(job.platform)
            was_so = await self._ask(gateway, job, intent.action)
        except BotError as failure:
            postings: tuple[Posting, ...] = (_told(job, intent, _failed(job, intent.action, failure)),)
        else:
            if was_so and not again:
                postings = (_told(job, intent, f"{job.id} {STANDS[intent.action]} already."),)
            else:
                cleared = replace(cleared, status_notes=job.status_notes + 1)
                postings = (status(cleared, DONE[intent.action], by=intent.by),)
        await self._store.commit(Change(job=Versioned(cleared, held.version), next_turn=0, postings=postings))

    async def messages(self, job: Job, most: int) -> tuple[RemoteEvent, ...]:
        """Return the platform's own newest `most` messages on a job, oldest of them first.

        Raises:
            NotFound: the platform does not have the job.
            PlatformError: it does not say.
        """
        if job.remote_id is None:
            raise NotFound(f"{job.platform} does not have {job.id}, so it says nothing about it.")
        _, gateway = self._platform_of(job.platform)
        return await gateway.newest_events(job.remote_id, most)

    async def _ask(self, gateway: Gateway, job: Job, action: Action) -> bool:
        """Ask for one thing; return whether it was so already.

        A platform refuses to resume what runs, and an answer may get lost although the request took effect: in both
        cases the job itself tells.
        """
        assert job.remote_id is not None, "only jobs on a platform are acted on"
        try:
            match action:
                case Action.PAUSE:
                    await gateway.pause(job.remote_id)
                case Action.RESUME:
                    await gateway.resume(job.remote_id)
                case Action.CANCEL:
                    await gateway.cancel(job.remote_id)
        except PlatformError as failure:
            refused = isinstance(failure, PlatformRejected)
            if not refused and not _may_have_worked(failure):
                raise
            with suppress(PlatformError):
                remote = await gateway.job(job.remote_id)
                if STATES.get(remote.status, JobState.WATCHING) is WISHED[action]:
                    return refused
            raise
        return False

    async def _read(self, job: Job, gateway: Gateway) -> News:
        assert job.remote_id is not None, "only jobs on a platform are watched"
        # The status is read before the events: when it is final, no later event comes. Once then, all of them are read:
        # a platform may have listed one late, before one that was known.
        remote = await gateway.job(job.remote_id)
        events = await gateway.events_since(job.remote_id, None if remote.is_finished else job.last_event)
        steps = tuple(step for step in map(step_of, events) if step is not None)
        ended = remote.is_finished or remote.status == "paused"
        checkpoints = await gateway.checkpoints(job.remote_id) if ended else None
        return News(remote, events, steps, checkpoints)


PAST: Final[Mapping[Action, str]] = {Action.PAUSE: "paused", Action.RESUME: "resumed", Action.CANCEL: "cancelled"}
STANDS: Final[Mapping[Action, str]] = {
    Action.PAUSE: "is paused",
    Action.RESUME: "is running",
    Action.CANCEL: "was cancelled",
}
WISHED: Final[Mapping[Action, JobState]] = {
    Action.PAUSE: JobState.PAUSED,
    Action.RESUME: JobState.WATCHING,
    Action.CANCEL: JobState.CANCELLED,
}
"""The state in which a job is once a wish has come true."""


def _failed(job: Job, action: Action, failure: BotError) -> str:
    if _may_have_worked(failure):
        return f"It is not certain that {job.id} was {PAST[action]}; its card shows it soon. {failure}"
    return f"{job.id} was not {PAST[action]}. {failure}"


def _may_have_worked(failure: BotError) -> bool:
    return isinstance(failure, PlatformUnavailable) and failure.outcome_unknown


def _told(job: Job, intent: Intent, text: str) -> Posting:
    """Return the answer to the person who had the wish."""
    return replace(answer(job, text, intent.trigger), user=intent.by)


def follow(held: Versioned[Job], news: News, known: Series, profile: Profile, now: float) -> Change:
    """Return what the news changes: the job's new state, its steps, and the messages they cause.

    Args:
        held: the job as it was read.
        news: what the platform says.
        known: the steps read before.
        profile: the platform's pace.
        now: unix seconds.
    """
    before = held.value
    series = Series.of((*known.steps, *news.steps))
    job = _moved(before, news, series, now)
    raised = new_alerts(job, series)
    past = is_past(before, news)
    job = replace(job, alerts=(*before.alerts, *raised), status_notes=before.status_notes + _speaks(before, job))
    ended = job.state.is_final and not before.state.is_final
    asks_approval = ended and bool(job.checkpoints)
    return Change(
        job=Versioned(job, held.version),
        approval=Versioned(_approval(job, now), 0) if asks_approval else None,
        steps=news.steps,
        next_turn=-1 if job.state.is_final else _pace(job, profile),
        postings=_postings(before, job, series, news, past=past, asks_approval=asks_approval),
    )


def is_past(before: Job, news: News) -> bool:
    """Tell whether the news are the history of a job launched elsewhere, from before anybody asked to watch it."""
    if not before.attached or before.last_step or not news.steps:
        return False
    first = news.steps[0].at
    return first is None or first < before.created_at


def new_alerts(job: Job, series: Series) -> tuple[RaisedAlert, ...]:
    """Return the alerts that the rules raise on the series and the job does not carry yet.

    One trouble is told once: the worse form of a warning that was given is left to `/rft status`.
    """
    raised = evaluate(series, facts_of(job))
    carried = {(alert.rule, alert.step) for alert in job.alerts}
    told = {alert.rule for alert in job.alerts} | {alert.rule for alert in raised}
    return tuple(
        _raised(alert)
        for alert in raised
        if (alert.rule, alert.step) not in carried and WORSE_FORM_OF.get(alert.rule) not in told
    )


def unanswered(held: Versioned[Job], failure: BotError, profile: Profile | None) -> Change:
    """Return the change for a poll without an answer: look again later, and say so once when it lasts.

    Args:
        held: the job as it was read.
        failure: why there is no answer.
        profile: the platform's pace; None where the bot does not know the platform any more.
    """
    job = replace(held.value, troubles=held.value.troubles + 1)
    asked = failure.retry_after if isinstance(failure, PlatformUnavailable) else None
    pace = profile.poll_seconds if profile else LONGEST_WAIT
    wait = max(asked or 0.0, min(LONGEST_WAIT, pace * 2 ** min(job.troubles, 8)))
    postings: tuple[Posting, ...] = ()
    if job.troubles == SAY_SO_AFTER:
        job = replace(job, status_notes=job.status_notes + 1)
        postings = (status(job, f"No news: {failure} I keep asking; the platform trains without me, if it can."),)
    return Change(job=Versioned(job, held.version), next_turn=wait, postings=postings)


def status(job: Job, text: str, *, by: str | None = None) -> Posting:
    """Return the next status line of a job's thread; `by` is the person who caused it, whom the text is about."""
    return Posting(
        id=f"job:{job.id}:status:{job.status_notes}",
        kind=PostingKind.STATUS,
        lane=f"thread:{job.id}",
        subject=job.id,
        channel=job.request.channel,
        user=by,
        text=text,
    )


def _moved(job: Job, news: News, series: Series, now: float) -> Job:
    """Return the job with everything the platform said."""
    remote, last = news.remote, series.last
    state = STATES.get(remote.status, JobState.WATCHING)
    valid = series.valid
    return replace(
        job,
        state=state,
        platform_status=remote.status,
        note=remote.error_message if state is JobState.FAILED else None,
        started_at=job.started_at or _started(job, news, now),
        finished_at=(remote.finished_at or now) if state.is_final else None,
        batch_size=remote.batch_size or job.batch_size,
        last_event=news.events[-1].id if news.events else job.last_event,
        last_step=last.step if last else 0,
        total_steps=(last.total_steps if last else None) or job.total_steps,
        train_reward=series.train[-1][1] if series.train else None,
        valid_reward=valid[-1][1] if valid else None,
        first_valid_reward=valid[0][1] if valid else None,
        fine_tuned_model=remote.fine_tuned_model or job.fine_tuned_model,
        checkpoints=job.checkpoints if news.checkpoints is None else with_scores(news.checkpoints, series),
        troubles=0,
    )


def _started(job: Job, news: News, now: float) -> float | None:
    """Return when training began: with the first sign that the job runs."""
    if news.steps:
        return min((step.at for step in news.steps if step.at is not None), default=now)
    return now if news.remote.status == "running" else job.started_at


def _approval(job: Job, now: float) -> Approval:
    return Approval(
        job=job.id,
        launched_by=job.request.requested_by,
        quorum=job.quorum,
        approvers=job.approvers,
        requested_at=now,
    )


def _speaks(before: Job, job: Job) -> bool:
    """Tell whether the change of state is worth a line in the thread; the end with checkpoints has its summary."""
    if job.state is before.state:
        return before.troubles >= SAY_SO_AFTER
    return not (job.state.is_final and job.checkpoints) and job.state is not JobState.WATCHING


def _postings(
    before: Job, job: Job, series: Series, news: News, *, past: bool, asks_approval: bool
) -> tuple[Posting, ...]:
    postings: list[Posting] = []
    if job != before:
        postings.append(card_posting(job, urgent=job.state is not before.state))
    if _draws(before, job, series, news):
        postings.append(curve_posting(job, urgent=job.state.is_final))
    if past:
        postings.append(past_posting(job, len(series.steps)))
    else:
        postings.extend(_alert_posting(job, index) for index in range(len(before.alerts), len(job.alerts)))
    if _speaks(before, job):
        postings.append(status(job, _words(before, job)))
    if asks_approval:
        postings.append(summary_posting(job, urgent=True))
    return tuple(postings)


def _draws(before: Job, job: Job, series: Series, news: News) -> bool:
    """Tell whether the curve shows something new: a validation, an alert, or the end."""
    if len(series.train) < 2:
        return False
    evaluated = any(step.valid_reward is not None for step in news.steps)
    return evaluated or job.alerts != before.alerts or (job.state is not before.state and job.state.is_final)


def curve_posting(job: Job, *, urgent: bool = False) -> Posting:
    """Return the posting that brings the reward curve in a job's thread up to date."""
    return Posting(
        id=f"job:{job.id}:curve",
        kind=PostingKind.CURVE,
        lane=f"curve:{job.id}",
        subject=job.id,
        channel=job.request.channel,
        refreshed=True,
        urgent=urgent,
    )


def past_posting(job: Job, steps: int) -> Posting:
    """Return the one line that a thread says about the past of a job launched elsewhere, its alerts included.

    The channel hears it where a warning is among them and the job is not over: its first warning.
    """
    seen = f"{steps} steps were" if steps != 1 else "1 step was"
    told = [f"at step {alert.step}, {alert.text.splitlines()[0].partition(':')[0]}" for alert in job.alerts]
    more = f"; and {len(told) - MOST_TOLD} earlier ones" if len(told) > MOST_TOLD else ""
    alerts = (
        f"Alerts in them: {'; '.join(told[-MOST_TOLD:])}{more}. `/rft status {job.id}` has them in full."
        if told
        else "No rule raised an alert in them."
    )
    return Posting(
        id=f"job:{job.id}:past",
        kind=PostingKind.STATUS,
        lane=f"thread:{job.id}",
        subject=job.id,
        channel=job.request.channel,
        text=f"{seen} read from before I was asked to watch. {alerts}",
        broadcast=not job.state.is_final and any(alert.level != "info" for alert in job.alerts),
    )


def _alert_posting(job: Job, index: int) -> Posting:
    alert = job.alerts[index]
    return Posting(
        id=f"job:{job.id}:alert:{alert.rule}:{alert.step}",
        kind=PostingKind.ALERT,
        lane=f"thread:{job.id}",
        subject=job.id,
        channel=job.request.channel,
        alert=index,
        # The channel hears of a job's first warning; what follows stays in the thread.
        broadcast=alert.level != "info" and all(earlier.level == "info" for earlier in job.alerts[:index]),
    )


def _words(before: Job, job: Job) -> str:
    at = f" at step {job.last_step}" if job.last_step else ""
    match job.state:
        case JobState.PAUSED:
            return f"Paused{at}. A snapshot is kept; `/rft resume {job.id}` goes on from there."
        case JobState.FAILED:
            reason = (job.note or "the platform gave no reason").rstrip(".")
            return f"Failed{at}: {reason}. No checkpoint was kept."
        case JobState.CANCELLED:
            return f"Cancelled{at}. No checkpoint was kept."
        case JobState.SUCCEEDED:
            return f"Finished{at}, but the platform kept no checkpoint; there is nothing to approve."
        case _:
            return f"{job.platform} answers again." if before.troubles else f"Now {job.state.value}."


def _pace(job: Job, profile: Profile) -> float:
    return profile.poll_seconds if job.platform_status == "running" else profile.idle_poll_seconds


def _raised(alert: Alert) -> RaisedAlert:
    return RaisedAlert(rule=alert.rule, level=alert.level, step=alert.step, text=alert.text, values=alert.values)
