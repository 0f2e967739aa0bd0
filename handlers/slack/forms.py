"""Opening a form, and the fields in one."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from slack_bolt.async_app import AsyncAck
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.slack.blocks import Block, context, plain, section
from jobs.core.errors import Conflict

TOO_LATE: Final = frozenset({"expired_trigger_id", "trigger_expired"})
"""Slack opens a form for 3 s after the click."""
OPENED_ALREADY: Final = frozenset({"exchanged_trigger_id", "trigger_exchanged", "duplicate_external_id"})
"""An earlier attempt at the same click has opened the form."""
CLOSED: Final = frozenset({"not_found", "view_not_found"})
FORM_IN_HAND: Final = "form"
"""The name in a request's context, of an `OpeningForm`."""
SOON: Final = 0.5
"""Seconds in which a form that is ready needs no other view before it."""
LOADING: Final = "loading"
"""The callback id of the view that stands until the form is ready."""
NOTICE: Final = "notice"
"""The callback id of the view that says in words why there is no form."""
T = TypeVar("T")
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


class OpeningForm:
    """The form that one click opens. Slack opens it for 3 s only, so a view stands in for one that takes longer.

    Args:
        client: of the Web API.
        trigger: of the click.
        again: an earlier attempt, which did not get to its end, may have opened it.
    """

    def __init__(self, client: AsyncWebClient, trigger: str, *, again: bool = False) -> None:
        self._client = client
        self._trigger = trigger
        self._again = again
        # The id is ours, so that the view is found again without Slack's response.
        self._name = f"form:{trigger}"[:255]
        self._stands = False
        self._one_at_a_time = asyncio.Lock()

    async def show(self, view: Block) -> bool:
        """Show a view, in place of the one that stands; False where the person has closed that.

        Raises:
            Conflict: Slack no longer opens it; says what to do.
        """
        async with self._one_at_a_time:
            named = {**view, "external_id": self._name}
            return await (self._replace(named) if self._stands else self._open(named))

    async def say(self, words: str) -> bool:
        """Say in words (mrkdwn) what stands in the form's way; False where no view stands that could say it."""
        return self._stands and await self.show(_notice(words))

    async def ready(self, form: Awaitable[T]) -> T:
        """Return the form once it is ready; a view says that it comes if that takes a while."""
        building = asyncio.ensure_future(form)
        try:
            await asyncio.wait({building}, timeout=SOON)
            if not (building.done() or self._stands):
                await self.show(_loading())
            return await building
        finally:
            building.cancel()

    async def _open(self, view: Block) -> bool:
        try:
            await self._client.views_open(trigger_id=self._trigger, view=view)
        except SlackApiError as error:
            reason = error.response.get("error")
            if reason in TOO_LATE and not (self._again and await self._replace(view)):
                raise Conflict("The form could not be opened in time: Slack allows 3 s. Click again.") from None
            if reason in OPENED_ALREADY:
                await self._replace(view)
            elif reason not in TOO_LATE:
                raise
        self._stands = True
        return True

    async def _replace(self, view: Block) -> bool:
        try:
            await self._client.views_update(external_id=str(view["external_id"]), view=view)
        except SlackApiError as error:
            if error.response.get("error") not in CLOSED:
                raise
            return False
        return True


def _loading() -> Block:
    return window(LOADING, context("One moment: I read what the form shows."))


def _notice(words: str) -> Block:
    return window(NOTICE, section(words))


def window(callback_id: str, *blocks: Block, title: str = "Proctor") -> Block:
    """Return a view without fields, to be read and closed."""
    return {
        "type": "modal",
        "callback_id": callback_id,
        "title": plain(title, MOST_TITLE),
        "close": plain("Close", MOST_TITLE),
        "blocks": list(blocks),
    }


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


