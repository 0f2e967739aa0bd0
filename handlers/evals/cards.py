"""How an eval looks: its live card, its result in the thread, the list. No Slack call is made here."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from charts import ArmScores, ItemScores, Score, ScoreComparison, VarianceStudy, describe
from handlers.slack.blocks import (
    Block,
    Message,
    actions,
    button,
    confirmation,
    context,
    cut,
    divider,
    escape,
    fields,
    header,
    image,
    section,
)
from handlers.slack.wording import duration, grader_name, moment, person, score
from jobs.evals.records import Arm, ArmSummary, Eval, EvalState
from jobs.evals.results import EvalResults
from jobs.evals.stats.comparison import Comparison

ACT: Final = "act_on_eval"
ACTIONS: Final = re.compile(rf"^{ACT}:")
STATES: Final = {
    EvalState.CHECKING: "Checking",
    EvalState.RUNNING: "Asking and grading",
    EvalState.FINISHED: "Finished",
    EvalState.CANCELLED: "Cancelled",
    EvalState.FAILED: "Failed",
    EvalState.REFUSED: "Refused",
}
PURPOSES: Final = {"run": "Eval", "variance": "Variance study"}
MOST_ARMS_SHOWN: Final = 8
MOST_ARMS_LISTED: Final = 3
MOST_PAIRS_SHOWN: Final = 15
SHOWN_TEXT: Final = 120
SHOWN_GRADERS: Final = ("precision", "recall", "f1")


# -- the live card ----------------------------------------------------------------------------------------------------


def eval_card(evaluation: Eval, now: float) -> Message:
    """Return an eval's card: how far it is, what it cost so far, and what can be done about it."""
    done = evaluation.progress
    end = evaluation.finished_at or now
    elapsed = None if evaluation.started_at is None else end - evaluation.started_at
    missing = sum(done.failures.values())
    mean = f"Mean {escape(grader_name(evaluation.reward))}"
    blocks = [
        header(f"{PURPOSES[evaluation.request.purpose]} of {evaluation.task}"),
        section(f"*{_state(evaluation)}* · {done.answered:,} of {evaluation.total:,} answers\n{_verdict(evaluation)}"),
        fields(
            f"*{mean}{'' if evaluation.state.is_final else ' so far'}*\n{_means(evaluation)}",
            f"*Missing answers*\n{_missing(done.failures) if missing else 'none'}",
            f"*Tokens*\n{done.tokens:,}",
            f"*Time{'' if evaluation.state.is_final else ' so far'}*\n{duration(elapsed)}",
        ),
        context(
            f"`{evaluation.id}` · started by {person(evaluation.request.requested_by)} "
            f"{moment(evaluation.created_at)} · platform {escape(evaluation.platform)} · {evaluation.split}, "
            f"{_size(evaluation)} · prompt {escape(evaluation.prompt or 'of each row')}"
        ),
    ]
    if not evaluation.state.is_final:
        blocks.append(actions(_cancel(evaluation), block_id=f"controls:{evaluation.id}:{done.answered}"))
    text = (
        f"{PURPOSES[evaluation.request.purpose]} of {evaluation.task} ({evaluation.id}): {_state(evaluation)}, "
        f"{done.answered} of {evaluation.total} answers."
    )
    return Message(text, tuple(blocks))


def _state(evaluation: Eval) -> str:
    """Return an eval's state for people; one that ended with a note did not come to its end."""
    stopped = evaluation.state is EvalState.FINISHED and evaluation.note
    return "Stopped early" if stopped else STATES[evaluation.state]


def _size(evaluation: Eval) -> str:
    return f"{evaluation.items:,} items x {evaluation.runs} run{'s' if evaluation.runs != 1 else ''}"


def _verdict(evaluation: Eval) -> str:
    if evaluation.note:
        return escape(evaluation.note)
    if evaluation.state is EvalState.FINISHED:
        return "The result is in the thread."
    names = ", ".join(escape(arm.name) for arm in evaluation.arms[:MOST_ARMS_SHOWN])
    return f"Asking {names}."


def _means(evaluation: Eval) -> str:
    rewards = evaluation.progress.rewards
    if not rewards:
        return "nothing graded yet"
    shown = list(rewards.items())[:MOST_ARMS_SHOWN]
    if len(shown) == 1:
        return score(shown[0][1])
    return "\n".join(f"{escape(cut(arm, 40))}: {score(mean)}" for arm, mean in shown)


def _missing(failures: Mapping[str, int]) -> str:
    most = sorted(failures.items(), key=lambda each: -each[1])[:3]
    return "\n".join(f"{count:,} {escape(reason)}" for reason, count in most)


