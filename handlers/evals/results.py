"""How the result of an eval and a comparison of evals look: their pictures, and their messages."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from charts import ArmScores, ItemScores, Scale, Score, ScoreComparison, VarianceStudy, describe
from charts.wording import counted, estimate, number, on_scale, percentage, seconds
from handlers.evals.cards import MOST_ARMS_SHOWN, in_brackets, missing
from handlers.evidence.summary import ReportLink
from handlers.slack.blocks import Block, Message, context, cut, divider, escape, header, image, section
from handlers.slack.images import Pictures
from jobs.evals.records import ArmSummary, GraderSummary
from jobs.evals.results import WorstItem
from jobs.evals.stats.comparison import Comparison
from jobs.evals.stats.variance_study import VarianceReading
from jobs.views.eval import MOST_GRADERS, USUAL_GRADERS, EvalView, size_of
from jobs.views.wording import grader_name

MOST_PAIRS_SHOWN: Final = 15
MOST_TABLE: Final = 2900
MOST_TEXT: Final = 3900
SHOWN_TEXT: Final = 120


async def show_result(view: EvalView, pictures: Pictures, report_link: ReportLink) -> tuple[Message, str | None]:
    """Return the message on an eval's result, and the file id of the picture in it."""
    chart = result_chart(view)
    file = await pictures.file_of(chart, f"result-{view.evaluation.id}") if chart else None
    return result_message(view, chart, file, report_link(view.evaluation.id)), file


async def show_comparison(comparison: Comparison, pictures: Pictures) -> Message:
    """Return how arms compare: the table, the picture, and a verdict for each pair."""
    chart = comparison_chart(comparison)
    file = await pictures.file_of(chart, "comparison")
    blocks: list[Block] = [section(f"```{escape(cut(comparison.table, MOST_TABLE))}```")]
    if file:
        blocks.append(image(file, describe(chart)))
    return Message(cut(f"{comparison.text}\n{comparison.table}", MOST_TEXT), (*blocks, *_verdicts(comparison)))


def _verdicts(comparison: Comparison) -> Iterator[Block]:
    return (section(escape(line)) for line in comparison.text.splitlines()[:MOST_PAIRS_SHOWN])


# -- pictures ---------------------------------------------------------------------------------------------------------


def result_chart(view: EvalView) -> VarianceStudy | ScoreComparison | None:
    """Return the picture of an eval's result: the items of a variance study, else the scores of its arms."""
    evaluation, sample = view.evaluation, f"{view.evaluation.split}, {size_of(view.evaluation)}"
    if view.results.variance is not None:
        return _variance_chart(view.results.variance, view, sample)
    if not evaluation.summaries or not view.graders:
        return None
    return ScoreComparison(
        title=view.headline,
        graders=tuple(map(grader_name, view.graders)),
        arms=tuple(_arm_scores(summary.arm, summary.graders, view.graders) for summary in evaluation.summaries),
        subtitle=f"{evaluation.task} · {sample}",
        errors="standard deviation over runs" if evaluation.runs > 1 else "",
        scales=_scales(evaluation.ranges, view.graders),
    )


def _variance_chart(reading: VarianceReading, view: EvalView, sample: str) -> VarianceStudy:
    return VarianceStudy(
        title=view.headline,
        items=tuple(ItemScores(item.item, item.mean, item.best, item.worst) for item in reading.items),
        runs=reading.runs,
        mean=reading.mean,
        mean_best=reading.mean_of_best,
        mean_variance=reading.mean_variance,
        subtitle=f"{view.evaluation.task} · {reading.arm} · {sample}",
        score=view.evaluation.reward,
        scale=view.evaluation.ranges.get(view.evaluation.reward),
    )


def comparison_chart(comparison: Comparison) -> ScoreComparison:
    """Return the picture of how arms of one or several evals compare."""
    usual = tuple(grader for grader in USUAL_GRADERS if grader in comparison.graders)
    graders = usual or comparison.graders[:MOST_GRADERS]
    return ScoreComparison(
        title=comparison.pairs[0].headline if len(comparison.pairs) == 1 else "Scores of each arm",
        graders=tuple(map(grader_name, graders)),
        arms=tuple(_arm_scores(name, row, graders) for name, row in comparison.rows.items()),
        scales=_scales(comparison.ranges, graders),
    )


def _scales(ranges: Mapping[str, Scale], graders: Sequence[str]) -> tuple[tuple[str, Scale], ...]:
    return tuple((grader_name(grader), ranges[grader]) for grader in graders if grader in ranges)


