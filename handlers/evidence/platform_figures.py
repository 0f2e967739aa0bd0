"""A job's checkpoints by the platform's own figures, until they have been evaluated here."""

from collections.abc import Iterator, Mapping
from typing import Final

from charts import CheckpointComparison, CheckpointScores
from charts.wording import counted, joined, number, plural, score
from handlers.approvals.messages import approve_button, edition, vote_lines
from handlers.slack.blocks import Block, context, escape, section
from jobs.core.records import Job
from jobs.training.checkpoints import CheckpointReading, Score, best_in, chance, read_checkpoints
from jobs.views.checkpoint import leaning_words
from jobs.views.job import JobView

NEEDS: Final[Mapping[Score, str]] = {
    "f1": "Wrong and missing labels cost alike (highest F1)",
    "precision": "A wrong label costs more (highest precision)",
    "recall": "A missing label costs more (highest recall)",
}
"""Who each score serves."""
SELECTION_NOTE: Final = (
    "These checkpoints were chosen by the validation split they are scored on: expect less on new items."
)


def comparison(view: JobView) -> CheckpointComparison:
    """Return the chart that compares a job's kept checkpoints by the platform's own figures."""
    job = view.job
    items = () if job.valid_items is None else (counted(job.valid_items, "validation item"),)
    rows = tuple(
        CheckpointScores(
            label="",
            step=reading.checkpoint.step,
            precision=reading.precision,
            recall=reading.recall,
            f1=reading.f1,
            reward=None if reading.f1 is not None else reading.checkpoint.valid_reward,
        )
        for reading in _readings(job)
    )
    return CheckpointComparison(platform_opening(job), rows, " \u00b7 ".join((job.task, job.id, *items)))


def platform_opening(job: Job) -> str:
    """Return which checkpoint is highest in the score that matters most, ties named."""
    named: tuple[tuple[Score, str], ...] = (("f1", "F1"), ("reward", "validation reward"))
    for name, words in named:
        if best := best_in(_readings(job), name):
            steps = f"{plural(len(best.steps), 'Step')} {joined([str(step) for step in best.steps])}"
            return f"{steps} {plural(len(best.steps), 'has', 'share')} the highest {words}, {number(best.score)}."
    return "The platform reported no validation scores for these checkpoints."


def platform_blocks(view: JobView) -> Iterator[Block]:
    """Yield which checkpoint is best for whom, a section for each, and what their scores are worth."""
    job, approval = view.job, view.approval
    awaited = view.evidence is not None and not view.evidence.is_done
    if best_for := _best_for(job):
        yield section(best_for)
    for reading in _readings(job):
        checkpoint = reading.checkpoint
        control = None if awaited else approve_button(approval, checkpoint.id, f"step {checkpoint.step}", "")
        lines = [*_lines(reading), *vote_lines(approval, checkpoint.id)]
        block_id = f"checkpoint:{job.id}:{checkpoint.step}:{edition(approval)}"
        yield section("\n".join(lines), block_id=block_id, accessory=control)
    yield context(SELECTION_NOTE)


def platform_text(job: Job) -> str:
    """Return every checkpoint's scores as one line."""
    scores = "; ".join(
        f"step {r.checkpoint.step}: precision {score(r.precision)}, recall {score(r.recall)}, F1 {score(r.f1)}"
        for r in _readings(job)
    )
    return f"{scores}."


def _readings(job: Job) -> tuple[CheckpointReading, ...]:
    return read_checkpoints(job.checkpoints, job.training_reward)


def _lines(reading: CheckpointReading) -> list[str]:
    checkpoint = reading.checkpoint
    if reading.precision is None and reading.recall is None:
        scores = f"validation reward {score(checkpoint.valid_reward)}"
    else:
        named = (("precision", reading.precision), ("recall", reading.recall), ("F1", reading.f1))
        scores = " \u00b7 ".join(f"{name} *{score(value)}*" for name, value in named)
    lines = [f"*Step {checkpoint.step}* \u00b7 {scores}", f"`{escape(checkpoint.model_id)}`"]
    leaning = leaning_words(reading.leaning)
    return [*lines, leaning] if leaning else lines


def _best_for(job: Job) -> str:
    """Return which checkpoint is best for whom, and how much of a difference is just chance."""
    best = {words: best_in(_readings(job), name) for name, words in NEEDS.items()}
    lines = [
        f"\u2022 {words}: *{joined([f'step {step}' for step in each.steps])}*, {number(each.score)}"
        for words, each in best.items()
        if each
    ]
    if not lines:
        return ""
    if job.valid_items is None:
        lines.append("The number of items is not known, so neither is which difference may be chance.")
    else:
        items = counted(job.valid_items, "item")
        lines.append(f"On {items} a difference below {number(chance(job.valid_items))} may well be chance.")
    return "\n".join(lines)
