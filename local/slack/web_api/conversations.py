"""conversations.*: channels, their members and their history."""

from collections.abc import Sequence

from local.slack.directory import channel_json
from local.slack.messages import Message
from local.slack.web_api.access import named_channel, readable_channel
from local.slack.web_api.paging import next_cursor, page
from local.slack.wire import Call, Json, SlackError
from local.slack.workspace import Workspace


async def list_(workspace: Workspace, call: Call) -> Json:
    """conversations.list."""
    kinds = call.text("types", "public_channel").replace(" ", "").split(",")
    wanted = [
        channel for channel in workspace.directory.channels if ("im" if channel.partner else "public_channel") in kinds
    ]
    shown, cursor = page(call, wanted, lambda channel: channel.id, limit=100)
    viewer = workspace.app.user_id
    return {"channels": [channel_json(channel, viewer=viewer) for channel in shown]} | next_cursor(cursor)


async def info(workspace: Workspace, call: Call) -> Json:
    """conversations.info."""
    return {"channel": channel_json(named_channel(workspace, call), viewer=workspace.app.user_id)}


async def members(workspace: Workspace, call: Call) -> Json:
    """conversations.members."""
    channel = named_channel(workspace, call)
    shown, cursor = page(call, channel.members, lambda member: member, limit=100)
    return {"members": shown} | next_cursor(cursor)


async def join(workspace: Workspace, call: Call) -> Json:
    """conversations.join."""
    channel = named_channel(workspace, call)
    if channel.partner:
        raise SlackError("method_not_supported_for_channel_type")
    joined = workspace.directory.join(channel, workspace.app.user_id)
    return {"channel": channel_json(joined, viewer=workspace.app.user_id)}


async def open_(workspace: Workspace, call: Call) -> Json:
    """conversations.open, for one person."""
    names = call.text("users") or call.text("channel").replace("D", "U", 1)
    user = workspace.directory.user(names)
    if user is None:
        raise SlackError("user_not_found" if "," not in names else "method_not_supported_for_channel_type")
    existed = workspace.directory.channel("D" + user.id[1:]) is not None
    channel = workspace.directory.direct_message(user)
    already = {"no_op": True, "already_open": True} if existed else {}
    shown = channel_json(channel, viewer=workspace.app.user_id) if call.flag("return_im") else {"id": channel.id}
    return {"channel": shown, **already}


async def history(workspace: Workspace, call: Call) -> Json:
    """conversations.history: newest first, without replies that were not sent to the channel."""
    channel = readable_channel(workspace, call)
    everything = workspace.messages.all_in(channel.id)
    told = [message for message in reversed(everything) if not message.is_reply or message.broadcast]
    return _page_of(workspace, call, _between(call, told), limit=100)


async def replies(workspace: Workspace, call: Call) -> Json:
    """conversations.replies: the thread's first message, then its replies, oldest first."""
    channel = readable_channel(workspace, call)
    message = workspace.messages.get(channel.id, call.need("ts"))
    if message is None:
        raise SlackError("thread_not_found")
    root = workspace.messages.get(channel.id, message.thread_ts or message.ts) or message
    thread = [root, *_between(call, workspace.messages.thread(channel.id, root.ts))]
    return _page_of(workspace, call, thread, limit=1000)


def _page_of(workspace: Workspace, call: Call, messages: Sequence[Message], *, limit: int) -> Json:
    shown, cursor = page(call, messages, lambda message: message.ts, limit=limit)
    with_metadata = call.flag("include_all_metadata")
    answer: Json = {
        "messages": [workspace.message_json(message, with_metadata=with_metadata) for message in shown],
        "has_more": bool(cursor),
    }
    return answer | (next_cursor(cursor) if cursor else {})


def _between(call: Call, messages: Sequence[Message]) -> list[Message]:
    oldest, latest = _stamp(call, "oldest"), _stamp(call, "latest")
    inclusive = call.flag("inclusive")
    kept = []
    for message in messages:
        stamp = _micros(message.ts)
        on_edge = inclusive and stamp in (oldest, latest)
        if on_edge or ((oldest is None or stamp > oldest) and (latest is None or stamp < latest)):
            kept.append(message)
    return kept


def _stamp(call: Call, name: str) -> int | None:
    given = call.text(name)
    if given in ("", "0"):
        return None
    try:
        return _micros(given)
    except ValueError:
        raise SlackError(f"invalid_ts_{name}") from None


def _micros(stamp: str) -> int:
    """A time stamp in whole microseconds: as a float it would lose its last digits."""
    seconds, _, micros = stamp.partition(".")
    return int(seconds) * 1_000_000 + int(micros.ljust(6, "0")[:6])
