"""A picture in words: its alt text, and what is said in its place where it cannot be drawn."""

import math
from collections.abc import Sequence
from typing import TypeVar, assert_never

from charts.balance import balance
from charts.numerals import finite, numeral
from charts.values import (
    METRICS,
    ArmScores,
    Chart,
    CheckpointComparison,
    CheckpointScores,
    ItemScores,
    LabelCount,
    LabelDistribution,
    Points,
    RewardCurve,
    ScoreComparison,
    VarianceStudy,
)

_T = TypeVar("_T")

LONGEST = 2000
"""Slack's limit for the alt text of an image block, in characters."""
LISTED = 24
"""At most this many values of a line are read out; more would not be listened to."""


def describe(chart: Chart) -> str:
    """Return what `chart` shows, with its numbers, in at most 2,000 characters."""
    words = _words(chart)
    return words if len(words) <= LONGEST else words[: LONGEST - 1].rstrip() + "\u2026"


def _words(chart: Chart) -> str:
    match chart:
        case RewardCurve():
            return _reward_curve(chart)
        case CheckpointComparison():
            return _comparison(chart)
        case VarianceStudy():
            return _variance(chart)
        case ScoreComparison():
            return _arms(chart)
        case LabelDistribution():
            return _labels(chart)
        case _ as never:
            assert_never(never)


def _reward_curve(chart: RewardCurve) -> str:
    valid, train = _measured(chart.valid), _measured(chart.train)
    parts = [_sentence(chart.title), _sentence(f"Reward curve. {chart.subtitle}" if chart.subtitle else "Reward curve")]
    if not valid and not train:
        return " ".join([*parts, "No step has reported yet."])
    last = max(step for step, _ in (*valid, *train))
    parts.append(f"Step {last:,} of {chart.total_steps:,}." if chart.total_steps else f"Step {last:,}.")
    parts += [_line("Validation reward", valid), _line("Train reward", train)]
    if chart.checkpoints:
        parts.append(f"Checkpoints kept at step {_steps(chart.checkpoints)}.")
    if chart.alerts:
        parts.append(f"Warning at step {_steps(chart.alerts)}.")
    if valid:
        parts.append(f"Validation by step: {_listed(valid)}.")
    return " ".join(part for part in parts if part)


def _line(name: str, points: Points) -> str:
    if not points:
        return f"{name}: not reported."
    low, high = min(points, key=lambda point: point[1]), max(points, key=lambda point: point[1])
    first, last = points[0], points[-1]
    return (
        f"{name}: {numeral(first[1])} at step {first[0]:,}, now {numeral(last[1])}; "
        f"highest {numeral(high[1])} at step {high[0]:,}, lowest {numeral(low[1])} at step {low[0]:,}."
    )


def _comparison(chart: CheckpointComparison) -> str:
    heading = f"{chart.subtitle}: scores" if chart.subtitle else "Scores"
    rows = [_row(row) for row in chart.rows] or ["No checkpoint has scores yet."]
    return " ".join([_sentence(chart.title), f"{heading} of {len(chart.rows)} checkpoints.", *rows])


def _row(row: CheckpointScores) -> str:
    step = f"step {row.step:,}" if row.step is not None else ""
    name = f"{row.label} ({step})" if row.label and step else row.label or step
    scores = [(words, getattr(row, field)) for field, words in METRICS]
    told = [f"{words} {numeral(score)}" for words, score in scores if score is not None and math.isfinite(score)]
    return _sentence(f"{name}: {', '.join(told) or 'not measured'}")