def reason_input(hint: str, given: str = "") -> Block:
    """Return the field that asks for a reason, in a few lines; `given` stands in it already."""
    options: dict[str, Any] = {"initial_value": given[:MOST_REASON]} if given else {}
    return text_input("Reason", REASON, hint, MOST_REASON, multiline=True, focus_on_load=True, **options)


def text_input(label: str, name: str, hint: str, most: int, *, optional: bool = False, **options: bool | str) -> Block:
    """Return a field for at most `most` characters; `options` are those of Slack's plain_text_input."""
    return {
        "type": "input",
        "block_id": name,
        "optional": optional,
        "label": plain(label, 2000),
        "hint": plain(hint, 2000),
        "element": {"type": "plain_text_input", "action_id": name, "max_length": most, **options},
    }


def channel_select(label: str, name: str, hint: str, chosen: str | None = None) -> Block:
    """Return a list of the channels to choose one from; the one in which the form was opened is chosen, or `chosen`."""
    element: Block = {
        "type": "conversations_select",
        "action_id": name,
        "default_to_current_conversation": True,
        "filter": {"include": ["public", "private"], "exclude_bot_users": True},
    }
    if chosen:
        element |= {"default_to_current_conversation": False, "initial_conversation": chosen}
    return {
        "type": "input",
        "block_id": name,
        "label": plain(label, 2000),
        "hint": plain(hint, 2000),
        "element": element,
    }


def read_fields(view: Mapping[str, Any]) -> dict[str, str]:
    """Return what a sent form holds, by the name of its field, without those that were left empty.

    Several chosen options are joined by commas.
    """
    values: Mapping[str, Mapping[str, Mapping[str, Any]]] = view["state"]["values"]
    read = {name: _entered(entry) for name, field in values.items() for entry in field.values()}
    return {name: text for name, text in read.items() if text}


def _entered(entry: Mapping[str, Any]) -> str:
    options = entry.get("selected_options") or [entry.get("selected_option") or {}]
    chosen = ",".join(str(option["value"]) for option in options if option.get("value"))
    return str(entry.get("value") or entry.get("selected_conversation") or chosen).strip()


async def refused(ack: AsyncAck, problem: str, name: str) -> None:
    """Say at a field of a sent form what is wrong; Slack shows no markup there."""
    await ack(response_action="errors", errors={name: problem.replace("`", "")})


def read_reason(values: Mapping[str, Any]) -> str:
    """Return the reason in a submission's `state.values`; "" if it is too short to be one."""
    reason = str(values[REASON][REASON]["value"] or "").strip()
    return reason if len(reason) >= SHORTEST_REASON else ""


def select(
    label: str,
    name: str,
    choices: Sequence[Choice],
    *,
    chosen: Choice | None = None,
    hint: str = "",
    optional: bool = False,
    several: int = 1,
) -> Block:
    """Return a list to choose from, `several` options at most; a long one is parted into groups, as Slack wants it."""
    element: Block = {"type": "static_select", "action_id": name}
    if several > 1:
        element |= {"type": "multi_static_select", "max_selected_items": several}
    if len(choices) <= MOST_OPTIONS:
        element["options"] = [_option(each) for each in choices]
    else:
        parts = [choices[start : start + MOST_OPTIONS] for start in range(0, len(choices), MOST_OPTIONS)]
        element["option_groups"] = [_group(part) for part in parts[:MOST_OPTIONS]]
    if chosen:
        element["initial_option"] = _option(chosen)
    block: Block = {"type": "input", "block_id": name, "label": plain(label, 2000), "element": element}
    block["optional"] = optional
    return {**block, "hint": plain(hint, 2000)} if hint else block


def _option(choice: Choice) -> Block:
    return {"text": plain(choice.label, MOST_LABEL), "value": choice.value}


def _group(choices: Sequence[Choice]) -> Block:
    ends = f"{choices[0].label[:34]} to {choices[-1].label[:34]}"
    return {"label": plain(ends, MOST_LABEL), "options": [_option(each) for each in choices]}
