"""Suspect labels in a variance study's thread: each to be kept, dropped or fixed, then a new version of the task."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final, cast

from slack_bolt.async_app import AsyncAck

from charts.wording import counted
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
    quoted,
    section,
)
from handlers.slack.forms import modal, text_input
from handlers.slack.listeners import Handling, Listeners
from handlers.slack.people import People
from handlers.slack.replies import Answers, Asker
from handlers.slack.wording import person
from jobs.core.errors import BotError
from jobs.evals.service import Evals
from jobs.evals.suspect_decisions import DONE
from jobs.evals.suspects import Choice, Decision, Suspect, SuspectLabels
from jobs.tasks.datasets.corrections import as_typed

DECIDE: Final = re.compile(r"^suspect:(keep|drop)$")
FIX: Final = "suspect:fix"
MAKE: Final = "suspect:make"
FORM: Final = "fix_label"
REFERENCE: Final = "reference"
MOST_LISTED: Final = 12
"""Items, so that Slack takes the message."""
MOST_TEXT: Final = 120
MOST_LABELS: Final = 80
MOST_REFERENCE: Final = 3000


def register(listeners: Listeners) -> None:
    """Listen to the buttons of suspect labels, and to the form of a new reference."""
    listeners.action(DECIDE, decide, Handling.CHANGES)
    listeners.opens_form(FIX, ask_for_reference)
    listeners.form(FORM, take_reference)
    listeners.action(MAKE, make_version, Handling.CHANGES_FOR_LONG)


# -- the message ------------------------------------------------------------------------------------------------------


def suspects_message(found: SuspectLabels) -> Message:
    """Return the suspect items, each with its buttons and what was decided, and the button that makes a version."""
    title = f"Suspect labels of {found.evaluation}"
    blocks: list[Block] = [header(title), section(f"*{escape(found.sentence)}*")]
    for place, suspect in enumerate(found.suspects[:MOST_LISTED]):
        blocks += _listed(found, suspect, place)
    hidden = len(found.suspects[MOST_LISTED:]) + found.unlisted
    if hidden:
        hint = "a variance study of the new version lists the next ones."
        blocks.append(context(f"{counted(hidden, 'less suspect item')} not listed; {hint}"))
    blocks += [divider(), section(_standing(found))]
    if any(each.choice != "keep" for each in found.decisions):
        blocks.append(actions(_make_button(found), block_id=f"suspects:{found.evaluation}:{len(found.made)}"))
    return Message(f"{title}. {found.sentence}", tuple(blocks))


def _listed(found: SuspectLabels, suspect: Suspect, place: int) -> Iterator[Block]:
    decision = found.decision(suspect.item)
    decided = [f"_{_said(decision)}_"] if decision else []
    yield section(
        "\n".join(
            [
                f"`{escape(cut(suspect.item, 40))}` {quoted(suspect.input, MOST_TEXT)}",
                f"Reference: *{quoted(as_typed(suspect.reference), MOST_LABELS)}* · {quoted(suspect.why, MOST_LABELS)}",
                *decided,
            ]
        )
    )
    choices = (("Keep", "suspect:keep"), ("Drop", "suspect:drop"), ("Fix", FIX))
    value = f"{found.evaluation}|{place}"
    buttons = (button(label, name, value, reads=f"{label} {suspect.item}") for label, name in choices)
    yield actions(*buttons, block_id=f"suspect:{place}:{decision.at if decision else 0}")


async def _clicked(action: dict[str, Any], evals: Evals) -> tuple[SuspectLabels, Suspect]:
    """Return the item whose button was clicked; its place among the suspects of a study never changes."""
    eval_id, _, place = str(action["value"]).partition("|")
    found = await evals.suspects.of(eval_id)
    return found, found.suspects[int(place)]


def _said(decision: Decision) -> str:
    became = f": {quoted(as_typed(decision.reference), MOST_LABELS)}" if decision.choice == "fix" else ""
    return f"{DONE[decision.choice].capitalize()} by {person(decision.user)}{became}"


def _standing(found: SuspectLabels) -> str:
    counts = {choice: sum(each.choice == choice for each in found.decisions) for choice in DONE}
    said = ", ".join(f"{count} {DONE[choice]}" for choice, count in counts.items())
    made = f" Made of it: {', '.join(f'`{escape(each)}`' for each in found.made)}." if found.made else ""
    open_items = len(found.suspects) - len(found.decisions)
    return f"{said}; {counted(open_items, 'item')} undecided: a new version keeps them as they are.{made}"


def _make_button(found: SuspectLabels) -> Block:
    return button("Make a new version of the task", MAKE, found.evaluation, style="primary")


# -- what people do ---------------------------------------------------------------------------------------------------


async def decide(
    ack: AsyncAck, action: dict[str, Any], asker: Asker, evals: Evals, people: People, answers: Answers
) -> None:
    """Write down that an item is kept or dropped; the list shows it, so only a repeated click is answered."""
    await ack()
    await people.require_membership(asker.channel)
    found, suspect = await _clicked(action, evals)
    choice = cast("Choice", str(action["action_id"]).removeprefix("suspect:"))
    before = found.decision(suspect.item)
    if before and (before.choice, before.user) == (choice, asker.user):
        text = f"`{escape(cut(suspect.item, 40))}` is {DONE[choice]} already, by you."
        await answers.tell(asker.user, asker.channel, text)
    else:
        await evals.suspects.decide(found.evaluation, suspect.item, choice, asker.user)


async def ask_for_reference(action: dict[str, Any], asker: Asker, evals: Evals, people: People) -> Block:
    """Return the form that asks for an item's new reference, filled in with what the runs say."""
    await people.require_membership(asker.channel)
    found, suspect = await _clicked(action, evals)
    return form(found, suspect, asker.channel)


