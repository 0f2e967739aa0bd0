"""An approval is opened on evidence, renewed when the evidence is, and invalid in between. Values in, values out."""

from dataclasses import replace
from typing import Final

from jobs.approvals.records import DAY, Approval, Ending
from jobs.core.records import Job
from jobs.evidence.records import Candidate, Evidence, Role

GATHERED_ANEW: Final = "The evidence was gathered anew."


def open_approval(job: Job, evidence: Evidence, previous: Approval | None, now: float) -> Approval:
    """Return the approval of a job's checkpoints on this evidence.

    On the evidence that `previous` has already, that is what is returned, its votes and its settlement included. On
    other evidence a new round begins: nobody has voted, nothing is settled, and the days begin anew. What was settled
    before stays in the audit trail.

    Args:
        job: whose checkpoints they are.
        evidence: ready, or failed; a candidate without a digest cannot be approved.
        previous: the job's approval until now, settled or not.
        now: unix seconds.
    """
    chosen = {each.checkpoint: each for each in evidence.candidates if each.checkpoint and _is_offered(each)}
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
    return opened if previous is None else _renewed(opened, previous, now)


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


def _is_offered(candidate: Candidate) -> bool:
    return candidate.role is Role.CHECKPOINT and bool(candidate.digest)


def _renewed(opened: Approval, previous: Approval, now: float) -> Approval:
    if previous.evidence and (previous.evidence, previous.broken) == (opened.evidence, opened.broken):
        return previous
    if previous.settled:
        return replace(opened, round=previous.round + 1, renewed_at=now, renewed_why=_ended(previous))
    began = replace(opened, requested_at=previous.requested_at)
    if not previous.evidence and previous.renewed_at:
        return replace(began, round=previous.round, renewed_at=previous.renewed_at, renewed_why=previous.renewed_why)
    if not previous.evidence:
        return began
    return replace(began, round=previous.round + 1, renewed_at=now, renewed_why=GATHERED_ANEW)


def _ended(approval: Approval) -> str:
    assert approval.settled is not None, "only a settled approval has ended"
    match approval.settled.ending:
        case Ending.APPROVED:
            return f"{approval.name_of(approval.settled.choice).capitalize()} was approved on the evidence before."
        case Ending.REJECTED:
            return "All checkpoints were rejected on the evidence before."
        case Ending.EXPIRED:
            return "Nobody settled it in time on the evidence before."
