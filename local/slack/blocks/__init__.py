"""A strict validator for Block Kit: what Slack would refuse, in words and with its place.

It is pure: whether a `slack_file` exists, or who may post where, is not its concern.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from local.slack.blocks.elements import plain
from local.slack.blocks.layout import BLOCKS, KNOWN_TYPES, MOST_BLOCKS, Surface
from local.slack.blocks.schema import Check, Problem, ProblemCode, anything, flag, items, record, text, typed
from local.slack.blocks.together import across, too_much_text

__all__ = ["Problem", "ProblemCode", "Surface", "too_much_text", "validate", "validate_view"]


def validate(blocks: object, surface: Surface, *, at: str = "/blocks") -> list[Problem]:
    """What Slack would refuse about these blocks on that surface; an empty list means they would be accepted.

    Args:
        blocks: the value of `blocks`, as JSON.
        surface: where they are to stand.
        at: the JSON pointer of `blocks` in what is sent.
    """
    misplaced = list(_misplaced(blocks, surface, at))
    if misplaced:
        return misplaced
    problems = list(items(typed(BLOCKS[surface]), MOST_BLOCKS[surface], least=0)(blocks, at))
    if not problems and isinstance(blocks, list):
        problems = list(across(blocks, at))
    return problems


def validate_view(view: object) -> list[Problem]:
    """What Slack would refuse about a modal or Home view; pointers start at `/view`."""
    if not isinstance(view, dict):
        return [Problem("wrong_type", "must be an object", "/view")]
    surface: Surface
    match view.get("type"):
        case "modal" | "home" as surface:
            problems = list(_VIEWS[surface](view, "/view"))
        case unknown:
            return [Problem("unsupported_type", f"unsupported type: {unknown}", "/view/type")]
    problems += validate(view.get("blocks", []), surface, at="/view/blocks")
    if not problems and surface == "modal":
        problems = list(_submit_with_inputs(view))
    return problems


def _misplaced(blocks: object, surface: Surface, at: str) -> Iterator[Problem]:
    for index, block in enumerate(blocks if isinstance(blocks, list) else []):
        name = block.get("type") if isinstance(block, dict) else None
        if name in KNOWN_TYPES and name not in BLOCKS[surface]:
            yield Problem("unsupported_surface", f"{name} blocks are not allowed in a {surface}", f"{at}/{index}/type")


def _submit_with_inputs(view: Mapping[str, Any]) -> Iterator[Problem]:
    if view.get("submit") is None and any(block["type"] == "input" for block in view["blocks"]):
        yield Problem("missing_submit", "a modal with an input block needs a submit button", "/view/submit")


_SHARED: Mapping[str, Check] = {
    "type": anything(),
    "private_metadata": text(3000, shortest=0),
    "callback_id": text(255, shortest=0),
    "external_id": text(255, shortest=0),
}
_VIEWS: Mapping[Surface, Check] = {
    "home": record({"blocks": anything()}, _SHARED),
    "modal": record(
        {"blocks": anything(), "title": plain(24)},
        {
            **_SHARED,
            "submit": plain(24),
            "close": plain(24),
            "clear_on_close": flag(),
            "notify_on_close": flag(),
            "submit_disabled": flag(),
        },
    ),
}
