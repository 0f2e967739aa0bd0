"""What people do in the workspace, and what the app's answer leads to: messages, commands, clicks, shortcuts, Homes."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from local.slack.blocks.contents import controls_of
from local.slack.delivery import Delivery, Envelope, EnvelopeKind, Events, NotAcked
from local.slack.errors import ControlError, Json, SlackError
from local.slack.input_state import entered, has_state, initial_state, option_of, takes_value
from local.slack.messages import Message
from local.slack.payloads import (
    command_payload,
    mention_event,
    message_click_payload,
    shortcut_payload,
    view_payload,
)
from local.slack.response_urls import respond
from local.slack.seed_data import TEAM_ID, Channel, User
from local.slack.tokens import ResponseTarget
from local.slack.views import View, view_json
from local.slack.workspace import Workspace

INVITE = "/invite"
"""Slack's own command."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that a person puts into a message."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class UsedElement:
    """The element a person used: its block, itself, and what they gave it (a value, an option, nothing)."""

    block_id: str
    element: Json
    given: Any

    def state(self) -> dict[str, dict[str, Json]]:
        """What `state.values` says of it; empty for a button."""
        if not has_state(self.element):
            return {}
        return {self.block_id: {self.element["action_id"]: entered(self.element, self.given)}}


class Interactions:
    """Turns what people do into deliveries and shows them how it went."""

    def __init__(self, workspace: Workspace, delivery: Delivery, events: Events) -> None:
        self._workspace = workspace
        self._delivery = delivery
        self._events = events

    async def say(
        self, user: User, channel: Channel, text: str, thread_ts: str | None, attached: Sequence[Attachment] = ()
    ) -> Message:
        """Post a person's message, with the files attached; a mention of the app reaches it as an event."""
        if thread_ts and self._workspace.messages.get(channel.id, thread_ts) is None:
            raise ControlError(f"There is no message {thread_ts} in #{channel.name} to reply to.")
        stamp = self._workspace.ids.stamp()
        files = tuple(self._upload(user, one) for one in attached)
        linked = self._with_mentions(text)
        message = Message(channel.id, stamp, user.id, linked, thread_ts=thread_ts, files=files)
        self._workspace.share(message)
        if f"<@{self._workspace.app.user_id}>" in linked:
            await self._events.send(mention_event(message))
        return message

    async def command(self, user: User, channel: Channel, command: str, text: str) -> None:
        """Run a slash command; the person sees an error when the app does not answer in 3 seconds."""
        if command == INVITE:
            await self._invite(user, channel, text)
            return
        known = next((known for known in self._workspace.app.commands if known.command == command), None)
        if known is None:
            sentence = f"{command} is not a valid command."
            self._workspace.say_as_slackbot(channel.id, user.id, sentence)
            raise ControlError(sentence)
        if known.should_escape:
            text = self._with_mentions(text)
        target = ResponseTarget(user.id, channel.id)
        payload = command_payload(self._workspace.app, user, channel, command, text)
        answer = await self._deliver("slash_commands", payload, command, user, target)
        if not (answer.get("text") or answer.get("blocks")):
            return
        try:
            respond(self._workspace, target, answer)
        except SlackError as error:
            raise ControlError(f"The app's answer was refused: {error.error} {' '.join(error.messages)}") from error

    async def _invite(self, user: User, channel: Channel, name: str) -> None:
        """Make somebody a member of the channel, as Slack's own command does; the app learns of it."""
        wanted = name.strip().lstrip("@")
        invited = next((user for user in self._workspace.directory.users if wanted in {user.name, user.id}), None)
        if invited is None:
            raise ControlError(f"There is nobody called {name!r}.")
        self._workspace.directory.join(channel, invited.id)
        event: Json = {"type": "member_joined_channel", "user": invited.id, "channel": channel.id, "channel_type": "C"}
        await self._events.send({**event, "team": TEAM_ID, "inviter": user.id})

    async def shortcut(self, user: User, channel: Channel, ts: str, callback_id: str) -> None:
        """Use one of the app's shortcuts on a message."""
        app = self._workspace.app
        known = [one.callback_id for one in app.shortcuts]
        if callback_id not in known:
            raise ControlError(f"No message shortcut is called {callback_id!r}. There are: {', '.join(known)}.")
        message = self._workspace.messages.get(channel.id, ts)
        if message is None or message.tombstone:
            raise ControlError(f"{user.name} sees no message {ts} in #{channel.name}.")
        payload = shortcut_payload(app, user, channel, callback_id) | {
            "message": self._workspace.message_json(message),
            "message_ts": message.ts,
            "action_ts": self._workspace.ids.stamp(),
        }
        await self._deliver("interactive", payload, "That shortcut", user, ResponseTarget(user.id, channel.id))

    async def use_in_message(self, user: User, channel: Channel, ts: str, action: Json, values: Json) -> None:
        """Use an element of a message, which the person must be able to see."""
        messages = self._workspace.messages
        message = messages.ephemeral(ts) or messages.get(channel.id, ts)
        if message is None or message.visible_to not in ("", user.id):
            raise ControlError(f"{user.name} sees no message {ts} in #{channel.name}.")
        used = _find(action, message.blocks, message.past_controls)
        state = initial_state(message.blocks, _entered_states(message.blocks, values))
        for block_id, entries in used.state().items():
            state.setdefault(block_id, {}).update(entries)
        payload = message_click_payload(self._workspace.app, user, channel, message)
        payload |= {"state": {"values": state}, "actions": [self._action_json(used)]}
        if not message.visible_to:
            # As with Slack, nobody can read an ephemeral message back.
            payload["message"] = self._workspace.message_json(message)
        await self._deliver("interactive", payload, "That action", user, ResponseTarget(user.id, channel.id, ts))

    async def use_in_view(self, user: User, view: View, action: Json, values: Json) -> None:
        """Use an element of a modal or Home."""
        views = self._workspace.views
        view = views.enter(view, _entered_states(view.blocks, values))
        used = _find(action, view.blocks, ())
        view = views.enter(view, used.state())
        payload = view_payload("block_actions", self._workspace.app, user, view)
        await self._deliver("interactive", payload | {"actions": [self._action_json(used)]}, "That action", user)

    async def open_home(self, user: User) -> None:
        """Tell the app that a person opened its Home."""
        home = self._workspace.views.home(user.id)
        event: Json = {
            "type": "app_home_opened",
            "user": user.id,
            "channel": self._workspace.directory.direct_message(user).id,
            "tab": "home",
            "event_ts": self._workspace.ids.stamp(),
        }
        await self._events.send(event | ({"view": view_json(home, self._workspace.app)} if home else {}))

    def _upload(self, user: User, attached: Attachment) -> str:
        """Upload a file as the person's own client would: announced, sent, completed. Returns its id."""
        files = self._workspace.files
        file = files.announce(attached.name, len(attached.content), user=user.id)
        files.receive(file.id, attached.content)
        return files.complete(file.id, attached.name).id

    async def _deliver(
        self, kind: EnvelopeKind, payload: Json, what: str, user: User, target: ResponseTarget | None = None
    ) -> Json:
        """Deliver with a trigger and, given a target, a response_url; Slackbot says there when nobody acks."""
        workspace = self._workspace
        payload["trigger_id"] = workspace.tokens.trigger(user.id)
        if target:
            payload["response_url"] = f"{workspace.base_url}/response/{workspace.tokens.response_key(target)}"
        try:
            return await self._delivery.deliver(Envelope(kind, payload))
        except NotAcked as failure:
            workspace.traffic.note("to_app", "failure", failure.reason, what=what)
            sentence = f'{what} failed with the error "{failure.reason}"'
            if target:
                workspace.say_as_slackbot(target.channel, user.id, sentence)
            raise ControlError(sentence) from failure

    def _action_json(self, used: UsedElement) -> Json:
        element = used.element
        action: Json = {
            "type": element["type"],
            "action_id": element["action_id"],
            "block_id": used.block_id,
            "action_ts": self._workspace.ids.stamp(),
        }
        if element["type"] == "overflow":
            return action | {"selected_option": option_of(element, used.given)}
        if takes_value(element):
            return action | entered(element, used.given)
        return action | {key: element[key] for key in ("text", "value", "style", "url") if key in element}

    def _with_mentions(self, text: str) -> str:
        ids = {user.name: user.id for user in self._workspace.directory.users}
        return re.sub(r"@(\w+)", lambda match: f"<@{ids[match[1]]}>" if match[1] in ids else match[0], text)


