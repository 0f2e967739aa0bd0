"""Messages as Slack's JSON: for the Web API, and with a little more for the page."""

from collections.abc import Callable, Sequence

from local.slack.furniture import TEAM_ID, InstalledApp
from local.slack.messages import Ephemeral, Message
from local.slack.wire import Json


def message_json(
    message: Message,
    replies: Sequence[Message],
    app: InstalledApp,
    file_json: Callable[[str], Json | None],
    *,
    with_metadata: bool,
) -> Json:
    """A message as `conversations.history` shows it; `replies` are those of its own thread."""
    shown: Json = {"type": "message", "user": message.user, "ts": message.ts, "text": message.text, "team": TEAM_ID}
    if message.tombstone:
        shown["subtype"] = "tombstone"
    elif message.is_reply and message.broadcast:
        shown["subtype"] = "thread_broadcast"
    if message.by_app:
        shown |= {"bot_id": app.bot_id, "app_id": app.id, "bot_profile": _bot_profile(app)}
    if message.blocks:
        shown["blocks"] = list(message.blocks)
    if message.attachments:
        shown["attachments"] = list(message.attachments)
    if message.files:
        shown["files"] = [found for one in message.files if (found := file_json(one))]
        shown["upload"] = message.by_app
    if message.edited:
        shown["edited"] = message.edited
    if with_metadata and message.metadata:
        shown["metadata"] = message.metadata
    if message.thread_ts:
        shown["thread_ts"] = message.thread_ts
    return shown | _thread_figures(message, replies)


def _thread_figures(message: Message, replies: Sequence[Message]) -> Json:
    if not replies:
        return {}
    people = list(dict.fromkeys(reply.user for reply in replies))
    return {
        "thread_ts": message.ts,
        "reply_count": len(replies),
        "reply_users_count": len(people),
        "reply_users": people[:5],
        "latest_reply": replies[-1].ts,
        "is_locked": False,
        "subscribed": False,
    }


def _bot_profile(app: InstalledApp) -> Json:
    return {"id": app.bot_id, "app_id": app.id, "name": app.name, "deleted": False, "updated": 0, "team_id": TEAM_ID}


def ephemeral_json(ephemeral: Ephemeral) -> Json:
    """An ephemeral message as the page shows it."""
    return {
        "type": "message",
        "is_ephemeral": True,
        "ts": ephemeral.ts,
        "channel": ephemeral.channel,
        "user": ephemeral.author,
        "visible_to": ephemeral.user,
        "text": ephemeral.text,
        "blocks": list(ephemeral.blocks),
        "thread_ts": ephemeral.thread_ts,
    }
