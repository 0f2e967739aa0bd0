"""conversations.*: channels, their members and their history."""

from collections.abc import Sequence

from local.slack.directory import channel_json
from local.slack.errors import Json, SlackError, found
from local.slack.ids import micros
from local.slack.messages import Message
from local.slack.web_api.call import Call


async def list_(call: Call) -> Json:
    """conversations.list."""
    directory = call.workspace.directory
    kinds = call.text("types", "public_channel").replace(" ", "").split(",")
    wanted = [channel for channel in directory.channels if ("im" if channel.partner else "public_channel") in kinds]
    shown, cursor = call.page(wanted, lambda channel: channel.id, limit=100)
    return {"channels": [channel_json(channel, viewer=directory.app.user_id) for channel in shown], **cursor}


async def info(call: Call) -> Json:
    """conversations.info."""
    return {"channel": channel_json(call.channel(), viewer=call.workspace.app.user_id)}


async def members(call: Call) -> Json:
    """conversations.members."""
    shown, cursor = call.page(call.channel().members, lambda member: member, limit=100)
    return {"members": shown, **cursor}


async def join(call: Call) -> Json:
    """conversations.join."""
    channel = call.channel()
    if channel.partner:
        raise SlackError("method_not_supported_for_channel_type")
    app = call.workspace.app.user_id
    return {"channel": channel_json(call.workspace.directory.join(channel, app), viewer=app)}


async def open_(call: Call) -> Json:
    """conversations.open, for one person."""
    directory = call.workspace.directory
    names = call.text("users") or call.text("channel").replace("D", "U", 1)
    if "," in names:
        raise SlackError("method_not_supported_for_channel_type")
    user = found(directory.user(names), "user_not_found")
    known = directory.channels
    channel = directory.direct_message(user)
    already = {"no_op": True, "already_open": True} if channel in known else {}
    whole = channel_json(channel, viewer=directory.app.user_id)
    return {"channel": whole if call.flag("return_im") else {"id": channel.id}, **already}


async def history(call: Call) -> Json:
    """conversations.history: newest first, without replies that were not sent to the channel."""
    everything = call.workspace.messages.all_in(call.readable_channel().id)
    shown = [message for message in reversed(everything) if not message.is_reply or message.broadcast]
    return _page(call, _between(call, shown), limit=100)


async def replies(call: Call) -> Json:
    """conversations.replies: the thread's first message, then its replies, oldest first."""
    messages, channel = call.workspace.messages, call.readable_channel()
    message = found(messages.get(channel.id, call.need("ts")), "thread_not_found")
    root = messages.get(channel.id, message.thread_ts or message.ts) or message
    return _page(call, [root, *_between(call, messages.thread(channel.id, root.ts))], limit=1000)


def _page(call: Call, messages: Sequence[Message], *, limit: int) -> Json:
    shown, cursor = call.page(messages, lambda message: message.ts, limit=limit)
    with_metadata = call.flag("include_all_metadata")
    more = bool(cursor["response_metadata"]["next_cursor"])
    listed = [call.workspace.message_json(message, with_metadata=with_metadata) for message in shown]
    return {"messages": listed, "has_more": more} | (cursor if more else {})


def _between(call: Call, messages: Sequence[Message]) -> list[Message]:
    oldest, latest = _stamp(call, "oldest", 0), _stamp(call, "latest", 1 << 63)
    edge = 0 if call.flag("inclusive") else 1
    return [message for message in messages if oldest + edge <= micros(message.ts) <= latest - edge]


def _stamp(call: Call, name: str, default: int) -> int:
    given = call.text(name)
    try:
        return default if given in ("", "0") else micros(given)
    except ValueError:
        raise SlackError(f"invalid_ts_{name}") from None
