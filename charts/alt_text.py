"""A picture in words: its alt text, and what is said in its place where it cannot be drawn."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from charts.balance import balance
from charts.curves_in_words import LISTED, job_curves, reward_curve, rule_trace, some, step_panels, step_times
from charts.models_in_words import precision_recall, score_intervals
from charts.over_steps import JobCurves, RewardCurve, RuleTrace, StepPanels, StepTimes
from charts.values import (
    METRICS,
    ArmScores,
    Chart,
    CheckpointComparison,
    CheckpointScores,
    ItemScores,
    LabelCount,
    LabelDistribution,
    PrecisionRecall,
    ScoreComparison,
    ScoreIntervals,
    VarianceStudy,
)
from charts.wording import counted, finite, number, sentence

LONGEST = 2000
"""Slack's limit for the alt text of an image block, in characters."""


def _comparison(chart: CheckpointComparison) -> str:
    heading = f"{chart.subtitle}: scores" if chart.subtitle else "Scores"
    rows = [_row(row) for row in chart.rows] or ["No checkpoint has scores yet."]
    return " ".join([sentence(chart.title), f"{heading} of {len(chart.rows)} checkpoints.", *rows])


def _row(row: CheckpointScores) -> str:
    step = f"step {row.step:,}" if row.step is not None else ""
    name = f"{row.label} ({step})" if row.label and step else row.label or step
    scores = [(words, getattr(row, field)) for field, words in METRICS]
    told = [f"{words} {number(score)}" for words, score in scores if score is not None and math.isfinite(score)]
    return sentence(f"{name}: {', '.join(told) or 'not measured'}")


def _variance(chart: VarianceStudy) -> str:
    graded, runs = chart.graded, "1 run" if chart.runs == 1 else f"{chart.runs:,} runs"
    parts = [sentence(chart.title), sentence(chart.subtitle)]
    if not graded:
        return " ".join([*filter(None, parts), "Variance study: no item has scores yet."])
    parts.append(f"Variance study of {counted(len(graded), 'item')}, {runs} each.")
    figures = (
        (f"Overall mean {chart.score}", chart.mean, 2),
        ("mean of best", chart.mean_best, 2),
        ("mean variance", chart.mean_variance, 3),
    )
    told = [f"{name} {number(v, decimals)}" for name, value, decimals in figures if (v := finite(value)) is not None]
    parts.append(sentence(", ".join(told)))
    never = [item.item for item in graded if item.best is not None and item.best <= 0]
    if never:
        more = f" and {len(never) - LISTED} more" if len(never) > LISTED else ""
        parts.append(f"{counted(len(never), 'item')} never above 0: {', '.join(never[:LISTED])}{more}.")
    if missing := len(chart.items) - len(graded):
        parts.append(f"{counted(missing, 'item')} without scores.")
    parts.append(f"From lowest to highest mean: {', '.join(map(_item, some(graded)))}.")
    return " ".join(part for part in parts if part)


def _item(item: ItemScores) -> str:
    best, worst = finite(item.best), finite(item.worst)
    span = f" ({number(worst)} to {number(best)})" if best is not None and worst is not None else ""
    return f"{item.item} {number(item.mean or 0.0)}{span}"


def _arms(chart: ScoreComparison) -> str:
    heading = f"{chart.subtitle}: scores" if chart.subtitle else "Scores"
    with_errors = any(finite(score.error) is not None for arm in chart.arms for score in arm.scores)
    errors = f", \u00b1 {chart.errors}" if with_errors else ""
    rows = [_arm(arm, chart.graders) for arm in chart.arms] or ["No arm has scores yet."]
    return " ".join([sentence(chart.title), f"{heading} of {counted(len(chart.arms), 'arm')}{errors}.", *rows])


def _arm(arm: ArmScores, graders: tuple[str, ...]) -> str:
    told = []
    for grader, score in zip(graders, arm.scores, strict=False):  # an arm may lack the last graders
        mean, error = finite(score.mean), finite(score.error)
        if mean is not None:
            told.append(f"{grader} {number(mean, 3)}" + (f" \u00b1 {number(error, 3)}" if error is not None else ""))
    return sentence(f"{arm.arm}: {', '.join(told) or 'not measured'}")


def _labels(chart: LabelDistribution) -> str:
    parts = [sentence(chart.title), sentence(chart.subtitle), f"{counted(len(chart.labels), 'label')}."]
    now = balance([label.count for label in chart.labels])
    if chart.compares:
        then = balance([label.before for label in chart.labels])
        parts += [f"{chart.then}: {then}.", f"{chart.now}: {now}.", f"By label, {chart.then} and {chart.now}:"]
    else:
        parts += [f"{now}." if chart.labels else "", "By label:"]
    first, between, last = chart.parts
    told = [_label(label, compares=chart.compares) for label in first]
    told += [f"{counted(len(between), 'label')} between"] if between else []
    told += [_label(label, compares=chart.compares) for label in last]
    return " ".join([*filter(None, parts), f"{'; '.join(told) or 'none'}."])


def _label(label: LabelCount, *, compares: bool) -> str:
    counts = (label.before, label.count) if compares else (label.count,)
    return f"{label.label}: " + " and ".join("not counted" if count is None else f"{count:,}" for count in counts)


WORDS: Mapping[type[Chart], Callable[[Any], str]] = {
    RewardCurve: reward_curve,
    StepPanels: step_panels,
    StepTimes: step_times,
    JobCurves: job_curves,
    RuleTrace: rule_trace,
    CheckpointComparison: _comparison,
    VarianceStudy: _variance,
    ScoreComparison: _arms,
    LabelDistribution: _labels,
    PrecisionRecall: precision_recall,
    ScoreIntervals: score_intervals,
}


def describe(chart: Chart) -> str:
    """Return what `chart` shows, with its numbers, in at most 2,000 characters."""
    words = WORDS[type(chart)](chart)
    return words if len(words) <= LONGEST else words[: LONGEST - 1].rstrip() + "\u2026"
