"""What is up for approval, what people said, and how it ended. Frozen values; times are unix seconds."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from jobs.core.records import DEFAULT_POLICY, ApprovalPolicy

DAY: Final = 86_400.0
DIGEST: Final = 16
"""Hex digits of the digest over all choices."""


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
    """Who may not decide either, because they asked for it."""
    policy: ApprovalPolicy = DEFAULT_POLICY
    names: Mapping[str, str] = field(default_factory=dict)
    """Choice to how it is called: "step 45"."""
    models: Mapping[str, str] = field(default_factory=dict)
    """Choice to the id of its model."""
    evidence: Mapping[str, str] = field(default_factory=dict)
    """Choice to the digest of the evidence that stands for it now; a choice without one cannot be approved."""
    broken: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Choice to the guardrails that it breaks: approving it needs each of them overridden."""
    round: int = 1
    """Grows when evidence changed and everybody had to vote again."""
    renewed_at: float | None = None
    """When this round began; None in the first."""
    renewed_why: str = ""
    """Why the round before ended, as a sentence."""
    expires_at: float | None = None
    reminded_at: float | None = None
    decisions: tuple[Decision, ...] = ()
    """The newest of each person, of this round."""
    settled: Settlement | None = None

    @property
    def barred(self) -> frozenset[str]:
        """Who may not decide because it is their own; nobody if the task allows self-approval.

        What one person did in an emergency is looked at by others, whatever the task allows.
        """
        if self.policy.self_approval and self.kind is not ApprovalKind.REVIEW:
            return frozenset()
        return self.own

    @property
    def own(self) -> frozenset[str]:
        """Whose it is: who launched it and who asked for it."""
        return frozenset({self.launched_by, *self.excluded})

    @property
    def reminder_at(self) -> float | None:
        """When the approvers are reminded: `remind_days` before it lapses, at the earliest half-way; None for never."""
        if self.expires_at is None or self.reminded_at is not None or self.policy.remind_days <= 0:
            return None
        return self.expires_at - min(self.policy.remind_days, self.policy.expires_days / 2) * DAY

    def has_lapsed(self, now: float) -> bool:
        """Tell whether nobody decided in time."""
        return self.settled is None and self.expires_at is not None and now >= self.expires_at

    def basis(self, choice: str) -> str | None:
        """Return the digest that a decision on `choice` must carry now; None while there is no evidence to decide on.

        A rejection of all (`choice` empty) rests on the evidence for every choice together.
        """
        if choice or not self.evidence:
            return self.evidence.get(choice)
        listed = json.dumps([self.round, sorted(self.evidence.items())])
        return hashlib.sha256(listed.encode()).hexdigest()[:DIGEST]

    @property
    def votes_missing(self) -> int:
        """How many approvals the choice with the most of them still needs."""
        return self.quorum - max((len(self.votes_for(choice)) for choice in self.evidence), default=0)

    def name_of(self, choice: str) -> str:
        """Return how a choice is called."""
        return self.names.get(choice, choice)

    def votes_for(self, choice: str) -> tuple[Decision, ...]:
        """Return the approvals of one choice, oldest first."""
        return tuple(d for d in self.decisions if d.verdict is Verdict.APPROVE and d.choice == choice)

    @property
    def settling(self) -> tuple[Decision, ...]:
        """The decisions that settled it, oldest first; () if it is open or nobody did."""
        if self.settled is None or self.settled.ending is Ending.EXPIRED:
            return ()
        if self.settled.ending is Ending.APPROVED:
            return self.votes_for(self.settled.choice)
        return tuple(d for d in self.decisions if d.verdict is Verdict.REJECT)
