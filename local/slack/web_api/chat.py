"""chat.*: posting, updating, deleting, whispering, permalinks."""

import json

from local.slack.files import StoredFile
from local.slack.furniture import Channel
from local.slack.messages import Ephemeral, Message
from local.slack.posting import accepted_blocks
from local.slack.web_api.access import readable_channel, writable_channel
from local.slack.wire import Call, Json, SlackError
from local.slack.workspace import Workspace

_LONGEST_TEXT = 40_000
_LONGEST_UPDATE = 4_000
_LONGEST_METADATA = 8_000


async def post_message(workspace: Workspace, call: Call) -> Json:
    """chat.postMessage."""
    channel = writable_channel(workspace, call)
    text, blocks, attachments = _content(workspace, call)
    warnings = ["message_truncated"] if len(text) > _LONGEST_TEXT else []
    thread_ts = _parent(workspace, channel, call.text("thread_ts"))
    message = workspace.messages.add(
        Message(
            channel=channel.id,
            ts=workspace.identity.stamp(),
            user=workspace.app.user_id,
            text=text[:_LONGEST_TEXT],
            blocks=blocks,
            thread_ts=thread_ts,
            broadcast=bool(thread_ts) and call.flag("reply_broadcast"),
            by_app=True,
            metadata=_metadata(call),
            attachments=attachments,
        )
    )
    shown = workspace.message_json(message, with_metadata=True)
    answer: Json = {"channel": channel.id, "ts": message.ts, "message": shown}
    if warnings:
        answer |= {"warning": ",".join(warnings), "response_metadata": {"warnings": warnings}}
    return answer


async def update(workspace: Workspace, call: Call) -> Json:
    """chat.update: text without blocks removes the blocks; what is not given stays."""
    channel = writable_channel(workspace, call)
    message = _own(workspace, channel, call.need("ts"), "cant_update_message")
    changes: Json = {}
    if call.args.get("text") is not None or call.args.get("blocks") is not None:
        changes["text"], changes["blocks"], changes["attachments"] = _content(workspace, call, message.text)
        if len(changes["text"]) > _LONGEST_UPDATE:
            raise SlackError("msg_too_long")
    if call.args.get("metadata") is not None:
        changes["metadata"] = _metadata(call)
    if call.args.get("file_ids") is not None:
        changes["files"] = tuple(file.id for file in _files(workspace, call))
    if not changes:
        raise SlackError("no_text")
    if "text" in changes and not changes["blocks"]:
        # With blocks Slack shows no "(edited)".
        changes["edited"] = {"user": workspace.app.user_id, "ts": workspace.identity.stamp()}
    message = workspace.messages.change(message, **changes)
    shown = workspace.message_json(message, with_metadata=True)
    return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": shown}


async def delete(workspace: Workspace, call: Call) -> Json:
    """chat.delete."""
    channel = writable_channel(workspace, call)
    message = _own(workspace, channel, call.need("ts"), "cant_delete_message")
    workspace.messages.delete(message)
    return {"channel": channel.id, "ts": message.ts}


async def post_ephemeral(workspace: Workspace, call: Call) -> Json:
    """chat.postEphemeral."""
    channel = writable_channel(workspace, call)
    user = workspace.directory.user(call.need("user"))
    if user is None:
        raise SlackError("user_not_found")
    if user.id not in channel.members:
        raise SlackError("user_not_in_channel")
    text, blocks, _ = _content(workspace, call)
    thread_ts = _parent(workspace, channel, call.text("thread_ts"))
    stamp = workspace.identity.stamp()
    workspace.messages.whisper(Ephemeral(channel.id, stamp, user.id, workspace.app.user_id, text, blocks, thread_ts))
    return {"message_ts": stamp}


async def get_permalink(workspace: Workspace, call: Call) -> Json:
    """chat.getPermalink."""
    channel = readable_channel(workspace, call)
    stamp = call.need("message_ts")
    message = workspace.messages.get(channel.id, stamp)
    if message is None:
        raise SlackError("message_not_found")
    link = f"{workspace.base_url}/archives/{channel.id}/p{stamp.replace('.', '')}"
    if message.is_reply:
        link += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"channel": channel.id, "permalink": link}


def _content(workspace: Workspace, call: Call, present: str = "") -> tuple[str, tuple[Json, ...], tuple[Json, ...]]:
    blocks = call.objects("blocks") or []
    attachments = tuple(call.objects("attachments") or [])
    text = call.text("text", present if call.args.get("text") is None else "")
    if not text and not blocks and not attachments:
        raise SlackError("no_text")
    return text, accepted_blocks(workspace, blocks), attachments


def _parent(workspace: Workspace, channel: Channel, thread_ts: str) -> str | None:
    if not thread_ts:
        return None
    parent = workspace.messages.get(channel.id, thread_ts)
    if parent is None:
        raise SlackError("thread_not_found")
    if parent.is_reply:
        raise SlackError("cannot_reply_to_message")
    return thread_ts


def _own(workspace: Workspace, channel: Channel, stamp: str, refusal: str) -> Message:
    message = workspace.messages.get(channel.id, stamp)
    if message is None or message.tombstone:
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


def _files(workspace: Workspace, call: Call) -> list[StoredFile]:
    given = call.args["file_ids"]
    # slack_sdk joins them with commas, Slack's documentation shows an array.
    listed = isinstance(given, str) and not given.startswith("[")
    file_ids = given.split(",") if listed else call.structure("file_ids")
    found = [workspace.files.get(str(file_id)) for file_id in file_ids or []]
    if any(file is None or file.stage != "completed" for file in found):
        raise SlackError("file_not_found")
    return [file for file in found if file is not None]
