"""The blocks themselves: which there are, on which surface each may stand, and what it may hold."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeAlias

from local.slack.blocks.cards import CARD, CAROUSEL, PLAN, TASK_CARD, container
from local.slack.blocks.elements import (
    ACCESSORY,
    ID,
    IMAGE_FIELDS,
    IN_ACTIONS,
    IN_CONTEXT,
    IN_CONTEXT_ACTIONS,
    IN_INPUT,
    URL,
    plain,
    rich,
)
from local.slack.blocks.richtext import RICH_TEXT
from local.slack.blocks.schema import Check, Problem, both, exactly_one, flag, items, kind, number, one_of, text, typed
from local.slack.blocks.tables import DATA_TABLE, DATA_VISUALIZATION, TABLE

Surface: TypeAlias = Literal["message", "modal", "home"]


def _block(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    return kind(required, {"block_id": ID, **(optional or {})})


def _text_or_fields(block: Any, at: str) -> Iterator[Problem]:
    if block.get("text") is None and block.get("fields") is None:
        yield Problem("missing_field", "missing required field: text or fields", at)


_SECTION = both(
    _block({}, {"text": rich(3000), "fields": items(rich(2000), 10), "accessory": ACCESSORY, "expand": flag()}),
    _text_or_fields,
)

_IMAGE = both(
    _block({"alt_text": text(2000)}, {**IMAGE_FIELDS, "title": plain(2000)}),
    exactly_one("image_url", "slack_file"),
)

_VIDEO = _block(
    {"alt_text": text(2000), "video_url": URL, "thumbnail_url": URL, "title": plain(199)},
    {
        "title_url": URL,
        "description": plain(200),
        "provider_icon_url": URL,
        "provider_name": text(50),
        "author_name": text(49),
    },
)

_EVERYWHERE: Mapping[str, Check] = {
    "section": _SECTION,
    "header": _block({"text": plain(150)}, {"level": number(1, 4, whole=True)}),
    "divider": _block({}),
    "image": _IMAGE,
    "actions": _block({"elements": items(IN_ACTIONS, 25)}),
    "context": _block({"elements": items(IN_CONTEXT, 10)}),
    "rich_text": _block({"elements": RICH_TEXT}),
    "input": _block(
        {"label": plain(2000), "element": IN_INPUT},
        {"hint": plain(2000), "optional": flag(), "dispatch_action": flag()},
    ),
    "video": _VIDEO,
}

_IN_MESSAGES: Mapping[str, Check] = {
    "markdown": _block({"text": text(12_000)}),
    "context_actions": _block({"elements": items(IN_CONTEXT_ACTIONS, 5)}),
    "table": TABLE,
    "data_table": DATA_TABLE,
    "data_visualization": DATA_VISUALIZATION,
    "card": CARD,
    "carousel": CAROUSEL,
    "plan": PLAN,
    "task_card": TASK_CARD,
    "container": container(typed(_EVERYWHERE)),
}

_IN_MODALS: Mapping[str, Check] = {
    "alert": _block({"text": rich(200)}, {"level": one_of("default", "info", "warning", "error", "success")})
}

# Slack's text allows some of the message blocks on Home too; trials found them dropped there, so they are refused.
BLOCKS: Mapping[Surface, Mapping[str, Check]] = {
    "message": {**_EVERYWHERE, **_IN_MESSAGES},
    "modal": {**_EVERYWHERE, **_IN_MODALS},
    "home": _EVERYWHERE,
}

MOST_BLOCKS: Mapping[Surface, int] = {"message": 50, "modal": 100, "home": 100}

KNOWN_TYPES = frozenset(name for kinds in BLOCKS.values() for name in kinds)
