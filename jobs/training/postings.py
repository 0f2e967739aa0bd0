"""The messages that a job causes, each with the id under which it is posted once."""

from jobs.core.ids import card_id
from jobs.core.records import Job, Posting, PostingKind
from jobs.rules.alert_state import TITLES


def card_posting(job: Job, *, urgent: bool = False) -> Posting:
    """Return the posting that brings a job's card up to date."""
    return Posting(
        id=card_id(job.id),
        kind=PostingKind.CARD,
        lane=f"card:{job.id}",
        subject=job.id,
        channel=job.request.channel,
        refreshed=True,
        urgent=urgent,
    )


def summary_posting(job: Job, *, urgent: bool = False) -> Posting:
    """Return the posting that shows a job's checkpoints and their approval."""
    return Posting(
        id=f"job:{job.id}:summary",
        kind=PostingKind.SUMMARY,
        lane=f"summary:{job.id}",
        subject=job.id,
        channel=job.request.channel,
        refreshed=True,
        urgent=urgent,
        broadcast=True,
    )


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


def finish_posting(job: Job, text: str, *, broadcast: bool) -> Posting:
    """Return the line about a job's end; the channel sees it too, unless the end was long before."""
    return Posting(
        id=f"job:{job.id}:finish",
        kind=PostingKind.STATUS,
        lane=f"thread:{job.id}",
        subject=job.id,
        channel=job.request.channel,
        text=text,
        broadcast=broadcast,
    )


def alert_posting(job: Job, place: int, *, again: bool = False) -> Posting:
    """Return the message of an alert.

    Args:
        job: the job, with the alert.
        place: of the alert among the job's.
        again: edit the message, for the alert has changed.
    """
    alert = job.alerts[place]
    earlier = job.alerts[:place]
    return Posting(
        id=f"job:{job.id}:alert:{alert.rule}:{alert.step}",
        kind=PostingKind.ALERT,
        lane=f"thread:{job.id}",
        subject=job.id,
        channel=job.request.channel,
        alert=place,
        refreshed=again,
        # The channel hears of a job's first warning; what follows stays in the thread.
        broadcast=alert.level != "info" and not any(one.told and one.level != "info" for one in earlier),
    )


def recovered_posting(job: Job, place: int) -> Posting:
    """Return the note that says that an alert is over."""
    alert = job.alerts[place]
    title = TITLES.get(alert.rule, f"rule {alert.rule}")
    now = "" if job.valid_reward is None else f" Validation reward is {job.valid_reward:.2f} now."
    return Posting(
        id=f"job:{job.id}:recovered:{alert.rule}:{alert.step}",
        kind=PostingKind.STATUS,
        lane=f"thread:{job.id}",
        subject=job.id,
        channel=job.request.channel,
        text=f"Recovered: {title}. Raised at step {alert.step}, over at step {alert.cleared}.{now}",
    )


def answer(job: Job, text: str, about: str) -> Posting:
    """Return a sentence that only the person who launched the job sees."""
    return Posting(
        id=f"job:{job.id}:answer:{about}",
        kind=PostingKind.ANSWER,
        lane=f"answer:{job.id}",
        subject=job.id,
        channel=job.request.channel,
        user=job.request.requested_by,
        text=text,
    )
