"""Reading a job's checkpoints: what each scored on the validation split, and which is best for whom."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from jobs.records import Checkpoint
from jobs.series import Series

LOPSIDED: Final = 0.20
"""Difference of precision and recall from which a checkpoint is called lopsided (rule B of the monitoring notes)."""
SAME: Final = 0.005
"""Scores closer than this show as the same two digits; calling one of them best would be noise."""


class Leaning(StrEnum):
    """How a checkpoint behaves, in words."""

    PRECISE = "predicts few labels, nearly always right"
    THOROUGH = "finds most labels, with more wrong ones among them"
    BALANCED = "balances precision and recall"


@dataclass(frozen=True, slots=True)
class CheckpointReading:
    """A checkpoint with its validation figures and what it is best at."""

    checkpoint: Checkpoint
    precision: float | None
    recall: float | None
    f1: float | None
    leaning: Leaning | None
    """None where precision or recall is unknown."""
    best_at: tuple[str, ...]
    """Of precision, recall, f1: those in which no other checkpoint is as good."""


def with_scores(checkpoints: tuple[Checkpoint, ...], series: Series) -> tuple[Checkpoint, ...]:
    """Return the checkpoints in order of step, with the scores their step reported; what was not reported stays out."""
    by_step = {step.step: step for step in series.steps}
    scored = []
    for checkpoint in checkpoints:
        step = by_step.get(checkpoint.step)
        if step is None:
            scored.append(checkpoint)
            continue
        scores = {g.name: g.valid_score for g in step.graders if g.valid_score is not None}
        scored.append(
            replace(
                checkpoint,
                scores={**scores, **checkpoint.scores},
                valid_reward=_first(checkpoint.valid_reward, step.valid_reward),
                train_reward=_first(checkpoint.train_reward, step.train_reward),
            )
        )
    return tuple(sorted(scored, key=lambda checkpoint: checkpoint.step))


def read_checkpoints(checkpoints: tuple[Checkpoint, ...], reward: str) -> tuple[CheckpointReading, ...]:
    """Return each checkpoint's figures and what it is best at.

    Args:
        checkpoints: with their scores.
        reward: name of the grader that training climbed; its score is the validation reward.
    """
    figures = [(c, c.scores.get("precision"), c.scores.get("recall"), _f1(c, reward)) for c in checkpoints]
    columns = {
        "precision": [p for _, p, _, _ in figures],
        "recall": [r for _, _, r, _ in figures],
        "f1": [f for _, _, _, f in figures],
    }
    return tuple(
        CheckpointReading(
            checkpoint=checkpoint,
            precision=precision,
            recall=recall,
            f1=f1,
            leaning=_leaning(precision, recall),
            best_at=tuple(name for name, column in columns.items() if _is_alone_at_the_top(column, index)),
        )
        for index, (checkpoint, precision, recall, f1) in enumerate(figures)
    )


def _f1(checkpoint: Checkpoint, reward: str) -> float | None:
    """Return the mean F1 over items: the platform's own figure, never the F1 of mean precision and mean recall."""
    if "f1" in checkpoint.scores:
        return checkpoint.scores["f1"]
    return checkpoint.valid_reward if reward == "f1" else None


def _leaning(precision: float | None, recall: float | None) -> Leaning | None:
    if precision is None or recall is None:
        return None
    if precision - recall > LOPSIDED:
        return Leaning.PRECISE
    if recall - precision > LOPSIDED:
        return Leaning.THOROUGH
    return Leaning.BALANCED


def _is_alone_at_the_top(column: list[float | None], index: int) -> bool:
    value = column[index]
    others = [other for i, other in enumerate(column) if i != index and other is not None]
    return value is not None and bool(others) and value > max(others) + SAME


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)
