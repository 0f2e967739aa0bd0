"""What goes with a change of an approval: entries of the trail, its next turn, and what its thread is told."""

from dataclasses import replace
from typing import Literal

from jobs.approvals.records import Approval, ApprovalKind, Decision, Ending, Verdict
from jobs.core.ids import approval_turn, card_id, proposal_turn
from jobs.core.records import Job, Posting, PostingKind
from jobs.state.change import Change, Versioned
from jobs.trail.entry import BOT, Act, AuditEntry
from jobs.training.postings import card_posting, summary_posting

Told = Literal["approved", "rejected", "expired", "invalidated", "reminder"]


def with_approval(
    change: Change, held: Versioned[Approval] | None, approval: Approval, now: float, *, where: str = ""
) -> Change:
    """Return the change with an approval in it and all that belongs to that: trail, turn and notices.

    Everything follows from the difference to what was before, so that nobody who changes an approval can forget it.

    Args:
        change: what else happens.
        held: the approval as it was read; None where there was none.
        approval: as it is to be.
        now: unix seconds.
        where: Slack channel in which a person decided; empty where nobody did.
    """
    before = held.value if held else None
    if approval == before:
        return change
    return replace(
        change,
        records=(*change.records, Versioned(approval, held.version if held else 0)),
        audit=(*change.audit, *entries(before, approval, now, where)),
        wake={**change.wake, **wakes(approval, now)},
        postings=(*change.postings, *notices(before, approval)),
    )


def wakes(approval: Approval, now: float) -> dict[str, float]:
    """Return whose turn comes when: the approval's own, and once it is settled that of the proposal it is about."""
    own = {approval_turn(approval.subject): next_turn(approval, now)}
    if approval.settled and approval.kind is not ApprovalKind.CHECKPOINT:
        own[proposal_turn(approval.subject)] = 0.0
    return own


def next_turn(approval: Approval, now: float) -> float:
    """Return the seconds until an approval's next turn: its reminder or its end; negative where there is none."""
    due = approval.reminder_at or approval.expires_at
    return -1.0 if approval.settled or due is None else max(0.0, due - now)


def notices(before: Approval | None, approval: Approval) -> tuple[Posting, ...]:
    """Return what the thread is told of a change: how it ended, or that everybody's vote has to be given anew."""
    if approval.settled and not (before and before.settled):
        return (notice(approval, approval.settled.ending.value),)
    if before and not before.settled and before.evidence and approval.round > before.round:
        return (notice(approval, "invalidated"),)
    return ()


def notice(approval: Approval, told: Told) -> Posting:
    """Return the one line about an approval in the thread of what it is about."""
    return Posting(
        id=f"approval:{approval.subject}:{approval.round}:{told}",
        kind=PostingKind.APPROVAL_NOTICE,
        lane=f"thread:{approval.subject}",
        subject=approval.subject,
        channel=approval.channel,
        text=told,
    )


def request_posting(proposal: str, channel: str) -> Posting:
    """Return the message that asks for a decision on a proposal, and shows what came of it: the root of its thread."""
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
    """Return the messages that show an approval, to be brought up to date at once: a person clicked.

    Args:
        approval: what they show.
        job: whose checkpoints are up for approval; None where it is about something else.
    """
    if approval.kind is not ApprovalKind.CHECKPOINT:
        return (request_posting(approval.subject, approval.channel),)
    return (summary_posting(job, urgent=True), card_posting(job, urgent=True)) if job else ()


# -- the trail -----------------------------------------------------------------------------------------------------


def entries(before: Approval | None, approval: Approval, now: float, where: str) -> tuple[AuditEntry, ...]:
    """Return what the trail says of a change of an approval."""
    found: list[AuditEntry] = []
    earlier: tuple[Decision, ...] = ()
    if before and before.round == approval.round:
        earlier = before.decisions
        found += [
            _dropped(approval, d, now) for d in earlier if d.user not in {each.user for each in approval.decisions}
        ]
    elif before and not before.settled:
        found.append(_invalidated(before, approval, now))
    if approval.evidence and not (before and before.round == approval.round and before.evidence):
        found.append(_requested(approval, now))
    for decision in approval.decisions:
        if decision not in earlier:
            found += _decided(approval, decision, where)
    if approval.settled and not (before and before.settled):
        found.append(_settled(approval, where))
    return tuple(found)


def _entry(approval: Approval, act: Act, at: float, who: str = BOT, **details: str) -> AuditEntry:
    known = {"round": str(approval.round), **({"kind": approval.kind.value} if _is_special(approval) else {})}
    return AuditEntry(at, who, act, approval.task, approval.subject, details={**known, **details})


def _is_special(approval: Approval) -> bool:
    return approval.kind is not ApprovalKind.CHECKPOINT


def _requested(approval: Approval, now: float) -> AuditEntry:
    evidence = {f"evidence of {approval.name_of(choice)}": digest for choice, digest in approval.evidence.items()}
    entry = _entry(approval, Act.REQUESTED, now, quorum=str(approval.quorum), **evidence)
    return replace(entry, why=approval.renewed_why, where=approval.channel)


def _invalidated(before: Approval, approval: Approval, now: float) -> AuditEntry:
    voters = ", ".join(d.user for d in before.decisions)
    return replace(_entry(approval, Act.INVALIDATED, now, votes=voters or "none"), why=approval.renewed_why)


def _dropped(approval: Approval, decision: Decision, now: float) -> AuditEntry:
    entry = _entry(approval, Act.INVALIDATED, now, votes=decision.user)
    return replace(entry, why=f"{decision.user} is not an approver any more.")


def _decided(approval: Approval, decision: Decision, where: str) -> list[AuditEntry]:
    act = Act.APPROVE if decision.verdict is Verdict.APPROVE else Act.REJECT
    details = _choice(approval, decision.choice) | {"evidence": decision.evidence}
    if decision.user in approval.own:
        details["own"] = "yes"
    said = [replace(_entry(approval, act, decision.at, decision.user, **details), why=decision.reason, where=where)]
    if decision.overrides:
        overridden = _entry(
            approval, Act.OVERRIDE, decision.at, decision.user, **details, overrides=", ".join(decision.overrides)
        )
        said.append(replace(overridden, why=decision.reason, where=where))
    return said


def _settled(approval: Approval, where: str) -> AuditEntry:
    settled = approval.settled
    assert settled is not None, "only a settled approval is noted as such"
    if settled.ending is Ending.EXPIRED:
        return _entry(approval, Act.EXPIRED, settled.at, votes=", ".join(d.user for d in approval.decisions) or "none")
    said = approval.settling
    details = {
        "ending": settled.ending.value,
        "votes": ", ".join(d.user for d in said),
        **_choice(approval, settled.choice),
    }
    return replace(_entry(approval, Act.SETTLED, settled.at, said[-1].user, **details), where=where)


def _choice(approval: Approval, choice: str) -> dict[str, str]:
    if not choice:
        return {"choice": "all"}
    return {"choice": choice, "name": approval.name_of(choice), "model": approval.models.get(choice, "")}
