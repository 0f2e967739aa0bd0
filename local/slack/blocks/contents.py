"""What is inside blocks: every object, the controls people can use, the files, the amount of text."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from local.slack.errors import Json


def objects(node: object, pointer: str = "") -> Iterator[tuple[str, Json]]:
    """Every object inside a piece of block JSON, outer ones first, with its JSON pointer."""
    if isinstance(node, dict):
        yield pointer, node
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list | tuple) else ()
    for key, child in children:
        yield from objects(child, f"{pointer}/{key}")


def characters(node: object) -> int:
    """The characters of every `text` string."""
    return sum(len(found["text"]) for _, found in objects(node) if isinstance(found.get("text"), str))


def slack_files(node: object, pointer: str) -> Iterator[tuple[str, Json]]:
    """Every `slack_file` of an image, with its JSON pointer."""
    for at, found in objects(node, pointer):
        if found.get("type") == "image" and isinstance(found.get("slack_file"), dict):
            yield f"{at}/slack_file", found["slack_file"]


def controls_of(blocks: Sequence[Json]) -> list[tuple[Json, Json]]:
    """Every `(block, element)` a person can use, in order."""
    return [(block, element) for block in blocks for element in _candidates(block) if "action_id" in element]


def completed(block: Json, new_id: Callable[[str], str]) -> Json:
    """A copy with what Slack adds: block ids, action ids, and the defaults of text objects.

    Args:
        block: a valid block.
        new_id: makes an id that begins with the given letter.
    """
    copy: Json = _with_text_defaults(block)
    # Slack does not keep the block_id of a markdown block.
    if "block_id" not in copy or copy["type"] == "markdown":
        copy["block_id"] = new_id("b")
    for element in _candidates(copy):
        if element["type"] != "image" and "action_id" not in element:
            element["action_id"] = new_id("a")
    return copy


def _candidates(block: Json) -> list[Json]:
    found = [block.get("accessory"), block.get("element")]
    if block.get("type") in ("actions", "context_actions"):
        found += block.get("elements", [])
    return [element for element in found if isinstance(element, dict)]


def _with_text_defaults(node: Any) -> Any:
    if isinstance(node, list):
        return [_with_text_defaults(child) for child in node]
    if not isinstance(node, dict):
        return node
    copy = {key: _with_text_defaults(child) for key, child in node.items() if child is not None}
    defaults = {"plain_text": {"emoji": True}, "mrkdwn": {"verbatim": False}}.get(str(copy.get("type")), {})
    return defaults | copy
