"""What is up for approval, what people said, and how it ended. Frozen values; times are unix seconds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from jobs.records import DEFAULT_POLICY, ApprovalPolicy


class Verdict(StrEnum):
    """What one approver says about a choice."""

    APPROVE = "approve"
    REJECT = "reject"


class Ending(StrEnum):
    """How an approval ended."""

    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"


class ApprovalKind(StrEnum):
    """What is asked for."""

    CHECKPOINT = "checkpoint"
    """One of a job's checkpoints, for the job's alias. The subject is the job's id."""
    ALIAS_MOVE = "alias_move"
    """An alias back to a model it pointed at before. The subject is the proposal's id."""
    REVIEW = "review"
    """An emergency rollback that one person did, looked at afterwards. The subject is the proposal's id."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One person's word on one choice, on the evidence they saw."""

    user: str
    verdict: Verdict
    choice: str
    """Checkpoint id, or model id of an alias move; for a rejection of all, the empty string."""
    reason: str
    at: float
    evidence: str = ""
    """Digest of the evidence that was shown for the choice."""
    overrides: tuple[str, ...] = ()
    """Guardrails that this person set aside, in so many words."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """How an approval ended."""

    ending: Ending
    choice: str
    at: float


@dataclass(frozen=True, slots=True)
class Approval:
    """The team's sign-off of one of several choices, bound to the evidence for them."""

    subject: str
    """What it belongs to: a job's id, or the id of a proposal. One approval each."""
    launched_by: str
    """Who launched or proposed it."""
    quorum: int
    approvers: tuple[str, ...]
    """Slack user-group handles or user ids."""
    requested_at: float
    kind: ApprovalKind = ApprovalKind.CHECKPOINT
    task: str = ""
    channel: str = ""
    excluded: tuple[str, ...] = ()
    """Who may not decide beside `launched_by`, because they asked for it."""
    policy: ApprovalPolicy = DEFAULT_POLICY
    evidence: Mapping[str, str] = field(default_factory=dict)
    """Choice to the digest of the evidence that stands for it now; a choice without one cannot be approved."""
    broken: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Choice to the guardrails that it breaks: approving it needs each of them overridden."""
    round: int = 1
    """Grows when evidence changed and every vote had to be given anew."""
    expires_at: float | None = None
    reminded_at: float | None = None
    decisions: tuple[Decision, ...] = ()
    """The newest of each person, of this round."""
    settled: Settlement | None = None

    def votes_for(self, choice: str) -> tuple[Decision, ...]:
        """Return the approvals of one choice, oldest first."""
        return tuple(d for d in self.decisions if d.verdict is Verdict.APPROVE and d.choice == choice)
