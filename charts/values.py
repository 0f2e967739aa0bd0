"""What can be drawn, as plain values. A picture is a function of one of these and a theme, of nothing else."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Theme = Literal["light", "dark"]

Points: TypeAlias = tuple[tuple[int, float], ...]
"""(step, value) in any order; a value that is not finite counts as missing."""


@dataclass(frozen=True, slots=True)
class RewardCurve:
    """Mean reward over the steps of one job.

    Args:
        title: the point the picture makes, in one sentence.
        subtitle: which job, task and model.
        train: mean reward of each step's batch.
        valid: mean reward of each evaluation on the validation split.
        checkpoints: steps whose weights are kept.
        alerts: steps at which an alert first fired.
        total_steps: steps planned, None while the platform has not said.
    """

    title: str
    subtitle: str = ""
    train: Points = ()
    valid: Points = ()
    checkpoints: tuple[int, ...] = ()
    alerts: tuple[int, ...] = ()
    total_steps: int | None = None


@dataclass(frozen=True, slots=True)
class CheckpointScores:
    """What one checkpoint, or the base model, reached; a score that was not measured is None.

    Args:
        label: the name to show ("checkpoint", "base model"); a long one is cut short in the picture.
        step: the step whose weights these are, None for a model that was not trained here.
        precision: share of predicted labels that are right, 0..1.
        recall: share of right labels that were predicted, 0..1.
        f1: harmonic mean of the two, 0..1.
        reward: the score training climbs, where it is not one of the above.
    """

    label: str
    step: int | None = None
    precision: float | None = None
    recall: float | None = None
    f1: float | None = None
    reward: float | None = None


@dataclass(frozen=True, slots=True)
class CheckpointComparison:
    """The scores of the kept checkpoints, side by side, on the same items."""

    title: str
    rows: tuple[CheckpointScores, ...]
    subtitle: str = ""


Chart: TypeAlias = RewardCurve | CheckpointComparison

METRICS: tuple[tuple[Literal["precision", "recall", "f1", "reward"], str], ...] = (
    ("precision", "precision"),
    ("recall", "recall"),
    ("f1", "F1"),
    ("reward", "reward"),
)
"""The fields of `CheckpointScores` that are scores, in the order they are shown, with their names for people."""
