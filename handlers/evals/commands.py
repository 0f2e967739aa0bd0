"""The /eval command and the control on an eval's card."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from charts.wording import counted
from handlers.evals.cards import CONTROLS, eval_card, eval_list
from handlers.evals.results import show_comparison, show_result, show_two_splits
from handlers.evidence.summary import ReportLink
from handlers.slack.blocks import Message, escape, without
from handlers.slack.commands import Typed, Verb, listen
from handlers.slack.images import Pictures
from handlers.slack.listeners import Handling, Listeners
from handlers.slack.people import People
from handlers.slack.replies import Asker
from jobs.core.errors import InvalidRequest
from jobs.core.hyperparameters import read_effort, read_whole
from jobs.evals.records import EvalRequest
from jobs.evals.results import read_comparison, read_two_splits
from jobs.evals.service import ENDED, Evals
from jobs.state.store import AlreadyTaken
from jobs.views.eval import read_eval

MOST_BUDGET: Final = 10_000_000_000
MOST_COMPARED: Final = 6
EVAL_KEYS: Final[Mapping[str, str]] = {
    "task": "<task>",
    "model": "<model>,<model>",
    "split": "valid,valid_natural",
    "runs": "n",
    "effort": "low,high",
    "prompt": "<version>",
    "limit": "n",
    "platform": "<platform>",
    "budget": "<tokens>",
}


def register(listeners: Listeners) -> None:
    """Listen to /eval and to the control on evals' cards."""
    listen(listeners, "/eval", EVAL, CONTROLS)


async def start(typed: Typed, asker: Asker, evals: Evals, people: People) -> str:
    """Start an eval or a variance study, on each of the splits named."""
    await people.require_membership(asker.channel)
    splits = list(dict.fromkeys(typed.given.get("split", "").split(",")))
    request = _request(typed, asker)
    if len(splits) == 1:
        return await _start(request, evals)
    each = [replace(request, split=split, trigger=f"{request.trigger}:{split}") for split in splits]
    return "\n".join([await _start(one, evals) for one in each])


def _request(typed: Typed, asker: Asker) -> EvalRequest:
    given = typed.given
    return EvalRequest(
        task=given["task"],
        requested_by=asker.user,
        channel=asker.channel,
        trigger=asker.trigger,
        purpose="variance" if typed.verb == "variance" else "run",
        models=tuple(model for model in given.get("model", "").split(",") if model),
        efforts=tuple(read_effort(effort) for effort in given.get("effort", "").split(",") if effort),
        split=given.get("split"),
        runs=_whole(typed, "runs", 50),
        prompt=given.get("prompt"),
        limit=_whole(typed, "limit", 50_000),
        platform=given.get("platform"),
        budget=_whole(typed, "budget", MOST_BUDGET),
    )


async def _start(request: EvalRequest, evals: Evals) -> str:
    try:
        evaluation = await evals.start(request)
    except AlreadyTaken as taken:
        how = ENDED.get((await evals.view(taken.holder)).state, "is on its way")
        return f"You asked for just that a moment ago: `{taken.holder}` {how}. `/eval show {taken.holder}` shows it."
    names = ", ".join(arm.name for arm in evaluation.arms)
    return (
        f"Starting `{evaluation.id}`: {counted(evaluation.items, 'item')} of {escape(evaluation.task)} "
        f"({escape(evaluation.split)}) x {counted(evaluation.runs, 'run')} of {escape(names)}, "
        f"{counted(evaluation.total, 'answer')}. Its card appears here."
    )


def _whole(typed: Typed, key: str, most: int) -> int | None:
    return read_whole(key, typed.given[key], 1, most) if key in typed.given else None


async def list_evals(evals: Evals) -> Message:
    """Show the newest evals."""
    return eval_list(await evals.newest())


async def show_status(typed: Typed, evals: Evals) -> Message:
    """Show how far an eval is."""
    return without(eval_card(await evals.view(typed.word), time.time()), "actions")


async def show(typed: Typed, evals: Evals, pictures: Pictures, report_link: ReportLink) -> Message:
    """Show the result of an eval."""
    evaluation = await evals.view(typed.word)
    if not evaluation.summaries:
        done = f"{evaluation.progress.answered:,} of {evaluation.total:,} answers"
        raise InvalidRequest(f"{evaluation.id} has no result yet: {done} are in.")
    message, _ = await show_result(await read_eval(evals, evaluation), pictures, report_link)
    return message


async def compare(typed: Typed, evals: Evals, pictures: Pictures) -> Message:
    """Show which arms of one or several evals are better, item by item."""
    evaluations = [await evals.view(reference) for reference in dict.fromkeys(typed.words)]
    if len(evaluations) == 2 and evaluations[0].split != evaluations[1].split:
        both = await asyncio.to_thread(read_two_splits, evaluations[0], evaluations[1], evals.answer_store)
        return await show_two_splits(both, pictures)
    comparison = await asyncio.to_thread(read_comparison, evaluations, evals.answer_store)
    return await show_comparison(comparison, pictures)


async def export(typed: Typed, asker: Asker, evals: Evals) -> str:
    """Have an eval's answers put into its thread, an Inspect log for each arm."""
    evaluation = await evals.export(typed.word, asker.trigger)
    count = len(evaluation.arms)
    logs = "The Inspect log" if count == 1 else f"{count} Inspect logs"
    return f"{logs} of `{evaluation.id}` will be put into its thread."


async def cancel(typed: Typed, asker: Asker, evals: Evals) -> str:
    """Stop an eval."""
    evaluation = await evals.cancel(typed.word, asker.user)
    return f"`{evaluation.id}` stops within two seconds. The answers so far are kept; its card says how many."


EVAL: Final = (
    Verb("run", "ask one or more models, grade every answer", start, keys=EVAL_KEYS, needs=("task",)),
    Verb("variance", "is there headroom to learn: nine runs of each item", start, keys=EVAL_KEYS, needs=("task",)),
    Verb(
        "compare",
        "which is better, item by item: two evals or more",
        compare,
        takes="<eval>",
        most=MOST_COMPARED,
        handling=Handling.READS,
    ),
    Verb("list", "the newest evals", list_evals, handling=Handling.READS),
    Verb("status", "how far an eval is", show_status, takes="<eval>", handling=Handling.READS),
    Verb("show", "its result", show, takes="<eval>", handling=Handling.READS),
    Verb("export", "its answers as Inspect logs, put into its thread", export, takes="<eval>"),
    Verb("cancel", "stop, keeping the answers so far", cancel, takes="<eval>"),
)
