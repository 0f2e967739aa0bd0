"""What goes with a change of an approval: entries of the trail, its next work item, and what its thread is told."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

from jobs.approvals.records import Approval, ApprovalKind, Decision, Ending, Verdict
from jobs.core.ids import approval_item, card_id, proposal_item
from jobs.core.records import Job, Posting, PostingKind
from jobs.state.change import Change, Versioned
from jobs.trail.entry import BOT, Act, AuditEntry
from jobs.training.postings import card_posting, summary_posting

Notice = Literal["approved", "rejected", "expired", "invalidated", "reminder"]


def with_approval(
    change: Change, held: Versioned[Approval] | None, approval: Approval, now: float, *, where: str = ""
) -> Change:
    """Return the change with an approval in it and all that belongs to that: trail, next work item and notices.

    Everything follows from the difference to what was before, so that nobody who changes an approval can forget it.

    Args:
        change: what else happens.
        held: the approval as it was read; None if there was none.
        approval: as it is to be.
        now: unix seconds.
        where: Slack channel in which a person decided; empty if nobody did.
    """
    before = held.value if held else None
    if approval == before:
        return change
    schedule = {approval_item(approval.subject): due_in(approval, now)}
    if approval.settled and approval.kind is not ApprovalKind.CHECKPOINT:
        schedule[proposal_item(approval.subject)] = 0.0
    return replace(
        change,
        records=(*change.records, Versioned(approval, held.version if held else 0)),
        audit=(*change.audit, *_entries(before, approval, now, where)),
        schedule={**change.schedule, **schedule},
        postings=(*change.postings, *_notices(before, approval)),
    )


def due_in(approval: Approval, now: float) -> float:
    """Return the seconds until an approval's reminder or its end; negative if neither comes."""
    due = approval.reminder_at or approval.expires_at
    return -1.0 if approval.settled or due is None else max(0.0, due - now)


# -- messages ------------------------------------------------------------------------------------------------------


def notice(approval: Approval, told: Notice) -> Posting:
    """Return a line about an approval in the thread of its subject."""
    return Posting(
        id=f"approval:{approval.subject}:{approval.round}:{told}",
        kind=PostingKind.APPROVAL_NOTICE,
        lane=f"thread:{approval.subject}",
        subject=approval.subject,
        channel=approval.channel,
        text=told,
    )


def request_posting(proposal: str, channel: str) -> Posting:
    """Return the message that asks for a decision on a proposal and shows the result: the root of its thread."""
    return Posting(
        id=card_id(proposal),
        kind=PostingKind.APPROVAL,
        lane=f"approval:{proposal}",
        subject=proposal,
        channel=channel,
        refreshed=True,
        urgent=True,
    )


def refreshed(approval: Approval, job: Job | None) -> tuple[Posting, ...]:
    """Return the messages that show an approval, brought up to date at once; `job` is whose checkpoints it is about."""
    if approval.kind is not ApprovalKind.CHECKPOINT:
        return (request_posting(approval.subject, approval.channel),)
    return (summary_posting(job, urgent=True), card_posting(job, urgent=True)) if job else ()


def _notices(before: Approval | None, approval: Approval) -> tuple[Posting, ...]:
    """Return how it ended, or that everybody has to vote again."""
    if approval.settled and not (before and before.settled):
        return (notice(approval, approval.settled.ending.value),)
    if before and not before.settled and before.evidence and approval.round > before.round:
        return (notice(approval, "invalidated"),)
    return ()


# -- the trail -----------------------------------------------------------------------------------------------------


def _entries(before: Approval | None, approval: Approval, now: float, where: str) -> tuple[AuditEntry, ...]:
    found: list[AuditEntry] = []
    earlier: tuple[Decision, ...] = ()
    if before and before.round == approval.round:
        earlier = before.decisions
        voters = {each.user for each in approval.decisions}
        for user in (each.user for each in earlier if each.user not in voters):
            why = f"{user} is not an approver any more."
            found.append(_entry(approval, Act.INVALIDATED, now, why=why, votes=user))
    elif before and not before.settled:
        why = approval.renewed_why
        found.append(_entry(approval, Act.INVALIDATED, now, why=why, votes=_users(before.decisions) or "none"))
    if approval.evidence and not (before and before.round == approval.round and before.evidence):
        found.append(_requested(approval, now))
    for decision in approval.decisions:
        if decision not in earlier:
            found += _decided(approval, decision, where)
    if approval.settled and not (before and before.settled):
        found.append(_settled(approval, where))
    return tuple(found)


def _entry(
    approval: Approval, act: Act, at: float, who: str = BOT, *, why: str = "", where: str = "", **details: str
) -> AuditEntry:
    known = {"round": str(approval.round)}
    if approval.kind is not ApprovalKind.CHECKPOINT:
        known["kind"] = approval.kind.value
    return AuditEntry(at, who, act, approval.task, approval.subject, why, where, known | details)


def _requested(approval: Approval, now: float) -> AuditEntry:
    digests = {f"evidence of {approval.name_of(choice)}": digest for choice, digest in approval.evidence.items()}
    why, where = approval.renewed_why, approval.channel
    return _entry(approval, Act.REQUESTED, now, why=why, where=where, quorum=str(approval.quorum), **digests)


def _decided(approval: Approval, decision: Decision, where: str) -> list[AuditEntry]:
    details = _choice(approval, decision.choice) | {"evidence": decision.evidence}
    if decision.user in approval.own:
        details["own"] = "yes"
    acts = {Act.APPROVE if decision.verdict is Verdict.APPROVE else Act.REJECT: details}
    if decision.overrides:
        acts[Act.OVERRIDE] = details | {"overrides": ", ".join(decision.overrides)}
    return [
        _entry(approval, act, decision.at, decision.user, why=decision.reason, where=where, **told)
        for act, told in acts.items()
    ]


def _settled(approval: Approval, where: str) -> AuditEntry:
    settled = approval.settled
    assert settled is not None, "only a settled approval is noted as such"
    if settled.ending is Ending.EXPIRED:
        return _entry(approval, Act.EXPIRED, settled.at, votes=_users(approval.decisions) or "none")
    details = {"ending": settled.ending.value, "votes": _users(approval.settling), **_choice(approval, settled.choice)}
    return _entry(approval, Act.SETTLED, settled.at, approval.settling[-1].user, where=where, **details)


def _choice(approval: Approval, choice: str) -> dict[str, str]:
    if not choice:
        return {"choice": "all"}
    return {"choice": choice, "name": approval.name_of(choice), "model": approval.models.get(choice, "")}


def _users(decisions: Iterable[Decision]) -> str:
    return ", ".join(each.user for each in decisions)
