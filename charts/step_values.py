"""Charts over the steps of a job, as plain values, and what is computed from them for picture and words alike.

Each has a title, the point the picture makes in one sentence, and a subtitle: job, task and model. `total_steps` are
the steps planned, None while the platform has not said.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final, TypeAlias

from charts.wording import Unit, finite

Points: TypeAlias = tuple[tuple[int, float], ...]
"""(step, value) in any order; a value that is not finite counts as missing."""

PARTS: Final = ("sampling", "training", "eval", "rest")
"""What a step's time is split into, from the foot of a bar up."""
LEAST_REST: Final = 0.01
"""A rest of less than this share of a step is rounding, and left out."""


@dataclass(frozen=True, slots=True)
class RewardCurve:
    """Mean reward over the steps of one job.

    Args:
        train: mean reward of each step's batch.
        valid: mean reward of each evaluation on the validation split.
        checkpoints: steps whose weights are kept.
        alerts: steps at which an alert first fired.
        epoch_steps: steps of one epoch; with it the mean train reward of one epoch is drawn.
        valid_error: the standard error of one evaluation, drawn as a band around the validation reward.
    """

    title: str
    subtitle: str = ""
    train: Points = ()
    valid: Points = ()
    checkpoints: tuple[int, ...] = ()
    alerts: tuple[int, ...] = ()
    total_steps: int | None = None
    epoch_steps: int | None = None
    valid_error: float | None = None

    @property
    def epoch_means(self) -> Points:
        """The train reward without the luck of single batches; () where the length of an epoch is not known."""
        return trailing_means(self.train, self.epoch_steps) if self.epoch_steps and self.epoch_steps > 1 else ()


@dataclass(frozen=True, slots=True)
class Panel:
    """One metric of a job, on its train and on its validation samples."""

    name: str
    train: Points = ()
    valid: Points = ()


@dataclass(frozen=True, slots=True)
class StepPanels:
    """Several metrics of one job, a panel each, above one axis of steps.

    Args:
        shared: all panels have the same scale, so that their heights can be compared.
        note: what is missing, and why.
    """

    title: str
    panels: tuple[Panel, ...]
    unit: Unit
    subtitle: str = ""
    shared: bool = False
    total_steps: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class StepTime:
    """Seconds one step took, by part; None is a part the platform did not send, or that did not happen.

    Args:
        sampling: answers were sampled and graded.
        training: weights were updated.
        eval: the validation split was answered and graded.
        full: the whole step; what the parts leave of it is the rest.
    """

    step: int
    sampling: float | None = None
    training: float | None = None
    eval: float | None = None
    full: float | None = None


@dataclass(frozen=True, slots=True)
class StepTimes:
    """Where the time of a job's steps goes, a stacked bar for each step, in any order."""

    title: str
    steps: tuple[StepTime, ...]
    subtitle: str = ""
    total_steps: int | None = None


@dataclass(frozen=True, slots=True)
class JobCurve:
    """One job's validation reward, among those of others."""

    name: str
    valid: Points = ()


@dataclass(frozen=True, slots=True)
class JobCurves:
    """The validation rewards of several jobs in one plot, in the order given."""

    title: str
    jobs: tuple[JobCurve, ...]
    subtitle: str = ""


@dataclass(frozen=True, slots=True)
class TracedLine:
    """One metric that a rule looks at."""

    name: str
    points: Points = ()


@dataclass(frozen=True, slots=True)
class Threshold:
    """What a metric is compared with: the same at every step, or step by step."""

    name: str
    at: float | Points


@dataclass(frozen=True, slots=True)
class TracePanel:
    """One condition of a rule: metrics (at most four) and thresholds (at most three) in one unit."""

    label: str
    unit: Unit
    lines: tuple[TracedLine, ...]
    thresholds: tuple[Threshold, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleTrace:
    """What one rule looks at on one job: a panel for each of its conditions, and when an alert was raised and over."""

    title: str
    panels: tuple[TracePanel, ...]
    subtitle: str = ""
    fired: tuple[int, ...] = ()
    cleared: tuple[int, ...] = ()
    total_steps: int | None = None


Parts: TypeAlias = tuple[float, float, float, float]
"""Seconds in the order of `PARTS`; a part that did not happen is 0."""


def split_times(times: Sequence[StepTime]) -> tuple[tuple[int, Parts], ...]:
    """Return every step that reported its time with its parts, in order."""
    found = []
    for time in sorted(times, key=lambda time: time.step):
        known = [finite(part) for part in (time.sampling, time.training, time.eval, time.full)]
        if any(part is not None for part in known):
            sampling, training, evaluation, full = (max(part or 0.0, 0.0) for part in known)
            rest = max(full - sampling - training - evaluation, 0.0)
            found.append((time.step, (sampling, training, evaluation, rest if rest > LEAST_REST * full else 0.0)))
    return tuple(found)


def time_shares(times: Sequence[StepTime]) -> tuple[tuple[str, float], ...]:
    """Return each part's share of all the time that was reported, without parts that took none; () without times."""
    totals = [sum(part) for part in zip(*(parts for _, parts in split_times(times)), strict=True)]
    return tuple((name, part / sum(totals)) for name, part in zip(PARTS, totals, strict=False) if part > 0)


def trailing_means(points: Points, steps: int) -> Points:
    """Return at each step k the mean of the points in (k - steps, k].

    A step has no mean before `steps` steps have passed, nor where fewer than half of them have a finite value.
    """
    known = measured(points)
    found: list[tuple[int, float]] = []
    begin = 0
    for end, (step, _) in enumerate(known, 1):
        while known[begin][0] <= step - steps:
            begin += 1
        if step >= known[0][0] + steps - 1 and 2 * (end - begin) >= steps:
            found.append((step, fmean(value for _, value in known[begin:end])))
    return tuple(found)


def measured(points: Points) -> Points:
    """Return the points whose value is finite, by step."""
    return tuple(sorted(point for point in points if math.isfinite(point[1])))
