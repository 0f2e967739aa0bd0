"""What a proposed rollback is about, and the move that it leads to. Values in, values out."""

import hashlib
from dataclasses import dataclass
from typing import Final

from jobs.aliases.pointing import Held, moved
from jobs.aliases.postings import place
from jobs.aliases.records import Alias, AliasMove, MoveKind, Proposal
from jobs.approvals.records import DAY, Approval, ApprovalKind
from jobs.core.ids import short_id

DIGEST: Final = 16


@dataclass(frozen=True, slots=True)
class ProposalView:
    """Everything there is to show of a proposal."""

    proposal: Proposal
    alias: Alias
    approval: Approval

    @property
    def leaves(self) -> AliasMove:
        """The move whose model it takes the alias away from."""
        return self.alias.move(self.proposal.leaves)

    @property
    def returns_to(self) -> AliasMove:
        """The move whose model it takes the alias back to."""
        return self.alias.move(self.proposal.returns_to)


def proposal_id(trigger: str) -> str:
    """Return the id of the proposal that this trigger makes: always the same one."""
    return short_id("move-", f"move {trigger}")


def digest_of(proposal: Proposal, goal: AliasMove) -> str:
    """Return the digest of what a vote on a proposal rests on: which alias, from where, to which model."""
    target = goal.target
    words = "\n".join((proposal.alias, str(proposal.version), target.model, target.job, target.evidence))
    return hashlib.sha256(words.encode()).hexdigest()[:DIGEST]


def opened(proposal: Proposal, goal: AliasMove, given: Approval) -> Approval:
    """Return the approval that a proposal asks for.

    Args:
        proposal: the rollback, or the one done in an emergency.
        goal: the move whose model it returns to.
        given: the approval that stands for that model: the same people decide, and as many.
    """
    model = goal.target.model
    return Approval(
        subject=proposal.id,
        launched_by=proposal.by,
        quorum=given.quorum,
        approvers=given.approvers,
        requested_at=proposal.at,
        kind=ApprovalKind.REVIEW if proposal.emergency else ApprovalKind.ALIAS_MOVE,
        task=proposal.task,
        channel=proposal.channel,
        excluded=() if given.policy.self_approval else (proposal.by,),
        policy=given.policy,
        names={model: place(goal)},
        models={model: model},
        evidence={model: digest_of(proposal, goal)},
        expires_at=proposal.at + given.policy.expires_days * DAY,
    )


def taken_back(held: Held, proposal: Proposal, *, approved_by: tuple[str, ...], now: float) -> Alias:
    """Return the alias after a rollback; `approved_by` is empty in an emergency."""
    alias = held.alias
    assert alias is not None, "a rollback is of an alias that exists"
    goal = alias.move(proposal.returns_to)
    move = AliasMove(
        number=alias.version + 1,
        target=goal.target,
        kind=MoveKind.EMERGENCY if proposal.emergency else MoveKind.ROLLBACK,
        by=proposal.by,
        at=now,
        reason=proposal.reason,
        approved_by=approved_by,
        proposal=proposal.id,
        restores=goal.restores or goal.number,
    )
    waiting = proposal.id if proposal.emergency else None
    return moved(held, alias.name, alias.task, move, proposal=waiting)


def gone_forward(held: Held, proposal: Proposal, approval: Approval, now: float) -> Alias:
    """Return the alias after the review of an emergency rollback rejected it: where it pointed before that."""
    alias = held.alias
    assert alias is not None, "a review is of an alias that exists"
    rejection = approval.settling[-1]
    left = alias.move(proposal.leaves)
    move = AliasMove(
        number=alias.version + 1,
        target=left.target,
        kind=MoveKind.RESTORED,
        by=rejection.user,
        at=now,
        reason=rejection.reason,
        approved_by=left.approved_by,
        proposal=proposal.id,
        restores=left.restores or left.number,
    )
    return moved(held, alias.name, alias.task, move)
