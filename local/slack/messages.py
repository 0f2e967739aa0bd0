"""Messages, threads and what only one person sees; and how Slack shows them as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from local.slack.blocks.contents import controls_of
from local.slack.change_stream import ChangeStream
from local.slack.errors import Json
from local.slack.ids import Ids
from local.slack.seed_data import TEAM_ID, InstalledApp
from local.slack.storage import Storage

_PAST_CONTROLS_KEPT = 50


@dataclass(frozen=True, slots=True)
class Message:
    """One message in its present version.

    `visible_to` is the one person who sees an ephemeral message. `past_controls` are `(block_id, element)` pairs of
    earlier versions: a page that has not caught up can still click them. `tombstone` marks a deleted message that still
    holds a thread together.
    """

    channel: str
    ts: str
    user: str
    text: str
    blocks: tuple[Json, ...] = ()
    thread_ts: str | None = None
    broadcast: bool = False
    by_app: bool = False
    metadata: Json | None = None
    files: tuple[str, ...] = ()
    edited: Json | None = None
    attachments: tuple[Json, ...] = ()
    past_controls: tuple[tuple[str, Json], ...] = ()
    tombstone: bool = False
    visible_to: str = ""

    @property
    def is_reply(self) -> bool:
        """Whether it is a reply in a thread."""
        return self.thread_ts is not None and self.thread_ts != self.ts


class Messages:
    """Every message of the workspace, in the order they were posted."""

    def __init__(self, storage: Storage, ids: Ids, changes: ChangeStream) -> None:
        self._table = storage.table("messages", Message)
        self._changes = changes
        self._replies: dict[tuple[str, str], dict[str, Message]] = {}
        self._ephemerals: dict[str, Message] = {}
        for message in self._table.rows.values():
            self._index(message)
            ids.seen(message.ts)

    def get(self, channel: str, ts: str) -> Message | None:
        """The message of that time stamp, unless it is ephemeral."""
        return self._table.rows.get(f"{channel}/{ts}")

    def ephemeral(self, ts: str) -> Message | None:
        """The ephemeral message of that time stamp."""
        return self._ephemerals.get(ts)

    def all_in(self, channel: str) -> list[Message]:
        """Every message of a channel, thread replies included, oldest first."""
        return [message for message in self._table.rows.values() if message.channel == channel]

    def thread(self, channel: str, root_ts: str) -> list[Message]:
        """The replies under a message, oldest first, without the message itself."""
        return list(self._replies.get((channel, root_ts), {}).values())

    def ephemerals_for(self, user: str) -> list[Message]:
        """What only this person sees, oldest first."""
        return [one for one in self._ephemerals.values() if one.visible_to == user]

    def add(self, message: Message) -> Message:
        """Post a message, or replace it; an ephemeral one is kept until the next start only, as with Slack."""
        if message.visible_to:
            self._ephemerals[message.ts] = message
            self._tell_ephemeral(message)
            return message
        self._index(message)
        self._table.put(f"{message.channel}/{message.ts}", message)
        thread = {"thread_ts": message.thread_ts} if message.thread_ts else {}
        self._changes.tell("message", channel=message.channel, ts=message.ts, **thread)
        return message

    def change(self, message: Message, **fields: Any) -> Message:
        """Replace fields of a message; the controls it loses stay clickable for those who still see them."""
        changed = replace(message, **fields)
        if changed.blocks != message.blocks and not message.visible_to:
            changed = replace(changed, past_controls=_past_controls(message))
        return self.add(changed)

    def delete(self, message: Message) -> None:
        """Remove a message; one that holds a thread leaves a tombstone."""
        if message.visible_to:
            del self._ephemerals[message.ts]
            self._tell_ephemeral(message)
            return
        if self.thread(message.channel, message.ts):
            gone = "This message was deleted."
            self.change(message, text=gone, blocks=(), files=(), metadata=None, attachments=(), tombstone=True)
        else:
            self._replies.get((message.channel, message.thread_ts or ""), {}).pop(message.ts, None)
            self._table.drop(f"{message.channel}/{message.ts}")
        self._changes.tell("message_deleted", channel=message.channel, ts=message.ts)

    def reset(self) -> None:
        """Forget every message."""
        self._table.clear()
        self._replies.clear()
        self._ephemerals.clear()

    def _index(self, message: Message) -> None:
        if message.is_reply and message.thread_ts:
            self._replies.setdefault((message.channel, message.thread_ts), {})[message.ts] = message

    def _tell_ephemeral(self, message: Message) -> None:
        self._changes.tell("ephemeral", channel=message.channel, user=message.visible_to, ts=message.ts)


def _past_controls(message: Message) -> tuple[tuple[str, Json], ...]:
    """What could be clicked in this version and those before it, each action and value once, the newest last."""
    known: dict[tuple[str, str], tuple[str, Json]] = {}
    now = ((block.get("block_id", ""), element) for block, element in controls_of(message.blocks))
    for block_id, element in (*message.past_controls, *now):
        name = (element["action_id"], str(element.get("value")))
        known.pop(name, None)
        known[name] = (block_id, element)
    return tuple(known.values())[-_PAST_CONTROLS_KEPT:]


def message_json(message: Message, replies: Sequence[Message], files: Sequence[Json], app: InstalledApp) -> Json:
    """A message as `conversations.history` shows it, metadata included.

    Args:
        message: not an ephemeral one.
        replies: those of its own thread.
        files: the files it carries, as JSON.
        app: the app that posts.
    """
    shown: Json = {"type": "message", "user": message.user, "ts": message.ts, "text": message.text, "team": TEAM_ID}
    if message.tombstone:
        shown["subtype"] = "tombstone"
    elif message.is_reply and message.broadcast:
        shown["subtype"] = "thread_broadcast"
    if message.by_app:
        profile = {"name": app.name, "deleted": False, "updated": 0, "team_id": TEAM_ID}
        shown |= {"bot_id": app.bot_id, "app_id": app.id}
        shown["bot_profile"] = {"id": app.bot_id, "app_id": app.id, **profile}
    if files:
        shown |= {"files": list(files), "upload": message.by_app}
    for name in ("blocks", "attachments", "edited", "metadata", "thread_ts"):
        value = getattr(message, name)
        if value:
            shown[name] = list(value) if isinstance(value, tuple) else value
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


def ephemeral_json(message: Message) -> Json:
    """An ephemeral message as the page shows it."""
    return {
        "type": "message",
        "is_ephemeral": True,
        "ts": message.ts,
        "channel": message.channel,
        "user": message.user,
        "visible_to": message.visible_to,
        "text": message.text,
        "blocks": list(message.blocks),
        "thread_ts": message.thread_ts,
    }
