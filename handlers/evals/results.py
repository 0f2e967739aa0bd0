"""How the result of an eval and a comparison of evals look: their pictures, and their messages."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from charts import (
    ArmScores,
    Estimate,
    EvaluatedModel,
    ItemScores,
    RewardSpread,
    Scale,
    Score,
    ScoreComparison,
    ScoreTokens,
    VarianceStudy,
    describe,
)
from charts.wording import (
    columns,
    counted,
    estimate,
    grader_name,
    money,
    number,
    on_scale,
    percentage,
    score,
    seconds,
    sentence,
)
from handlers.evals.cards import ACT, MOST_ARMS_SHOWN, advice_of, in_brackets, missing, rest_of_note
from handlers.evals.reviews import check_button, said_of
from handlers.evidence.summary import ReportLink
from handlers.slack.blocks import (
    Block,
    Message,
    actions,
    button,
    context,
    cut,
    divider,
    escape,
    header,
    image,
    section,
)
from handlers.slack.images import Pictures
from handlers.slack.wording import person
from handlers.tasks.defaults import default_button, undo_button
from jobs.core.ids import names_apart
from jobs.evals.records import ArmSummary, GraderSummary
from jobs.evals.results import WorstItem
from jobs.evals.reviews import Agreement
from jobs.evals.stats.advice import Advice
from jobs.evals.stats.comparison import Comparison
from jobs.evals.stats.splits import OnTwoSplits
from jobs.evals.stats.variance_study import Readiness, VarianceReading
from jobs.tasks.defaults import TaskDefaults
from jobs.views.eval import EvalView, size_of

MOST_PAIRS_SHOWN: Final = 15
MOST_TABLE: Final = 2900
MOST_SPLITS: Final = 1800
MOST_GRADERS_LISTED: Final = 20
MOST_SLICED: Final = 4
MOST_COLUMN: Final = 24
MOST_TEXT: Final = 3900
SHOWN_TEXT: Final = 120
MOST_LABEL: Final = 40
"""Letters of a button, of which Slack's are wide enough on a phone."""


async def show_result(view: EvalView, pictures: Pictures, report_link: ReportLink) -> tuple[Message, str | None]:
    """Return the message on an eval's result, and the file id of the picture in it."""
    chart, spread = result_chart(view), spread_chart(view) or tokens_chart(view)
    file = await pictures.file_of(chart, f"result-{view.evaluation.id}") if chart else None
    beside = await pictures.file_of(spread, f"beside-{view.evaluation.id}") if spread else None
    return result_message(view, chart, file, report_link(view.evaluation.id), beside), file or beside


async def show_comparison(comparison: Comparison, pictures: Pictures, agreements: Sequence[Agreement] = ()) -> Message:
    """Return how arms compare: the table, the picture, a verdict for each pair, how far people agree with judges."""
    chart = comparison_chart(comparison)
    file = await pictures.file_of(chart, "comparison")
    headline = comparison.conclusion.headline
    blocks: list[Block] = [section(f"*{escape(headline)}*")]
    if file:
        blocks.append(image(file, describe(chart)))
    blocks.append(section(f"```{escape(cut(comparison.table, MOST_TABLE))}```"))
    blocks += [*_verdicts(comparison), *(context(escape(each.sentence)) for each in agreements)]
    text = f"{sentence(headline)}\n{comparison.text}\n{comparison.table}"
    return Message(cut(text, MOST_TEXT), tuple(blocks))


async def show_two_splits(found: OnTwoSplits, pictures: Pictures) -> Message:
    """Return how models score on two splits side by side, and where the splits disagree."""
    chart = two_splits_chart(found)
    file = await pictures.file_of(chart, "two-splits")
    return Message(
        cut(f"{sentence(found.headline)} {describe(chart)}", MOST_TEXT),
        (
            section("\n".join([f"*{escape(found.headline)}*", *map(escape, found.conclusions)])),
            *((image(file, describe(chart)),) if file else ()),
            section(f"```{escape(cut(found.table, MOST_TABLE))}```"),
        ),
    )


def _verdicts(comparison: Comparison) -> Iterator[Block]:
    return (section(escape(line)) for line in comparison.text.splitlines()[:MOST_PAIRS_SHOWN])


# -- pictures ---------------------------------------------------------------------------------------------------------


