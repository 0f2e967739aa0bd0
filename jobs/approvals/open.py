"""An approval is opened on evidence, renewed when the evidence is, and invalid in between."""

from dataclasses import replace
from typing import Final

from jobs.approvals.change import with_approval
from jobs.approvals.records import DAY, Approval, Ending, Settlement
from jobs.core.records import Job
from jobs.evidence.records import Evidence, Role
from jobs.evidence.round import ApprovalState, JobApproval
from jobs.state.change import Change
from jobs.state.store import Store

EVALUATED_AGAIN: Final = "The checkpoints were evaluated again."


async def approval_of(store: Store, job_id: str) -> JobApproval:
    """Read the approval of a job's checkpoints, for a round of evidence."""
    held = await store.record(Approval, job_id)
    before = held.value if held else None

    def opened(change: Change, job: Job, evidence: Evidence, now: float) -> Change:
        return with_approval(change, held, open_approval(job, evidence, before, now), now)

    def taken_back(change: Change, reason: str, now: float) -> Change:
        return with_approval(change, held, invalidated(before, reason, now), now) if before else change

    return JobApproval(_state(before), opened, taken_back)


def _state(approval: Approval | None) -> ApprovalState:
    if approval is None:
        return ApprovalState.NONE
    if approval.settled:
        return ApprovalState.APPROVED if approval.settled.ending is Ending.APPROVED else ApprovalState.ENDED
    return ApprovalState.OPEN if approval.evidence else ApprovalState.INVALID


def open_approval(job: Job, evidence: Evidence, previous: Approval | None, now: float) -> Approval:
    """Return the approval of a job's checkpoints on this evidence.

    If `previous` is on this evidence already, it is returned as it is, with its votes and its settlement. On other
    evidence a new round begins: nobody has voted, nothing is settled, and its days are counted again. What was settled
    before stays in the audit trail.

    Args:
        job: whose checkpoints they are.
        evidence: ready, or failed; a candidate without a digest cannot be approved.
        previous: the job's approval so far, settled or not.
        now: unix seconds.
    """
    offered = [each for each in evidence.candidates if each.role is Role.CHECKPOINT and each.digest]
    chosen = {each.checkpoint: each for each in offered if each.checkpoint}
    opened = Approval(
        subject=job.id,
        launched_by=job.request.requested_by,
        quorum=job.quorum,
        approvers=job.approvers,
        requested_at=now,
        task=job.task,
        channel=job.request.channel,
        excluded=() if job.policy.self_approval else (job.request.requested_by,),
        policy=job.policy,
        names={key: each.name for key, each in chosen.items()},
        models={key: each.model for key, each in chosen.items()},
        evidence={key: each.digest for key, each in chosen.items()},
        broken={key: each.broken_guards for key, each in chosen.items() if each.broken_guards},
        expires_at=now + job.policy.expires_days * DAY,
    )
    return opened if previous is None else _renewed(opened, previous, now, evidence.cause or EVALUATED_AGAIN)


def invalidated(approval: Approval, reason: str, now: float) -> Approval:
    """Return the approval without votes and without evidence, until it is renewed; a settled one stays as it is.

    Args:
        approval: what is up for approval.
        reason: what changed, as a sentence for the people who voted.
        now: unix seconds.
    """
    if approval.settled or not (approval.evidence or approval.decisions):
        return approval
    return replace(
        approval,
        decisions=(),
        evidence={},
        broken={},
        round=approval.round + 1,
        renewed_at=now,
        renewed_why=reason,
        expires_at=None,
        reminded_at=None,
    )


def _renewed(opened: Approval, previous: Approval, now: float, why: str) -> Approval:
    if previous.evidence and (previous.evidence, previous.broken) == (opened.evidence, opened.broken):
        return previous
    if previous.settled:
        ended = _ended(previous, previous.settled)
        return replace(opened, round=previous.round + 1, renewed_at=now, renewed_why=ended)
    began = replace(opened, requested_at=previous.requested_at)
    if previous.evidence:
        return replace(began, round=previous.round + 1, renewed_at=now, renewed_why=why)
    return replace(began, round=previous.round, renewed_at=previous.renewed_at, renewed_why=previous.renewed_why)


def _ended(approval: Approval, settled: Settlement) -> str:
    match settled.ending:
        case Ending.APPROVED:
            return f"{approval.name_of(settled.choice).capitalize()} was approved on the evidence before."
        case Ending.REJECTED:
            return "All checkpoints were rejected on the evidence before."
        case Ending.EXPIRED:
            return "Nobody settled it in time on the evidence before."
