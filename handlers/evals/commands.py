"""The /eval command and the control on an eval's card."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Final

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from handlers.evals.cards import (
    ACTIONS,
    comparison_chart,
    comparison_message,
    eval_card,
    eval_list,
    eval_result,
    result_chart,
    without_controls,
)
from handlers.evidence.summary import ReportLink
from handlers.slack.blocks import Message, escape
from handlers.slack.commands import EVAL, Typed
from handlers.slack.dispatch import Answering, Asker, listen
from handlers.slack.images import Pictures
from handlers.slack.people import People
from handlers.slack.replies import answer, whisper
from jobs.core.errors import InvalidRequest
from jobs.core.hyperparameters import read_effort, read_whole
from jobs.evals.records import EvalRequest
from jobs.evals.results import read_comparison, read_results
from jobs.evals.service import Evals
from jobs.state.store import AlreadyTaken

COMMAND: Final = "/eval"
MOST_BUDGET: Final = 10_000_000_000


def register(app: AsyncApp) -> None:
    """Listen to /eval and to the control on evals' cards."""
    listen(app, COMMAND, EVAL, ANSWERS)
    app.action(ACTIONS)(handle_control)


async def answer_start(typed: Typed, asker: Asker, respond: AsyncRespond, evals: Evals, people: People) -> None:
    """Start an eval, or a variance study."""
    await people.require_membership(asker.channel)
    await respond(text=await start(typed, asker.user, asker.channel, asker.trigger, evals))


async def answer_list(respond: AsyncRespond, evals: Evals) -> None:
    """Show the newest evals."""
    await answer(respond, eval_list(await evals.newest()))


async def answer_status(typed: Typed, respond: AsyncRespond, evals: Evals) -> None:
    """Say how far an eval is."""
    await answer(respond, without_controls(eval_card(await evals.view(typed.word), time.time())))


async def answer_show(
    typed: Typed,
    asker: Asker,
    client: AsyncWebClient,
    evals: Evals,
    pictures: Pictures,
    report_link: ReportLink,
) -> None:
    """Show what an eval came to."""
    message = await result_of(typed.word, evals, pictures, report_link)
    await whisper(client, message, asker.user, asker.channel)


async def answer_compare(typed: Typed, asker: Asker, client: AsyncWebClient, evals: Evals, pictures: Pictures) -> None:
    """Show which arms are better, item by item."""
    await whisper(client, await compared(typed.words, evals, pictures), asker.user, asker.channel)


async def answer_export(typed: Typed, asker: Asker, respond: AsyncRespond, evals: Evals) -> None:
    """Put an eval's answers into its thread."""
    await respond(text=await export(typed.word, asker.trigger, evals))


async def answer_cancel(typed: Typed, asker: Asker, respond: AsyncRespond, evals: Evals) -> None:
    """Stop an eval."""
    await respond(text=await cancel(typed.word, asker.user, evals))


ANSWERS: Final[Mapping[str, Answering]] = {
    "run": answer_start,
    "variance": answer_start,
    "list": answer_list,
    "status": answer_status,
    "show": answer_show,
    "compare": answer_compare,
    "export": answer_export,
    "cancel": answer_cancel,
}


async def handle_control(
    ack: AsyncAck, body: dict[str, Any], action: dict[str, Any], respond: AsyncRespond, evals: Evals
) -> None:
    """Do what the button on an eval's card asks for."""
    await ack()
    _, _, eval_id = str(action["value"]).partition("|")
    text = await cancel(eval_id, str(body["user"]["id"]), evals)
    await respond(text=text, response_type="ephemeral", replace_original=False)


async def start(typed: Typed, user: str, channel: str, trigger: str, evals: Evals) -> str:
    """Start what was typed; return the sentence that confirms it."""
    given = typed.given
    request = EvalRequest(
        task=given["task"],
        requested_by=user,
        channel=channel,
        trigger=trigger,
        purpose="variance" if typed.verb == "variance" else "run",
        models=tuple(model for model in given.get("model", "").split(",") if model),
        efforts=tuple(read_effort(effort) for effort in given.get("effort", "").split(",") if effort),
        split=given.get("split"),
        runs=read_whole("runs", given["runs"], 1, 50) if "runs" in given else None,
        prompt=given.get("prompt"),
        limit=read_whole("limit", given["limit"], 1, 50_000) if "limit" in given else None,
        platform=given.get("platform"),
        budget=read_whole("budget", given["budget"], 1, MOST_BUDGET) if "budget" in given else None,
    )
    try:
        evaluation = await evals.start(request)
    except AlreadyTaken as taken:
        return f"You asked for just that a moment ago: `{taken.holder}` is on its way."
    names = ", ".join(arm.name for arm in evaluation.arms)
    runs = f"{evaluation.runs} run{'s' if evaluation.runs != 1 else ''}"
    return (
        f"Starting `{evaluation.id}`: {evaluation.items} items of {escape(evaluation.task)} "
        f"({escape(evaluation.split)}) x {runs} of {escape(names)}, "
        f"{evaluation.total:,} answers. Its card appears here."
    )


async def cancel(reference: str, user: str, evals: Evals) -> str:
    """Write down that an eval is to stop; return the sentence that confirms it."""
    evaluation = await evals.cancel(reference, user)
    return f"`{evaluation.id}` stops within two seconds. The answers so far are kept; its card says how many."


async def result_of(reference: str, evals: Evals, pictures: Pictures, report_link: ReportLink) -> Message:
    """Return what an eval came to; raises InvalidRequest while there is nothing to show."""
    evaluation = await evals.view(reference)
    if not evaluation.summaries:
        raise InvalidRequest(
            f"{evaluation.id} has no result yet: {evaluation.progress.answered} of {evaluation.total} answers are in."
        )
    results = await asyncio.to_thread(read_results, evaluation, evals.answer_store)
    chart = result_chart(evaluation, results)
    file = await pictures.file_of(chart, f"result-{evaluation.id}") if chart else None
    return eval_result(evaluation, results, file, report_link(evaluation.id))


async def compared(references: tuple[str, ...], evals: Evals, pictures: Pictures) -> Message:
    """Return how the arms of one or several evals compare, item by item."""
    evaluations = [await evals.view(reference) for reference in dict.fromkeys(references)]
    comparison = await asyncio.to_thread(read_comparison, evaluations, evals.answer_store)
    file = await pictures.file_of(comparison_chart(comparison), "comparison")
    return comparison_message(comparison, file)


async def export(reference: str, trigger: str, evals: Evals) -> str:
    """Have an eval's answers put into its thread, an Inspect log for each arm; return the sentence that says so."""
    evaluation = await evals.export(reference, trigger)
    count = len(evaluation.arms)
    logs, come = ("The Inspect log", "comes") if count == 1 else (f"{count} Inspect logs", "come")
    return f"{logs} of `{evaluation.id}` {come} into its thread."
