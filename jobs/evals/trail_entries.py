"""What the audit trail says of evals: started, cancelled, and by whom."""

from jobs.evals.held_out import split_word
from jobs.evals.records import Eval
from jobs.trail.entry import Act, AuditEntry


def eval_started(evaluation: Eval) -> AuditEntry:
    """Return the entry of a person who asks for an eval."""
    request = evaluation.request
    details = {
        "platform": evaluation.platform,
        "models": ", ".join(arm.model for arm in evaluation.arms),
        "split": evaluation.split,
        "items": str(evaluation.items),
        "runs": str(evaluation.runs),
        "budget": "" if request.budget is None else f"{request.budget} tokens",
        "version": evaluation.task_version,
        "opens": split_word(evaluation.task) if evaluation.opens else "",
        "items_of": evaluation.opens,
    }
    return AuditEntry(
        at=evaluation.created_at,
        who=request.requested_by,
        act=Act.LAUNCH,
        task=evaluation.task,
        subject=evaluation.id,
        where=request.channel,
        details={name: value for name, value in details.items() if value},
    )


def eval_cancelled(evaluation: Eval, at: float) -> AuditEntry:
    """Return the entry of a person who cancels an eval."""
    who, where = evaluation.cancelled_by or "", evaluation.request.channel
    return AuditEntry(at, who, Act.CANCEL, evaluation.task, evaluation.id, where=where)
