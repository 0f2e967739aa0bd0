"""How loud a message is: whether the channel sees it as well as its thread, and who is mentioned. Pure decisions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from jobs.core.records import Job, Posting, PostingKind
from jobs.notifications.quiet_hours import quiet_until
from jobs.notifications.records import ChannelPreferences, Mute, PersonPreferences, Scope

Level = Literal["info", "warn", "critical"]
ASKING: Final = frozenset({PostingKind.SUMMARY, PostingKind.APPROVAL, PostingKind.MEASUREMENT})
"""Messages that wait for people's votes, or say how production stands: a mute leaves them alone."""
ALIAS: Final = "alias:"
"""How the ids of messages about an alias begin. A mute leaves them alone too: they are about production."""


@dataclass(frozen=True, slots=True)
class Visibility:
    """How loud a message is."""

    broadcast: bool
    """Seen in the channel too."""
    mentions: tuple[str, ...] = ()
    """Slack user ids."""
    held: bool = False
    """Quiet hours keep some of it back until they end."""
    waiting: tuple[str, ...] = ()
    """Who is mentioned then."""


@dataclass(frozen=True, slots=True)
class Audience:
    """Everything that bears on how loud a message is."""

    preferences: ChannelPreferences
    people: Mapping[str, PersonPreferences]
    """Preferences of those who set some; others are mentioned."""
    now: float


def visibility(posting: Posting, level: Level | None, job: Job | None, audience: Audience) -> Visibility:
    """Decide how loud a message is.

    While muted, nothing reaches the channel and nobody is mentioned, except for requests for approval and moves of
    aliases; of one job of a sweep, only the latter. In quiet hours nothing reaches the channel, and only critical
    alerts mention people.

    Args:
        posting: the message; `broadcast` is what it asks for.
        level: of the alert that it is about, if any.
        job: what it is about; None if that is not a job.
        audience: who would see it.
    """
    if job and job.request.is_swept and not posting.id.startswith(ALIAS):
        return Visibility(broadcast=False)
    is_quiet = quiet_until(audience.preferences.quiet, audience.now) is not None
    if posting.kind in ASKING:
        return Visibility(posting.broadcast and not is_quiet, held=posting.broadcast and is_quiet)
    if job is None:
        return Visibility(posting.broadcast)
    if mute_of(audience.preferences, job, audience.now) and not posting.id.startswith(ALIAS):
        return Visibility(broadcast=False)
    concerned = recipients(job, audience.people) if _matters(posting, level) else ()
    if not is_quiet:
        return Visibility(posting.broadcast, concerned)
    if level == "critical":
        return Visibility(broadcast=False, mentions=concerned, held=posting.broadcast)
    return Visibility(broadcast=False, held=posting.broadcast or bool(concerned), waiting=concerned)


def recipients(job: Job, people: Mapping[str, PersonPreferences]) -> tuple[str, ...]:
    """Return who is mentioned about a job: its launcher and watchers, except those who do not want to be."""
    everybody = (people.get(user, PersonPreferences(user)) for user in (job.request.requested_by, *job.watchers))
    return tuple(
        dict.fromkeys(person.user for person in everybody if person.mentions and job.id not in person.unwatched)
    )


def mute_of(preferences: ChannelPreferences, job: Job, now: float) -> Mute | None:
    """Return the mute that covers a job for longest, or None."""
    covering = (mute for mute in preferences.mutes if mute.until > now and covers(mute, job))
    return max(covering, key=lambda mute: mute.until, default=None)


def _matters(posting: Posting, level: Level | None) -> bool:
    """Tell whether a message is worth a mention: warnings, and status lines that the channel sees, such as the end."""
    if posting.kind is PostingKind.ALERT:
        return level in {"warn", "critical"}
    return posting.kind is PostingKind.STATUS and posting.broadcast


def covers(mute: Mute, job: Job) -> bool:
    """Tell whether a mute is about a job of its channel."""
    return mute.name == {Scope.CHANNEL: "", Scope.TASK: job.task, Scope.JOB: job.id}[mute.scope]
