"""Opening a form, and the choices in one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.slack.blocks import Block, plain
from jobs.core.errors import Conflict

TOO_LATE: Final = frozenset({"expired_trigger_id", "trigger_expired"})
"""Slack opens a form for 3 s after the click."""
OPENED_ALREADY: Final = frozenset({"exchanged_trigger_id", "trigger_exchanged"})
"""The same click was delivered twice, and the first one has opened the form."""
MOST_OPTIONS: Final = 100
"""Options that Slack shows in one list, or in one group of a list; there may be as many groups."""
MOST_LABEL: Final = 75
MOST_TITLE: Final = 24
REASON: Final = "reason"
SHORTEST_REASON: Final = 3
MOST_REASON: Final = 500
REASON_MISSING: Final = "Give a reason in a few words; it is kept with your name."


@dataclass(frozen=True, slots=True)
class Choice:
    """One option of a list: what is shown, and what it stands for."""

    label: str
    value: str


async def open_form(client: AsyncWebClient, trigger: str, view: Block) -> None:
    """Open a form; raises Conflict, saying what to do, where Slack no longer opens it."""
    try:
        await client.views_open(trigger_id=trigger, view=view)
    except SlackApiError as error:
        reason = error.response.get("error")
        if reason in TOO_LATE:
            raise Conflict("The form took more than 3 s, and Slack no longer opens it. Try again.") from None
        if reason not in OPENED_ALREADY:
            raise


def modal(callback_id: str, title: str, submit: str, blocks: Sequence[Block], remembered: str) -> Block:
    """Return a form; `remembered` is text that comes back with its submission."""
    return {
        "type": "modal",
        "callback_id": callback_id,
        "private_metadata": remembered,
        "title": plain(title, MOST_TITLE),
        "submit": plain(submit, MOST_TITLE),
        "close": plain("Back", MOST_TITLE),
        "blocks": list(blocks),
    }


def reason_input(hint: str) -> Block:
    """Return the field that asks for a reason, in a few lines."""
    return text_input("Reason", REASON, hint, MOST_REASON, multiline=True, focus_on_load=True)


def text_input(label: str, name: str, hint: str, most: int, *, optional: bool = False, **options: bool) -> Block:
    """Return a field for at most `most` characters; `options` are those of Slack's plain_text_input."""
    return {
        "type": "input",
        "block_id": name,
        "optional": optional,
        "label": plain(label, 2000),
        "hint": plain(hint, 2000),
        "element": {"type": "plain_text_input", "action_id": name, "max_length": most, **options},
    }


def read_reason(values: Mapping[str, Any]) -> str:
    """Return the reason in a submission's `state.values`; "" if it is too short to be one."""
    reason = str(values[REASON][REASON]["value"] or "").strip()
    return reason if len(reason) >= SHORTEST_REASON else ""


def select(label: str, name: str, choices: Sequence[Choice], *, chosen: Choice | None = None, hint: str = "") -> Block:
    """Return a list to choose one option from; a long one is parted into groups, as Slack wants it."""
    element: Block = {"type": "static_select", "action_id": name}
    if len(choices) <= MOST_OPTIONS:
        element["options"] = [_option(each) for each in choices]
    else:
        parts = [choices[start : start + MOST_OPTIONS] for start in range(0, len(choices), MOST_OPTIONS)]
        element["option_groups"] = [_group(part) for part in parts[:MOST_OPTIONS]]
    if chosen:
        element["initial_option"] = _option(chosen)
    block: Block = {"type": "input", "block_id": name, "label": plain(label, 2000), "element": element}
    return {**block, "hint": plain(hint, 2000)} if hint else block


def _option(choice: Choice) -> Block:
    return {"text": plain(choice.label, MOST_LABEL), "value": choice.value}


def _group(choices: Sequence[Choice]) -> Block:
    ends = f"{choices[0].label[:34]} to {choices[-1].label[:34]}"
    return {"label": plain(ends, MOST_LABEL), "options": [_option(each) for each in choices]}