def result_chart(view: EvalView) -> VarianceStudy | ScoreComparison | None:
    """Return the picture of an eval's result: the items of a variance study, else the scores of its arms."""
    if view.evaluation.failure:
        return None
    evaluation, sample = view.evaluation, f"{view.evaluation.split}, {size_of(view.evaluation)}"
    if view.results.variance is not None:
        return _variance_chart(view.results.variance, view, sample)
    graders = evaluation.headline_graders
    if not evaluation.summaries:
        return None
    names = names_apart([summary.arm for summary in evaluation.summaries])
    return ScoreComparison(
        title=view.headline,
        graders=tuple(map(grader_name, graders)),
        arms=tuple(_arm_scores(names[each.arm], each.graders, graders) for each in evaluation.summaries),
        subtitle=f"{evaluation.task} · {sample}",
        errors="standard deviation over runs" if evaluation.runs > 1 else "",
        best=names.get(view.conclusion.best, ""),
        scales=_scales(evaluation.ranges, graders),
    )


def spread_chart(view: EvalView) -> RewardSpread | None:
    """Return the picture of how finely the reward tells the answers of a variance study apart."""
    evaluation, reading = view.evaluation, view.results.variance
    if reading is None or reading.continuity is None:
        return None
    found = reading.continuity
    return RewardSpread(
        title=found.headline,
        rewards=found.rewards,
        spreads=found.spreads,
        flat=found.flat,
        runs=found.runs,
        score=grader_name(evaluation.reward),
        subtitle=f"{evaluation.task} · {reading.arm} · {evaluation.split}, {size_of(evaluation)}",
    )


def tokens_chart(view: EvalView) -> ScoreTokens | None:
    """Return the picture of what a better reward costs in tokens, where efforts are compared."""
    evaluation, advice = view.evaluation, [each for each in view.results.advice if each.axis == "effort"]
    if not advice or view.results.variance is not None:
        return None
    names = names_apart([arm.arm for arm in evaluation.summaries])
    if len({replace(arm, effort=None) for arm in evaluation.arms}) == 1:
        names = {arm.name: arm.effort or "default" for arm in evaluation.arms}
    reasons = all(summary.reasoning_tokens for summary in evaluation.summaries)
    return ScoreTokens(
        title=advice[0].text.partition(":")[0] if len(advice) == 1 else view.headline,
        models=tuple(
            _against_tokens(names[each.arm], each, evaluation.reward, each.reasoning_tokens if reasons else None)
            for each in evaluation.summaries
        ),
        score=grader_name(evaluation.reward),
        tokens="reasoning tokens of an answer" if reasons else "tokens of an answer",
        subtitle=f"{evaluation.task} · {evaluation.split}, {size_of(evaluation)}",
    )


def _against_tokens(name: str, summary: ArmSummary, reward: str, reasoning: int | None) -> EvaluatedModel:
    figure, taken = summary.grader(reward), summary.output_tokens if reasoning is None else reasoning
    span = figure.interval if figure else None
    score = Estimate(figure.mean if figure else None, span.low if span else None, span.high if span else None)
    return EvaluatedModel(name, "arm", score=score, tokens=taken / summary.answers if summary.answers else None)


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
    graders, names = comparison.headline, names_apart(list(comparison.rows))
    return ScoreComparison(
        title=comparison.conclusion.headline,
        best=names.get(comparison.conclusion.best, ""),
        graders=tuple(map(grader_name, graders)),
        arms=tuple(_arm_scores(names[name], row, graders) for name, row in comparison.rows.items()),
        scales=_scales(comparison.ranges, graders),
    )


def two_splits_chart(found: OnTwoSplits) -> ScoreComparison:
    """Return the picture of models on two splits: the reward, and F1 over labels both ways where there are labels."""
    reward, names = found.evals[0].reward, names_apart(list(found.gaps))
    has_labels = any(summary.micro for _, _, summary in found.figures)
    one = len(names) == 1
    return ScoreComparison(
        title=found.headline,
        graders=(found.reward, *(("micro F1", "macro F1") if has_labels else ())),
        arms=tuple(
            ArmScores(split if one else f"{names[arm]}, {split}", _on_split(summary, reward))
            for arm, split, summary in found.figures
        ),
        subtitle=" · ".join([found.evals[0].task, *(f"{each.split}, {size_of(each)}" for each in found.evals)]),
        scales=_scales(found.evals[0].ranges, (reward,)),
    )


def _on_split(summary: ArmSummary, reward: str) -> tuple[Score, ...]:
    figure = summary.grader(reward)
    over_labels = (Score(each.f1 if each else None) for each in (summary.micro, summary.macro))
    return (Score(figure.mean, figure.run_std) if figure else Score(None), *over_labels)


def _scales(ranges: Mapping[str, Scale], graders: Sequence[str]) -> tuple[tuple[str, Scale], ...]:
    return tuple((grader_name(grader), ranges[grader]) for grader in graders if grader in ranges)


def _arm_scores(arm: str, summaries: Sequence[GraderSummary], graders: Sequence[str]) -> ArmScores:
    scores = {each.grader: Score(each.mean, each.run_std) for each in summaries}
    return ArmScores(arm, tuple(scores.get(grader, Score(None)) for grader in graders))


