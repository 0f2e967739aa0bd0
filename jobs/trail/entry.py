"""What the audit trail says. Frozen values; times are unix seconds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from pydantic import TypeAdapter

BOT: Final = "proctor"
"""Who did what no person did."""
NAMING_DETAILS: Final = ("alias", "proposal", "job", "model", "opens", "proposed_by")
"""Details that name what an entry is about, as well as its task and subject."""


class Act(StrEnum):
    """What was done."""

    LAUNCH = "launch"
    WATCH = "watch"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    APPROVE = "approve"
    REJECT = "reject"
    OVERRIDE = "override"
    SETTLED = "settled"
    EXPIRED = "expired"
    INVALIDATED = "invalidated"
    REQUESTED = "requested"
    """An approval was asked for."""
    ALIAS_MOVED = "alias_moved"
    ROLLBACK_PROPOSED = "rollback_proposed"
    EMERGENCY_ROLLBACK = "emergency_rollback"
    REVIEWED = "reviewed"
    GRADE_REVIEWED = "grade_reviewed"
    """A person said whether a grade is right."""
    LABEL_DECIDED = "label_decided"
    """A person said whether a suspect label is kept, dropped or fixed."""
    SCHEDULED = "scheduled"
    """That a model is measured again and again."""
    DEFAULT = "default"
    """What launches and evals of a task use was set, or set back."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what, when, why and from where."""

    at: float
    who: str
    """Slack user id, or `BOT`."""
    act: Act
    task: str
    subject: str
    """A job, a proposal or an alias."""
    why: str = ""
    where: str = ""
    """Slack channel id; "http" or "shell" for what did not come from Slack."""
    details: Mapping[str, str] = field(default_factory=dict)
    """What else is worth keeping: model, checkpoint, step, evidence, overrides, alias.

    Of an alias that a proposal moved back, `proposed_by` and `approved_by` name people. Entries from before there was
    `proposed_by` have the proposer as `who`.
    """

    @property
    def about(self) -> tuple[str, ...]:
        """Everything that it is about: task, subject, person, and what its details name."""
        named = (self.task, self.subject, self.who, *(self.details.get(name, "") for name in NAMING_DETAILS))
        return tuple(dict.fromkeys(name for name in named if name))


ENTRY: Final = TypeAdapter(AuditEntry)


@dataclass(frozen=True, slots=True)
class SealedEntry:
    """An entry in its place in the trail."""

    id: str
    """Of the stream entry: its time in ms and a number."""
    text: str
    """The entry as it is stored, which is what its hash covers."""
    previous: str
    """Hash of the entry before; 64 zeros for the first."""
    hash: str

    @property
    def entry(self) -> AuditEntry:
        """What it says; raises ValueError if its text is no entry."""
        return ENTRY.validate_json(self.text)

    @property
    def readable(self) -> AuditEntry | None:
        """What it says, or None if somebody has made it unreadable."""
        try:
            return self.entry
        except ValueError:
            return None

    @property
    def written_at(self) -> float:
        """Unix seconds at which Redis took it."""
        return int(self.id.partition("-")[0]) / 1000
