"""The messages that a job causes, each with the id under which it is posted once."""

from jobs.ledger import card_id
from jobs.records import Job, Posting, PostingKind


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
