"""How channels and people want to be notified, and what was held back. Frozen values; times are unix seconds."""

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """What a mute covers."""

    CHANNEL = "channel"
    TASK = "task"
    JOB = "job"


@dataclass(frozen=True, slots=True)
class Mute:
    """Until it ends, alerts and status lines of what it covers stay in their threads and mention nobody."""

    scope: Scope
    name: str
    """The task or the job's id; empty for the channel."""
    until: float
    by: str
    """Slack user id."""


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Hours of each day in which the channel hears nothing; they may pass midnight."""

    start: int
    """Minutes after midnight."""
    end: int
    """Minutes after midnight, never `start`."""
    zone: str
    """IANA name of the time zone."""
    by: str


@dataclass(frozen=True, slots=True)
class DigestPlan:
    """When a channel gets its daily digest."""

    at: int
    """Minutes after midnight."""
    zone: str
    by: str
    next_at: float
    even_if_empty: bool = False
    """Whether a day on which nothing happened gets a line, or no digest at all."""


@dataclass(frozen=True, slots=True)
class ChannelPreferences:
    """How one channel wants to be notified."""

    channel: str
    mutes: tuple[Mute, ...] = ()
    quiet: QuietHours | None = None
    digest: DigestPlan | None = None
    covered_until: float | None = None
    """Up to when the last daily digest reached."""
    posted_on: str = ""
    """Local date of the last daily digest, such as `2026-03-29`."""

    def active_mutes(self, now: float) -> tuple[Mute, ...]:
        """Return the mutes that hold at `now` (unix seconds), in the order in which they end."""
        return tuple(sorted((mute for mute in self.mutes if mute.until > now), key=lambda mute: mute.until))


@dataclass(frozen=True, slots=True)
class PersonPreferences:
    """How one person wants to be notified."""

    user: str
    mentions: bool = True
    unwatched: tuple[str, ...] = ()
    """Jobs that they launched and do not want to be notified about."""
    home_until: float = 0.0
    """Until when their Home is kept up to date."""


@dataclass(frozen=True, slots=True)
class HeldItem:
    """A message that went into its thread only."""

    posting: str
    subject: str
    text: str
    """One line that says what it was about."""
    at: float
    people: tuple[str, ...] = ()
    """Who was to be mentioned."""


@dataclass(frozen=True, slots=True)
class HeldBack:
    """What a channel's quiet hours held back; posted when they end."""

    id: str
    """`<channel>:<end of the hours>`."""
    channel: str
    ends: float
    items: tuple[HeldItem, ...] = ()
    """The newest of them, oldest first."""
    earlier: int = 0
    """How many came before these."""
    notified: bool = False


@dataclass(frozen=True, slots=True)
class Digest:
    """What one digest is about: ids of jobs and evals, newest first."""

    id: str
    """`<channel>:<local date>`; of one that was asked for, `<channel>:now:<trigger>`."""
    channel: str
    since: float
    until: float
    running: tuple[str, ...] = ()
    finished: tuple[str, ...] = ()
    evals: tuple[str, ...] = ()
    """Evals that ended."""
    pending: tuple[str, ...] = ()
    """Subjects of approvals that wait for votes."""
    mutes: tuple[Mute, ...] = ()
    asked_by: str | None = None

    @property
    def is_empty(self) -> bool:
        """True if nothing runs, ended or waits."""
        return not (self.running or self.finished or self.evals or self.pending)
