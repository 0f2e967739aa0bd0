"""A picture in words: its alt text, and what is said in its place where it cannot be drawn."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from charts.alt_text_over_steps import LISTED, job_curves, reward_curve, rule_trace, some, step_panels, step_times
from charts.step_values import JobCurves, RewardCurve, RuleTrace, StepPanels, StepTimes
from charts.values import (
    METRICS,
    Chart,
    CheckpointComparison,
    Estimate,
    EvaluatedModel,
    ItemScores,
    LabelCount,
    LabelDistribution,
    ModelKind,
    PrecisionRecall,
    Score,
    ScoreComparison,
    ScoreIntervals,
    VarianceStudy,
)
from charts.wording import counted, estimate, finite, listed, number, sentence

KINDS: Mapping[ModelKind, str] = {"base": " (base model)", "checkpoint": "", "alias": " (in use now)"}
PLUS_MINUS = "\u00b1"
LONGEST = 2000
"""Slack's limit for the alt text of an image block, in characters."""


def _comparison(chart: CheckpointComparison) -> Iterator[str]:
    yield f"Scores of {counted(len(chart.rows), 'checkpoint')}."
    for row in chart.rows:
        step = f"step {row.step:,}" if row.step is not None else ""
        name = f"{row.label} ({step})" if row.label and step else row.label or step
        scores = [(words, finite(getattr(row, field))) for field, words in METRICS]
        yield _scored(name, [f"{words} {number(score)}" for words, score in scores if score is not None])
    yield "" if chart.rows else "No checkpoint has scores yet."


def _variance(chart: VarianceStudy) -> Iterator[str]:
    graded = chart.graded
    if not graded:
        yield "Variance study: no item has scores yet."
        return
    yield f"Variance study of {counted(len(graded), 'item')}, {counted(chart.runs, 'run')} each."
    means = {f"Overall mean {chart.score}": chart.mean, "mean of best": chart.mean_best}
    told = [f"{name} {number(value)}" for name, value in means.items() if value is not None and math.isfinite(value)]
    if (variance := finite(chart.mean_variance)) is not None:
        told.append(f"mean variance {number(variance, 3)}")
    yield sentence(", ".join(told))
    if never := [item.item for item in graded if item.best is not None and item.best <= 0]:
        yield f"{counted(len(never), 'item')} never above 0: {listed(never, LISTED)}."
    if missing := len(chart.items) - len(graded):
        yield f"{counted(missing, 'item')} without scores."
    yield f"From lowest to highest mean: {', '.join(map(_item, some(graded)))}."


def _item(item: ItemScores) -> str:
    return f"{item.item} {estimate(item.mean, finite(item.worst), finite(item.best))}"


def _arms(chart: ScoreComparison) -> Iterator[str]:
    with_errors = any(finite(score.error) is not None for arm in chart.arms for score in arm.scores)
    yield f"Scores of {counted(len(chart.arms), 'arm')}{f', {PLUS_MINUS} {chart.errors}' if with_errors else ''}."
    for arm in chart.arms:
        scores = zip(chart.graders, arm.scores, strict=False)  # an arm may lack the last graders
        yield _scored(arm.arm, [f"{grader} {with_error(score)}" for grader, score in scores if with_error(score)])
    yield "" if chart.arms else "No arm has scores yet."


def with_error(score: Score) -> str:
    """Return a mean with its uncertainty, such as `0.671 \u00b1 0.003`; empty where it was not measured."""
    mean, error = finite(score.mean), finite(score.error)
    if mean is None:
        return ""
    return number(mean, 3) + (f" {PLUS_MINUS} {number(error, 3)}" if error is not None else "")


def _scored(name: str, scores: Sequence[str]) -> str:
    return sentence(f"{name}: {', '.join(scores) or 'not measured'}")


def _labels(chart: LabelDistribution) -> Iterator[str]:
    yield f"{counted(len(chart.labels), 'label')}."
    now, then = (balance([getattr(label, field) for label in chart.labels]) for field in ("count", "before"))
    if chart.compares:
        yield f"{chart.then}: {then}. {chart.now}: {now}. By label, {chart.then} and {chart.now}:"
    else:
        yield f"{now}. By label:" if chart.labels else "By label:"
    first, between, last = chart.parts
    told = [
        *(_label(label, compares=chart.compares) for label in first),
        *([f"{counted(len(between), 'label')} between"] if between else []),
        *(_label(label, compares=chart.compares) for label in last),
    ]
    yield f"{'; '.join(told) or 'none'}."


def _label(label: LabelCount, *, compares: bool) -> str:
    counts = (label.before, label.count) if compares else (label.count,)
    return f"{label.label}: " + " and ".join("not counted" if count is None else f"{count:,}" for count in counts)


def balance(counts: Sequence[int | None]) -> str:
    """Return the range of the counts and max/min over the labels that occur; labels without items are counted."""
    known = [count for count in counts if count is not None]
    used = [count for count in known if count > 0]
    if not known:
        return "not counted"
    if not used:
        return "no label occurs"
    words = f"{max(used):,} to {min(used):,} items a label, max/min {number(max(used) / min(used), 1)}"
    unused = len(known) - len(used)
    return f"{words}, {counted(unused, 'label')} without any" if unused else words


def _precision_recall(chart: PrecisionRecall) -> Iterator[str]:
    yield f"Precision against recall of {counted(len(chart.models), 'model')}, with 95% intervals."
    yield from (_model(model, {"precision": model.precision, "recall": model.recall}) for model in chart.models)


def _score_intervals(chart: ScoreIntervals) -> Iterator[str]:
    yield f"Mean {chart.score} of {counted(len(chart.models), 'model')}, with 95% intervals."
    yield from (_model(model, {chart.score: model.score}) for model in chart.models)


def _model(model: EvaluatedModel, scores: Mapping[str, Estimate]) -> str:
    return _scored(
        f"{model.label}{KINDS[model.kind]}",
        [
            f"{name} {estimate(score.mean, finite(score.low), finite(score.high))}"
            for name, score in scores.items()
            if finite(score.mean) is not None
        ],
    )


WORDS: Mapping[type[Chart], Callable[[Any], Iterator[str]]] = {
    RewardCurve: reward_curve,
    StepPanels: step_panels,
    StepTimes: step_times,
    JobCurves: job_curves,
    RuleTrace: rule_trace,
    CheckpointComparison: _comparison,
    VarianceStudy: _variance,
    ScoreComparison: _arms,
    LabelDistribution: _labels,
    PrecisionRecall: _precision_recall,
    ScoreIntervals: _score_intervals,
}


def describe(chart: Chart) -> str:
    """Return what `chart` shows, with its numbers, in at most 2,000 characters."""
    parts = [sentence(chart.title), sentence(chart.subtitle), *WORDS[type(chart)](chart)]
    words = " ".join(filter(None, parts))
    return words if len(words) <= LONGEST else words[: LONGEST - 1].rstrip() + "\u2026"
