"""How an eval looks while it runs, and in lists. No Slack call is made here."""

import re
from collections.abc import Mapping
from typing import Final

from charts.wording import counted, duration, grader_name, listed, number, on_scale, sentence
from handlers.slack.blocks import Message, actions, cancel_button, context, cut, escape, fields, header, section
from handlers.slack.wording import moment, person
from jobs.evals.failures import is_permanent
from jobs.evals.records import Coverage, Eval, EvalState
from jobs.views.eval import size_of

ACT: Final = "act_on_eval"
CONTROLS: Final = re.compile(rf"^{ACT}:")
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
MOST_REASONS: Final = 3


def eval_card(evaluation: Eval, now: float) -> Message:
    """Return an eval's card: how far it is, what it cost so far, and what can be done about it; `now` in seconds."""
    done, state = evaluation.progress, _state(evaluation)
    title = f"{PURPOSES[evaluation.request.purpose]} of {evaluation.task}"
    ended = evaluation.state.is_final
    elapsed = None if evaluation.started_at is None else (evaluation.finished_at or now) - evaluation.started_at
    blocks = [
        header(title),
        section(f"*{state}* · {_far(evaluation)}\n{_verdict(evaluation)}"),
        fields(
            f"*Mean {escape(grader_name(evaluation.reward))}{'' if ended else ' so far'}*\n{_means(evaluation)}",
            f"*Missing answers*\n{missing(done.failures) or 'none'}",
            f"*Tokens*\n{done.tokens:,}",
            f"*Time{'' if ended else ' so far'}*\n{duration(elapsed)}",
        ),
        context(
            f"`{evaluation.id}` · started by {person(evaluation.request.requested_by)} "
            f"{moment(evaluation.created_at)} · platform {escape(evaluation.platform)} · {evaluation.split}, "
            f"{size_of(evaluation)} · {_prompts(evaluation)}"
        ),
    ]
    if not ended:
        kept = counted(done.answered, "answer")
        cancel = cancel_button(
            "Cancel eval",
            f"{ACT}:cancel",
            f"cancel|{evaluation.id}",
            question="Cancel this eval?",
            consequence=f"{evaluation.id} stops within two seconds. The {kept} so far are kept.",
        )
        blocks.append(actions(cancel, block_id=f"controls:{evaluation.id}:{done.answered}"))
    concluded = f" {sentence(evaluation.conclusion.headline)}" if evaluation.conclusion else ""
    text = f"{title} ({evaluation.id}): {state}, {_far(evaluation)}.{concluded}"
    return Message(text, tuple(blocks))


def _far(evaluation: Eval) -> str:
    """Return how many answers there are; where every request failed, none."""
    answered = 0 if evaluation.failure else evaluation.progress.answered
    return f"{answered:,} of {evaluation.total:,} answers"


def advice_of(evaluation: Eval) -> str:
    """Return what to do about an eval without one answer; asking again is no advice where it is refused again."""
    reason = next(iter(evaluation.progress.failures), "")
    if is_permanent(reason):
        return "Next: change what is refused; asked again as it is, it is refused again."
    return "Next: evaluate again." if reason else ""


def rest_of_note(evaluation: Eval) -> str:
    """Return an eval's note without the reason that its conclusion names."""
    return (evaluation.note or "").removeprefix(evaluation.failure).strip()


def _prompts(evaluation: Eval) -> str:
    if evaluation.prompt_lengths:
        return f"prompts {escape(', '.join(evaluation.prompt_lengths))}"
    return f"prompt {escape(evaluation.prompt or 'of each row')}"


def _state(evaluation: Eval) -> str:
    """Return an eval's state for people; one that finished with a note was stopped before its end."""
    stopped = evaluation.state is EvalState.FINISHED and evaluation.note
    return "Stopped early" if stopped else STATES[evaluation.state]


def _verdict(evaluation: Eval) -> str:
    if concluded := evaluation.conclusion:
        advice = advice_of(evaluation) if evaluation.failure else ""
        rest = map(escape, (*evaluation.caveats, rest_of_note(evaluation), advice))
        return "\n".join(filter(None, [f"*{escape(concluded.headline)}*", *rest]))
    if evaluation.note:
        return escape(evaluation.note)
    if evaluation.state is EvalState.FINISHED:
        return "The result is in the thread."
    return f"Asking {escape(listed([arm.name for arm in evaluation.arms], MOST_ARMS_SHOWN))}."


def _means(evaluation: Eval) -> str:
    progress = evaluation.progress
    means = {
        arm: number(mean) + on_scale(evaluation.ranges.get(evaluation.reward)) + in_brackets(progress.coverage.get(arm))
        for arm, mean in list(progress.rewards.items())[:MOST_ARMS_SHOWN]
    }
    if len(means) == 1:
        return next(iter(means.values()))
    return "\n".join(f"{escape(cut(arm, 40))}: {mean}" for arm, mean in means.items()) or "nothing graded yet"


def in_brackets(coverage: Coverage | None) -> str:
    """Return what is to be said after a mean that is not over everything; "" where there is nothing."""
    return f" ({coverage.remark})" if coverage and coverage.remark else ""


def missing(failures: Mapping[str, int], separator: str = "\n") -> str:
    """Return the most frequent reasons of failures, each with its number."""
    most = sorted(failures.items(), key=lambda each: -each[1])[:MOST_REASONS]
    return separator.join(f"{count:,} x {escape(reason)}" for reason, count in most)


def eval_list(evaluations: tuple[Eval, ...]) -> Message:
    """Return the newest evals, one line each."""
    if not evaluations:
        return Message("No eval yet. `/eval run task=&lt;task&gt;` starts one; `/proctor tasks` lists the tasks.")
    lines = [
        f"`{each.id}` *{escape(each.task)}* · {_state(each)}, {_far(each)} · "
        f"{escape(listed([arm.name for arm in each.arms], MOST_ARMS_LISTED))} · "
        f"{person(each.request.requested_by)}, {moment(each.created_at)}"
        + (f"\n{escape(each.conclusion.headline)}" if each.conclusion else "")
        for each in evaluations
    ]
    text = counted(len(evaluations), "newest eval")
    return Message(text, (section(f"*{text}*"), *map(section, lines)))
