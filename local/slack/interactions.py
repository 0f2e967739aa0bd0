"""What people do in the workspace, and what the app's answer makes of it: commands, clicks, Homes, messages."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from local.slack.delivery import Acked, Delivery, Envelope, Outcome
from local.slack.events import Events
from local.slack.files import StoredFile
from local.slack.furniture import TEAM_ID, Channel, User
from local.slack.inputs import entered, initial_state, option_of, value_key
from local.slack.messages import Ephemeral, Message
from local.slack.passes import ResponseTarget
from local.slack.payloads import command_payload, interaction_payload, shortcut_payload, view_payload
from local.slack.posting import controls_of, slackbot_says
from local.slack.responses import answer
from local.slack.sharing import share, tell_when_processed
from local.slack.views import View
from local.slack.wire import ControlError, Json, SlackError
from local.slack.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Used:
    """The element a person used: its block, itself, and what they gave it (a value, an option, nothing)."""

    block_id: str
    element: Json
    given: Any


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that a person puts into a message."""

    name: str
    content: bytes


class Interactions:
    """Turns what people do into deliveries and shows them how it went."""

    def __init__(self, workspace: Workspace, delivery: Delivery, events: Events) -> None:
        self._workspace = workspace
        self._delivery = delivery
        self._events = events

    async def say(
        self,
        user: User,
        channel: Channel,
        text: str,
        thread_ts: str | None,
        attached: Sequence[Attachment] = (),
    ) -> Message:
        """Post a person's message, with files where some are attached; a mention of the app reaches it as an event."""
        messages = self._workspace.messages
        if thread_ts and messages.get(channel.id, thread_ts) is None:
            raise ControlError(f"There is no message {thread_ts} in #{channel.name} to reply to.")
        linked = self._with_mentions(text)
        stamp = self._workspace.identity.stamp()
        files = [self._take(user, one) for one in attached]
        if files:
            tell_when_processed(self._workspace)
        shown = tuple(file.id for file in files)
        message = share(
            self._workspace, files, Message(channel.id, stamp, user.id, linked, thread_ts=thread_ts, files=shown)
        )
        if f"<@{self._workspace.app.user_id}>" in linked:
            await self._events.send(self._mention(message))
        return message

    async def command(self, user: User, channel: Channel, command: str, text: str) -> None:
        """Run a slash command; the person sees an error when the app does not answer in 3 seconds."""
        known = next((known for known in self._workspace.app.commands if known.command == command), None)
        if known is None:
            sentence = f"{command} is not a valid command."
            slackbot_says(self._workspace, channel, user.id, sentence)
            raise ControlError(sentence)
        if known.should_escape:
            text = self._with_mentions(text)
        target = ResponseTarget(user.id, channel.id)
        payload = command_payload(self._workspace.app, user, channel, command=command, text=text)
        payload |= {"trigger_id": self._trigger(user), "response_url": self._response_url(target)}
        outcome = await self._delivery.deliver(Envelope("slash_commands", payload))
        self._require_ack(outcome, command, channel, user)
        self._apply(target, outcome)

    async def shortcut(self, user: User, channel: Channel, ts: str, callback_id: str) -> None:
        """Use one of the app's shortcuts on a message."""
        app = self._workspace.app
        if callback_id not in {known.callback_id for known in app.shortcuts}:
            known = ", ".join(one.callback_id for one in app.shortcuts)
            raise ControlError(f"No message shortcut is called {callback_id!r}. There are: {known}.")
        message = self._workspace.messages.get(channel.id, ts)
        if message is None or message.tombstone:
            raise ControlError(f"{user.name} sees no message {ts} in #{channel.name}.")
        payload = shortcut_payload(app, user, channel, self._trigger(user), callback_id)
        payload |= {
            "message": self._workspace.message_json(message),
            "message_ts": message.ts,
            "action_ts": self._workspace.identity.stamp(),
            "response_url": self._response_url(ResponseTarget(user.id, channel.id)),
        }
        outcome = await self._delivery.deliver(Envelope("interactive", payload))
        self._require_ack(outcome, "That shortcut", channel, user)

    async def use_in_message(self, user: User, channel: Channel, ts: str, action: Json, values: Json) -> None:
        """Use an element of a message, which the person must be able to see."""
        shown = self._workspace.messages.ephemeral(ts) or self._workspace.messages.get(channel.id, ts)
        if shown is None or (isinstance(shown, Ephemeral) and shown.user != user.id):
            raise ControlError(f"{user.name} sees no message {ts} in #{channel.name}.")
        used = _find(action, list(shown.blocks), shown.past_controls if isinstance(shown, Message) else ())
        target = ResponseTarget(user.id, channel.id, ts, isinstance(shown, Ephemeral))
        payload = interaction_payload("block_actions", self._workspace.app, user, self._trigger(user))
        payload |= self._message_part(shown, channel)
        state = initial_state(shown.blocks, _entered_states(list(shown.blocks), values))
        payload |= {
            "state": {"values": state},
            "response_url": self._response_url(target),
            "actions": [self._action_json(used)],
        }
        if value_key(used.element) and used.element["type"] != "overflow":
            state.setdefault(used.block_id, {})[used.element["action_id"]] = entered(used.element, used.given)
        outcome = await self._delivery.deliver(Envelope("interactive", payload))
        self._require_ack(outcome, "That action", channel, user)

    async def use_in_view(self, user: User, view: View, action: Json, values: Json) -> None:
        """Use an element of a modal or Home."""
        view = self._workspace.views.enter(view, _entered_states(view.blocks, values))
        used = _find(action, view.blocks, ())
        if value_key(used.element) and used.element["type"] != "overflow":
            state = {used.block_id: {used.element["action_id"]: entered(used.element, used.given)}}
            view = self._workspace.views.enter(view, state)
        payload = view_payload("block_actions", self._workspace.app, user, view, self._trigger(user))
        payload["actions"] = [self._action_json(used)]
        self._require_ack(await self._delivery.deliver(Envelope("interactive", payload)), "That action")

    async def open_home(self, user: User) -> None:
        """Tell the app that a person opened its Home."""
        home = self._workspace.views.home(user.id)
        event: Json = {
            "type": "app_home_opened",
            "user": user.id,
            "channel": self._workspace.directory.direct_message(user).id,
            "tab": "home",
            "event_ts": self._workspace.identity.stamp(),
        }
        if home:
            event["view"] = view_payload("", self._workspace.app, user, home, "")["view"]
        await self._events.send(event)

    def _take(self, user: User, attached: Attachment) -> StoredFile:
        """Take a file in as the person's own client would: announced, sent, completed."""
        files = self._workspace.files
        announced, key = files.announce(attached.name, len(attached.content), "", user.id)
        files.receive(key, attached.content)
        return files.complete(announced.id, attached.name)

    def _require_ack(
        self, outcome: Outcome, what: str, channel: Channel | None = None, user: User | None = None
    ) -> None:
        if isinstance(outcome, Acked):
            return
        self._workspace.traffic.note("to_app", "failure", outcome.reason, what=what)
        sentence = f'{what} failed with the error "{outcome.reason}"'
        if channel and user:
            slackbot_says(self._workspace, channel, user.id, sentence)
        raise ControlError(sentence)

    def _apply(self, target: ResponseTarget, outcome: Outcome) -> None:
        if not isinstance(outcome, Acked) or not (outcome.payload.get("text") or outcome.payload.get("blocks")):
            return
        try:
            answer(self._workspace, target, outcome.payload)
        except SlackError as error:
            raise ControlError(f"The app's answer was refused: {error.error} {' '.join(error.messages)}") from error

    def _trigger(self, user: User) -> str:
        return self._workspace.passes.trigger(user.id)

    def _response_url(self, target: ResponseTarget) -> str:
        return f"{self._workspace.base_url}/response/{self._workspace.passes.response_key(target)}"

    def _message_part(self, shown: Message | Ephemeral, channel: Channel) -> Json:
        ephemeral = isinstance(shown, Ephemeral)
        container: Json = {
            "type": "message",
            "message_ts": shown.ts,
            "channel_id": channel.id,
            "is_ephemeral": ephemeral,
        }
        if shown.thread_ts:
            container["thread_ts"] = shown.thread_ts
        # As with Slack, nobody gets to read an ephemeral message back.
        message = {} if isinstance(shown, Ephemeral) else {"message": self._workspace.message_json(shown)}
        return {"container": container, "channel": {"id": channel.id, "name": channel.name}, **message}

    def _action_json(self, used: Used) -> Json:
        element = used.element
        action: Json = {
            "type": element["type"],
            "action_id": element["action_id"],
            "block_id": used.block_id,
            "action_ts": self._workspace.identity.stamp(),
        }
        if element["type"] == "overflow":
            return action | {"selected_option": option_of(element, used.given)}
        if value_key(element):
            return action | entered(element, used.given)
        return action | {key: element[key] for key in ("text", "value", "style", "url") if key in element}

    def _mention(self, message: Message) -> Json:
        event: Json = {
            "type": "app_mention",
            "user": message.user,
            "text": message.text,
            "ts": message.ts,
            "channel": message.channel,
            "team": TEAM_ID,
            "event_ts": message.ts,
        }
        return event | ({"thread_ts": message.thread_ts} if message.thread_ts else {})

    def _with_mentions(self, text: str) -> str:
        ids = {user.name: user.id for user in self._workspace.directory.users}
        return re.sub(r"@(\w+)", lambda match: f"<@{ids[match[1]]}>" if match[1] in ids else match[0], text)