# -- the message ------------------------------------------------------------------------------------------------------


def result_message(
    view: EvalView,
    chart: VarianceStudy | ScoreComparison | None,
    file: str | None,
    link: str | None,
    beside: str | None = None,
) -> Message:
    """Return the result of an eval: scores with intervals, what is missing and why, and what it means.

    `file` is the picture of `chart`, by Slack's file id, and `beside` that of `spread_chart` or `tokens_chart`; `link`
    leads to a page with every answer.
    """
    evaluation, results, meaning = view.evaluation, view.results, "\n".join(_meaning(view))
    numbers = describe(chart) if chart else ""
    blocks: list[Block] = [header(f"Result of {evaluation.id}"), section(meaning)]
    blocks += [*_alternative_blocks(view), *_advice_blocks(view)]
    if results.comparison:
        blocks += _verdicts(results.comparison)
    if results.before_after:
        blocks.append(section(escape(results.before_after)))
    if chart and file:
        blocks.append(image(file, numbers, chart.subtitle))
    blocks += _beside_blocks(view, beside)
    if both := view.other_split:
        other = next(each.id for each in both.evals if each.id != evaluation.id)
        told = "\n".join(map(escape, (sentence(both.headline), *both.conclusions)))
        blocks.append(section(f"*Next to `{other}`:* {told}\n```{escape(cut(both.table, MOST_SPLITS))}```"))
    blocks += [section("\n".join(_arm_lines(view, arm))) for arm in evaluation.summaries[:MOST_ARMS_SHOWN]]
    if evaluation.slices:
        blocks.append(section(f"*By slice*, {escape(grader_name(evaluation.reward))}\n```{_slice_table(view)}```"))
    if any(figure.interval for arm in evaluation.summaries for figure in arm.graders):
        blocks.append(context("In brackets: the 95% interval of a mean over items"))
    if results.worst:
        blocks += [divider(), section("*Worst items*"), *(_worst_block(view, each) for each in results.worst)]
    if view.agreements:
        blocks.append(context(f"`/eval review {evaluation.id}` draws grades at random for you to check."))
    if link:
        blocks.append(context(f"<{link}|Browse every answer> · the link works for 7 days"))
    return Message(cut(f"Result of {evaluation.id}. {meaning} {numbers}", MOST_TEXT), tuple(blocks))


def _advice_blocks(view: EvalView) -> Iterator[Block]:
    """Yield what to use of the efforts or prompts compared, with a button that makes it the task's default."""
    evaluation = view.evaluation
    for number_of, advice in enumerate(view.results.advice):
        which = f"{escape(advice.model)}: " if len(view.results.advice) > 1 else ""
        made, make = "", None
        if view.chosen and _is_chosen(advice, view.chosen):
            newest = view.chosen.changes[-1]
            made = f" It is the default of `{escape(evaluation.task)}` now, set by {person(newest.by)}."
            make = undo_button(view.chosen) if newest.why == evaluation.id else None
        elif advice.is_offered:
            label = f"Make {advice.value} the default"
            make = default_button(label, evaluation.task, advice.axis, advice.value, evaluation.id)
        block_id = f"advice:{evaluation.id}:{number_of}:{len(view.chosen.changes) if view.chosen else 0}"
        yield section(f"{which}{escape(advice.text)}{made}", block_id=block_id, accessory=make)


def _is_chosen(advice: Advice, chosen: TaskDefaults) -> bool:
    values = {"effort": chosen.choice.effort, "prompt": chosen.choice.prompt}
    return values.get(advice.axis) == advice.value


def _beside_blocks(view: EvalView, file: str | None) -> Iterator[Block]:
    """Yield how finely the reward of a study tells answers apart, or what a better reward of an effort costs."""
    if file and (tokens := tokens_chart(view)):
        yield image(file, describe(tokens), tokens.subtitle)
    chart = spread_chart(view)
    if chart and view.results.variance and (found := view.results.variance.continuity):
        yield section(escape(found.text))
        if file:
            yield image(file, describe(chart), chart.subtitle)


def _alternative_blocks(view: EvalView) -> Iterator[Block]:
    """Yield what to try before anything is trained, with buttons that run what was not."""
    if not view.alternatives or view.evaluation.failure:
        return
    lines = [f"\u2022 {escape(each.text)}" for each in view.alternatives]
    yield section("\n".join(["*Is tuning needed at all?* What costs less:", *lines]))
    if buttons := [
        button(cut(each.label, MOST_LABEL), f"{ACT}:try:{place}", each.command.replace(" ", "|", 1))
        for place, each in enumerate(view.alternatives)
        if each.command and each.label
    ]:
        yield actions(*buttons, block_id=f"alternatives:{view.evaluation.id}")


