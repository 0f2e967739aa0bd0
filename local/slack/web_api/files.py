"""files.*: the three steps of an upload, and asking how a file is doing."""

from collections.abc import Sequence

from local.slack.errors import Json, SlackError, invalid_arguments
from local.slack.seed_data import Channel
from local.slack.web_api.call import Call

_MOST_CHANNELS = 100


async def get_upload_url(call: Call) -> Json:
    """files.getUploadURLExternal."""
    length = call.number("length", 0, low=0, high=1_000_000_000)
    if length < 1:
        raise invalid_arguments("length must be more than 0")
    alt_text = call.text("alt_txt") or call.text("alt_text")
    file = call.workspace.files.announce(call.need("filename"), length, alt_text)
    return {"upload_url": f"{call.workspace.base_url}/upload/{file.id}", "file_id": file.id}


async def complete_upload(call: Call) -> Json:
    """files.completeUploadExternal: without a channel the file stays private to the app."""
    workspace = call.workspace
    channels = _channels(call)
    thread_ts = _thread(call, channels)
    comment = call.text("initial_comment")
    blocks = () if comment else workspace.accept_blocks(call.objects("blocks"))
    wanted = call.objects("files")
    if not wanted:
        raise invalid_arguments("missing required field: files")
    files = [workspace.files.complete(str(one.get("id")), str(one.get("title") or "")).id for one in wanted]
    for channel in channels:
        workspace.say_as_app(channel.id, comment, blocks, thread_ts=thread_ts, files=tuple(files))
    return {"files": [workspace.file_json(workspace.files.completed(file_id)) for file_id in files]}


async def info(call: Call) -> Json:
    """files.info."""
    file = call.workspace.files.completed(call.need("file"))
    return {"file": call.workspace.file_json(file), "comments": [], "response_metadata": {"next_cursor": ""}}


def _channels(call: Call) -> list[Channel]:
    names = [name for name in (call.text("channel_id") or call.text("channels")).split(",") if name]
    if len(names) > _MOST_CHANNELS:
        raise SlackError("channels_limit_exceeded")
    for name in names:
        if not name.startswith(("C", "G", "D", "Z")):
            raise invalid_arguments(f"must match a channel id: {name}")
    return [Call(call.workspace, {"channel": name}).writable_channel() for name in names]


def _thread(call: Call, channels: Sequence[Channel]) -> str | None:
    thread_ts = call.text("thread_ts")
    if not thread_ts:
        return None
    if len(channels) != 1:
        raise invalid_arguments("thread_ts needs exactly one channel")
    parent = call.workspace.messages.get(channels[0].id, thread_ts)
    if parent is None or parent.is_reply:
        raise SlackError("thread_not_found")
    return thread_ts