def _arm_scores(arm: str, summaries: Sequence[GraderSummary], graders: Sequence[str]) -> ArmScores:
    scores = {each.grader: Score(each.mean, each.run_std) for each in summaries}
    return ArmScores(arm, tuple(scores.get(grader, Score(None)) for grader in graders))


# -- the message ------------------------------------------------------------------------------------------------------


def result_message(
    view: EvalView, chart: VarianceStudy | ScoreComparison | None, file: str | None, link: str | None
) -> Message:
    """Return the result of an eval: scores with intervals, what is missing and why, and what it means.

    `file` is the picture of `chart`, by Slack's file id; `link` leads to a page with every answer.
    """
    evaluation, results, meaning = view.evaluation, view.results, "\n".join(_meaning(view))
    numbers = describe(chart) if chart else ""
    blocks: list[Block] = [header(f"Result of {evaluation.id}"), section(meaning)]
    if results.comparison:
        blocks += _verdicts(results.comparison)
    if chart and file:
        blocks.append(image(file, numbers, chart.subtitle))
    blocks += [section("\n".join(_arm_lines(view, arm))) for arm in evaluation.summaries[:MOST_ARMS_SHOWN]]
    if any(figure.interval for arm in evaluation.summaries for figure in arm.graders):
        blocks.append(context("In brackets: the 95% interval of a mean over items"))
    if results.worst:
        blocks += [divider(), section("\n".join(["*Worst items*", *map(_worst_line, results.worst)]))]
    if link:
        blocks.append(context(f"<{link}|Browse every answer> · the link works for 7 days"))
    return Message(cut(f"Result of {evaluation.id}. {meaning} {numbers}", MOST_TEXT), tuple(blocks))


def _meaning(view: EvalView) -> Iterator[str]:
    variance = view.results.variance
    verdict, *rest = variance.text.splitlines() if variance is not None else [view.headline]
    yield f"*{escape(verdict)}*"
    yield from map(escape, rest)
    if note := view.evaluation.left_out_note:
        yield escape(note)
    for summary in view.evaluation.summaries:
        if remark := summary.coverage(view.evaluation.reward).remark:
            yield f"{escape(summary.arm)}: {escape(remark)}."


def _arm_lines(view: EvalView, summary: ArmSummary) -> Iterator[str]:
    yield f"*{escape(summary.arm)}*"
    yield from (f"`{escape(arm.model)}`" for arm in view.evaluation.arms if arm.label and arm.name == summary.arm)
    for grader in view.graders:
        score = _score_line(grader, summary.grader(grader))
        yield score + on_scale(view.evaluation.ranges.get(grader)) + in_brackets(summary.coverage(grader))
    if summary.micro and summary.macro:
        yield f"Over labels: micro F1 {number(summary.micro.f1)}, macro F1 {number(summary.macro.f1)}"
    if summary.pass_rate is not None:
        yield f"Passes the threshold {view.evaluation.threshold}: {percentage(summary.pass_rate)} of answers"
    yield _cost(summary)
    if summary.failures:
        yield f"Missing: {missing(summary.failures, ', ')}"
    if summary.grader_errors:
        yield f"Grader errors: {missing(summary.grader_errors, ', ')}"


def _score_line(grader: str, figure: GraderSummary | None) -> str:
    name = escape(grader_name(grader))
    if figure is None or figure.mean is None:
        return f"{name}: nothing graded"
    low, high = (figure.interval.low, figure.interval.high) if figure.interval else (None, None)
    spread = f", standard deviation over runs {number(figure.run_std, 3)}" if figure.run_std is not None else ""
    return f"{name} *{estimate(figure.mean, low, high)}*{spread}"


def _cost(summary: ArmSummary) -> str:
    tokens = f"{counted(summary.input_tokens, 'token')} in, {summary.output_tokens:,} out"
    reasoning = f" ({summary.reasoning_tokens:,} of them reasoning)" if summary.reasoning_tokens else ""
    judges = f", {summary.judge_tokens:,} of judges" if summary.judge_tokens else ""
    latency = f", {seconds(summary.mean_latency)} an answer" if summary.mean_latency is not None else ""
    return f"{tokens}{reasoning}{judges}{latency}"


def _worst_line(worst: WorstItem) -> str:
    said = cut(" ".join((worst.worst.shown or "").split()), SHOWN_TEXT)
    return f"`{escape(cut(worst.id, 40))}` {number(worst.mean)} · {escape(said)}"
