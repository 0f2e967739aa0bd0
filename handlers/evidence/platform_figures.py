"""A job's checkpoints by the platform's own figures, until they have been evaluated here."""

from typing import Final

from charts import CheckpointComparison, CheckpointScores
from charts.wording import counted, joined, number, plural
from jobs.evals.stats.validation_noise import usual_error
from jobs.views.checkpoint import CheckpointView, EvidenceView

NEEDS: Final = {
    "f1": "Wrong and missing labels cost alike (highest F1)",
    "precision": "A wrong label costs more (highest precision)",
    "recall": "A missing label costs more (highest recall)",
}
"""Who each score serves."""
SELECTION_NOTE: Final = (
    "These checkpoints were chosen by the validation split they are scored on: expect less on new items."
)


def platform_chart(view: EvidenceView) -> CheckpointComparison:
    """Return the picture that compares the checkpoints."""
    items = () if view.job.valid_items is None else (counted(view.job.valid_items, "validation item"),)
    rows = tuple(_drawn(each, view.job.training_reward) for each in view.checkpoints)
    return CheckpointComparison(platform_opening(view), rows, " \u00b7 ".join((view.job.task, view.job.id, *items)))


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
    """Return which checkpoint is highest in the score that matters most, ties named."""
    for grader, words in (("f1", "F1"), (view.job.training_reward, "validation reward")):
        leaders, top = view.leaders(grader)
        if leaders:
            steps = f"{plural(len(leaders), 'Step')} {joined([str(each.measured.step) for each in leaders])}"
            return f"{steps} {plural(len(leaders), 'has', 'share')} the highest {words}, {number(top)}."
    return "The platform reported no validation scores for these checkpoints."


def best_for(view: EvidenceView) -> str:
    """Return which checkpoint is best for whom, and how much of a difference is just chance; "" if unknown."""
    lines = []
    for grader, words in NEEDS.items():
        leaders, top = view.leaders(grader)
        if leaders:
            lines.append(f"\u2022 {words}: *{joined([each.measured.name for each in leaders])}*, {number(top)}")
    items = view.job.valid_items
    if not lines:
        return ""
    if items is None:
        lines.append("The number of items is not known, so neither is which difference may be chance.")
    else:
        few = f"On {counted(items, 'item')} a difference below {number(usual_error(items))}"
        lines.append(f"{few} may well be chance.")
    return "\n".join(lines)
