"""Opening a form, and the choices in one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

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
