"""The approval of a job's checkpoints in its summary: the buttons, the votes, who may, until when, what next."""

from dataclasses import replace
from typing import Final

from charts.wording import joined
from handlers.approvals.words import ended, groups, standing
from handlers.slack.blocks import Block, actions, button, context, escape, section
from handlers.slack.wording import moment, person
from jobs.aliases.records import alias_of
from jobs.approvals.records import Approval, Decision, Ending, Verdict
from jobs.core.records import Job

APPROVE: Final = "approve_checkpoint"
REJECT: Final = "reject_checkpoints"
MOVE_ALIAS: Final = "move_alias"


def approve_button(approval: Approval | None, checkpoint: str, name: str, digest: str) -> Block | None:
    """Return the button that approves one checkpoint, or None where it cannot be approved now.

    Args:
        approval: the job's.
        checkpoint: id of the checkpoint.
        name: how it is called: "step 45".
        digest: of the evidence that is shown beside the button; empty for what the approval rests on.
    """
    if approval is None or approval.settled or not approval.basis(checkpoint):
        return None
    votes = len(approval.votes_for(checkpoint))
    label = f"Approve {name}" + (f" ({votes} of {approval.quorum})" if votes else "")
    shown = digest or approval.basis(checkpoint) or ""
    return button(label, APPROVE, f"{approval.subject}|{checkpoint}|{shown}", style="primary")


def named(job: Job, approval: Approval) -> Approval:
    """Return the approval with a name and a model for every checkpoint of the job; those of old have none."""
    names = {each.id: f"step {each.step}" for each in job.checkpoints}
    models = {each.id: each.model_id for each in job.checkpoints}
    return replace(approval, names={**names, **approval.names}, models={**models, **approval.models})


def settled_line(job: Job, approval: Approval) -> str:
    """Return how an approval ended: what was approved or rejected, by whom and when."""
    return ended(named(job, approval))


def edition(approval: Approval | None) -> str:
    """Return what changes with every vote and round, for block ids: an edited message needs new ones."""
    return f"{approval.round}.{len(approval.decisions)}" if approval else "0"


def vote_lines(approval: Approval | None, checkpoint: str) -> list[str]:
    """Return who approved a checkpoint, when and why; the votes that settled it stand with the outcome."""
    if approval is None or (approval.settled and approval.settled.choice == checkpoint):
        return []
    return [vote_line(vote) for vote in approval.votes_for(checkpoint)]


def vote_line(vote: Decision) -> str:
    """Return one person's decision: what, when, why, and what they set aside."""
    verb = "Approved" if vote.verdict is Verdict.APPROVE else "Rejected"
    aside = f" (set aside: {escape(', '.join(vote.overrides))})" if vote.overrides else ""
    return f"{verb} by {person(vote.user)} {moment(vote.at)}{aside}: {escape(' '.join(vote.reason.split()))}"


def sign_off(job: Job, approval: Approval | None, aliases: tuple[str, ...] = ()) -> list[Block]:
    """Return where the approval stands, and what can be done about it; `aliases` point at what was approved."""
    if approval is None:
        return [context("Nothing is asked of you: these checkpoints are not up for approval.")]
    if approval.settled:
        return _settled(job, approval, aliases)
    if not approval.evidence:
        return [context(f"Nobody can approve for now: {_between_rounds(approval)}")]
    lines = [_terms(approval), _launcher(job, approval), f"So far {standing(named(job, approval))}."]
    if approval.renewed_at is not None:
        again = f"The evidence changed {moment(approval.renewed_at)}: votes were given anew."
        lines.append(" ".join(filter(None, [again, escape(approval.renewed_why)])))
    reject = button("Reject all", REJECT, f"{job.id}|", style="danger")
    return [context("\n".join(lines)), actions(reject, block_id=f"reject:{job.id}:{edition(approval)}")]


def _between_rounds(approval: Approval) -> str:
    why = f" {escape(approval.renewed_why)}" if approval.renewed_why else ""
    return f"the evidence is not there yet.{why} The buttons come with it, and votes are given anew."


def _terms(approval: Approval) -> str:
    one = approval.policy.one_rejection_settles
    needs = f"{approval.quorum} approval{'s' if approval.quorum != 1 else ''} of one checkpoint"
    until = f", until {moment(approval.expires_at)}" if approval.expires_at else ""
    rejection = "One rejection settles it too." if one else f"{approval.quorum} rejections settle it too."
    return f"Needs {needs} by {groups(approval)}{until}. {rejection}"


def _launcher(job: Job, approval: Approval) -> str:
    did = "asked me to watch the job" if job.imported else "launched the job"
    if approval.barred:
        return f"{person(approval.launched_by)} {did} and cannot approve it."
    return f"{person(approval.launched_by)} {did} and may approve it as well: the task allows that."


def _settled(job: Job, approval: Approval, aliases: tuple[str, ...]) -> list[Block]:
    settled = approval.settled
    assert settled is not None, "only a settled approval is shown as such"
    said = section("\n".join([settled_line(job, approval), *(vote_line(vote) for vote in approval.settling)]))
    if settled.ending is not Ending.APPROVED:
        return [said]
    move = button("Move alias\u2026", MOVE_ALIAS, job.id)
    return [
        said,
        context(_production(job, aliases)),
        actions(move, block_id=f"settled:{job.id}:{edition(approval)}"),
    ]


def _production(job: Job, aliases: tuple[str, ...]) -> str:
    """Return what production makes of what was approved, and what to do next."""
    if aliases:
        named = joined([f"`{escape(alias)}`" for alias in aliases])
        return f"{named} point{'s' if len(aliases) == 1 else ''} at it; `/proctor alias` shows since when."
    return f"Next: point an alias such as `{alias_of(job)}` at it. Production changes with the alias, not before."
