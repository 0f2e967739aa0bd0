"""What news of a job change: its record, the alerts that the rules raise, and the messages that follow from both.

Values in, values out: nothing here reads or writes. A turn may run twice: steps are kept by number, alerts by rule and
step, and messages by their posting id, so that the second time changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from jobs.alerts import Alert, evaluate, facts_of
from jobs.approvals.records import Approval
from jobs.changes import Change, Versioned
from jobs.checkpoints import with_scores
from jobs.pacing import pace
from jobs.platforms import Profile
from jobs.postings import card_posting, curve_posting, status, summary_posting
from jobs.records import Checkpoint, Job, JobState, Posting, PostingKind, RaisedAlert
from jobs.remote import RemoteEvent, RemoteJob
from jobs.series import Series, Step

WORSE_FORM_OF: Final[Mapping[str, str]] = {"O2": "O1"}
"""Rules that only say louder what another has said."""
SAY_SO_AFTER: Final = 5
"""Consecutive polls without an answer before the thread hears of it."""
MOST_TOLD: Final = 5
"""Alerts of the past that the thread names one by one."""
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
    """None where they were not asked for, because they may still be displaced."""

    @property
    def heard_at(self) -> float | None:
        """Unix seconds of the newest event of any kind; None where none came."""
        return max((event.at for event in self.events if event.at), default=None)


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
        next_turn=-1 if job.state.is_final else pace(job, series, profile, now),
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
        heard_at=_heard_at(job, news, now),
        last_step=last.step if last else 0,
        total_steps=(last.total_steps if last else None) or job.total_steps,
        train_reward=series.train[-1][1] if series.train else None,
        valid_reward=valid[-1][1] if valid else None,
        first_valid_reward=valid[0][1] if valid else None,
        fine_tuned_model=remote.fine_tuned_model or job.fine_tuned_model,
        checkpoints=job.checkpoints if news.checkpoints is None else with_scores(news.checkpoints, series),
        troubles=0,
    )


def _heard_at(job: Job, news: News, now: float) -> float | None:
    """Return when the platform last said something of the job; a new status counts, whether or not an event tells."""
    if news.remote.status != job.platform_status:
        return now
    return max((at for at in (job.heard_at, news.heard_at) if at), default=None)


def _started(job: Job, news: News, now: float) -> float | None:
    """Return when training began: with the first sign that the job runs."""
    if news.steps:
        return min((step.at for step in news.steps if step.at is not None), default=now)
    return now if news.remote.status == "running" else job.started_at


def _approval(job: Job, now: float) -> Approval:
    return Approval(
        subject=job.id,
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


def _raised(alert: Alert) -> RaisedAlert:
    return RaisedAlert(rule=alert.rule, level=alert.level, step=alert.step, text=alert.text, values=alert.values)
