"""What posting, updating and answering have in common: checking blocks, completing them, saying things."""

import json
from collections.abc import Sequence
from typing import Any

from local.slack.blocks import Problem, too_much_text, validate, validate_view
from local.slack.furniture import SLACKBOT_ID, Channel
from local.slack.identity import Identity
from local.slack.messages import Ephemeral, elements_of
from local.slack.wire import Json, SlackError
from local.slack.workspace import Workspace

_VIEW_CHARACTERS = 250_000


def accepted_blocks(workspace: Workspace, blocks: Sequence[Json]) -> tuple[Json, ...]:
    """Message blocks as Slack stores them; `invalid_blocks` or `msg_blocks_too_long` where it would refuse them."""
    problems = validate(list(blocks), "message")
    if problems:
        raise _refusal("invalid_blocks", problems)
    refuse_unusable_images(workspace, blocks)
    if too_much_text(blocks):
        raise SlackError("msg_blocks_too_long")
    return tuple(_completed(block, workspace.identity) for block in blocks)


def accepted_view(workspace: Workspace, view: Any) -> Json:
    """A view as Slack stores it; `invalid_arguments` or `view_too_large` where it would refuse it."""
    if len(json.dumps(view)) > _VIEW_CHARACTERS:
        raise SlackError("view_too_large")
    problems = validate_view(view)
    if problems:
        raise _refusal("invalid_arguments", problems)
    refuse_unusable_images(workspace, view["blocks"], "/view/blocks")
    return {**view, "blocks": [_completed(block, workspace.identity) for block in view["blocks"]]}


def refuse_unusable_images(workspace: Workspace, blocks: Sequence[Json], at: str = "/blocks") -> None:
    """Answer `invalid slack file` while an image block names a file that is not (yet) a processed image."""
    pointers = workspace.files.unusable_images(blocks, at)
    sentences = [f"invalid slack file [json-pointer:{pointer}]" for pointer in pointers]
    if sentences:
        messages = [f"[ERROR] {sentence}" for sentence in sentences]
        raise SlackError("invalid_blocks", messages=messages, extra={"errors": sentences})


def slackbot_says(workspace: Workspace, channel: Channel, user: str, text: str) -> None:
    """Show a person what Slack itself says about something that failed."""
    stamp = workspace.identity.stamp()
    workspace.messages.whisper(Ephemeral(channel.id, stamp, user, SLACKBOT_ID, text))


def _refusal(error: str, problems: Sequence[Problem]) -> SlackError:
    sentences = [problem.sentence for problem in problems]
    return SlackError(error, messages=[f"[ERROR] {one}" for one in sentences], extra={"errors": sentences})


def _completed(block: Json, identity: Identity) -> Json:
    """A copy with what Slack adds: block ids, action ids, and the defaults of text objects."""
    copy: Json = _with_text_defaults(block)
    # Slack does not keep the block_id of a markdown block.
    if "block_id" not in copy or copy["type"] == "markdown":
        copy["block_id"] = identity.short("b")
    candidates = [copy.get("accessory"), copy.get("element")]
    candidates += copy.get("elements", []) if copy["type"] in ("actions", "context_actions") else []
    for element in candidates:
        if isinstance(element, dict) and element["type"] != "image" and "action_id" not in element:
            element["action_id"] = identity.short("a")
    return copy


def _with_text_defaults(node: Any) -> Any:
    if isinstance(node, list):
        return [_with_text_defaults(child) for child in node]
    if not isinstance(node, dict):
        return node
    copy = {key: _with_text_defaults(child) for key, child in node.items() if child is not None}
    if copy.get("type") == "plain_text":
        copy.setdefault("emoji", True)
    if copy.get("type") == "mrkdwn":
        copy.setdefault("verbatim", False)
    return copy


def controls_of(blocks: Sequence[Json]) -> list[tuple[Json, Json]]:
    """Every `(block, element)` a person can use, in order."""
    return [(block, element) for block in blocks for element in elements_of(block)]
