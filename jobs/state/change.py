"""One change of state: records, steps, messages and audit entries, and when work is due, written all or nothing."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from pydantic import TypeAdapter

from jobs.core.ids import looks_at, pool_of_item, sweep_item
from jobs.core.records import Posting
from jobs.core.series import Step
from jobs.state.kind import Kinds
from jobs.state.sweep_entry import SweepEntry
from jobs.trail.chain import sealed
from jobs.trail.entry import AuditEntry

RETYPED: Final = 10.0
"""Seconds in which the same request of the same person counts as typed twice."""
STEP: Final = TypeAdapter(Step)
POSTING: Final = TypeAdapter(Posting)

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Versioned(Generic[T_co]):
    """A record and the version it was read at (0: it does not exist yet)."""

    value: T_co
    version: int
    token: str = field(default="", compare=False)
    """Of the change that wrote it."""


@dataclass(frozen=True, slots=True)
class Once:
    """A key that only one change may hold for `seconds`."""

    key: str
    value: str
    seconds: float


def typed_key(request: object) -> str:
    """Return the key that only one such request may hold, see `RETYPED`; pass it without what triggered it."""
    return f"launched:{hashlib.sha256(repr(request).encode()).hexdigest()[:24]}"


@dataclass(frozen=True, slots=True)
class Change:
    """What one work item changes, written all or nothing together with the messages it causes.

    Steps and the next work item belong to `item`, or else to the first record that has work of its own (a job, an
    eval).
    """

    records: tuple[Versioned[object], ...] = ()
    """New values, each with the version it was read at."""
    steps: tuple[Step, ...] = ()
    due_in: float | None = None
    """Seconds until the next work item; None leaves it as planned, a negative number ends the work.

    While it is being worked on, an earlier time stands that was written since it was begun, by whoever it was."""
    item: str | None = None
    """The work item that `due_in` is about; None if it is that of a record of this change."""
    schedule: Mapping[str, float] = field(default_factory=dict)
    """Other work items: id to seconds from now, unless an earlier time is planned; a negative number ends them."""
    postings: tuple[Posting, ...] = ()
    audit: tuple[AuditEntry, ...] = ()
    plain: Mapping[str, str] = field(default_factory=dict)
    """Texts by key, for programs that read Redis themselves: what an alias points at from now on."""
    once: Once | None = None

    def record(self, kind: type[T]) -> Versioned[T] | None:
        """Return the first record of a type in this change, or None."""
        return next((each for each in self.records if isinstance(each.value, kind)), None)  # type: ignore[return-value] # narrowed by isinstance


def change_json(
    change: Change, kinds: Kinds, replaced: Mapping[str, str], head: str, audit_key: bytes
) -> dict[str, object]:
    """Return the change as the commit script reads it.

    `replaced` holds, by key, what is stored at the versions that the records were read at; `head` is the hash of the
    trail's newest entry, as far as it is known.
    """
    found = () if change.item else change.records
    own = next((each for each in found if kinds.of(each.value).has_work), None)
    subject = kinds.of(own.value).id_of(own.value) if own else change.item or ""
    pools = {
        kind.id_of(each.value): kind.pool(each.value)
        for each in change.records
        if (kind := kinds.of(each.value)).has_work and kind.pool
    }
    written: dict[str, object] = {
        "records": [_record(versioned, kinds, replaced) for versioned in change.records],
        "schedule": [_item(id_, after, pools.get(id_)) for id_, after in change.schedule.items()],
        "steps": {
            "key": f"steps:{subject}",
            "values": {str(step.step): STEP.dump_json(step, exclude_defaults=True).decode() for step in change.steps},
        },
        "postings": [_posting(posting) for posting in change.postings],
        "plain": dict(change.plain),
    }
    if change.due_in is not None:
        written["due"] = _item(subject, change.due_in, pools.get(subject))
        entry_of = kinds.of(own.value).sweep_entry if own else None
        entry = entry_of(own.value, change.due_in) if own and entry_of else None
        if entry:
            written["watched"] = _watched(entry)
    if change.audit:
        chain = sealed(change.audit, head, audit_key)
        about = [[[word.lower(), word] for word in entry.about] for entry in change.audit]
        written["audit"] = {"head": head, "entries": [[*kept, words] for kept, words in zip(chain, about, strict=True)]}
    if change.once:
        once = change.once
        written["once"] = {"key": once.key, "value": once.value, "ttl": _milliseconds(once.seconds)}
    return written


def _record(versioned: Versioned[object], kinds: Kinds, replaced: Mapping[str, str]) -> dict[str, object]:
    value, kind = versioned.value, kinds.of(versioned.value)
    record_id, created = kind.id_of(value), kind.created_at(value)
    key = kind.key_of(record_id)
    written: dict[str, object] = {
        "key": key,
        "version": versioned.version,
        "value": kind.write(value, replaced.get(key)),
    }
    also = getattr(value, kind.also) if kind.also else None
    if also:
        written["also"] = {"hash": f"also:{kind.name}", "name": also, "id": record_id}
    if versioned.version == 0:
        written["listed"] = {"set": kind.index, "id": record_id, **({} if created is None else {"at": created})}
    return written


def _item(item: str, after: float, pool: str | None = None) -> dict[str, object]:
    """Return when a work item is due; `pool` is the one that its record says."""
    return {
        "id": item,
        "after": _milliseconds(after),
        "pool": pool or pool_of_item(item),
        "moves": pool is not None,
    }


def _watched(entry: SweepEntry) -> dict[str, object]:
    return {
        "platform": entry.platform,
        "id": entry.job,
        "text": entry.text,
        "sweep": sweep_item(entry.platform),
        "pool": looks_at(entry.platform),
    }


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
