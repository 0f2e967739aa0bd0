"""The /eval command and the control on an eval's card."""

import asyncio
import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from slack_bolt.async_app import AsyncAck
from slack_sdk.web.async_client import AsyncWebClient

from charts.wording import counted
from handlers.evals import form, reviews, suspects
from handlers.evals.cards import ACT, CONTROLS, eval_card, eval_list
from handlers.evals.results import show_comparison, show_result, show_two_splits
from handlers.evals.schedules import answer_schedule
from handlers.evidence.summary import ReportLink
from handlers.slack.blocks import Message, actions, button, escape, section, without
from handlers.slack.commands import Typed, Verb, listen, parse
from handlers.slack.forms import read_fields, refused
from handlers.slack.images import Pictures
from handlers.slack.listeners import Handling, Listeners
from handlers.slack.people import People
from handlers.slack.replies import DONE_BEFORE, Answers, Asker, whisper
from handlers.tasks.defaults import used_by_default
from handlers.tasks.fields import CHANNEL, field_of
from jobs.core.errors import InvalidRequest, UserError
from jobs.core.hyperparameters import read_effort, read_whole
from jobs.evals.held_out import HELD_OUT, HeldOut
from jobs.evals.records import NO_FORMAT, EvalRequest, Format
from jobs.evals.results import read_comparison, read_two_splits
from jobs.evals.service import ENDED, Evals
from jobs.state.store import AlreadyTaken, Store
from jobs.tasks.defaults import chosen_for
from jobs.views.eval import read_eval

MOST_BUDGET: Final = 10_000_000_000
MOST_COMPARED: Final = 6
MOST_VALUE: Final = 2_000
"""Characters that Slack carries in a button."""
EVAL_KEYS: Final[Mapping[str, str]] = {
    "task": "<task>",
    "model": "<model>,<model>",
    "split": "valid,valid_natural",
    "runs": "n",
    "effort": "low,high",
    "prompt": "<version>,<version>",
    "format": NO_FORMAT,
    "margin": "0.02",
    "limit": "n",
    "platform": "<platform>",
    "budget": "<tokens>",
    "open": "yes",
}
SURE: Final = "yes"

SCHEDULE_KEYS: Final[Mapping[str, str]] = {
    "task": "<task>",
    "model": "<alias>",
    "every": "1d|1w",
    "at": "07:00",
    "zone": "Europe/Berlin",
    "budget": "<tokens>",
}


def register(listeners: Listeners) -> None:
    """Listen to /eval, to the control on evals' cards, the form that starts one, and the buttons next to items."""
    listen(listeners, "/eval", EVAL, CONTROLS, bare="run")
    listeners.opens_form(form.OPEN, form.form_for_click)
    listeners.form(form.FORM, take_form)
    reviews.register(listeners)
    suspects.register(listeners)


async def start(typed: Typed, asker: Asker, evals: Evals, people: People, store: Store) -> Message | str:
    """Start an eval or a variance study on each of the splits; the first look at a held-out one is asked about."""
    if typed.given.get("open", SURE) != SURE:
        raise InvalidRequest(f"`open=` takes `{SURE}`: I know what opening the held-out split costs.")
    await people.require_membership(asker.channel)
    request = read_request(typed, asker.user, asker.channel, asker.trigger)
    splits = list(dict.fromkeys(typed.given.get("split", "").split(",")))
    try:
        if len(splits) == 1:
            return await _start([request], typed, evals, store)
        if HELD_OUT in splits:
            raise InvalidRequest(f"`split={HELD_OUT}` is opened by itself; ask for the other splits without it.")
        each = [replace(request, split=split, trigger=f"{request.trigger}:{split}") for split in splits]
        return await _start(each, typed, evals, store)
    except HeldOut as asked:
        return _question(str(asked), typed)


async def _start(requests: Sequence[EvalRequest], typed: Typed, evals: Evals, store: Store) -> str:
    """Start evals of one task; returns what is said to the person."""
    return "\n".join([await _start_one(each, typed, evals, store) for each in requests])


async def _start_one(request: EvalRequest, typed: Typed, evals: Evals, store: Store) -> str:
    try:
        evaluation = await evals.start(request)
    except AlreadyTaken as taken:
        how = ENDED.get((await evals.view(taken.holder)).state, "is on its way")
        return f"You asked for just that a moment ago: `{taken.holder}` {how}. `/eval show {taken.holder}` shows it."
    names = ", ".join(arm.name for arm in evaluation.arms)
    opened = await evals.openings(evaluation)
    return (
        f"Starting `{evaluation.id}`: {counted(evaluation.items, 'item')} of {escape(evaluation.task)} "
        f"({escape(evaluation.split)}) x {counted(evaluation.runs, 'run')} of {escape(names)}, "
        f"{counted(evaluation.total, 'answer')}. Its card appears here.{''.join(f' {each}' for each in opened)}"
        f"{used_by_default(await chosen_for(store, evaluation.task), typed.given)}"
    )


