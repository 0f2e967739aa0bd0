"""What the app may answer to a command or a click: through its ack, or through a response_url."""

from local.slack.errors import Json, SlackError, found
from local.slack.messages import Message
from local.slack.tokens import ResponseTarget
from local.slack.workspace import Workspace


def respond(workspace: Workspace, target: ResponseTarget, body: Json) -> None:
    """Do what a response body asks: replace or delete the original, or say something new."""
    if body.get("delete_original"):
        workspace.messages.delete(_original(workspace, target))
        return
    text, blocks = str(body.get("text") or ""), body.get("blocks") or []
    if not text and not blocks:
        raise SlackError("no_text")
    accepted = workspace.accept_blocks(blocks)
    if body.get("replace_original") and target.message_ts:
        workspace.messages.change(_original(workspace, target), text=text, blocks=accepted)
        return
    seen_by = "" if body.get("response_type") == "in_channel" else target.user
    workspace.say_as_app(target.channel, text, accepted, thread_ts=body.get("thread_ts"), visible_to=seen_by)


def _original(workspace: Workspace, target: ResponseTarget) -> Message:
    messages = workspace.messages
    original = messages.ephemeral(target.message_ts) or messages.get(target.channel, target.message_ts)
    return found(original, "message_not_found")
