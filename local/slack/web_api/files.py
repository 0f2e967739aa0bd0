"""files.*: the three steps of an upload, and asking how a file is doing."""

from collections.abc import Sequence

from local.slack.furniture import Channel
from local.slack.messages import Message
from local.slack.posting import accepted_blocks
from local.slack.sharing import share, tell_when_processed
from local.slack.web_api.access import writable_channel
from local.slack.wire import Call, Json, SlackError, invalid_arguments
from local.slack.workspace import Workspace

_MOST_CHANNELS = 100


async def get_upload_url(workspace: Workspace, call: Call) -> Json:
    """files.getUploadURLExternal."""
    length = call.number("length", 0, low=0, high=1_000_000_000)
    if length < 1:
        raise invalid_arguments("length must be more than 0")
    alt_text = call.text("alt_txt") or call.text("alt_text")
    file, key = workspace.files.announce(call.need("filename"), length, alt_text)
    return {"upload_url": f"{workspace.base_url}/upload/{key}", "file_id": file.id}


async def complete_upload(workspace: Workspace, call: Call) -> Json:
    """files.completeUploadExternal: without a channel the file stays private to the app."""
    channels = _channels(workspace, call)
    thread_ts = _thread(workspace, channels, call.text("thread_ts"))
    comment = call.text("initial_comment")
    blocks = () if comment else accepted_blocks(workspace, call.objects("blocks") or [])
    wanted = call.objects("files")
    if not wanted:
        raise invalid_arguments("missing required field: files")
    files = [workspace.files.complete(str(one.get("id")), str(one.get("title") or "")) for one in wanted]
    tell_when_processed(workspace)
    for channel in channels:
        message = Message(
            channel=channel.id,
            ts=workspace.identity.stamp(),
            user=workspace.app.user_id,
            text=comment,
            blocks=blocks,
            thread_ts=thread_ts,
            by_app=True,
            files=tuple(file.id for file in files),
        )
        share(workspace, files, message)
    return {"files": [workspace.file_by_id_json(file.id) for file in files]}


async def info(workspace: Workspace, call: Call) -> Json:
    """files.info."""
    file = workspace.files.get(call.need("file"))
    if file is None or file.stage != "completed":
        raise SlackError("file_not_found")
    return {"file": workspace.file_json(file), "comments": [], "response_metadata": {"next_cursor": ""}}


def _channels(workspace: Workspace, call: Call) -> list[Channel]:
    names = [name for name in (call.text("channel_id") or call.text("channels")).split(",") if name]
    if len(names) > _MOST_CHANNELS:
        raise SlackError("channels_limit_exceeded")
    for name in names:
        if not name.startswith(("C", "G", "D", "Z")):
            raise invalid_arguments(f"must match a channel id: {name}")
    return [writable_channel(workspace, Call({"channel": name})) for name in names]


def _thread(workspace: Workspace, channels: Sequence[Channel], thread_ts: str) -> str | None:
    if not thread_ts:
        return None
    if len(channels) != 1:
        raise invalid_arguments("thread_ts needs exactly one channel")
    parent = workspace.messages.get(channels[0].id, thread_ts)
    if parent is None or parent.is_reply:
        raise SlackError("thread_not_found")
    return thread_ts
