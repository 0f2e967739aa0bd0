"""Charts over steps in words: where each line begins and stands, its extremes, and what was not reported."""

import math
from collections.abc import Iterator, Sequence
from statistics import median
from typing import TypeVar

from charts.step_values import (
    PARTS,
    JobCurves,
    Points,
    RewardCurve,
    RuleTrace,
    StepPanels,
    StepTimes,
    Threshold,
    measured,
    split_times,
)
from charts.wording import Unit, counted, finite, listed, number, plural, quantity, seconds, sentence

_T = TypeVar("_T")

LISTED = 24
"""At most this many values of a line are read out; more would not be listened to."""


def some(values: Sequence[_T], most: int = LISTED) -> list[_T]:
    """Return the first, the last and evenly spaced ones between, about `most` in all."""
    every = math.ceil(len(values) / most)
    return [*values[:-1:every], values[-1]] if every > 1 else [*values]


def reward_curve(chart: RewardCurve) -> Iterator[str]:
    """Yield the rewards, the noise they are read with, and what happened on the way."""
    valid, train, epoch = measured(chart.valid), measured(chart.train), chart.epoch_means
    if not valid and not train:
        yield "Reward curve: no step has reported yet."
        return
    last = max(step for step, _ in (*valid, *train))
    yield f"Reward curve, step {last:,}{f' of {chart.total_steps:,}' if chart.total_steps else ''}."
    yield _line("Validation reward", valid, "score")
    if valid and (error := finite(chart.valid_error)) is not None:
        yield f"One evaluation has a standard error of {number(error, 3)}."
    yield _line("Train reward", train, "score")
    if epoch:
        (first, then), (_, now) = epoch[0], epoch[-1]
        yield f"Mean train reward of one epoch: {number(then)} by step {first:,}, now {number(now)}."
    yield _moments("Checkpoints kept", chart.checkpoints)
    yield _moments(plural(len(set(chart.alerts)), "Alert"), sorted(set(chart.alerts)))
    if valid:
        yield f"Validation by step: {_by_step(valid, LISTED)}."


def step_panels(chart: StepPanels) -> Iterator[str]:
    """Yield each panel's train and validation figures."""
    for panel in chart.panels:
        valid, train = measured(panel.valid), measured(panel.train)
        if valid or train:
            yield _line(f"{panel.name}, validation", valid, chart.unit)
            yield _line(f"{panel.name}, train", train, chart.unit)
        else:
            yield f"{panel.name}: not reported yet."
    yield sentence(chart.note) if chart.panels else f"Nothing was reported yet. {sentence(chart.note)}"


def step_times(chart: StepTimes) -> Iterator[str]:
    """Yield the median and the longest time of each part of a step."""
    steps = split_times(chart.steps)
    if not steps:
        yield "No step has reported its time."
        return
    full = median(sum(parts) for _, parts in steps)
    longest, slowest = max((sum(parts), -step) for step, parts in steps)
    yield f"Times of {counted(len(steps), 'step')}."
    yield f"Whole step: median {seconds(full)}, longest {seconds(longest)} at step {-slowest:,}."
    for name, parts in zip(PARTS, zip(*(parts for _, parts in steps), strict=True), strict=True):
        if taken := [part for part in parts if part > 0]:
            usual, most = seconds(median(taken)), seconds(max(taken))
            yield f"{name.capitalize()}: median {usual}, longest {most}, in {counted(len(taken), 'step')}."


def job_curves(chart: JobCurves) -> Iterator[str]:
    """Yield each job's validation reward."""
    yield f"Validation rewards of {counted(len(chart.jobs), 'job')}."
    for job in chart.jobs:
        points = measured(job.valid)
        yield _line(job.name, points, "score") if points else f"{job.name}: not evaluated yet."
        yield f"By step: {_by_step(points, 8)}." if points else ""


def rule_trace(chart: RuleTrace) -> Iterator[str]:
    """Yield each metric that the rule looks at, its thresholds, and when the rule fired and was over."""
    yield _moments("Raised", chart.fired)
    yield _moments("Over", chart.cleared)
    for panel in chart.panels:
        yield f"{panel.label[:1].upper()}{panel.label[1:]}:"
        yield from (_line(line.name, measured(line.points), panel.unit) for line in panel.lines)
        yield from (_threshold(threshold, panel.unit) for threshold in panel.thresholds)
    yield "" if chart.panels else "Nothing was reported yet."


def _threshold(threshold: Threshold, unit: Unit) -> str:
    points = threshold.at if isinstance(threshold.at, tuple) else ((0, threshold.at),)
    known = measured(points)
    if not known:
        return f"{threshold.name}: not known."
    (first, then), (last, now) = known[0], known[-1]
    if not isinstance(threshold.at, tuple):
        return f"{threshold.name}: {quantity(now, unit)}."
    return f"{threshold.name}: {quantity(then, unit)} at step {first:,}, now {quantity(now, unit)} (step {last:,})."


def _line(name: str, points: Points, unit: Unit) -> str:
    if not points:
        return f"{name}: not reported."
    low, high = min(points, key=lambda point: point[1]), max(points, key=lambda point: point[1])
    first, last = points[0], points[-1]
    return (
        f"{name}: {quantity(first[1], unit)} at step {first[0]:,}, now {quantity(last[1], unit)}; highest "
        f"{quantity(high[1], unit)} at step {high[0]:,}, lowest {quantity(low[1], unit)} at step {low[0]:,}."
    )


def _by_step(points: Points, most: int) -> str:
    return ", ".join(f"{step:,}: {number(value)}" for step, value in some(points, most))


def _moments(what: str, steps: Sequence[int]) -> str:
    return f"{what} at step {listed([f'{step:,}' for step in steps], LISTED)}." if steps else ""
