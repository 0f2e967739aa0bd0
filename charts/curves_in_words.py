"""Pictures over steps in words: where each line begins and stands, its extremes, and what was not reported."""

import math
from collections.abc import Sequence
from statistics import median
from typing import TypeVar

from charts.means import trailing_means
from charts.over_steps import (
    JobCurve,
    JobCurves,
    Panel,
    Points,
    RewardCurve,
    RuleTrace,
    StepPanels,
    StepTimes,
    Threshold,
    TracePanel,
)
from charts.splitting import PARTS, splits
from charts.wording import Unit, counted, finite, listed, number, quantity, seconds, sentence

_T = TypeVar("_T")

LISTED = 24
"""At most this many values of a line are read out; more would not be listened to."""


def some(values: Sequence[_T], most: int = LISTED) -> list[_T]:
    """Return the first, the last and evenly spaced ones between, about `most` in all."""
    every = math.ceil(len(values) / most)
    return [*values[:-1:every], values[-1]] if every > 1 else [*values]


def listed_steps(steps: Sequence[int]) -> str:
    """Return steps in a row, and how many more there are."""
    return listed([f"{step:,}" for step in steps], LISTED)


def reward_curve(chart: RewardCurve) -> str:
    """Return the rewards, the noise they are read with, and what happened on the way."""
    valid, train = _measured(chart.valid), _measured(chart.train)
    parts = [sentence(chart.title), sentence(f"Reward curve. {chart.subtitle}" if chart.subtitle else "Reward curve")]
    if not valid and not train:
        return " ".join([*parts, "No step has reported yet."])
    last = max(step for step, _ in (*valid, *train))
    parts.append(f"Step {last:,} of {chart.total_steps:,}." if chart.total_steps else f"Step {last:,}.")
    parts.append(_line("Validation reward", valid, "score"))
    if valid and (error := finite(chart.valid_error)) is not None:
        parts.append(f"One evaluation has a standard error of {number(error, 3)}.")
    parts.append(_line("Train reward", train, "score"))
    if epoch := _epoch(chart):
        first, now = epoch[0], epoch[-1]
        parts.append(f"Mean train reward of one epoch: {number(first[1])} by step {first[0]:,}, now {number(now[1])}.")
    if chart.checkpoints:
        parts.append(f"Checkpoints kept at step {listed_steps(chart.checkpoints)}.")
    if chart.alerts:
        alerts = sorted(set(chart.alerts))
        parts.append(f"Alert{'s' if len(alerts) > 1 else ''} at step {listed_steps(alerts)}.")
    if valid:
        listed = ", ".join(f"{step:,}: {number(value)}" for step, value in some(valid))
        parts.append(f"Validation by step: {listed}.")
    return " ".join(part for part in parts if part)


def step_panels(chart: StepPanels) -> str:
    """Return each panel's train and validation figures."""
    told = [_panel(panel, chart.unit) for panel in chart.panels] or ["Nothing was reported yet."]
    return " ".join(filter(None, [sentence(chart.title), sentence(chart.subtitle), *told, sentence(chart.note)]))


def step_times(chart: StepTimes) -> str:
    """Return the median and the longest time of each part of a step."""
    parts = [sentence(chart.title), sentence(chart.subtitle)]
    steps = splits(chart.steps)
    if not steps:
        return " ".join([*filter(None, parts), "No step has reported its time."])
    slowest = max(steps, key=lambda one: one.full)
    parts.append(f"Times of {counted(len(steps), 'step')}.")
    parts.append(
        f"Whole step: median {seconds(median(one.full for one in steps))}, "
        f"longest {seconds(slowest.full)} at step {slowest.step:,}."
    )
    for name, every in zip(PARTS, zip(*(one.parts for one in steps), strict=True), strict=True):
        there = [part for part in every if part > 0]
        if there:
            usual, longest = seconds(median(there)), seconds(max(there))
            parts.append(f"{name.capitalize()}: median {usual}, longest {longest}, in {counted(len(there), 'step')}.")
    return " ".join(filter(None, parts))


def job_curves(chart: JobCurves) -> str:
    """Return each job's validation reward, one after the other."""
    told = [_job(job) for job in chart.jobs]
    heading = f"Validation rewards of {counted(len(chart.jobs), 'job')}."
    return " ".join(filter(None, [sentence(chart.title), sentence(chart.subtitle), heading, *told]))


def rule_trace(chart: RuleTrace) -> str:
    """Return each figure that the rule looks at, what it is held against, and when the rule fired and was over."""
    parts = [sentence(chart.title), sentence(chart.subtitle)]
    if chart.fired:
        parts.append(f"Raised at step {listed_steps(chart.fired)}.")
    if chart.cleared:
        parts.append(f"Over at step {listed_steps(chart.cleared)}.")
    parts += [_traced(panel) for panel in chart.panels] or ["Nothing was reported yet."]
    return " ".join(filter(None, parts))


def _traced(panel: TracePanel) -> str:
    lines = [_line(line.name, _measured(line.points), panel.unit) for line in panel.lines]
    heading = panel.label[:1].upper() + panel.label[1:]
    return " ".join([f"{heading}:", *lines, *(_threshold(held, panel.unit) for held in panel.thresholds)])


def _threshold(held: Threshold, unit: Unit) -> str:
    if isinstance(held.at, tuple):
        points = _measured(held.at)
        if not points:
            return f"{held.name}: not known."
        (first, then), (last, now) = points[0], points[-1]
        return f"{held.name}: {quantity(then, unit)} at step {first:,}, now {quantity(now, unit)} (step {last:,})."
    same = finite(held.at)
    return f"{held.name}: {'not known' if same is None else quantity(same, unit)}."


def _job(job: JobCurve) -> str:
    points = _measured(job.valid)
    if not points:
        return f"{job.name}: not evaluated yet."
    listed = ", ".join(f"{step:,}: {number(value)}" for step, value in some(points, 8))
    return f"{_line(job.name, points, 'score')} By step: {listed}."


def _panel(panel: Panel, unit: Unit) -> str:
    valid, train = _measured(panel.valid), _measured(panel.train)
    if not valid and not train:
        return f"{panel.name}: not reported yet."
    told = [_line(f"{panel.name}, {name}", points, unit) for name, points in (("validation", valid), ("train", train))]
    return " ".join(told)


def _line(name: str, points: Points, unit: Unit) -> str:
    if not points:
        return f"{name}: not reported."
    low, high = min(points, key=lambda point: point[1]), max(points, key=lambda point: point[1])
    first, last = points[0], points[-1]
    return (
        f"{name}: {quantity(first[1], unit)} at step {first[0]:,}, now {quantity(last[1], unit)}; highest "
        f"{quantity(high[1], unit)} at step {high[0]:,}, lowest {quantity(low[1], unit)} at step {low[0]:,}."
    )


def _epoch(chart: RewardCurve) -> Sequence[tuple[int, float]]:
    return trailing_means(chart.train, chart.epoch_steps) if chart.epoch_steps and chart.epoch_steps > 1 else ()


def _measured(points: Points) -> Points:
    return tuple(sorted(point for point in points if math.isfinite(point[1])))