def _variance(chart: VarianceStudy) -> str:
    graded, runs = chart.graded, "1 run" if chart.runs == 1 else f"{chart.runs:,} runs"
    parts = [_sentence(chart.title), _sentence(chart.subtitle)]
    if not graded:
        return " ".join([*filter(None, parts), "Variance study: no item has scores yet."])
    parts.append(f"Variance study of {_count(len(graded), 'item')}, {runs} each.")
    figures = (
        (f"Overall mean {chart.score}", chart.mean, 2),
        ("mean of best", chart.mean_best, 2),
        ("mean variance", chart.mean_variance, 3),
    )
    told = [f"{name} {numeral(v, decimals)}" for name, value, decimals in figures if (v := finite(value)) is not None]
    parts.append(_sentence(", ".join(told)))
    never = [item.item for item in graded if item.best is not None and item.best <= 0]
    if never:
        more = f" and {len(never) - LISTED} more" if len(never) > LISTED else ""
        parts.append(f"{_count(len(never), 'item')} never above 0: {', '.join(never[:LISTED])}{more}.")
    if missing := len(chart.items) - len(graded):
        parts.append(f"{_count(missing, 'item')} without scores.")
    parts.append(f"From lowest to highest mean: {', '.join(map(_item, _some(graded)))}.")
    return " ".join(part for part in parts if part)


def _item(item: ItemScores) -> str:
    best, worst = finite(item.best), finite(item.worst)
    span = f" ({numeral(worst)} to {numeral(best)})" if best is not None and worst is not None else ""
    return f"{item.item} {numeral(item.mean or 0.0)}{span}"


def _arms(chart: ScoreComparison) -> str:
    heading = f"{chart.subtitle}: scores" if chart.subtitle else "Scores"
    with_errors = any(finite(score.error) is not None for arm in chart.arms for score in arm.scores)
    errors = f", \u00b1 {chart.errors}" if with_errors else ""
    rows = [_arm(arm, chart.graders) for arm in chart.arms] or ["No arm has scores yet."]
    return " ".join([_sentence(chart.title), f"{heading} of {_count(len(chart.arms), 'arm')}{errors}.", *rows])


def _arm(arm: ArmScores, graders: tuple[str, ...]) -> str:
    told = []
    for grader, score in zip(graders, arm.scores, strict=False):  # an arm may lack the last graders
        mean, error = finite(score.mean), finite(score.error)
        if mean is not None:
            told.append(f"{grader} {numeral(mean, 3)}" + (f" \u00b1 {numeral(error, 3)}" if error is not None else ""))
    return _sentence(f"{arm.arm}: {', '.join(told) or 'not measured'}")


def _labels(chart: LabelDistribution) -> str:
    parts = [_sentence(chart.title), _sentence(chart.subtitle), f"{_count(len(chart.labels), 'label')}."]
    now = balance([label.count for label in chart.labels])
    if chart.compares:
        then = balance([label.before for label in chart.labels])
        parts += [f"{chart.then}: {then}.", f"{chart.now}: {now}.", f"By label, {chart.then} and {chart.now}:"]
    else:
        parts += [f"{now}." if chart.labels else "", "By label:"]
    first, between, last = chart.parts
    told = [_label(label, compares=chart.compares) for label in first]
    told += [f"{_count(len(between), 'label')} between"] if between else []
    told += [_label(label, compares=chart.compares) for label in last]
    return " ".join([*filter(None, parts), f"{'; '.join(told) or 'none'}."])


def _label(label: LabelCount, *, compares: bool) -> str:
    counts = (label.before, label.count) if compares else (label.count,)
    return f"{label.label}: " + " and ".join("not counted" if count is None else f"{count:,}" for count in counts)


def _count(number: int, name: str) -> str:
    return f"{number:,} {name}{'s' if number != 1 else ''}"


def _measured(points: Points) -> Points:
    return tuple(sorted(point for point in points if math.isfinite(point[1])))


def _listed(points: Points) -> str:
    return ", ".join(f"{step:,}: {numeral(value)}" for step, value in _some(points))


def _some(values: Sequence[_T]) -> list[_T]:
    """Return the first, the last and evenly spaced ones between, about `LISTED` in all."""
    every = math.ceil(len(values) / LISTED)
    return [*values[:-1:every], values[-1]] if every > 1 else [*values]


def _steps(steps: tuple[int, ...]) -> str:
    told = ", ".join(f"{step:,}" for step in steps[:LISTED])
    return told if len(steps) <= LISTED else f"{told} and {len(steps) - LISTED} more"


def _sentence(words: str) -> str:
    return words if not words or words.endswith((".", "?")) else f"{words}."
