"""A picture in words: its alt text, and what is said in its place where it cannot be drawn."""

import math
from typing import assert_never

from charts.numerals import numeral
from charts.values import METRICS, Chart, CheckpointComparison, CheckpointScores, Points, RewardCurve

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


def _measured(points: Points) -> Points:
    return tuple(sorted(point for point in points if math.isfinite(point[1])))


def _listed(points: Points) -> str:
    every = math.ceil(len(points) / LISTED)
    kept = [*points[:-1:every], points[-1]] if every > 1 else [*points]
    return ", ".join(f"{step:,}: {numeral(value)}" for step, value in kept)


def _steps(steps: tuple[int, ...]) -> str:
    told = ", ".join(f"{step:,}" for step in steps[:LISTED])
    return told if len(steps) <= LISTED else f"{told} and {len(steps) - LISTED} more"


def _sentence(words: str) -> str:
    return words if not words or words.endswith((".", "?")) else f"{words}."
