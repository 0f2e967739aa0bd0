"""The messages that a job causes: under which id each is posted once, and its words if they do not change later."""

from dataclasses import replace
from typing import Final

from charts.wording import counted, moved, number, plural
from jobs.core.records import Job, JobState, Posting, PostingKind
from jobs.rules.alert_state import TITLES
from jobs.training.next_experiment import NextExperiment

FINISH: Final = "finish"
MOST_NAMED: Final = 5
"""Alerts of the past that the thread names one by one."""


def card_posting(job: Job, *, urgent: bool = False) -> Posting:
    """Return the posting that brings a job's card up to date."""
    return replace(_posting(job, PostingKind.CARD, "card"), refreshed=True, urgent=urgent)


def summary_posting(job: Job, *, urgent: bool = False) -> Posting:
    """Return the posting that shows a job's checkpoints and their approval."""
    return replace(_posting(job, PostingKind.SUMMARY, "summary"), refreshed=True, urgent=urgent, broadcast=True)


def curve_posting(job: Job, *, urgent: bool = False) -> Posting:
    """Return the posting that brings the reward curve in a job's thread up to date."""
    return replace(_posting(job, PostingKind.CURVE, "curve"), refreshed=True, urgent=urgent)


def status(job: Job, text: str, *, by: str | None = None) -> Posting:
    """Return the next status line of a job's thread; `by` is the person who caused it, named before the text."""
    return replace(_line(job, f"status:{job.status_notes}", text), user=by)


def answer(job: Job, text: str, about: str, *, to: str | None = None) -> Posting:
    """Return a sentence that only one person sees: `to`, or else the person who launched the job."""
    posting = _posting(job, PostingKind.ANSWER, f"answer:{about}", lane="answer")
    return replace(posting, user=to or job.request.requested_by, text=text)


def alert_posting(job: Job, place: int, *, again: bool = False) -> Posting:
    """Return the message of the alert at a place among the job's; `again` edits it because the alert has changed."""
    alert = job.alerts[place]
    # The channel hears of a job's first warning; what follows stays in the thread.
    is_first = not any(earlier.notified and earlier.level != "info" for earlier in job.alerts[:place])
    posting = _posting(job, PostingKind.ALERT, f"alert:{alert.rule}:{alert.step}", lane="thread")
    return replace(posting, alert=place, refreshed=again, broadcast=alert.level != "info" and is_first)


def recovered_posting(job: Job, place: int) -> Posting:
    """Return the note that says that an alert is over."""
    alert = job.alerts[place]
    title = TITLES.get(alert.rule, f"rule {alert.rule}")
    now = "" if job.valid_reward is None else f" Validation reward is {number(job.valid_reward)} now."
    text = f"Recovered: {title}. Raised at step {alert.step}, over at step {alert.cleared}.{now}"
    return _line(job, f"recovered:{alert.rule}:{alert.step}", text)


def unseen_posting(job: Job, text: str) -> Posting:
    """Return the line that says, once for each job, what the rules cannot see on it."""
    return _line(job, "unseen", text)


def past_posting(job: Job, steps: int) -> Posting:
    """Return the one line about the past of a job launched elsewhere, its alerts included.

    The channel sees it if a warning is among them and the job is not over: its first warning.
    """
    named = [f"at step {alert.step}, {alert.text.splitlines()[0].partition(':')[0]}" for alert in job.alerts]
    more = f"; and {len(named) - MOST_NAMED} earlier ones" if len(named) > MOST_NAMED else ""
    alerts = "No rule raised an alert in them."
    if named:
        alerts = f"Alerts in them: {'; '.join(named[-MOST_NAMED:])}{more}. `/rft status {job.id}` has them in full."
    were = plural(steps, "was", "were")
    line = _line(job, "past", f"{counted(steps, 'step')} {were} read from before I was asked to watch. {alerts}")
    warned = any(alert.level != "info" for alert in job.alerts)
    return replace(line, broadcast=warned and not job.state.is_final)


def is_finish(posting: Posting) -> bool:
    """Tell whether a posting is the line about a job's end."""
    return posting.id == _posting_id(posting.subject, FINISH)


def finish_posting(job: Job, text: str, *, broadcast: bool) -> Posting:
    """Return the line about a job's end; the channel sees it too, unless the job ended long before."""
    return replace(_line(job, FINISH, text), broadcast=broadcast)


def lopsided_posting(job: Job, text: str) -> Posting:
    """Return the line that says, once for each job, that precision and recall lie far apart."""
    return _line(job, "lopsided", text)


def finish_line(job: Job, proposed: NextExperiment | None = None) -> str:
    """Return how a job ended: at which step, with which reward, what comes next, and what to try after it."""
    return f"{_ended(job)}\nNext experiment: {proposed.reason}" if proposed else _ended(job)


def _ended(job: Job) -> str:
    at = f" at step {job.last_step}" if job.last_step else ""
    reward = "" if job.train_reward is None else f": train reward {number(job.train_reward)}"
    if job.valid_reward is not None:
        reward = f": validation reward {number(job.valid_reward)}"
        if job.first_valid_reward is not None:
            reward += f", {moved(job.first_valid_reward, job.valid_reward)} since the first evaluation"
    match job.state:
        case JobState.FAILED:
            ended = f"Failed{at}: {(job.note or 'the platform gave no reason').rstrip('.')}"
        case JobState.CANCELLED:
            ended = f"Cancelled{at}{reward}"
        case _:
            ended = f"Finished{at}{reward}"
    if kept := len(job.checkpoints):
        which = counted(kept, "checkpoint") if kept > 1 else "its checkpoint"
        return f"{ended}. Evaluating {which} against the base; the approval request follows."
    if job.state is JobState.SUCCEEDED:
        return f"{ended}. The platform kept no checkpoint; there is nothing to approve."
    return f"{ended}. No checkpoint was kept."


def _posting_id(job_id: str, name: str) -> str:
    return f"job:{job_id}:{name}"


def _line(job: Job, name: str, text: str) -> Posting:
    return replace(_posting(job, PostingKind.STATUS, name, lane="thread"), text=text)


def _posting(job: Job, kind: PostingKind, name: str, *, lane: str = "") -> Posting:
    lane = f"{lane or name}:{job.id}"
    return Posting(_posting_id(job.id, name), kind, lane, subject=job.id, channel=job.request.channel)
