"""The payloads an app receives, shaped as Slack shapes them."""

from typing import Literal, TypeAlias

from local.slack.errors import Json
from local.slack.messages import Message
from local.slack.seed_data import TEAM_DOMAIN, TEAM_ID, Channel, InstalledApp, User
from local.slack.views import View, view_json

InteractionKind: TypeAlias = Literal["block_actions", "message_action", "view_submission", "view_closed"]

_VERIFICATION = "local-verification-token"


def command_payload(app: InstalledApp, user: User, channel: Channel, command: str, text: str) -> Json:
    """A slash command without its trigger; all values are text, since in HTTP mode they are form fields."""
    return {
        "token": _VERIFICATION,
        "team_id": TEAM_ID,
        "team_domain": TEAM_DOMAIN,
        "channel_id": channel.id,
        "channel_name": _name_of(channel),
        "user_id": user.id,
        "user_name": user.name,
        "command": command,
        "text": text,
        "api_app_id": app.id,
        "is_enterprise_install": "false",
    }


def interaction_payload(kind: InteractionKind, app: InstalledApp, user: User) -> Json:
    """What every interaction carries: who, and where the app is; without a trigger."""
    return {
        "type": kind,
        "user": {"id": user.id, "username": user.name, "name": user.name, "team_id": TEAM_ID},
        "api_app_id": app.id,
        "token": _VERIFICATION,
        "team": {"id": TEAM_ID, "domain": TEAM_DOMAIN},
        "enterprise": None,
        "is_enterprise_install": False,
    }


def shortcut_payload(app: InstalledApp, user: User, channel: Channel, callback_id: str) -> Json:
    """A message shortcut, without the message it was used on."""
    where = {"id": channel.id, "name": _name_of(channel)}
    return interaction_payload("message_action", app, user) | {"callback_id": callback_id, "channel": where}


def message_click_payload(app: InstalledApp, user: User, channel: Channel, message: Message) -> Json:
    """An element of a message used, without the message, the element and the state."""
    container: Json = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": channel.id,
        "is_ephemeral": bool(message.visible_to),
    }
    if message.thread_ts:
        container["thread_ts"] = message.thread_ts
    where = {"container": container, "channel": {"id": channel.id, "name": channel.name}}
    return interaction_payload("block_actions", app, user) | where


def view_payload(kind: InteractionKind, app: InstalledApp, user: User, view: View) -> Json:
    """An interaction with a modal or Home: submitted, closed, or an element in it used."""
    extra: Json = {"view": view_json(view, app)}
    if kind == "view_submission":
        extra["response_urls"] = []
    if kind == "block_actions":
        extra["container"] = {"type": "view", "view_id": view.id}
    return interaction_payload(kind, app, user) | extra


def mention_event(message: Message) -> Json:
    """A message that mentions the app."""
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


def event_payload(app: InstalledApp, event: Json, event_id: str, at: float) -> Json:
    """The envelope of the Events API around one event."""
    authorization = {
        "enterprise_id": None,
        "team_id": TEAM_ID,
        "user_id": app.user_id,
        "is_bot": True,
        "is_enterprise_install": False,
    }
    return {
        "token": _VERIFICATION,
        "team_id": TEAM_ID,
        "api_app_id": app.id,
        "event": event,
        "type": "event_callback",
        "event_id": event_id,
        "event_time": int(at),
        "authorizations": [authorization],
        "is_ext_shared_channel": False,
    }


def _name_of(channel: Channel) -> str:
    return "directmessage" if channel.partner else channel.name