def _find(action: Json, blocks: list[Json], past: tuple[tuple[str, Json], ...]) -> Used:
    """The element meant: among those shown now, else among those of earlier versions of the message.

    A block_id tells apart elements with the same action_id. One that is not shown any more is passed on as it is, as an
    old page would send it: apps use it to recognise clicks on an old version.
    """
    given, wanted_block = _given(action), action.get("block_id")
    now = [(str(block["block_id"]), element) for block, element in controls_of(blocks)]
    matching = [
        (block_id, element)
        for block_id, element in (*now, *reversed(past))
        if element["action_id"] == action.get("action_id")
        and (element["type"] != "button" or given in (None, element.get("value")))
    ]
    if not matching:
        known = ", ".join(element["action_id"] for _, element in now) or "none"
        raise ControlError(f"Nothing there has action_id {action.get('action_id')!r} with that value. It has: {known}.")
    exact = [(block_id, element) for block_id, element in matching if block_id == wanted_block]
    block_id, element = (exact or matching)[0]
    return Used(str(wanted_block or block_id), element, given)


def _given(action: Json) -> Any:
    picked = [value for key, value in action.items() if key.startswith("selected_")]
    return picked[0] if picked else action.get("value")


def _entered_states(blocks: list[Json], values: Json) -> dict[str, dict[str, Json]]:
    """`state.values` sent along by a page: what stands in inputs that were not submitted yet."""
    known = {(block["block_id"], element["action_id"]): element for block, element in controls_of(blocks)}
    states: dict[str, dict[str, Json]] = {}
    for block_id, entries in values.items():
        for action_id, state in entries.items():
            element = known.get((block_id, action_id))
            if element and value_key(element):
                states.setdefault(block_id, {})[action_id] = entered(element, _given(state))
    return states
