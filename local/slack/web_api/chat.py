"""chat.*: posting, updating, deleting, ephemeral messages, permalinks."""

import json

from local.slack.errors import Json, SlackError, found
from local.slack.messages import Message
from local.slack.seed_data import Channel
from local.slack.web_api.call import Call

_LONGEST_TEXT = 40_000
_LONGEST_UPDATE = 4_000
_LONGEST_METADATA = 8_000


async def post_message(call: Call) -> Json:
    """chat.postMessage."""
    workspace = call.workspace
    channel = call.writable_channel()
    text, blocks, attachments = _content(call)
    thread_ts = _parent(call, channel)
    message = workspace.say_as_app(
        channel.id,
        text[:_LONGEST_TEXT],
        blocks,
        thread_ts=thread_ts,
        broadcast=bool(thread_ts) and call.flag("reply_broadcast"),
        metadata=_metadata(call),
        attachments=attachments,
    )
    shown = workspace.message_json(message, with_metadata=True)
    answer: Json = {"channel": channel.id, "ts": message.ts, "message": shown}
    if len(text) > _LONGEST_TEXT:
        answer |= {"warning": "message_truncated", "response_metadata": {"warnings": ["message_truncated"]}}
    return answer


async def update(call: Call) -> Json:
    """chat.update: text without blocks removes the blocks; what is not given stays."""
    workspace = call.workspace
    channel = call.writable_channel()
    message = _own(call, channel, "cant_update_message")
    changes: Json = {}
    if call.args.get("text") is not None or call.args.get("blocks") is not None:
        changes["text"], changes["blocks"], changes["attachments"] = _content(call, message.text)
        if len(changes["text"]) > _LONGEST_UPDATE:
            raise SlackError("msg_too_long")
        if not changes["blocks"]:
            # With blocks Slack shows no "(edited)".
            changes["edited"] = {"user": workspace.app.user_id, "ts": workspace.ids.stamp()}
    if call.args.get("metadata") is not None:
        changes["metadata"] = _metadata(call)
    if call.args.get("file_ids") is not None:
        changes["files"] = _files(call)
    if not changes:
        raise SlackError("no_text")
    message = workspace.messages.change(message, **changes)
    shown = workspace.message_json(message, with_metadata=True)
    return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": shown}


async def delete(call: Call) -> Json:
    """chat.delete."""
    channel = call.writable_channel()
    message = _own(call, channel, "cant_delete_message")
    call.workspace.messages.delete(message)
    return {"channel": channel.id, "ts": message.ts}


async def post_ephemeral(call: Call) -> Json:
    """chat.postEphemeral."""
    workspace = call.workspace
    channel = call.writable_channel()
    user = found(workspace.directory.user(call.need("user")), "user_not_found")
    if user.id not in channel.members:
        raise SlackError("user_not_in_channel")
    text, blocks, _ = _content(call)
    thread_ts = _parent(call, channel)
    message = workspace.say_as_app(channel.id, text, blocks, thread_ts=thread_ts, visible_to=user.id)
    return {"message_ts": message.ts}


async def get_permalink(call: Call) -> Json:
    """chat.getPermalink."""
    channel = call.readable_channel()
    stamp = call.need("message_ts")
    message = found(call.workspace.messages.get(channel.id, stamp), "message_not_found")
    link = f"{call.workspace.base_url}/archives/{channel.id}/p{stamp.replace('.', '')}"
    if message.is_reply:
        link += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"channel": channel.id, "permalink": link}


def _content(call: Call, present: str = "") -> tuple[str, tuple[Json, ...], tuple[Json, ...]]:
    blocks, attachments = call.objects("blocks"), call.objects("attachments")
    text = call.text("text", present)
    if not text and not blocks and not attachments:
        raise SlackError("no_text")
    return text, call.workspace.accept_blocks(blocks), tuple(attachments)


def _parent(call: Call, channel: Channel) -> str | None:
    thread_ts = call.text("thread_ts")
    if not thread_ts:
        return None
    if found(call.workspace.messages.get(channel.id, thread_ts), "thread_not_found").is_reply:
        raise SlackError("cannot_reply_to_message")
    return thread_ts


def _own(call: Call, channel: Channel, refusal: str) -> Message:
    message = found(call.workspace.messages.get(channel.id, call.need("ts")), "message_not_found")
    if message.tombstone:
        raise SlackError("message_not_found")
    if not message.by_app:
        raise SlackError(refusal)
    return message


def _metadata(call: Call) -> Json | None:
    given = call.structure("metadata")
    if not given:
        return None
    if not isinstance(given, dict) or not isinstance(given.get("event_type"), str):
        raise SlackError("invalid_metadata_format")
    if not isinstance(given.get("event_payload"), dict):
        raise SlackError("invalid_metadata_format")
    if len(json.dumps(given)) > _LONGEST_METADATA:
        raise SlackError("metadata_too_large")
    return given


def _files(call: Call) -> tuple[str, ...]:
    given = call.args["file_ids"]
    # slack_sdk joins them with commas, Slack's documentation shows an array.
    listed = isinstance(given, str) and not given.startswith("[")
    file_ids = given.split(",") if listed else call.structure("file_ids")
    return tuple(call.workspace.files.completed(str(file_id)).id for file_id in file_ids or [])
