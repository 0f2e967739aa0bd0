"""What one turn changes, and how it is written down for the script that writes it all or nothing."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Generic, TypeVar

from pydantic import TypeAdapter

from jobs.aliases.records import Alias, Proposal, WebhookCall
from jobs.approvals.records import Approval
from jobs.audit.records import AuditEntry
from jobs.audit.sealing import sealed
from jobs.evals.records import Eval, EvalRequest
from jobs.evidence.records import Evidence
from jobs.quiet.records import ChannelHabits, Digest, HeldBack, PersonHabits
from jobs.records import Job, LaunchRequest, Posting
from jobs.series import Step
from jobs.watched import Watched

RETYPED: Final = 10.0
"""Seconds in which the same wish of the same person counts as typed twice."""

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """A kind of record in Redis."""

    name: str
    """Its keys are `<name>:<id>`."""
    adapter: TypeAdapter[T]
    id: str
    """The field that is its id."""
    listed: str
    """The sorted set of the ids of its records."""
    made: str | None = None
    """The field that says when a record was made (unix seconds); None takes the server's clock."""


JOBS: Final = Kind("job", TypeAdapter(Job), "id", "jobs", "created_at")
EVALS: Final = Kind("eval", TypeAdapter(Eval), "id", "evals", "created_at")
APPROVALS: Final = Kind("approval", TypeAdapter(Approval), "subject", "all:approval")
EVIDENCE: Final = Kind("evidence", TypeAdapter(Evidence), "job", "all:evidence")
ALIASES: Final = Kind("alias", TypeAdapter(Alias), "name", "all:alias")
PROPOSALS: Final = Kind("proposal", TypeAdapter(Proposal), "id", "all:proposal", "at")
WEBHOOK_CALLS: Final = Kind("webhook", TypeAdapter(WebhookCall), "id", "all:webhook", "made_at")
CHANNELS: Final = Kind("channel", TypeAdapter(ChannelHabits), "channel", "all:channel")
PEOPLE: Final = Kind("person", TypeAdapter(PersonHabits), "user", "all:person")
HELD_BACK: Final = Kind("held", TypeAdapter(HeldBack), "id", "all:held")
DIGESTS: Final = Kind("digest", TypeAdapter(Digest), "id", "all:digest")
KINDS: Final[Mapping[type, Kind[Any]]] = {
    Job: JOBS,
    Eval: EVALS,
    Approval: APPROVALS,
    Evidence: EVIDENCE,
    Alias: ALIASES,
    Proposal: PROPOSALS,
    WebhookCall: WEBHOOK_CALLS,
    ChannelHabits: CHANNELS,
    PersonHabits: PEOPLE,
    HeldBack: HELD_BACK,
    Digest: DIGESTS,
}
"""The kind of each record's type."""
STEP: Final = TypeAdapter(Step)
POSTING: Final = TypeAdapter(Posting)


@dataclass(frozen=True, slots=True)
class Versioned(Generic[T_co]):
    """A record and the version it was read at (0: it does not exist yet)."""

    value: T_co
    version: int


@dataclass(frozen=True, slots=True)
class Once:
    """A key that only one change may hold for `seconds`."""

    key: str
    value: str
    seconds: float


def typed_key(request: LaunchRequest | EvalRequest) -> str:
    """Return the key that only one wish of a person for just this may hold, whatever triggered it; see `RETYPED`."""
    words = f"{replace(request, trigger='')!r}"
    return f"launched:{hashlib.sha256(words.encode()).hexdigest()[:24]}"


@dataclass(frozen=True, slots=True)
class Change:
    """What one turn changes, written all or nothing together with the postings it causes.

    It is about one job or one eval, or what `turn_of` names; the steps and the next turn are theirs.
    """

    job: Versioned[Job] | None = None
    """The new value with the version it was read at."""
    approval: Versioned[Approval] | None = None
    evaluation: Versioned[Eval] | None = None
    also: tuple[Versioned[object], ...] = ()
    """Records of the kinds in `KINDS`."""
    steps: tuple[Step, ...] = ()
    next_turn: float | None = None
    """Seconds until the next turn; None leaves it, a negative number ends its turns."""
    turn_of: str | None = None
    """Whose turn `next_turn` is about, where it is neither the job's nor the eval's."""
    wake: Mapping[str, float] = field(default_factory=dict)
    """Others' next turns: id to seconds from now, where nothing earlier is planned; a negative number ends them."""
    postings: tuple[Posting, ...] = ()
    audit: tuple[AuditEntry, ...] = ()
    models: Mapping[str, str] = field(default_factory=dict)
    """Alias to the id of the model it points at from now on, for those who read Redis themselves."""
    once: Once | None = None


def plain_of(change: Change, head: str, audit_key: bytes) -> dict[str, object]:
    """Return the change as the commit script reads it.

    Args:
        change: what to write.
        head: hash of the trail's newest entry, as far as it is known.
        audit_key: seals the trail.
    """
    about = change.job or change.evaluation
    subject = about.value.id if about else change.turn_of or ""
    own = (change.job, change.evaluation, change.approval)
    plain: dict[str, object] = {
        "records": [_record(versioned) for versioned in (*own, *change.also) if versioned],
        "wake": [{"id": id_, "after": _milliseconds(after)} for id_, after in change.wake.items()],
        "steps": {
            "key": f"steps:{subject}",
            "values": {str(step.step): STEP.dump_json(step).decode() for step in change.steps},
        },
        "postings": [_posting(posting) for posting in change.postings],
        "plain": {f"model:{alias}": model for alias, model in change.models.items()},
    }
    if change.next_turn is not None:
        plain["due"] = {"id": subject, "after": _milliseconds(change.next_turn)}
        if change.job and change.job.value.remote_id:
            job = change.job.value
            watched = Watched.of(job, change.next_turn)
            plain["watched"] = {"platform": job.platform, "id": job.id, "text": watched.text if watched else ""}
    if change.audit:
        chain = sealed(change.audit, head, audit_key)
        plain["audit"] = {"head": head, "entries": [list(entry) for entry in chain]}
    if change.once:
        once = change.once
        plain["once"] = {"key": once.key, "value": once.value, "ttl": _milliseconds(once.seconds)}
    return plain


def _record(versioned: Versioned[object]) -> dict[str, object]:
    value, kind = versioned.value, KINDS[type(versioned.value)]
    record_id = str(getattr(value, kind.id))
    plain: dict[str, object] = {
        "key": f"{kind.name}:{record_id}",
        "version": versioned.version,
        "value": kind.adapter.dump_json(value).decode(),
    }
    if versioned.version == 0:
        made = {"at": getattr(value, kind.made)} if kind.made else {}
        plain["listed"] = {"set": kind.listed, "id": record_id, **made}
    return plain


def _posting(posting: Posting) -> dict[str, object]:
    return {
        "id": posting.id,
        "lane": posting.lane,
        "subject": posting.subject,
        "refreshed": posting.refreshed,
        "urgent": posting.urgent,
        "value": POSTING.dump_json(posting).decode(),
    }


def _milliseconds(after: float) -> int:
    return -1 if after < 0 else int(after * 1000)
