"""The messages that a job causes: under which id each is posted once, and its words where they do not change later."""

from dataclasses import replace
from typing import Final

from jobs.core.ids import card_id
from jobs.core.records import Job, JobState, Posting, PostingKind
from jobs.rules.alert_state import TITLES

MOST_NAMED: Final = 5
"""Alerts of the past that the thread names one by one."""


def card_posting(job: Job, *, urgent: bool = False) -> Posting:
    """Return the posting that brings a job's card up to date."""
    card = replace(_posting(job, PostingKind.CARD, "card", lane="card"), id=card_id(job.id))
    return replace(card, refreshed=True, urgent=urgent)


def summary_posting(job: Job, *, urgent: bool = False) -> Posting:
    """Return the posting that shows a job's checkpoints and their approval."""
    summary = _posting(job, PostingKind.SUMMARY, "summary", lane="summary")
    return replace(summary, refreshed=True, urgent=urgent, broadcast=True)


def curve_posting(job: Job, *, urgent: bool = False) -> Posting:
    """Return the posting that brings the reward curve in a job's thread up to date."""
    return replace(_posting(job, PostingKind.CURVE, "curve", lane="curve"), refreshed=True, urgent=urgent)


def status(job: Job, text: str, *, by: str | None = None) -> Posting:
    """Return the next status line of a job's thread; `by` is the person who caused it, whom the text is about."""
    return replace(_line(job, f"status:{job.status_notes}", text), user=by)


def answer(job: Job, text: str, about: str) -> Posting:
    """Return a sentence that only the person who launched the job sees."""
    whisper = _posting(job, PostingKind.ANSWER, f"answer:{about}", lane="answer")
    return replace(whisper, user=job.request.requested_by, text=text)


def alert_posting(job: Job, place: int, *, again: bool = False) -> Posting:
    """Return the message of the alert at a place among the job's; `again` edits it because the alert has changed."""
    alert = job.alerts[place]
    earlier = job.alerts[:place]
    return replace(
        _posting(job, PostingKind.ALERT, f"alert:{alert.rule}:{alert.step}", lane="thread"),
        alert=place,
        refreshed=again,
        # The channel hears of a job's first warning; what follows stays in the thread.
        broadcast=alert.level != "info" and not any(one.notified and one.level != "info" for one in earlier),
    )


def recovered_posting(job: Job, place: int) -> Posting:
    """Return the note that says that an alert is over."""
    alert = job.alerts[place]
    title = TITLES.get(alert.rule, f"rule {alert.rule}")
    now = "" if job.valid_reward is None else f" Validation reward is {job.valid_reward:.2f} now."
    text = f"Recovered: {title}. Raised at step {alert.step}, over at step {alert.cleared}.{now}"
    return _line(job, f"recovered:{alert.rule}:{alert.step}", text)


def past_posting(job: Job, steps: int) -> Posting:
    """Return the one line that a thread says about the past of a job launched elsewhere, its alerts included.

    The channel hears it if a warning is among them and the job is not over: its first warning.
    """
    seen = f"{steps} steps were" if steps != 1 else "1 step was"
    named = [f"at step {alert.step}, {alert.text.splitlines()[0].partition(':')[0]}" for alert in job.alerts]
    more = f"; and {len(named) - MOST_NAMED} earlier ones" if len(named) > MOST_NAMED else ""
    alerts = (
        f"Alerts in them: {'; '.join(named[-MOST_NAMED:])}{more}. `/rft status {job.id}` has them in full."
        if named
        else "No rule raised an alert in them."
    )
    warned = any(alert.level != "info" for alert in job.alerts)
    line = _line(job, "past", f"{seen} read from before I was asked to watch. {alerts}")
    return replace(line, broadcast=warned and not job.state.is_final)


def finish_posting(job: Job, text: str, *, broadcast: bool) -> Posting:
    """Return the line about a job's end; the channel sees it too, unless the end was long before."""
    return replace(_line(job, "finish", text), broadcast=broadcast)


def finish_line(job: Job) -> str:
    """Return how a job ended: where, with which figure, and what comes next."""
    at = f" at step {job.last_step}" if job.last_step else ""
    ended = {JobState.FAILED: "Failed", JobState.CANCELLED: "Cancelled"}.get(job.state, "Finished")
    return f"{ended}{at}{_figure(job)}. {_next(job)}"


def _figure(job: Job) -> str:
    if job.state is JobState.FAILED:
        return f": {(job.note or 'the platform gave no reason').rstrip('.')}"
    if job.valid_reward is None:
        return ""
    reward = f": validation reward {job.valid_reward:.2f}"
    if job.first_valid_reward is None:
        return reward
    moved = round(job.valid_reward, 2) - round(job.first_valid_reward, 2)
    if abs(moved) < 0.005:
        return f"{reward}, unchanged since the first evaluation"
    return f"{reward}, {'up' if moved > 0 else 'down'} {abs(moved):.2f} since the first evaluation"


def _next(job: Job) -> str:
    kept = len(job.checkpoints)
    if kept:
        many = f"{kept} checkpoints" if kept != 1 else "its checkpoint"
        return f"Evaluating {many} against the base; the approval request follows."
    if job.state is JobState.SUCCEEDED:
        return "The platform kept no checkpoint; there is nothing to approve."
    return "No checkpoint was kept."


def _line(job: Job, name: str, text: str) -> Posting:
    return replace(_posting(job, PostingKind.STATUS, name, lane="thread"), text=text)


def _posting(job: Job, kind: PostingKind, name: str, *, lane: str) -> Posting:
    return Posting(f"job:{job.id}:{name}", kind, f"{lane}:{job.id}", subject=job.id, channel=job.request.channel)
