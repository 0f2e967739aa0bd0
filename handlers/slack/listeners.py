"""What the bot listens to in Slack, and how each of it is worked off."""

import re
from collections.abc import Awaitable, Callable, Mapping
from enum import Enum, auto
from inspect import signature
from typing import Any, Final

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltContext

from handlers.slack.blocks import Block
from handlers.slack.forms import FORM_IN_HAND, OpeningForm

Json = Mapping[str, Any]
"""A delivery from Slack."""
Handler = Callable[..., Awaitable[None]]
FormOf = Callable[..., Awaitable[Block | str]]
"""Returns the form that a click or shortcut opens, or the words that say why there is none; filled by name like a
handler of Bolt's, and with `form`, for whoever shows something before the end."""


class Handling(Enum):
    """How a delivery is worked off."""

    CHANGES = auto()
    """In the order in which its person asked."""
    CHANGES_FOR_LONG = auto()
    """The same; takes more than a second or two."""
    READS = auto()
    """Waits for nobody, as it changes nothing."""
    READS_FOR_LONG = auto()
    OPENS_FORM = auto()
    """At once: Slack opens a form for 3 s only."""
    SENT_FORM = auto()
    """At once: its acknowledgement says what is wrong with the form, or closes it."""
    SUGGESTS = auto()
    """Within the acknowledgement; nothing is kept of it."""

    @property
    def is_at_once(self) -> bool:
        """Whether it waits for no free slot."""
        return self in {Handling.OPENS_FORM, Handling.SENT_FORM}

    @property
    def is_in_order(self) -> bool:
        """Whether it waits for what its person asked before."""
        return self in {Handling.CHANGES, Handling.CHANGES_FOR_LONG}

    @property
    def is_long(self) -> bool:
        """Whether it takes more than a second or two."""
        return self in {Handling.CHANGES_FOR_LONG, Handling.READS_FOR_LONG}


HandlingOf = Callable[[str], Handling]
"""Tells by what was typed after a command, or by a control's value."""
Name = str | re.Pattern[str]
EVENT: Final = "event_callback"


class Listeners:
    """Connects handlers to the app, and tells how a delivery is to be worked off.

    Args:
        app: of Bolt.
    """

    def __init__(self, app: AsyncApp) -> None:
        self._app = app
        self._exact: dict[tuple[str, str], HandlingOf] = {}
        self._patterns: list[tuple[re.Pattern[str], HandlingOf]] = []

    def command(self, slash: str, handler: Handler, handling: HandlingOf) -> None:
        """Listen to a slash command."""
        self._app.command(slash)(handler)
        self._exact["command", slash] = handling

    def action(self, name: Name, handler: Handler, handling: Handling | HandlingOf) -> None:
        """Listen to the controls of this action id, or of ids that match."""
        self._app.action(name)(handler)
        self._note("block_actions", name, handling)

    def form(self, callback_id: str, handler: Handler) -> None:
        """Listen to a form that was filled in; the handler acknowledges as soon as it knows whether it is right."""
        self._app.view(callback_id)(handler)
        self._note("view_submission", callback_id, Handling.SENT_FORM)

    def opens_form(self, action_id: Name, form_of: FormOf) -> None:
        """Open a form when a control is clicked."""
        self._app.action(action_id)(_opener(form_of))
        self._note("block_actions", action_id, Handling.OPENS_FORM)

    def shortcut_opens_form(self, callback_id: str, form_of: FormOf) -> None:
        """Open a form when a shortcut of a message is used."""
        self._app.message_shortcut(callback_id)(_opener(form_of))
        self._note("message_action", callback_id, Handling.OPENS_FORM)

    def event(self, kind: str, handler: Handler) -> None:
        """Listen to an event of the Events API, such as a mention."""
        self._app.event(kind)(handler)
        self._note(EVENT, kind, Handling.READS)

    def suggests(self, action_id: str, handler: Handler) -> None:
        """Offer the options of a menu while a person types in it."""
        self._app.options(action_id)(handler)
        self._note("block_suggestion", action_id, Handling.SUGGESTS)

    def handling_of(self, body: Json) -> Handling | None:
        """Return how a delivery is worked off; None where nobody listens to it."""
        kind, name, value = _key(body)
        found = self._exact.get((kind, name))
        if found is None and kind == "block_actions":
            found = next((each for pattern, each in self._patterns if pattern.search(name)), None)
        return found(value) if found else None

    def _note(self, kind: str, name: Name, handling: Handling | HandlingOf) -> None:
        handling_of = _always(handling) if isinstance(handling, Handling) else handling
        if isinstance(name, re.Pattern):
            self._patterns.append((name, handling_of))
        else:
            self._exact[kind, name] = handling_of


def _always(handling: Handling) -> HandlingOf:
    return lambda _: handling


def _key(body: Json) -> tuple[str, str, str]:
    """Return what a delivery is: its kind, the name that is listened to, and what was typed or chosen."""
    if command := body.get("command"):
        return "command", str(command), str(body.get("text") or "")
    kind = str(body.get("type") or "")
    match kind:
        case "block_actions":
            action: Json = next(iter(body.get("actions") or ()), {})
            return kind, str(action.get("action_id")), str(action.get("value") or "")
        case "view_submission":
            return kind, str((body.get("view") or {}).get("callback_id")), ""
        case "message_action":
            return kind, str(body.get("callback_id")), ""
        case "event_callback":
            return kind, str((body.get("event") or {}).get("type")), ""
        case _:
            return kind, str(body.get("action_id")), ""


def _opener(form_of: FormOf) -> Handler:
    async def open_it(ack: AsyncAck, body: dict[str, Any], payload: dict[str, Any], context: AsyncBoltContext) -> None:
        await ack()
        await open_form(form_of, {**context, "body": body, "action": payload})

    return open_it


async def open_form(form_of: FormOf, known: Json) -> None:
    """Open a form, or say in words why there is none; `known` is what may fill its parameters, by name."""
    form: OpeningForm = known[FORM_IN_HAND]
    given = {**known, "form": form}
    shown = await form.ready(form_of(**{name: given[name] for name in signature(form_of).parameters}))
    if not isinstance(shown, str):
        await form.show(shown)
    elif not await form.say(shown):
        asker, answers = known["asker"], known["answers"]
        await answers.tell(asker.user, asker.channel, shown)
