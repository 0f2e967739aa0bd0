"""What news of a job change: its record, the alerts that the rules raise, and the messages that follow from both.

Values in, values out: nothing here reads or writes. It may be done twice: steps are kept by number, alerts by rule and
step, and messages by their posting id, so that the second time changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from jobs.core.ids import evidence_item
from jobs.core.records import Checkpoint, Job, JobState, Posting
from jobs.core.series import Series, Step
from jobs.platforms.parse import RemoteEvent, RemoteJob
from jobs.platforms.profiles import Profile
from jobs.rules.alert_state import Alerts, alerts_of
from jobs.rules.inputs import RuleInputs
from jobs.rules.job_facts import facts_of
from jobs.rules.settings import rules_of
from jobs.rules.stall import Stall, step_seconds
from jobs.state.change import Change, Versioned
from jobs.training.checkpoints import with_scores
from jobs.training.curve_refresh import pictured_step
from jobs.training.poll_interval import poll_interval
from jobs.training.postings import (
    alert_posting,
    card_posting,
    curve_posting,
    finish_line,
    finish_posting,
    past_posting,
    recovered_posting,
    status,
)

SAY_SO_AFTER: Final = 5
"""Consecutive polls without an answer before the thread hears of it."""
STATES: Final[Mapping[str, JobState]] = {
    "paused": JobState.PAUSED,
    "succeeded": JobState.SUCCEEDED,
    "failed": JobState.FAILED,
    "cancelled": JobState.CANCELLED,
}
"""The platform's status to ours; every other status, known or not, means that the job is alive."""


@dataclass(frozen=True, slots=True)
class News:
    """What the platform says beyond what was known."""

    remote: RemoteJob
    events: tuple[RemoteEvent, ...]
    steps: tuple[Step, ...]
    checkpoints: tuple[Checkpoint, ...] | None
    """None if they were not asked for, because they may still be displaced."""

    @property
    def heard_at(self) -> float | None:
        """Unix seconds of the newest event of any kind; None if none came."""
        return max((event.at for event in self.events if event.at), default=None)


def changes_nothing(job: Job, news: News, now: float) -> bool:
    """Tell whether neither the platform nor the clock brings anything new, so that no step need be read again."""
    if news.steps or _with_remote(job, news, now) != job:
        return False
    if news.checkpoints is not None and {each.id for each in news.checkpoints} != {each.id for each in job.checkpoints}:
        return False
    # The one rule with a clock needs the steps only if the shortest silence that it minds has gone by.
    return not any(
        isinstance(rule, Stall) and rule.alerts(RuleInputs(Series(), facts_of(job, now))) for rule in rules_of(job)
    )


def reduce(
    held: Versioned[Job], news: News, known: Series, profile: Profile, now: float, *, picture_steps: int | None = None
) -> Change:
    """Return what the news changes: the job's new state, its steps, and the messages they cause.

    Args:
        held: the job as it was read.
        news: what the platform says.
        known: the steps read before.
        profile: the platform's intervals.
        now: unix seconds.
        picture_steps: steps between two pictures of the curve; None leaves it to the job's length.
    """
    before = held.value
    series = Series.of((*known.steps, *news.steps))
    job = _with_series(_with_remote(before, news, now), series, news.checkpoints)
    past = _is_past(before, news)
    alerts = alerts_of(job, series, now, past=past)
    job = replace(job, alerts=alerts.carried, status_notes=before.status_notes + _speaks(before, job))
    job = replace(job, pictured_step=pictured_step(before, job, series, every=picture_steps))
    known_steps = {step.step: step for step in known.steps}
    return Change(
        records=(Versioned(job, held.version),),
        steps=tuple(step for step in news.steps if known_steps.get(step.step) != step),
        due_in=-1 if job.state.is_final else poll_interval(job, profile, now),
        schedule={evidence_item(job.id): 0.0} if _concerns_evidence(before, job) else {},
        postings=(
            *_refreshed(before, job, alerts),
            *((past_posting(job, len(series.steps)),) if past else _of_alerts(job, alerts)),
            *_of_state(before, job, past=past),
        ),
    )


def _is_past(before: Job, news: News) -> bool:
    """Tell whether the news are the history of a job launched elsewhere, from before anybody asked to watch it."""
    if not before.imported or before.last_step or not news.steps:
        return False
    first = news.steps[0].at
    return first is None or first < before.created_at