def _find(action: Json, blocks: Sequence[Json], past: Sequence[tuple[str, Json]]) -> UsedElement:
    """The element meant: among those shown now, else among those of earlier versions of the message.

    A block_id tells apart elements with the same action_id. One that is not shown any more is passed on as it is, as an
    old page would send it: apps use it to recognise clicks on an old version.
    """
    given, wanted_block = _given(action), action.get("block_id")
    now = [(str(block["block_id"]), element) for block, element in controls_of(blocks)]
    matching = [
        UsedElement(block_id, element, given)
        for block_id, element in (*now, *reversed(past))
        if element["action_id"] == action.get("action_id")
        and (element["type"] != "button" or given in (None, element.get("value")))
    ]
    if not matching:
        known = ", ".join(element["action_id"] for _, element in now) or "none"
        raise ControlError(f"Nothing there has action_id {action.get('action_id')!r} with that value. It has: {known}.")
    found = next((used for used in matching if used.block_id == wanted_block), matching[0])
    return replace(found, block_id=str(wanted_block or found.block_id))


def _given(action: Json) -> Any:
    picked = [value for key, value in action.items() if key.startswith("selected_")]
    return picked[0] if picked else action.get("value")


def _entered_states(blocks: Sequence[Json], values: Json) -> dict[str, dict[str, Json]]:
    """`state.values` sent along by a page: what was entered in inputs but not submitted yet."""
    states: dict[str, dict[str, Json]] = {}
    for block, element in controls_of(blocks):
        block_id, action_id = block["block_id"], element["action_id"]
        state = values.get(block_id, {}).get(action_id)
        if state is not None and takes_value(element):
            states.setdefault(block_id, {})[action_id] = entered(element, _given(state))
    return states
