"""What the app may answer to a command or a click: through its ack, or through a response_url."""

from local.slack.messages import Ephemeral, Message
from local.slack.passes import ResponseTarget
from local.slack.posting import accepted_blocks
from local.slack.wire import Json, SlackError
from local.slack.workspace import Workspace


def answer(workspace: Workspace, target: ResponseTarget, body: Json) -> None:
    """Do what a response body asks: replace or delete the original, or say something new."""
    if body.get("delete_original"):
        _delete_original(workspace, target)
        return
    text, blocks = _content(workspace, body)
    if body.get("replace_original") and target.message_ts:
        _replace_original(workspace, target, text, blocks)
    elif body.get("response_type") == "in_channel":
        _post(workspace, target, text, blocks, body.get("thread_ts"))
    else:
        author = workspace.app.user_id
        stamp = workspace.identity.stamp()
        thread_ts = body.get("thread_ts")
        workspace.messages.whisper(Ephemeral(target.channel, stamp, target.user, author, text, blocks, thread_ts))


def _content(workspace: Workspace, body: Json) -> tuple[str, tuple[Json, ...]]:
    text = str(body.get("text") or "")
    blocks = body.get("blocks") or []
    if not text and not blocks:
        raise SlackError("no_text")
    return text, accepted_blocks(workspace, blocks)


def _post(
    workspace: Workspace, target: ResponseTarget, text: str, blocks: tuple[Json, ...], thread_ts: str | None
) -> None:
    stamp = workspace.identity.stamp()
    author = workspace.app.user_id
    workspace.messages.add(
        Message(target.channel, stamp, author, text, blocks=blocks, thread_ts=thread_ts, by_app=True)
    )


def _replace_original(workspace: Workspace, target: ResponseTarget, text: str, blocks: tuple[Json, ...]) -> None:
    original = _original(workspace, target)
    if isinstance(original, Ephemeral):
        fresh = Ephemeral(
            original.channel, original.ts, original.user, original.author, text, blocks, original.thread_ts
        )
        workspace.messages.whisper(fresh)
    else:
        workspace.messages.change(original, text=text, blocks=blocks)


def _delete_original(workspace: Workspace, target: ResponseTarget) -> None:
    original = _original(workspace, target)
    if isinstance(original, Ephemeral):
        workspace.messages.unwhisper(original)
    else:
        workspace.messages.delete(original)


def _original(workspace: Workspace, target: ResponseTarget) -> Message | Ephemeral:
    stamp = target.message_ts or ""
    messages = workspace.messages
    original = messages.ephemeral(stamp) if target.ephemeral else messages.get(target.channel, stamp)
    if original is None:
        raise SlackError("message_not_found")
    return original