def _concerns_evidence(before: Job, job: Job) -> bool:
    """Tell whether checkpoints are to be evaluated, or may not be approved because training goes on."""
    moved = job.state is not before.state or job.checkpoints != before.checkpoints
    return moved and bool(job.checkpoints)


def _with_remote(job: Job, news: News, now: float) -> Job:
    """Return the job with everything the platform said of it, but for its steps and checkpoints."""
    remote = news.remote
    state = STATES.get(remote.status, JobState.WATCHING)
    return replace(
        job,
        state=state,
        platform_status=remote.status,
        note=remote.error_message if state is JobState.FAILED else None,
        started_at=job.started_at or _started(job, news, now),
        finished_at=(remote.finished_at or now) if state.is_final else None,
        batch_size=remote.batch_size or job.batch_size,
        last_event=news.events[-1].id if news.events else job.last_event,
        heard_at=_heard_at(job, news, now),
        fine_tuned_model=remote.fine_tuned_model or job.fine_tuned_model,
        troubles=0,
    )


def _with_series(job: Job, series: Series, checkpoints: tuple[Checkpoint, ...] | None) -> Job:
    """Return the job with what its steps say, and its checkpoints with their scores."""
    last, train, valid = series.last, series.train, series.valid
    return replace(
        job,
        last_step=last.step if last else 0,
        step_seconds=step_seconds(series.steps),
        total_steps=(last.total_steps if last else None) or job.total_steps,
        train_reward=train[-1][1] if train else None,
        valid_reward=valid[-1][1] if valid else None,
        first_valid_reward=valid[0][1] if valid else None,
        checkpoints=job.checkpoints if checkpoints is None else with_scores(checkpoints, series),
    )


def _heard_at(job: Job, news: News, now: float) -> float | None:
    """Return when the platform last said something of the job; a new status counts, whether or not an event tells.

    A job launched elsewhere counts as heard of when somebody asked to watch it: who asked knows of silences before.
    """
    if news.remote.status != job.platform_status:
        return now
    watched = job.created_at if job.imported else None
    return max((at for at in (job.heard_at, news.heard_at, watched) if at), default=None)


def _started(job: Job, news: News, now: float) -> float | None:
    """Return when training began: with the first sign that the job runs."""
    if news.steps:
        return min((step.at for step in news.steps if step.at is not None), default=now)
    return now if news.remote.status == "running" else job.started_at


def _speaks(before: Job, job: Job) -> bool:
    """Tell whether the change of state is worth a line in the thread; the end has one of its own."""
    if job.state is before.state:
        return before.troubles >= SAY_SO_AFTER
    return job.state is JobState.PAUSED


def _refreshed(before: Job, job: Job, alerts: Alerts) -> tuple[Posting, ...]:
    """Return the messages that are edited as the job moves."""
    postings: list[Posting] = []
    if job != before:
        postings.append(card_posting(job, urgent=job.state is not before.state or bool(alerts.raised)))
    has_marks = job.checkpoints != before.checkpoints or len(job.alerts) != len(before.alerts)
    if job.pictured_step != before.pictured_step or (job.pictured_step and has_marks):
        postings.append(curve_posting(job, urgent=job.state.is_final or bool(alerts.raised)))
    return tuple(postings)


def _of_alerts(job: Job, alerts: Alerts) -> tuple[Posting, ...]:
    """Return the messages of new alerts, the edits of those that are over or open again, and the notes of recovery."""
    postings = [alert_posting(job, place) for place in alerts.raised]
    for place in alerts.changed:
        if job.alerts[place].notified:
            postings.append(alert_posting(job, place, again=True))
        if place in alerts.recovered:
            postings.append(recovered_posting(job, place))
    return tuple(postings)


def _of_state(before: Job, job: Job, *, past: bool) -> tuple[Posting, ...]:
    """Return what the thread says of the job's state, and at its end what everybody hears."""
    postings = [status(job, _words(before, job))] if _speaks(before, job) else []
    has_ended = job.state.is_final and not before.state.is_final
    # What was over before anybody asked to watch it is no news to the channel.
    if has_ended and not (past and job.checkpoints):
        postings.append(finish_posting(job, finish_line(job), broadcast=not past))
    return tuple(postings)


def _words(before: Job, job: Job) -> str:
    if job.state is JobState.PAUSED:
        at = f" at step {job.last_step}" if job.last_step else ""
        return f"Paused{at}. A snapshot is kept; `/rft resume {job.id}` goes on from there."
    return f"{job.platform} answers again." if before.troubles else f"Now {job.state.value}."