def _meaning(view: EvalView) -> Iterator[str]:
    if view.evaluation.failure:
        yield f"*{escape(view.headline)}*"
        yield from filter(None, map(escape, (rest_of_note(view.evaluation), advice_of(view.evaluation))))
        return
    variance = view.results.variance
    verdict, *rest = variance.text.splitlines() if variance is not None else [view.headline]
    if variance is not None and variance.verdict is Readiness.READY and any(each.command for each in view.alternatives):
        rest = [*rest[:-1], "Next: try what costs less, below; then launch an RFT job."]
    yield f"*{escape(verdict)}*"
    yield from (f"*{escape(caveat)}*" for caveat in view.evaluation.caveats)
    yield from map(escape, rest)
    if note := view.evaluation.left_out_note:
        yield escape(note)
    for summary in view.evaluation.summaries:
        if remark := summary.coverage(view.evaluation.reward).remark:
            yield f"{escape(summary.arm)}: {escape(remark)}."
    yield from (escape(each.sentence) for each in view.agreements)


def _arm_lines(view: EvalView, summary: ArmSummary) -> Iterator[str]:
    yield f"*{escape(summary.arm)}*"
    yield from (f"`{escape(arm.model)}`" for arm in view.evaluation.arms if arm.label and arm.name == summary.arm)
    for grader in view.evaluation.shown_graders[:MOST_GRADERS_LISTED]:
        score = _score_line(grader, summary.grader(grader))
        yield score + on_scale(view.evaluation.ranges.get(grader)) + in_brackets(summary.coverage(grader))
    if summary.micro and summary.macro:
        yield f"Over labels: micro F1 {number(summary.micro.f1)}, macro F1 {number(summary.macro.f1)}"
    if summary.pass_rate is not None:
        yield f"Passes the threshold {view.evaluation.threshold}: {percentage(summary.pass_rate)} of answers"
    yield _cost(summary, view.results.costs.get(summary.arm))
    prompt = next((arm.prompt for arm in view.evaluation.arms if arm.name == summary.arm), None)
    if prompt and (length := view.evaluation.prompt_lengths.get(prompt)):
        yield f"Prompt {escape(prompt)}: {counted(length, 'character')}"
    if summary.failures:
        yield f"Missing: {missing(summary.failures, ', ')}"
    if summary.grader_errors:
        yield f"Grader errors: {missing(summary.grader_errors, ', ')}"


def _slice_table(view: EvalView) -> str:
    """Return the mean reward of each arm on each slice, in columns for a fixed-width font."""
    evaluation = view.evaluation
    arms = [arm.name for arm in evaluation.arms][:MOST_SLICED]
    names = names_apart(arms)
    head = ["", "items", *(cut(names[arm], MOST_COLUMN) for arm in arms)]
    rows = [
        [cut(each.name, MOST_COLUMN), f"{each.items:,}", *(score(each.means.get(arm), missing="-") for arm in arms)]
        for each in evaluation.slices
    ]
    return escape(cut(columns([head, *rows]), MOST_SPLITS))


def _score_line(grader: str, figure: GraderSummary | None) -> str:
    name = escape(grader_name(grader))
    if figure is None or figure.mean is None:
        return f"{name}: nothing graded"
    low, high = (figure.interval.low, figure.interval.high) if figure.interval else (None, None)
    spread = f", standard deviation over runs {number(figure.run_std, 3)}" if figure.run_std is not None else ""
    return f"{name} *{estimate(figure.mean, low, high)}*{spread}"


def _cost(summary: ArmSummary, dollars: float | None) -> str:
    tokens = f"{counted(summary.input_tokens, 'token')} in, {summary.output_tokens:,} out"
    reasoning = f" ({summary.reasoning_tokens:,} of them reasoning)" if summary.reasoning_tokens else ""
    judges = f", {summary.judge_tokens:,} of judges" if summary.judge_tokens else ""
    latency = f", {seconds(summary.mean_latency)} an answer" if summary.mean_latency is not None else ""
    price = f"; 1,000 calls cost {money(dollars)}" if dollars else ""
    return f"{tokens}{reasoning}{judges}{latency}{price}"


def _worst_block(view: EvalView, worst: WorstItem) -> Block:
    """Return an item with a low reward, what people say of that, and the button with which to say it."""
    said, expected = (cut(" ".join(text.split()), SHOWN_TEXT) for text in (worst.worst.shown or "", worst.expected))
    reference = f" · expected {escape(expected)}" if expected else ""
    line = f"`{escape(cut(worst.id, 40))}` {number(worst.mean)} · {escape(said) or 'empty answer'}{reference}"
    grade = view.grades.get(worst.id)
    if grade is None:
        return section(line)
    people = said_of(grade)
    return section(f"{line}\n{people}" if people else line, block_id=f"worst:{worst.id}", accessory=check_button(grade))