def _cancel(evaluation: Eval) -> Block:
    return button(
        "Cancel",
        f"{ACT}:cancel",
        f"cancel|{evaluation.id}",
        style="danger",
        confirm=confirmation(
            "Cancel this eval?",
            f"{evaluation.id} stops within two seconds. The {evaluation.progress.answered} answers so far are kept.",
            "Cancel eval",
            "Keep it running",
        ),
    )


# -- its result -------------------------------------------------------------------------------------------------------


def result_chart(evaluation: Eval, results: EvalResults) -> VarianceStudy | ScoreComparison | None:
    """Return the picture of an eval's result: the items of a variance study, else the scores of its arms."""
    if results.variance is not None:
        reading = results.variance
        return VarianceStudy(
            title=f"{reading.verdict}: {reading.next_step}",
            items=tuple(ItemScores(item.item, item.mean, item.best, item.worst) for item in reading.items),
            runs=reading.runs,
            mean=reading.mean,
            mean_best=reading.mean_of_best,
            mean_variance=reading.mean_variance,
            subtitle=f"{evaluation.task} · {reading.arm} · {evaluation.split}, {_size(evaluation)}",
            score=evaluation.reward,
        )
    graders = graders_shown(evaluation)
    if not evaluation.summaries or not graders:
        return None
    return ScoreComparison(
        title=_title(evaluation, results),
        graders=tuple(grader_name(grader) for grader in graders),
        arms=tuple(
            ArmScores(summary.arm, tuple(_score_of(summary, grader) for grader in graders))
            for summary in evaluation.summaries[:MOST_ARMS_SHOWN]
        ),
        subtitle=f"{evaluation.task} · {evaluation.split}, {_size(evaluation)}",
        errors="standard deviation over runs" if evaluation.runs > 1 else "",
    )


def comparison_chart(comparison: Comparison) -> ScoreComparison:
    """Return the picture of how arms of one or several evals compare."""
    graders = tuple(grader for grader in SHOWN_GRADERS if grader in comparison.graders) or comparison.graders[:4]
    return ScoreComparison(
        title=comparison.pairs[0].headline if len(comparison.pairs) == 1 else "Scores of each arm",
        graders=tuple(grader_name(grader) for grader in graders),
        arms=tuple(
            ArmScores(
                row.name,
                tuple(
                    Score(figure.mean, figure.run_std)
                    for grader in graders
                    for figure in row.graders
                    if figure.grader == grader
                ),
            )
            for row in comparison.rows[:MOST_ARMS_SHOWN]
        ),
    )


def comparison_message(comparison: Comparison, file: str | None) -> Message:
    """Return how arms compare: the table, the picture, and a verdict for each pair."""
    blocks: list[Block] = [section(f"```{escape(cut(comparison.table, 2900))}```")]
    if file:
        blocks.append(image(file, describe(comparison_chart(comparison))))
    blocks += [section(escape(line)) for line in comparison.text.splitlines()[:MOST_PAIRS_SHOWN]]
    return Message(cut(f"{comparison.text}\n{comparison.table}", 3900), tuple(blocks))


def graders_shown(evaluation: Eval) -> tuple[str, ...]:
    """Return the graders a result is told in: precision, recall and F1 where there are such, else all of them."""
    usual = tuple(grader for grader in SHOWN_GRADERS if grader in evaluation.graders)
    others = (evaluation.reward, *(grader for grader in evaluation.graders if grader != evaluation.reward))
    return usual if evaluation.reward in usual else others[:4]


def eval_result(evaluation: Eval, results: EvalResults, file: str | None, link: str | None) -> Message:
    """Return what an eval came to: scores with intervals, what is missing and why, and what it means."""
    chart = result_chart(evaluation, results)
    words = describe(chart) if chart else ""
    blocks: list[Block] = [header(f"Result of {evaluation.id}"), section(_meaning(evaluation, results))]
    if results.comparison:
        blocks += [section(escape(line)) for line in results.comparison.text.splitlines()[:MOST_PAIRS_SHOWN]]
    if chart and file:
        blocks.append(image(file, words, chart.subtitle))
    blocks += [section(_arm_text(evaluation, summary)) for summary in evaluation.summaries[:MOST_ARMS_SHOWN]]
    if results.worst:
        blocks += [divider(), section("*Worst items*\n" + "\n".join(_worst_lines(results)))]
    if link:
        blocks.append(context(f"<{link}|Browse every answer> · the link works for 7 days"))
    text = f"Result of {evaluation.id}. {_meaning(evaluation, results)} {words}"
    return Message(cut(text, 3900), tuple(blocks))


