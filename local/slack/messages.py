"""Messages, threads and what only one person sees."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from local.slack.changes import Changes
from local.slack.identity import Identity
from local.slack.journal import Journal
from local.slack.wire import Json

_PAST_CONTROLS_KEPT = 50


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it stands now.

    `past_controls` are `(block_id, element)` pairs of earlier versions: a page that has not caught up can still click
    them. `tombstone` marks a deleted message that still holds a thread together.
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

    @property
    def is_reply(self) -> bool:
        """Whether it stands inside somebody else's thread."""
        return self.thread_ts is not None and self.thread_ts != self.ts


@dataclass(frozen=True, slots=True)
class Ephemeral:
    """A message only `user` sees; `author` is the app's user or Slackbot."""

    channel: str
    ts: str
    user: str
    author: str
    text: str
    blocks: tuple[Json, ...] = ()
    thread_ts: str | None = None


@dataclass(slots=True)
class Messages:
    """Every message of the workspace, by channel and time."""

    journal: Journal
    identity: Identity
    changes: Changes
    _by_channel: dict[str, dict[str, Message]] = field(default_factory=dict)
    _replies: dict[tuple[str, str], dict[str, Message]] = field(default_factory=dict)
    _ephemerals: dict[str, Ephemeral] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for row in self.journal.table("messages").rows():
            message = _from_row(row)
            self._index(message)
            self.identity.seen(message.ts)

    def get(self, channel: str, ts: str) -> Message | None:
        """The message of that time stamp."""
        return self._by_channel.get(channel, {}).get(ts)

    def all_in(self, channel: str) -> list[Message]:
        """Every message of a channel, thread replies included, oldest first."""
        return list(self._by_channel.get(channel, {}).values())

    def thread(self, channel: str, root_ts: str) -> list[Message]:
        """The replies under a message, oldest first, without the message itself."""
        return list(self._replies.get((channel, root_ts), {}).values())

    def add(self, message: Message) -> Message:
        """Post a message; its `ts` comes from `identity.stamp()`."""
        self._keep(message)
        return message

    def change(self, message: Message, **fields: Any) -> Message:
        """Replace fields of a message; the controls it loses stay clickable for those who still see them."""
        changed = replace(message, **fields)
        if changed.blocks != message.blocks:
            changed = replace(changed, past_controls=_past_controls(message))
        self._keep(changed)
        return changed

    def delete(self, message: Message) -> None:
        """Remove a message; one that holds a thread leaves a tombstone."""
        if self.thread(message.channel, message.ts):
            gone = "This message was deleted."
            self.change(message, text=gone, blocks=(), files=(), metadata=None, attachments=(), tombstone=True)
        else:
            self._by_channel[message.channel].pop(message.ts)
            self._replies.get((message.channel, message.thread_ts or ""), {}).pop(message.ts, None)
            self.journal.table("messages").drop(_key(message))
        self.changes.tell("message_deleted", channel=message.channel, ts=message.ts)

    def whisper(self, ephemeral: Ephemeral) -> Ephemeral:
        """Show, or show anew, a message to one person. Kept until the next start only, as Slack forgets them too."""
        self._ephemerals[ephemeral.ts] = ephemeral
        self.changes.tell("ephemeral", channel=ephemeral.channel, user=ephemeral.user, ts=ephemeral.ts)
        return ephemeral

    def ephemeral(self, ts: str) -> Ephemeral | None:
        """The ephemeral message of that time stamp."""
        return self._ephemerals.get(ts)

    def unwhisper(self, ephemeral: Ephemeral) -> None:
        """Take an ephemeral message away."""
        if self._ephemerals.pop(ephemeral.ts, None):
            self.changes.tell("ephemeral", channel=ephemeral.channel, user=ephemeral.user, ts=ephemeral.ts)

    def ephemerals_for(self, user: str) -> list[Ephemeral]:
        """What only this person sees, oldest first."""
        return [one for one in self._ephemerals.values() if one.user == user]

    def reset(self) -> None:
        """Forget every message."""
        self.journal.table("messages").clear()
        self._by_channel.clear()
        self._replies.clear()
        self._ephemerals.clear()

    def _index(self, message: Message) -> None:
        self._by_channel.setdefault(message.channel, {})[message.ts] = message
        if message.is_reply and message.thread_ts:
            self._replies.setdefault((message.channel, message.thread_ts), {})[message.ts] = message

    def _keep(self, message: Message) -> None:
        self._index(message)
        self.journal.table("messages").put(_key(message), asdict(message))
        where = {"thread_ts": message.thread_ts} if message.thread_ts else {}
        self.changes.tell("message", channel=message.channel, ts=message.ts, **where)


def elements_of(block: Json) -> Iterator[Json]:
    """The interactive elements of one block: its accessory, its element, its elements."""
    candidates: list[Any] = [block.get("accessory"), block.get("element")]
    if block.get("type") in ("actions", "context_actions"):
        candidates += block.get("elements", [])
    return (one for one in candidates if isinstance(one, dict) and "action_id" in one)


def _past_controls(message: Message) -> tuple[tuple[str, Json], ...]:
    """What could be clicked in this version and those before it, each action and value once, the newest last."""
    known: dict[tuple[str, str], tuple[str, Json]] = {}
    now = ((block.get("block_id", ""), element) for block in message.blocks for element in elements_of(block))
    for block_id, element in (*message.past_controls, *now):
        name = (element["action_id"], str(element.get("value")))
        known.pop(name, None)
        known[name] = (block_id, element)
    return tuple(known.values())[-_PAST_CONTROLS_KEPT:]


def _key(message: Message) -> str:
    return f"{message.channel}/{message.ts}"


def _from_row(row: Json) -> Message:
    lists = {name: tuple(row[name]) for name in ("blocks", "files", "attachments")}
    past = tuple((block_id, element) for block_id, element in row["past_controls"])
    return Message(**(row | lists | {"past_controls": past}))
