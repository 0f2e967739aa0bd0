"""Opening a form, and the fields in one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

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
LOADING: Final = "loading"
"""The callback id of the view that stands until the form is ready."""
NOTICE: Final = "notice"
"""The callback id of the view that says in words why there is no form."""
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
    """The form that one click opens: a view that says so at once, since Slack opens one for 3 s only, then the form.

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

    async def open(self) -> None:
        """Open the view that stands until the form is ready; raises Conflict where Slack no longer opens it."""
        try:
            await self._client.views_open(trigger_id=self._trigger, view=self._named(_loading()))
        except SlackApiError as error:
            reason = error.response.get("error")
            if reason in TOO_LATE and not (self._again and await self.show(_loading())):
                raise Conflict("The form could not be opened in time: Slack allows 3 s. Click again.") from None
            if reason not in TOO_LATE | OPENED_ALREADY:
                raise
        self._stands = True

    async def show(self, view: Block) -> bool:
        """Show a view in place of the one that stands; False where the person has closed it."""
        try:
            await self._client.views_update(external_id=self._name, view=self._named(view))
        except SlackApiError as error:
            if error.response.get("error") not in CLOSED:
                raise
            return False
        return True

    async def finish(self, shown: Block | str) -> None:
        """Show the form, or the words (mrkdwn) that say why there is none."""
        if isinstance(shown, str):
            await self.say(shown)
        else:
            await self.show(shown)

    async def say(self, words: str) -> bool:
        """Say in words (mrkdwn) what stands in the form's way; False where no view stands any more."""
        return self._stands and await self.show(_notice(words))

    def _named(self, view: Block) -> Block:
        return {**view, "external_id": self._name}


def _loading() -> Block:
    return _without_fields(LOADING, context("One moment: I read what the form shows."))


def _notice(words: str) -> Block:
    return _without_fields(NOTICE, section(words))


def _without_fields(callback_id: str, *blocks: Block) -> Block:
    return {
        "type": "modal",
        "callback_id": callback_id,
        "title": plain("Proctor", MOST_TITLE),
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