def read_request(typed: Typed, user: str, channel: str, trigger: str) -> EvalRequest:
    """Return the eval that was asked for; raises InvalidRequest where a value does not work."""
    given = typed.given
    prompts = tuple(dict.fromkeys(version for version in given.get("prompt", "").split(",") if version))
    return EvalRequest(
        task=given["task"],
        requested_by=user,
        channel=channel,
        trigger=trigger,
        purpose="variance" if typed.verb == "variance" else "run",
        models=tuple(model for model in given.get("model", "").split(",") if model),
        efforts=tuple(read_effort(effort) for effort in given.get("effort", "").split(",") if effort),
        split=given.get("split"),
        runs=_whole(typed, "runs", 50),
        prompt=prompts[0] if len(prompts) == 1 else None,
        prompts=prompts if len(prompts) > 1 else (),
        format=_format(given["format"]) if "format" in given else None,
        margin=_margin(given["margin"]) if "margin" in given else None,
        limit=_whole(typed, "limit", 50_000),
        platform=given.get("platform"),
        budget=_whole(typed, "budget", MOST_BUDGET),
        opens="open" in given,
    )


def _question(asked: str, typed: Typed) -> Message:
    """Return the question whether to open a held-out split, with a button that stands for the command and its yes."""
    pairs = shlex.join(f"{key}={value}" for key, value in {**typed.given, "open": SURE}.items())
    confirmed = f"{typed.verb}|{pairs}"
    if len(confirmed) > MOST_VALUE:
        return Message(asked)
    return Message(asked, (section(asked), actions(button("Open it", f"{ACT}:open", confirmed), block_id="open_test")))


def _format(text: str) -> Format:
    if text.lower() != NO_FORMAT:
        raise InvalidRequest(
            f"`format={text}` does not work: format is {NO_FORMAT}, which asks a second time without the response "
            "format of the task."
        )
    return NO_FORMAT


def _margin(text: str) -> float:
    try:
        if 0 < (margin := float(text)) <= 1:
            return margin
    except ValueError:
        pass
    raise InvalidRequest(f"`margin={text}` does not work: margin is a share of the scale from 0 to 1, such as 0.02.")


async def take_form(
    ack: AsyncAck,
    view: dict[str, Any],
    asker: Asker,
    answers: Answers,
    client: AsyncWebClient,
    evals: Evals,
    people: People,
    store: Store,
    took_effect: bool,
) -> None:
    """Start what the form holds; what is wrong with it is said next to a field."""
    fields = read_fields(view)
    asker = replace(asker, channel=fields.get(CHANNEL, asker.channel))
    try:
        said = await start(parse("/eval", form.as_typed(fields), EVAL), asker, evals, people, store)
    except UserError as problem:
        await refused(ack, str(problem), field_of(str(problem), fields, ("split",)))
        return
    await ack()
    if isinstance(said, Message):
        await whisper(client, said, asker.user, asker.channel)
    else:
        await answers.tell(asker.user, asker.channel, f"{DONE_BEFORE} {said}" if took_effect else said)


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
    return await show_comparison(comparison, pictures, await evals.reviews.agreements(*evaluations))


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
    Verb(
        "run",
        "ask one or more models, grade every answer",
        start,
        keys=EVAL_KEYS,
        needs=("task",),
        form=form.form_for_command,
    ),
    Verb(
        "variance",
        "is there headroom to learn: nine runs of each item",
        start,
        keys=EVAL_KEYS,
        needs=("task",),
        form=form.form_for_command,
    ),
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
    Verb(
        "review",
        "check grades: some drawn at random, or the one of an item; what you say stands next to the grader's score",
        reviews.review,
        takes="<eval>",
        keys=reviews.REVIEW_KEYS,
    ),
    Verb("export", "its answers as Inspect logs, put into its thread", export, takes="<eval>"),
    Verb("cancel", "stop, keeping the answers so far", cancel, takes="<eval>"),
    Verb(
        "schedule",
        "measure an alias's model again and again, and say when it is worse than at its approval; on its own, list",
        answer_schedule,
        takes="pause|resume|end",
        least=0,
        most=2,
        keys=SCHEDULE_KEYS,
    ),
)
