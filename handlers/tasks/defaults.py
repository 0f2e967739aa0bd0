"""`/proctor default`: what launches and evals of a task use where nothing is typed, set and undone by people."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from charts.wording import joined
from handlers.slack.blocks import Block, Message, actions, button, escape, section
from handlers.slack.commands import Typed
from handlers.slack.people import People
from handlers.slack.replies import Asker
from handlers.slack.wording import moment, person
from jobs.core.errors import InvalidRequest
from jobs.core.hyperparameters import AUTO, read_effort
from jobs.core.nearest import nearest
from jobs.core.records import Posting
from jobs.evals.postings import result_posting
from jobs.evals.service import Evals
from jobs.state.store import Store
from jobs.tasks.defaults import Choice, DefaultsDesk, TaskDefaults, chosen_for

UNDO: Final = "undo"
UNDOES: Final = re.compile(rf"{UNDO}(?:-(\d{{1,15}}))?", re.IGNORECASE)
"""As typed; a button adds the stamp of the change that stands next to it, so that it takes back no later one."""
DEFAULT_KEYS: Final[Mapping[str, str]] = {"effort": "low", "prompt": "<version>", "why": "<eval>"}
ACT: Final = "act_on_default"


async def answer_default(
    typed: Typed,
    asker: Asker,
    people: People,
    store: Store,
    evals: Evals,
    defaults_desk: DefaultsDesk,
    took_effect: bool,
) -> Message:
    """Show what was chosen for a task, or change it, or take the newest change back."""
    task, *words = typed.words
    wrong = [word for word in words if not UNDOES.fullmatch(word)]
    if wrong:
        raise InvalidRequest(f"`/proctor default {task}` cannot '{wrong[0]}'; {nearest(wrong[0], (UNDO,))}")
    if took_effect:
        return default_message(await chosen_for(store, task))
    before = await chosen_for(store, task)
    if not words and not typed.given.keys() & {"effort", "prompt"}:
        return default_message(before)
    await people.require_membership(asker.channel)
    if why := typed.given.get("why"):
        await evals.view(why)
    rests_on = {typed.given.get("why", ""), *(change.why for change in before.changes[-2:])}
    postings = await _results(evals, rests_on)
    if words:
        stamp = words[0].partition("-")[2]
        undone = await defaults_desk.undo(
            task, by=asker.user, where=asker.channel, only=int(stamp) if stamp else None, postings=postings
        )
        return default_message(undone)
    changed = await defaults_desk.choose(
        task,
        lambda choice: _changed(choice, typed.given),
        by=asker.user,
        where=asker.channel,
        why=typed.given.get("why", ""),
        postings=postings,
    )
    return default_message(changed)


async def _results(evals: Evals, eval_ids: Iterable[str]) -> tuple[Posting, ...]:
    """Return the postings that bring the results of evals up to date: they show what rests on them."""
    found = [await evals.find(eval_id) for eval_id in sorted(eval_ids) if eval_id]
    return tuple(result_posting(each, urgent=True) for each in found if each and each.summaries)


def _changed(choice: Choice, given: Mapping[str, str]) -> Choice:
    if "effort" in given:
        choice = replace(choice, effort=None if given["effort"] == AUTO else read_effort(given["effort"]))
    if "prompt" in given:
        choice = replace(choice, prompt=None if given["prompt"] == AUTO else given["prompt"])
    return choice


def default_message(defaults: TaskDefaults) -> Message:
    """Return what was chosen for a task, with a button that takes it back."""
    said = default_line(defaults)
    if not defaults.changes:
        return Message(said)
    number_of = len(defaults.changes)
    undo = actions(undo_button(defaults), block_id=f"default:{defaults.task}:{number_of}")
    return Message(said, (section(said), undo))


def undo_button(defaults: TaskDefaults) -> Block:
    """Return the button that takes the newest change of a task's defaults back, and no later one."""
    reads = f"Undo the newest change of the defaults of {defaults.task}"
    value = f"default|{defaults.task} {UNDO}-{defaults.changes[-1].stamp}"
    return button("Undo", f"{ACT}:undo", value, reads=reads)


def default_line(defaults: TaskDefaults) -> str:
    """Return what was chosen for a task, by whom and on which eval, as mrkdwn sentences."""
    task = escape(defaults.task)
    if not defaults.changes:
        return f"Nothing is set for `{task}` here: launches and evals use what its task.yaml says."
    newest = defaults.changes[-1]
    rests_on = f", resting on `{escape(newest.why)}`" if newest.why else ""
    words = escape(defaults.choice.words) or "what its task.yaml says"
    return (
        f"`/rft launch` and `/eval run` of `{task}` now use *{words}* where nothing else is typed; "
        f"set by {person(newest.by)} {moment(newest.at)}{rests_on}."
    )


def used_by_default(defaults: TaskDefaults, given: Mapping[str, str]) -> str:
    """Return the sentence on what a request takes from what was chosen, to follow the answer; "" for nothing."""
    choice = defaults.choice
    effort, prompt = choice.effort, choice.prompt
    taken = (
        f"effort {effort}" if effort and "effort" not in given else "",
        f"prompt {prompt}" if prompt and "prompt" not in given else "",
    )
    named = joined([each for each in taken if each])
    return f" It uses {escape(named)}, set by {person(defaults.changes[-1].by)} for this task." if named else ""


def default_button(label: str, task: str, key: str, value: str, eval_id: str) -> Block:
    """Return the button that makes an effort or a prompt the default of a task, resting on an eval."""
    return button(label, f"{ACT}:{key}", f"default|{task} {key}={value} why={eval_id}", style="primary")
