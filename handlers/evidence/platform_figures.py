"""A job's checkpoints by the platform's own figures, for as long as they have not been evaluated here."""

from collections.abc import Iterator, Mapping
from typing import Final

from charts import CheckpointComparison, CheckpointScores
from charts.wording import joined, score
from handlers.approvals.approval_blocks import approve_button, edition, vote_lines
from handlers.slack.blocks import Block, context, escape, section
from jobs.core.records import Job
from jobs.training.checkpoints import CheckpointReading, Leaning, Score, best_in, chance, read_checkpoints
from jobs.views.job import JobView

NEEDS: Final[Mapping[Score, str]] = {
    "f1": "Wrong and missing labels cost alike (highest F1)",
    "precision": "A wrong label costs more (highest precision)",
    "recall": "A missing label costs more (highest recall)",
}
"""Whom each score serves."""
SELECTION_NOTE: Final = (
    "These checkpoints were chosen by the validation split they are scored on: expect less on new items."
)


def comparison(view: JobView) -> CheckpointComparison:
    """Return the chart that compares a job's kept checkpoints by the platform's own figures."""
    readings = read_checkpoints(view.job.checkpoints, view.job.training_reward)
    return CheckpointComparison(
        title=platform_opening(view.job),
        subtitle=" \u00b7 ".join((view.job.task, view.job.id, *_sample(view.job))),
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


def platform_opening(job: Job) -> str:
    """Return which checkpoint is highest in the score that matters most, ties named."""
    readings = read_checkpoints(job.checkpoints, job.training_reward)
    named: tuple[tuple[Score, str], ...] = (("f1", "F1"), ("reward", "validation reward"))
    for name, words in named:
        best = best_in(readings, name)
        if best and len(best.steps) == 1:
            return f"Step {best.steps[0]} has the highest {words}, {score(best.score)}."
        if best:
            return f"Steps {joined([str(step) for step in best.steps])} share the highest {words}, {score(best.score)}."
    return "The platform reported no validation scores for these checkpoints."


def platform_blocks(view: JobView) -> Iterator[Block]:
    """Yield whom each checkpoint serves, a section for each, and what their scores are worth."""
    job, approval = view.job, view.approval
    readings = read_checkpoints(job.checkpoints, job.training_reward)
    awaited = view.evidence is not None and not view.evidence.is_done
    if for_whom := _for_whom(job, readings):
        yield section(for_whom)
    for reading in readings:
        checkpoint = reading.checkpoint
        control = None if awaited else approve_button(approval, checkpoint.id, f"step {checkpoint.step}", "")
        lines = [*_lines(reading), *vote_lines(approval, checkpoint.id)]
        block_id = f"checkpoint:{job.id}:{checkpoint.step}:{edition(approval)}"
        yield section("\n".join(lines), block_id=block_id, accessory=control)
    yield context(SELECTION_NOTE)


def _lines(reading: CheckpointReading) -> list[str]:
    checkpoint = reading.checkpoint
    if reading.precision is None and reading.recall is None:
        scores = f"validation reward {score(checkpoint.valid_reward)}"
    else:
        named = (("precision", reading.precision), ("recall", reading.recall), ("F1", reading.f1))
        scores = " \u00b7 ".join(f"{name} *{score(value)}*" for name, value in named)
    lines = [f"*Step {checkpoint.step}* \u00b7 {scores}", f"`{escape(checkpoint.model_id)}`"]
    if reading.leaning and reading.leaning is not Leaning.BALANCED:
        lines.append(f"It {reading.leaning.value}.")
    return lines


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


def platform_text(job: Job) -> str:
    """Return every checkpoint's scores as one line."""
    readings = read_checkpoints(job.checkpoints, job.training_reward)
    listed = "; ".join(
        f"step {r.checkpoint.step}: precision {score(r.precision)}, recall {score(r.recall)}, F1 {score(r.f1)}"
        for r in readings
    )
    return f"{listed}."
