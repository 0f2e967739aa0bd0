"""How a finished job's checkpoints and their approval look. No Slack call is made here."""

from collections.abc import Mapping
from typing import Final

from charts import CheckpointComparison, CheckpointScores, describe
from handlers.blocks import (
    Block,
    Message,
    actions,
    button,
    context,
    divider,
    escape,
    header,
    image,
    section,
)
from handlers.wording import group, joined, moment, people, person, score
from jobs.approvals.records import Approval, Decision, Ending, Verdict
from jobs.checkpoints import CheckpointReading, Leaning, Score, best_in, chance, read_checkpoints
from jobs.records import Job
from jobs.rft import JobView

APPROVE: Final = "approve_checkpoint"
REJECT: Final = "reject_checkpoints"
NEEDS: Final[Mapping[Score, str]] = {
    "f1": "Wrong and missing labels cost alike (highest F1)",
    "precision": "A wrong label costs more (highest precision)",
    "recall": "A missing label costs more (highest recall)",
}
"""Whom each score serves."""
SELECTION_NOTE: Final = (
    "These checkpoints were chosen by the validation split they are scored on: expect 0.02 to 0.05 less on new items."
)


def comparison(view: JobView) -> CheckpointComparison:
    """Return the chart that compares a job's kept checkpoints."""
    readings = read_checkpoints(view.job.checkpoints, view.job.reward)
    return CheckpointComparison(
        title=_best_sentence(readings),
        subtitle=" · ".join((view.job.task, view.job.id, *_sample(view.job))),
        rows=tuple(
            CheckpointScores(
                label="",
                step=reading.checkpoint.step,
                precision=reading.precision,
                recall=reading.recall,
                f1=reading.f1,
                reward=None if reading.f1 is not None else reading.checkpoint.valid_reward,
            )
            for reading in readings
        ),
    )


def _sample(job: Job) -> tuple[str, ...]:
    return () if job.valid_items is None else (f"{job.valid_items} validation items",)


def summary(view: JobView, file: str | None) -> Message:
    """Return the checkpoints of a finished job: scores, who each is best for, and the state of their approval."""
    job, approval = view.job, view.approval
    readings = read_checkpoints(job.checkpoints, job.reward)
    is_open = approval is not None and approval.settled is None
    votes = len(approval.decisions) if approval else 0
    words = describe(comparison(view))
    blocks: list[Block] = [
        header(f"{len(readings)} checkpoint{'s' if len(readings) != 1 else ''} of {job.task}"),
        section(_opening(job, readings, approval)),
    ]
    if file:
        blocks.append(image(file, words, "Scores on the validation split"))
    if for_whom := _for_whom(job, readings):
        blocks.append(section(for_whom))
    for reading in readings:
        control = _approve_button(job, reading, approval) if is_open else None
        block_id = f"checkpoint:{job.id}:{reading.checkpoint.step}:{votes}"
        blocks.append(section(_checkpoint_text(reading, approval), block_id=block_id, accessory=control))
    blocks.append(context(SELECTION_NOTE))
    blocks.append(divider())
    blocks.extend(_approval_blocks(job, approval, votes))
    return Message(_summary_text(job, readings, approval), tuple(blocks))


def _opening(job: Job, readings: tuple[CheckpointReading, ...], approval: Approval | None) -> str:
    settled = f"{settled_line(job, approval)}\n" if approval and approval.settled else ""
    return f"{settled}{escape(_best_sentence(readings))}"


def _best_sentence(readings: tuple[CheckpointReading, ...]) -> str:
    """Return which checkpoint is highest in the score that matters most, ties named."""
    named: tuple[tuple[Score, str], ...] = (("f1", "F1"), ("reward", "validation reward"))
    for name, words in named:
        best = best_in(readings, name)
        if best and len(best.steps) == 1:
            return f"Step {best.steps[0]} has the highest {words}, {score(best.score)}."
        if best:
            return f"Steps {joined([str(step) for step in best.steps])} share the highest {words}, {score(best.score)}."
    return "The platform reported no validation scores for these checkpoints."


def _checkpoint_text(reading: CheckpointReading, approval: Approval | None) -> str:
    checkpoint = reading.checkpoint
    if reading.precision is None and reading.recall is None:
        scores = f"validation reward {score(checkpoint.valid_reward)}"
    else:
        scores = f"precision *{score(reading.precision)}* · recall *{score(reading.recall)}* · F1 *{score(reading.f1)}*"
    lines = [f"*Step {checkpoint.step}* · {scores}", f"`{escape(checkpoint.model_id)}`"]
    if reading.leaning and reading.leaning is not Leaning.BALANCED:
        lines.append(f"It {reading.leaning.value}.")
    # The votes that settled an approval stand below, where the controls were.
    if approval and not (approval.settled and approval.settled.choice == checkpoint.id):
        lines += [_vote_line(vote) for vote in approval.votes_for(checkpoint.id)]
    return "\n".join(lines)