def _meaning(evaluation: Eval, results: EvalResults) -> str:
    lines = []
    if results.variance is not None:
        verdict, *rest = results.variance.text.splitlines()
        lines += [f"*{escape(verdict)}*", *(escape(line) for line in rest)]
    else:
        lines.append(f"*{escape(_title(evaluation, results))}*")
    missing = {summary.arm: sum(summary.failures.values()) for summary in evaluation.summaries if summary.failures}
    lines += [
        f"{escape(arm)}: {count:,} answers are missing; they count in no score." for arm, count in missing.items()
    ]
    return "\n".join(lines)


def _title(evaluation: Eval, results: EvalResults) -> str:
    """Return the result in one line: between two arms the verdict, else who is highest."""
    if results.comparison and len(results.comparison.pairs) == 1:
        return results.comparison.pairs[0].headline
    scored = [
        (summary.arm, figure.mean) for summary in evaluation.summaries if (figure := summary.grader(evaluation.reward))
    ]
    known = [(arm, mean) for arm, mean in scored if mean is not None]
    if not known:
        return "No answer could be graded"
    arm, mean = max(known, key=lambda each: each[1])
    name = grader_name(evaluation.reward)
    return f"{arm} has the highest {name}, {mean:.2f}" if len(known) > 1 else f"{arm}: {name} {mean:.2f}"


def _score_of(summary: ArmSummary, grader: str) -> Score:
    figure = summary.grader(grader)
    return Score(figure.mean, figure.run_std) if figure else Score(None)


def _arm_text(evaluation: Eval, summary: ArmSummary) -> str:
    lines = [f"*{escape(summary.arm)}*"]
    for grader in graders_shown(evaluation):
        figure = summary.grader(grader)
        if figure is None or figure.mean is None:
            lines.append(f"{escape(grader_name(grader))}: nothing graded")
            continue
        spread = f" ± {figure.run_std:.3f} over runs" if figure.run_std is not None else ""
        between = f", 95% interval {figure.interval.low:.2f} to {figure.interval.high:.2f}" if figure.interval else ""
        lines.append(f"{escape(grader_name(grader))} *{figure.mean:.3f}*{spread}{between}")
    if summary.micro and summary.macro:
        lines.append(f"Over labels: micro F1 {summary.micro.f1:.2f}, macro F1 {summary.macro.f1:.2f}")
    if summary.pass_rate is not None:
        lines.append(f"Passes the threshold {evaluation.threshold}: {summary.pass_rate:.0%} of answers")
    lines.append(_cost(summary))
    if summary.failures:
        lines.append(f"Missing: {_missing(summary.failures).replace(chr(10), ', ')}")
    if summary.grader_errors:
        lines.append(f"Grader errors: {_missing(summary.grader_errors).replace(chr(10), ', ')}")
    return "\n".join(lines)


def _cost(summary: ArmSummary) -> str:
    tokens = f"{summary.input_tokens:,} tokens in, {summary.output_tokens:,} out"
    reasoning = f" ({summary.reasoning_tokens:,} of them reasoning)" if summary.reasoning_tokens else ""
    latency = f", {summary.mean_latency:.2f} s an answer" if summary.mean_latency is not None else ""
    return f"{tokens}{reasoning}{latency}"


def _worst_lines(results: EvalResults) -> list[str]:
    said = {worst.id: " ".join((worst.worst.text or "").split()) for worst in results.worst}
    return [
        f"`{escape(cut(worst.id, 40))}` {score(worst.mean)} · {escape(cut(said[worst.id], SHOWN_TEXT))}"
        for worst in results.worst
    ]


# -- answers to commands ----------------------------------------------------------------------------------------------


def eval_list(evaluations: tuple[Eval, ...]) -> Message:
    """Return the newest evals, one line each."""
    if not evaluations:
        return Message("No eval yet. `/eval run task=&lt;task&gt;` starts one; `/proctor tasks` lists the tasks.")
    lines = [
        f"`{each.id}` *{escape(each.task)}* · {_state(each)}, {each.progress.answered:,} of {each.total:,} "
        "answers · "
        f"{escape(_listed(each.arms))} · {person(each.request.requested_by)}, "
        f"{moment(each.created_at)}"
        for each in evaluations
    ]
    text = f"{len(evaluations)} newest eval{'s' if len(evaluations) != 1 else ''}"
    return Message(text, (section(f"*{text}*"), *(section(line) for line in lines)))


def _listed(arms: Sequence[Arm]) -> str:
    names = ", ".join(arm.name for arm in arms[:MOST_ARMS_LISTED])
    return names + (f" and {len(arms) - MOST_ARMS_LISTED} more" if len(arms) > MOST_ARMS_LISTED else "")


def without_controls(message: Message) -> Message:
    """Return a message as an answer shows it: nothing to click."""
    return Message(message.text, tuple(block for block in message.blocks if block["type"] != "actions"))
