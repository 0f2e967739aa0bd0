"""When an alias's model is measured again, and what the measurements showed. Frozen values; times are unix seconds."""

from dataclasses import dataclass
from enum import StrEnum

from jobs.core.ids import schedule_item
from jobs.core.records import Posting, PostingKind
from jobs.notifications.digests import NextDaily
from jobs.trail.entry import Act, AuditEntry


class ScheduleState(StrEnum):
    """Whether measurements go on."""

    ACTIVE = "active"
    PAUSED = "paused"
    ENDED = "ended"


class Finding(StrEnum):
    """What one measurement showed."""

    HOLDS = "holds"
    """The model is not shown to be worse than at its approval; it may be better."""
    WORSE = "worse"
    NOT_COMPARED = "not_compared"
    """It was measured, but what its approval rests on is another thing by now."""
    NOT_MEASURED = "not_measured"


@dataclass(frozen=True, slots=True)
class Measurement:
    """One time that an alias's model was measured."""

    due_at: float
    """When it was due; tells it from the schedule's others."""
    at: float
    eval: str
    """Id of the eval; empty where none could be started."""
    model: str
    place: str
    """What people call the model: `step 60 of rft-zuwoq5`."""
    finding: Finding
    text: str
    """What it showed, as sentences."""
    mean: float | None = None
    """Mean reward."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A standing order to measure what an alias points at, every so many days at a time of day."""

    id: str
    trigger: str
    """Of the command that made it."""
    task: str
    alias: str
    """Full name, such as `eurovoc@production`; the schedule follows it to whatever it points at."""
    days: int
    at: int
    """Minutes after midnight in the zone."""
    zone: str
    """IANA name."""
    budget: int
    """Most tokens of one eval, input and output together."""
    channel: str
    by: str
    """Slack user id."""
    created_at: float
    next_at: float
    state: ScheduleState = ScheduleState.ACTIVE
    pending: str | None = None
    """Id of the eval under way."""
    begun_at: float = 0.0
    """When the measurement under way was due; names its evals."""
    suspicion: Measurement | None = None
    """Of a measurement under way: that the first eval found the model worse, which a second one is to confirm."""
    measurements: tuple[Measurement, ...] = ()
    """The newest, newest last."""

    @property
    def last(self) -> Measurement | None:
        """The newest measurement."""
        return self.measurements[-1] if self.measurements else None


def next_time(schedule: Schedule, next_daily: NextDaily, now: float) -> float:
    """Return when a schedule is due after `now`: what was missed is not made up for, and the rhythm is kept."""
    due = schedule.next_at
    while due <= now:
        for _ in range(schedule.days):
            due = next_daily(schedule.at, schedule.zone, due)
    return due


# -- what it causes ---------------------------------------------------------------------------------------------------


def card_posting(schedule: Schedule, *, urgent: bool = True) -> Posting:
    """Return the posting that brings a schedule's card up to date: the root of its thread."""
    subject, item = schedule.id, schedule_item(schedule.id)
    return Posting(
        f"{item}:card",
        PostingKind.SCHEDULE,
        f"card:{subject}",
        subject,
        schedule.channel,
        refreshed=True,
        urgent=urgent,
    )


def measurement_posting(schedule: Schedule, measurement: Measurement, *, broadcast: bool) -> Posting:
    """Return the posting that says in a schedule's thread what a measurement showed; `broadcast`: the channel too."""
    return Posting(
        id=measurement_id(schedule, measurement),
        kind=PostingKind.MEASUREMENT,
        lane=f"result:{schedule.id}",
        subject=schedule.id,
        channel=schedule.channel,
        text=f"{schedule.alias} {measurement.text}",
        broadcast=broadcast,
    )


def measurement_id(schedule: Schedule, measurement: Measurement) -> str:
    """Return the id of the posting about a measurement."""
    return f"{schedule_item(schedule.id)}:{measurement.due_at:.0f}"


def schedule_entry(schedule: Schedule, act: Act, who: str, at: float) -> AuditEntry:
    """Return what the audit trail says of a person who makes a schedule, or pauses, resumes or ends it."""
    details = {
        "alias": schedule.alias,
        "every": every(schedule.days),
        "zone": schedule.zone,
        "budget": f"{schedule.budget} tokens",
    }
    return AuditEntry(at, who, act, schedule.task, schedule.id, where=schedule.channel, details=details)


def every(days: int) -> str:
    """Return a rhythm as people say it: `every day`, `every week`, `every 3 days`."""
    if days % 7 == 0:
        return "every week" if days == 7 else f"every {days // 7} weeks"
    return "every day" if days == 1 else f"every {days} days"