def _for_whom(job: Job, readings: tuple[CheckpointReading, ...]) -> str:
    """Return for whom which checkpoint is best, and how much of a difference is just chance."""
    lines = []
    for name, words in NEEDS.items():
        best = best_in(readings, name)
        if best:
            steps = joined([f"step {step}" for step in best.steps])
            lines.append(f"\u2022 {words}: *{steps}*, {score(best.score)}")
    if not lines:
        return ""
    if job.valid_items is None:
        lines.append("On how many items is not known, so neither is which difference may be chance.")
        return "\n".join(lines)
    margin = chance(job.valid_items)
    lines.append(f"On {job.valid_items} items a difference below {margin:.2f} may well be chance.")
    return "\n".join(lines)


def _approve_button(job: Job, reading: CheckpointReading, approval: Approval | None) -> Block:
    step = reading.checkpoint.step
    votes = len(approval.votes_for(reading.checkpoint.id)) if approval else 0
    label = f"Approve step {step}" + (f" ({votes} of {approval.quorum})" if approval and votes else "")
    shown = (approval.basis(reading.checkpoint.id) if approval else None) or ""
    return button(label, APPROVE, f"{job.id}|{reading.checkpoint.id}|{shown}", style="primary")


def _approval_blocks(job: Job, approval: Approval | None, votes: int) -> list[Block]:
    if approval is None:
        return [context("Nothing is asked of you: these checkpoints are not up for approval.")]
    if approval.settled:
        return [section("\n".join([settled_line(job, approval), *_settling_votes(approval)]))]
    groups = ", ".join(group(handle) for handle in approval.approvers)
    needs = f"{approval.quorum} approval{'s' if approval.quorum != 1 else ''} of one checkpoint"
    return [
        context(f"Needs {needs} by {groups}. {person(approval.launched_by)} launched the job and cannot approve it."),
        actions(button("Reject all", REJECT, f"{job.id}|", style="danger"), block_id=f"reject:{job.id}:{votes}"),
    ]


def _settling_votes(approval: Approval) -> list[str]:
    settled = approval.settled
    assert settled is not None, "only a settled approval has settling votes"
    if settled.ending is Ending.APPROVED:
        return [_vote_line(vote) for vote in approval.votes_for(settled.choice)]
    return [_vote_line(vote) for vote in approval.decisions if vote.verdict is Verdict.REJECT]


def _vote_line(vote: Decision) -> str:
    verb = "Approved" if vote.verdict is Verdict.APPROVE else "Rejected"
    return f"{verb} by {person(vote.user)} {moment(vote.at)}: {escape(' '.join(vote.reason.split()))}"


def settled_line(job: Job, approval: Approval) -> str:
    """Return how an approval ended: what was approved or rejected, by whom and when."""
    settled = approval.settled
    assert settled is not None, "only a settled approval is said to be"
    if settled.ending is Ending.REJECTED:
        who = people([d.user for d in approval.decisions if d.verdict is Verdict.REJECT])
        return f"*All checkpoints were rejected* by {who} {moment(settled.at)}."
    step = next((c.step for c in job.checkpoints if c.id == settled.choice), None)
    model = next((c.model_id for c in job.checkpoints if c.id == settled.choice), settled.choice)
    who = people([d.user for d in approval.votes_for(settled.choice)])
    return f"*Step {step} is approved* by {who} {moment(settled.at)}: `{escape(model)}`"


def settled_sentence(view: JobView) -> str:
    """Return how the approval of a job ended, for somebody who clicks too late."""
    assert view.approval is not None, "only a job with an approval has one that ended"
    return settled_line(view.job, view.approval)


def _summary_text(job: Job, readings: tuple[CheckpointReading, ...], approval: Approval | None) -> str:
    listed = "; ".join(
        f"step {r.checkpoint.step}: precision {score(r.precision)}, recall {score(r.recall)}, F1 {score(r.f1)}"
        for r in readings
    )
    standing = "settled" if approval and approval.settled else "waiting for approval" if approval else "kept"
    return f"Checkpoints of {job.task} ({job.id}), {standing}. {listed}."
