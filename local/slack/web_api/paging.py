"""Slack's cursors: a page of a list and where the next one starts."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import TypeVar

from local.slack.wire import Call, Json, SlackError

Item = TypeVar("Item")


def page(call: Call, items: Sequence[Item], key: Callable[[Item], str], *, limit: int) -> tuple[list[Item], str]:
    """The page `cursor` and `limit` ask for, and the cursor of the next one (empty at the end).

    A cursor names the first item of its page, so pages neither repeat nor skip anything when items are added in front.
    """
    size = call.number("limit", limit, low=1, high=1000) or limit
    start = 0
    cursor = call.text("cursor")
    if cursor:
        wanted = _decoded(cursor)
        start = next((index for index, item in enumerate(items) if key(item) == wanted), -1)
        if start < 0:
            raise SlackError("invalid_cursor")
    shown = list(items[start : start + size])
    rest = items[start + size :]
    return shown, _encoded(key(rest[0])) if rest else ""


def next_cursor(cursor: str) -> Json:
    """The `response_metadata` that carries a cursor."""
    return {"response_metadata": {"next_cursor": cursor}}


def _encoded(name: str) -> str:
    return base64.b64encode(f"next:{name}".encode()).decode()


def _decoded(cursor: str) -> str:
    try:
        return base64.b64decode(cursor, validate=True).decode().removeprefix("next:")
    except (binascii.Error, UnicodeDecodeError):
        raise SlackError("invalid_cursor") from None
