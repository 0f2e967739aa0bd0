"""What a move of an alias changes, and where a rollback leads. Values in, values out.

A rollback is an undo: after eurovoc@production went from A to B and back to A, there is nothing before A to go back to,
least of all B.
"""

from dataclasses import dataclass, replace

from jobs.aliases.postings import moved_posting
from jobs.aliases.records import Alias, AliasMove, MoveKind, Proposal, Target, WebhookCall
from jobs.approvals.records import Approval
from jobs.core.ids import proposal_turn, webhook_turn
from jobs.core.records import Job
from jobs.evidence.records import Evidence
from jobs.state.change import Change, Versioned
from jobs.trail.entry import Act, AuditEntry
from jobs.training.postings import summary_posting

ACTS = {
    MoveKind.APPROVED: Act.ALIAS_MOVED,
    MoveKind.ROLLBACK: Act.ALIAS_MOVED,
    MoveKind.EMERGENCY: Act.EMERGENCY_ROLLBACK,
    MoveKind.RESTORED: Act.ALIAS_MOVED,
}


@dataclass(frozen=True, slots=True)
class Held:
    """An alias as it was read; `version` 0 and no alias where it does not exist yet."""

    alias: Alias | None
    version: int


def undone_by_rollback(alias: Alias) -> AliasMove | None:
    """Return the move that a rollback would return to; None where the alias points at the first model it had."""
    standing: list[int] = []
    for move in alias.moves:
        match move.kind:
            case MoveKind.APPROVED:
                standing.append(move.number)
            case MoveKind.RESTORED:
                assert move.restores is not None, "a restored move names the one it restores"
                standing.append(move.restores)
            case MoveKind.ROLLBACK | MoveKind.EMERGENCY:
                while standing and standing[-1] != move.restores:
                    standing.pop()
    return alias.move(standing[-2]) if len(standing) > 1 else None


def was_taken_back(alias: Alias, model: str) -> tuple[AliasMove, ...]:
    """Return the newest rollback that took the alias away from a model, as none or one."""
    back = {MoveKind.ROLLBACK, MoveKind.EMERGENCY}
    found = (m for m in reversed(alias.moves[1:]) if alias.move(m.number - 1).target.model == model)
    return tuple(move for move in found if move.kind in back)[:1]


def target_of(job: Job, approval: Approval) -> Target:
    """Return the model that a settled approval stands for."""
    assert approval.settled is not None, "only a settled approval stands for a model"
    choice = approval.settled.choice
    kept = next((checkpoint for checkpoint in job.checkpoints if checkpoint.id == choice), None)
    return Target(
        model=approval.models.get(choice) or (kept.model_id if kept else choice),
        platform=job.platform,
        job=job.id,
        checkpoint=choice,
        step=kept.step if kept else 0,
        approval=approval.subject,
        evidence=approval.evidence.get(choice, ""),
    )


def is_current(approval: Approval, evidence: Evidence | None) -> bool:
    """Tell whether the evidence for what was approved is still what it was approved on."""
    assert approval.settled is not None, "only a settled approval has a choice"
    choice = approval.settled.choice
    if evidence is None:
        return choice not in approval.evidence
    candidate = evidence.of(choice)
    return candidate is not None and candidate.digest == approval.evidence.get(choice, "")


def moved(held: Held, name: str, task: str, move: AliasMove, *, proposal: str | None = None) -> Alias:
    """Return the alias after a move; `proposal` is what waits for decisions afterwards."""
    if held.alias is None:
        return Alias(name, task, (move,), proposal)
    return replace(held.alias, moves=(*held.alias.moves, move), proposal=proposal)


def change_of(held: Held, alias: Alias, job: Job, left: Job | None, *, notifies: bool) -> Change:
    """Return everything that the newest move of an alias changes: the key that production reads, messages, the trail.

    Args:
        held: the alias as it was read.
        alias: the alias after the move.
        job: whose checkpoint it points at now; its thread is told, and the channel with it.
        left: whose checkpoint it pointed at before; its summary is brought up to date.
        notifies: whether there is a webhook to call.
    """
    move = alias.current
    call = WebhookCall(f"{alias.name}:{move.number}", alias.name, move.number, move.at)
    wake = {webhook_turn(call.id): 0.0} if notifies else {}
    waiting = held.alias.proposal if held.alias else None
    if waiting:
        wake[proposal_turn(waiting)] = 0.0
    return Change(
        records=(Versioned(alias, held.version), *([Versioned(call, 0)] if notifies else [])),
        models={alias.name: alias.model},
        wake=wake,
        postings=(moved_posting(alias, job), *(summary_posting(each, urgent=True) for each in (job, left) if each)),
        audit=(entry_of(alias, move, where=job.request.channel),),
    )


def left_behind(alias: Alias) -> str | None:
    """Return the job whose checkpoint the newest move left; None where there is none, or it is the same job's."""
    before = alias.move(alias.version - 1).target.job if alias.version > 1 else None
    return None if before == alias.current.target.job else before


def entry_of(alias: Alias, move: AliasMove, *, where: str) -> AuditEntry:
    """Return what the trail says of a move."""
    target = move.target
    before = alias.move(move.number - 1).target if move.number > 1 else None
    details = {
        "alias": alias.name,
        "version": str(move.number),
        "model": target.model,
        "platform": target.platform,
        "job": target.job,
        "step": str(target.step),
        "was": before.model if before else "",
        "kind": move.kind.value,
        "approval": target.approval,
        "approved_by": " ".join(move.approved_by),
        "evidence": target.evidence,
        "proposal": move.proposal or "",
    }
    return AuditEntry(
        at=move.at,
        who=move.by,
        act=ACTS[move.kind],
        task=alias.task,
        subject=alias.name,
        why=move.reason,
        where=where,
        details={name: value for name, value in details.items() if value},
    )


def proposed_entry(proposal: Proposal, alias: Alias) -> AuditEntry:
    """Return what the trail says of a rollback that was proposed."""
    return AuditEntry(
        at=proposal.at,
        who=proposal.by,
        act=Act.ROLLBACK_PROPOSED,
        task=proposal.task,
        subject=proposal.alias,
        why=proposal.reason,
        where=proposal.channel,
        details={"proposal": proposal.id, "model": alias.move(proposal.returns_to).target.model, "was": alias.model},
    )
