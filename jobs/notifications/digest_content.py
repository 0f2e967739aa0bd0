"""What a digest is about: chosen from a channel's jobs, evals and approvals. Values in, values out."""

from collections.abc import Iterable, Sequence
from typing import Final

from jobs.approvals.records import Approval
from jobs.core.records import Job
from jobs.evals.records import Eval
from jobs.notifications.records import ChannelPreferences, Digest, Mute

DAY: Final = 86400.0


def digest_of(
    digest_id: str,
    preferences: ChannelPreferences,
    jobs: Sequence[Job],
    evals: Iterable[Eval],
    approvals: Iterable[Approval],
    now: float,
) -> Digest:
    """Return what happened in a channel since its last daily digest, and what runs and waits now.

    Args:
        digest_id: what the digest is called.
        preferences: the channel's.
        jobs: of all channels, newest first; the same holds for evals and approvals.
        evals: see above.
        approvals: see above.
        now: unix seconds; without a digest before, it looks back a day.
    """
    since = preferences.covered_until if preferences.covered_until is not None else now - DAY
    here = {job.id: job for job in jobs if job.request.channel == preferences.channel}
    return Digest(
        id=digest_id,
        channel=preferences.channel,
        since=since,
        until=now,
        running=tuple(job.id for job in here.values() if not job.state.is_final),
        finished=tuple(job.id for job in here.values() if _ended(job, since, now)),
        evals=tuple(
            each.id
            for each in evals
            if each.request.channel == preferences.channel and each.request.job is None and _ended(each, since, now)
        ),
        pending=tuple(
            each.subject
            for each in approvals
            if each.settled is None and (each.subject in here or each.channel == preferences.channel)
        ),
        mutes=active(preferences, now),
    )


def active(preferences: ChannelPreferences, now: float) -> tuple[Mute, ...]:
    """Return the mutes that hold at `now` (unix seconds), those that end first before others."""
    return tuple(sorted((mute for mute in preferences.mutes if mute.until > now), key=lambda mute: mute.until))


def _ended(what: Job | Eval, since: float, until: float) -> bool:
    return what.finished_at is not None and since < what.finished_at <= until