def form(found: SuspectLabels, suspect: Suspect, channel: str) -> Block:
    """Return the form that asks for an item's new reference."""
    decision = found.decision(suspect.item)
    proposed = decision.reference if decision and decision.choice == "fix" else suspect.proposed
    blocks = [
        section(f"*{escape(cut(suspect.item, 60))}*\n{quoted(suspect.input)}"),
        section(f"*Reference now*\n{escape(cut(as_typed(suspect.reference), MOST_REFERENCE - 100))}"),
        section(f"*The runs*\n{escape(cut(suspect.why, MOST_REFERENCE - 100))}"),
        text_input(
            "New reference",
            REFERENCE,
            "In the form of the one now. What the runs say stands here already.",
            MOST_REFERENCE,
            multiline=True,
            initial_value=as_typed(proposed)[:MOST_REFERENCE],
        ),
    ]
    remembered = json.dumps({"eval": found.evaluation, "item": suspect.item, "channel": channel})
    return modal(FORM, "Fix a label", "Save", blocks, remembered)


async def take_reference(ack: AsyncAck, body: dict[str, Any], view: dict[str, Any], evals: Evals) -> None:
    """Write down an item's new reference; what is wrong with it is said in the form."""
    remembered, values = json.loads(str(view["private_metadata"])), view["state"]["values"]
    typed = str(values[REFERENCE][REFERENCE].get("value") or "")
    try:
        await evals.suspects.fix(str(remembered["eval"]), str(remembered["item"]), str(body["user"]["id"]), typed)
    except BotError as problem:
        await ack(response_action="errors", errors={REFERENCE: str(problem)})
        return
    await ack()


async def make_version(
    ack: AsyncAck, action: dict[str, Any], asker: Asker, evals: Evals, people: People, answers: Answers
) -> None:
    """Make the version of the task that the decisions make, and say what is in it."""
    await ack()
    await people.require_membership(asker.channel)
    made = await evals.suspects.make_version(str(action["value"]))
    said = f"*{made.title}.* {escape(made.sentence)} {made.source} is as it was."
    await answers.tell(asker.user, asker.channel, f"{said} `/proctor check {made.task}` looks at the new one.")
