"""What can be drawn over the steps of a job, as plain values."""

from dataclasses import dataclass
from typing import TypeAlias

from charts.wording import Unit

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
        epoch_steps: steps in which every training item comes once; with it the mean train reward of one epoch is drawn.
        valid_error: the standard error of one evaluation; with it a band is drawn around the validation reward.
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


@dataclass(frozen=True, slots=True)
class Panel:
    """One figure of a job, on its train and on its validation samples."""

    name: str
    train: Points = ()
    valid: Points = ()


@dataclass(frozen=True, slots=True)
class StepPanels:
    """Several figures of one job, a panel each, above one axis of steps.

    Args:
        title: the point the picture makes, in one sentence.
        panels: from the top down; one without points says so.
        unit: what all of them are measured in.
        subtitle: which job, and what is shown.
        shared: all panels have the same scale, so that their heights can be compared.
        total_steps: steps planned, None while the platform has not said.
        note: what is not there, and why.
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
        step: which step.
        sampling: answers were sampled and graded.
        training: weights were updated.
        eval: the validation split was answered and graded.
        full: the whole step; what the parts leave of it is drawn as the rest.
    """

    step: int
    sampling: float | None = None
    training: float | None = None
    eval: float | None = None
    full: float | None = None


@dataclass(frozen=True, slots=True)
class StepTimes:
    """Where the time of a job's steps goes, a stacked bar for each step.

    Args:
        title: the point the picture makes, in one sentence.
        steps: in any order.
        subtitle: which job.
        total_steps: steps planned, None while the platform has not said.
    """

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
    """The validation rewards of several jobs, one over the other.

    Args:
        title: the point the picture makes, in one sentence.
        jobs: in the order shown.
        subtitle: which task, and what speaks against comparing.
    """

    title: str
    jobs: tuple[JobCurve, ...]
    subtitle: str = ""


@dataclass(frozen=True, slots=True)
class TracedLine:
    """One figure that a rule looks at."""

    name: str
    points: Points = ()


@dataclass(frozen=True, slots=True)
class Threshold:
    """What a figure is held against: the same at every step, or step by step."""

    name: str
    at: float | Points


@dataclass(frozen=True, slots=True)
class TracePanel:
    """One condition of a rule: figures and what they are held against, in one unit.

    Args:
        label: what is measured, in a few words.
        unit: what it is measured in.
        lines: the figures, at most four.
        thresholds: what they are held against, at most three.
    """

    label: str
    unit: Unit
    lines: tuple[TracedLine, ...]
    thresholds: tuple[Threshold, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleTrace:
    """What one rule looks at on one job, over its steps: a panel for each of its conditions.

    Args:
        title: the point the picture makes, in one sentence.
        panels: from the top down.
        subtitle: which rule and which job.
        fired: steps at which an alert was raised.
        cleared: steps at which one was over.
        total_steps: steps planned, None while the platform has not said.
    """

    title: str
    panels: tuple[TracePanel, ...]
    subtitle: str = ""
    fired: tuple[int, ...] = ()
    cleared: tuple[int, ...] = ()
    total_steps: int | None = None
