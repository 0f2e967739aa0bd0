"""Reading a job's checkpoints: what each scored on the validation split, and which is best for whom."""

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Literal

from jobs.core.records import Checkpoint
from jobs.core.series import Series, Step

LOPSIDED: Final = 0.20
"""Difference of precision and recall from which a checkpoint is called lopsided (rule B of the monitoring notes)."""
ITEM_SPREAD: Final = 0.35
"""Usual standard deviation of one item's score (0.34 to 0.41 in a published validation of 50 items)."""


Score = Literal["precision", "recall", "f1", "reward"]


class Leaning(StrEnum):
    """How a checkpoint behaves, in words."""

    PRECISE = "predicts few labels, nearly always right"
    THOROUGH = "finds most labels, with more wrong ones among them"
    BALANCED = "balances precision and recall"


@dataclass(frozen=True, slots=True)
class CheckpointReading:
    """A checkpoint with its validation figures and how it behaves."""

    checkpoint: Checkpoint
    precision: float | None
    recall: float | None
    f1: float | None
    leaning: Leaning | None
    """None where precision or recall is unknown."""

    def score(self, name: Score) -> float | None:
        """Return one of its scores, or None where nobody reported it."""
        match name:
            case "precision":
                return self.precision
            case "recall":
                return self.recall
            case "f1":
                return self.f1
            case "reward":
                return self.checkpoint.valid_reward


@dataclass(frozen=True, slots=True)
class Best:
    """The checkpoints that nobody beats in one score, at the two digits that are shown."""

    steps: tuple[int, ...]
    score: float


def with_scores(checkpoints: tuple[Checkpoint, ...], series: Series) -> tuple[Checkpoint, ...]:
    """Return the checkpoints in order of step, with the scores their step reported; what was not reported stays out."""
    by_step = {step.step: step for step in series.steps}
    scored = (_with_step(each, by_step[each.step]) if each.step in by_step else each for each in checkpoints)
    return tuple(sorted(scored, key=lambda checkpoint: checkpoint.step))


def _with_step(checkpoint: Checkpoint, step: Step) -> Checkpoint:
    reported = {grader.name: grader.valid_score for grader in step.graders if grader.valid_score is not None}
    valid, train = checkpoint.valid_reward, checkpoint.train_reward
    return replace(
        checkpoint,
        scores={**reported, **checkpoint.scores},
        valid_reward=step.valid_reward if valid is None else valid,
        train_reward=step.train_reward if train is None else train,
    )


def read_checkpoints(checkpoints: tuple[Checkpoint, ...], reward: str) -> tuple[CheckpointReading, ...]:
    """Return each checkpoint's figures and how it leans; the score of `reward` is the validation reward."""
    readings = []
    for each in checkpoints:
        precision, recall = each.scores.get("precision"), each.scores.get("recall")
        readings.append(CheckpointReading(each, precision, recall, _f1(each, reward), _leaning(precision, recall)))
    return tuple(readings)


def best_in(readings: tuple[CheckpointReading, ...], score: Score) -> Best | None:
    """Return who is best in one score, or None where nobody reported it."""
    scored = [(r.checkpoint.step, round(value, 2)) for r in readings if (value := r.score(score)) is not None]
    if not scored:
        return None
    top = max(value for _, value in scored)
    return Best(tuple(step for step, value in scored if value == top), top)


def chance(items: int) -> float:
    """Return the standard error of a mean score over `items` items: a smaller difference may well be chance."""
    return ITEM_SPREAD / math.sqrt(max(items, 1))


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
