"""The card-like blocks of 2026: card, carousel, container, plan and task_card."""

from collections.abc import Iterator
from typing import Any

from local.slack.blocks.elements import BUTTON, ID, IN_CONTEXT, URL, plain, rich
from local.slack.blocks.richtext import RICH_TEXT_CELL
from local.slack.blocks.schema import Check, Problem, both, flag, items, kind, one_of, text, typed

_RICH = typed({"rich_text": RICH_TEXT_CELL})
_SOURCE = typed({"url": kind({"url": URL, "text": text(3000)})})


def _holds_something(block: Any, at: str) -> Iterator[Problem]:
    if not any(block.get(name) for name in ("hero_image", "title", "actions", "body")):
        yield Problem("missing_field", "needs at least one of: hero_image, title, actions, body", at)


CARD = both(
    kind(
        {},
        {
            "block_id": ID,
            "hero_image": IN_CONTEXT,
            "icon": IN_CONTEXT,
            "title": rich(150),
            "subtitle": rich(150),
            "body": rich(200),
            "actions": items(typed({"button": BUTTON}), 3),
        },
    ),
    _holds_something,
)

CAROUSEL = kind({"elements": items(typed({"card": CARD}), 10)}, {"block_id": ID})

TASK_CARD = kind(
    {"task_id": ID, "title": text(256), "status": one_of("pending", "in_progress", "complete", "error")},
    {"block_id": ID, "details": _RICH, "output": _RICH, "sources": items(_SOURCE, 50)},
)

PLAN = kind({"title": text(256)}, {"block_id": ID, "tasks": items(typed({"task_card": TASK_CARD}), 50)})


def container(child: Check) -> Check:
    """A container of at most ten blocks, each of which passes `child`."""
    return kind(
        {"child_blocks": items(child, 10)},
        {
            "block_id": ID,
            "title": plain(150),
            "rich_text_title": _RICH,
            "subtitle": rich(150),
            "icon": IN_CONTEXT,
            "width": one_of("narrow", "standard", "wide", "full"),
            "is_collapsible": flag(),
            "default_collapsed": flag(),
            "has_header_divider": flag(),
        },
    )
