"""A job's checkpoints by the platform's own figures, until they have been evaluated here."""

from collections.abc import Sequence
from typing import Final

from charts import CheckpointComparison, CheckpointScores
from charts.wording import apart, counted, joined, number
from jobs.evals.verdict import MOST_NAMED
from jobs.views.checkpoint import CheckpointView, EvidenceView

NEEDS: Final = {
    "f1": "Wrong and missing labels cost alike (F1)",
    "precision": "A wrong label costs more (precision)",
    "recall": "A missing label costs more (recall)",
}
"""Who each score serves."""
SELECTION_NOTE: Final = (
    "These checkpoints were chosen by the validation split they are scored on: expect less on new items."
)


def platform_chart(view: EvidenceView) -> CheckpointComparison:
    """Return the picture that compares the checkpoints."""
    items = () if view.job.valid_items is None else (counted(view.job.valid_items, "validation item"),)
    rows = tuple(_drawn(each, view.job.training_reward) for each in view.checkpoints)
    return CheckpointComparison(
        platform_opening(view), rows, " \u00b7 ".join((view.job.task, view.job.id, *items)), view.noise
    )


def _drawn(checkpoint: CheckpointView, reward: str) -> CheckpointScores:
    means = {name: figure.mean for name, figure in checkpoint.measured.valid.items()}
    f1 = means.get("f1")
    return CheckpointScores(
        label="",
        step=checkpoint.measured.step,
        precision=means.get("precision"),
        recall=means.get("recall"),
        f1=f1,
        reward=means.get(reward) if f1 is None else None,
    )


def platform_opening(view: EvidenceView) -> str:
    """Return which checkpoint is best in the score that matters most, if the platform's figures can tell."""
    for grader, words in (("f1", "F1"), (view.job.training_reward, "validation reward")):
        if leaders := view.leaders(grader):
            (top, score), *level = leaders
            if not level:
                only = len(view.checkpoints) == 1
                return (
                    f"{top.title}: {words} {number(score)}."
                    if only
                    else f"{top.title} has the best {words}, {number(score)}."
                )
            lowest, highest = apart(leaders[-1][1], score)
            told = f"{lowest} to {highest}" if lowest != highest else f"{highest} each"
            return f"Can't tell {_steps(leaders)} apart: {words} {told}."
    return "The platform reported no validation scores for these checkpoints."


def best_for(view: EvidenceView) -> str:
    """Return which checkpoint is best for whom, and how much of a difference is just chance; "" if unknown."""
    lines = []
    for grader, words in NEEDS.items():
        if leaders := view.leaders(grader):
            (top, score), *level = leaders
            who = f"can't tell {_steps(leaders)} apart" if level else f"*{top.measured.name}*, {number(score)}"
            lines.append(f"\u2022 {words}: {who}")
    items, noise = view.job.valid_items, view.noise
    if not lines:
        return ""
    if items is None or noise is None:
        lines.append("The number of items is not known, so neither is which difference may be chance.")
    else:
        few = f"On {counted(items, 'item')} a difference below {number(noise)}"
        lines.append(f"{few} may well be chance.")
    return "\n".join(lines)


def _steps(leaders: Sequence[tuple[CheckpointView, float]]) -> str:
    steps = sorted(each.measured.step or 0 for each, _ in leaders)
    return (
        f"steps {joined([f'{step:,}' for step in steps])}" if len(steps) <= MOST_NAMED else f"{len(steps)} checkpoints"
    )
