"""A picture in words: its alt text, and what is said in its place where it cannot be drawn."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import median
from typing import Any, TypeVar

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
from charts.values import (
    METRICS,
    Chart,
    CheckpointComparison,
    Estimate,
    EvaluatedModel,
    Histogram,
    ItemScores,
    LabelCount,
    LabelDistribution,
    LearningCurve,
    ModelKind,
    PrecisionRecall,
    RewardSpread,
    Score,
    ScoreComparison,
    ScoreIntervals,
    ScoreTokens,
    VarianceStudy,
)
from charts.wording import (
    Unit,
    counted,
    estimate,
    finite,
    interval,
    listed,
    number,
    plural,
    quantities,
    quantity,
    seconds,
    sentence,
)

_T = TypeVar("_T")

LISTED = 24
"""At most this many values of a line are read out; more would not be listened to."""
KINDS: Mapping[ModelKind, str] = {"base": " (base model)", "checkpoint": "", "alias": " (in use now)", "arm": ""}
PLUS_MINUS = "\u00b1"
LONGEST = 2000
"""Slack's limit for the alt text of an image block, in characters."""


# -- over steps --------------------------------------------------------------------------------------------------------


def _reward_curve(chart: RewardCurve) -> Iterator[str]:
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


def _step_panels(chart: StepPanels) -> Iterator[str]:
    for panel in chart.panels:
        valid, train = measured(panel.valid), measured(panel.train)
        if valid or train:
            yield _line(f"{panel.name}, validation", valid, chart.unit)
            yield _line(f"{panel.name}, train", train, chart.unit)
        else:
            yield f"{panel.name}: not reported yet."
    yield sentence(chart.note) if chart.panels else f"Nothing was reported yet. {sentence(chart.note)}"


def _step_times(chart: StepTimes) -> Iterator[str]:
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


def _job_curves(chart: JobCurves) -> Iterator[str]:
    yield f"Validation rewards of {counted(len(chart.jobs), 'job')}."
    for job in chart.jobs:
        points = measured(job.valid)
        yield _line(job.name, points, "score") if points else f"{job.name}: not evaluated yet."
        yield f"By step: {_by_step(points, 8)}." if points else ""


def _rule_trace(chart: RuleTrace) -> Iterator[str]:
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
    began, now, highest, lowest = quantities([points[0][1], points[-1][1], high[1], low[1]], unit)
    return (
        f"{name}: {began} at step {points[0][0]:,}, now {now}; highest {highest} at step {high[0]:,}, "
        f"lowest {lowest} at step {low[0]:,}."
    )


def _by_step(points: Points, most: int) -> str:
    return ", ".join(f"{step:,}: {number(value)}" for step, value in _some(points, most))


def _moments(what: str, steps: Sequence[int]) -> str:
    return f"{what} at step {listed([f'{step:,}' for step in steps], LISTED)}." if steps else ""


# -- scores and labels -------------------------------------------------------------------------------------------------


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
    yield f"From lowest to highest mean: {', '.join(map(_item, _some(graded)))}."


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


def _score_tokens(chart: ScoreTokens) -> Iterator[str]:
    yield f"Mean {chart.score} of {counted(len(chart.models), 'model')} against {chart.tokens}, with 95% intervals."
    for model in chart.models:
        known = finite(model.tokens)
        taken = "not reported" if known is None else quantity(known, "tokens")
        yield _model(model, {f"{chart.tokens}: {taken}, {chart.score}": model.score})


def _reward_spread(chart: RewardSpread) -> Iterator[str]:
    yield f"Rewards of {counted(sum(chart.rewards.counts), 'answer')}: {_bins(chart.rewards)}."
    differing = sum(chart.spreads.counts)
    yield f"{counted(chart.flat, 'item')} of {chart.flat + differing:,} without any spread over {chart.runs} runs."
    if differing:
        yield f"Worst to best run of the others: {_bins(chart.spreads)}."


def _bins(values: Histogram) -> str:
    edges = zip(values.edges, values.edges[1:], values.counts, strict=False)
    return ", ".join(f"{number(low)} to {number(high)}: {count:,}" for low, high, count in edges if count)


def _model(model: EvaluatedModel, scores: Mapping[str, Estimate]) -> str:
    return _scored(
        f"{model.label}{KINDS[model.kind]}",
        [
            f"{name} {estimate(score.mean, finite(score.low), finite(score.high))}"
            for name, score in scores.items()
            if finite(score.mean) is not None
        ],
    )


def _some(values: Sequence[_T], most: int = LISTED) -> list[_T]:
    """Return the first, the last and evenly spaced ones between, about `most` in all."""
    every = math.ceil(len(values) / most)
    return [*values[:-1:every], values[-1]] if every > 1 else [*values]


def _learning_curve(chart: LearningCurve) -> Iterator[str]:
    yield f"Learning curve of {counted(len(chart.points), 'job')}."
    told = [f"{counted(items, 'training item')} {number(score)}" for items, score in _some(sorted(chart.points))]
    yield sentence(f"{chart.score} of its best checkpoint: {', '.join(told)}") if told else "No job has a score yet."
    if chart.promised:
        items, low, high = chart.promised
        yield f"Expected with {counted(items, 'item')}: {interval(low, high)}."
    if chart.base is not None:
        yield f"Base model {number(chart.base)}."


WORDS: Mapping[type[Chart], Callable[[Any], Iterator[str]]] = {
    RewardCurve: _reward_curve,
    StepPanels: _step_panels,
    StepTimes: _step_times,
    JobCurves: _job_curves,
    RuleTrace: _rule_trace,
    CheckpointComparison: _comparison,
    VarianceStudy: _variance,
    ScoreComparison: _arms,
    LabelDistribution: _labels,
    PrecisionRecall: _precision_recall,
    ScoreIntervals: _score_intervals,
    LearningCurve: _learning_curve,
    ScoreTokens: _score_tokens,
    RewardSpread: _reward_spread,
}


def describe(chart: Chart) -> str:
    """Return what `chart` shows, with its numbers, in at most 2,000 characters."""
    parts = [sentence(chart.title), sentence(chart.subtitle), *WORDS[type(chart)](chart)]
    words = " ".join(filter(None, parts))
    return words if len(words) <= LONGEST else words[: LONGEST - 1].rstrip() + "\u2026"
