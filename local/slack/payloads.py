"""The payloads an app receives, shaped as Slack shapes them."""

from local.slack.furniture import TEAM_DOMAIN, TEAM_ID, Channel, InstalledApp, User
from local.slack.views import View, view_json
from local.slack.wire import Json

_VERIFICATION = "local-verification-token"


def command_payload(app: InstalledApp, user: User, channel: Channel, *, command: str, text: str) -> Json:
    """A slash command without its trigger; all values are text, since in HTTP mode they are form fields."""
    return {
        "token": _VERIFICATION,
        "team_id": TEAM_ID,
        "team_domain": TEAM_DOMAIN,
        "channel_id": channel.id,
        "channel_name": "directmessage" if channel.partner else channel.name,
        "user_id": user.id,
        "user_name": user.name,
        "command": command,
        "text": text,
        "api_app_id": app.id,
        "is_enterprise_install": "false",
    }


def interaction_payload(kind: str, app: InstalledApp, user: User, trigger_id: str) -> Json:
    """What every interaction carries: who, where the app is, and a trigger."""
    return {
        "type": kind,
        "user": {"id": user.id, "username": user.name, "name": user.name, "team_id": TEAM_ID},
        "api_app_id": app.id,
        "token": _VERIFICATION,
        "team": {"id": TEAM_ID, "domain": TEAM_DOMAIN},
        "enterprise": None,
        "is_enterprise_install": False,
        "trigger_id": trigger_id,
    }


def shortcut_payload(app: InstalledApp, user: User, channel: Channel, trigger_id: str, callback_id: str) -> Json:
    """A message shortcut, without the message it was used on."""
    name = "directmessage" if channel.partner else channel.name
    return interaction_payload("message_action", app, user, trigger_id) | {
        "callback_id": callback_id,
        "channel": {"id": channel.id, "name": name},
    }


def view_payload(kind: str, app: InstalledApp, user: User, view: View, trigger_id: str) -> Json:
    """An interaction with a modal or Home: submitted, closed, or an element in it used."""
    payload = interaction_payload(kind, app, user, trigger_id) | {"view": view_json(view, app)}
    if kind == "view_submission":
        payload["response_urls"] = []
    if kind == "view_closed":
        payload["is_cleared"] = False
        del payload["trigger_id"]
    if kind == "block_actions":
        payload["container"] = {"type": "view", "view_id": view.id}
    return payload


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
