"""What an alias is, where it pointed, and what is proposed for it. Frozen values; times are unix seconds."""

from dataclasses import dataclass
from enum import StrEnum


class MoveKind(StrEnum):
    """Why an alias moved."""

    APPROVED = "approved"
    """To a checkpoint that the team approved."""
    ROLLBACK = "rollback"
    """Back to the model before, approved by the team."""
    EMERGENCY = "emergency"
    """Back to the model before, by one approver, and reviewed afterwards."""
    RESTORED = "restored"
    """Forward again, because the review of an emergency rollback rejected it."""


@dataclass(frozen=True, slots=True)
class Target:
    """An approved model: where an alias can point."""

    model: str
    """The id that the platform calls it by."""
    platform: str
    job: str
    checkpoint: str
    step: int
    approval: str
    """Subject of the approval that stands for the model: the job's id."""
    evidence: str = ""
    """Digest of the evidence that it was approved on."""


@dataclass(frozen=True, slots=True)
class AliasMove:
    """One time that an alias began to point at a model."""

    number: int
    """1 for the first; also the alias's version from then on."""
    target: Target
    kind: MoveKind
    by: str
    """Slack user id of who moved or proposed it; "proctor" where a review restored it."""
    at: float
    reason: str
    approved_by: tuple[str, ...] = ()
    """Who approved this move: the checkpoint's approvers, or those of the rollback; empty in an emergency."""
    proposal: str | None = None
    """Id of the proposal that led to it."""
    restores: int | None = None
    """The number of the earlier move whose model it points at again."""


@dataclass(frozen=True, slots=True)
class Alias:
    """A name such as `eurovoc@production`, and every model it pointed at."""

    name: str
    task: str
    moves: tuple[AliasMove, ...]
    """At least one, newest last."""
    proposal: str | None = None
    """Id of the rollback, or the review of one, that waits for decisions."""

    @property
    def version(self) -> int:
        """Grows by one with each move."""
        return len(self.moves)

    @property
    def current(self) -> AliasMove:
        """The move that says where it points now."""
        return self.moves[-1]

    @property
    def model(self) -> str:
        """The id of the model it points at."""
        return self.current.target.model

    def move(self, number: int) -> AliasMove:
        """Return the move with this number."""
        return self.moves[number - 1]


class ProposalState(StrEnum):
    """What became of a proposal."""

    OPEN = "open"
    DONE = "done"
    """Approved: a rollback has moved the alias, an emergency rollback stands."""
    REJECTED = "rejected"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    """The alias was moved to another model meanwhile."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A rollback that waits for approval, or one done in an emergency that waits for its review."""

    id: str
    """`move-` and six letters; also the subject of its approval."""
    alias: str
    task: str
    emergency: bool
    version: int
    """Of the alias when this was proposed; with an emergency, after it had moved."""
    leaves: int
    """Number of the move whose model the alias leaves."""
    returns_to: int
    """Number of the move whose model it goes back to."""
    by: str
    at: float
    reason: str
    channel: str
    state: ProposalState = ProposalState.OPEN
    ended_at: float | None = None


@dataclass(frozen=True, slots=True)
class WebhookCall:
    """One change of an alias on its way to the address that wants to know of it."""

    id: str
    """`<alias>:<version>`."""
    alias: str
    version: int
    made_at: float
    attempts: int = 0
    last_answer: str | None = None
    delivered_at: float | None = None
    given_up_at: float | None = None
