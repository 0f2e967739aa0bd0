"""One call of the Web API: its arguments, the channel it names, the page of a list it wants."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from local.slack.errors import Json, SlackError, found, invalid_arguments
from local.slack.seed_data import Channel
from local.slack.workspace import Workspace

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Call:
    """A call to the workspace; JSON and form fields are alike in `args`."""

    workspace: Workspace
    args: Json

    def text(self, name: str, default: str = "") -> str:
        """The argument as text; `default` where it is absent or null."""
        value = self.args.get(name)
        return default if value is None else str(value)

    def need(self, name: str) -> str:
        """The argument as text, which must be there and not be empty."""
        value = self.text(name)
        if not value:
            raise invalid_arguments(f"missing required field: {name}")
        return value

    def flag(self, name: str) -> bool:
        """The argument as a truth value; forms spell it 1, true or True."""
        return self.text(name).lower() in {"1", "true"}

    def number(self, name: str, default: int, *, low: int, high: int) -> int:
        """The argument as a whole number, held between `low` and `high`."""
        try:
            return max(low, min(high, int(self.text(name) or default)))
        except ValueError:
            raise invalid_arguments(f"must be a number: {name}") from None

    def structure(self, name: str) -> Any:
        """The argument as JSON: forms send structures as JSON text. None where absent or empty text."""
        value = self.args.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value or "null")
        except ValueError:
            raise invalid_arguments(f"{name} is not valid JSON") from None

    def objects(self, name: str) -> list[Json]:
        """The argument as a list of JSON objects; empty where absent."""
        value = self.structure(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise SlackError("invalid_blocks_format" if name == "blocks" else "invalid_arguments")
        return value

    def channel(self) -> Channel:
        """The channel of the `channel` argument, by id."""
        return found(self.workspace.directory.channel(self.need("channel")), "channel_not_found")

    def readable_channel(self) -> Channel:
        """The same; the app must be a member."""
        return self._joined(self.channel())

    def writable_channel(self, name: str = "channel") -> Channel:
        """Like `readable_channel`; posting also takes `#name`, and a user's id for the direct message."""
        directory = self.workspace.directory
        wanted = self.need(name)
        user = directory.user(wanted)
        if user is not None and self.args.get("ts") is None:
            return directory.direct_message(user)
        return self._joined(found(directory.channel_named(wanted), "channel_not_found"))

    def page(self, items: Sequence[Item], key: Callable[[Item], str], *, limit: int) -> tuple[list[Item], Json]:
        """The page that `cursor` and `limit` ask for, and the `response_metadata` with the cursor of the next one.

        A cursor names the first item of its page, so pages neither repeat nor skip anything when items are added in
        front; at the end it is empty.
        """
        size = self.number("limit", limit, low=1, high=1000)
        wanted = _decoded(self.text("cursor"))
        start = next((at for at, item in enumerate(items) if wanted in ("", key(item))), 0 if not wanted else -1)
        if start < 0:
            raise SlackError("invalid_cursor")
        rest = items[start + size :]
        cursor = base64.b64encode(f"next:{key(rest[0])}".encode()).decode() if rest else ""
        return list(items[start : start + size]), {"response_metadata": {"next_cursor": cursor}}

    def _joined(self, channel: Channel) -> Channel:
        if self.workspace.app.user_id not in channel.members:
            raise SlackError("not_in_channel")
        return channel


def _decoded(cursor: str) -> str:
    try:
        return base64.b64decode(cursor, validate=True).decode().removeprefix("next:")
    except (binascii.Error, UnicodeDecodeError):
        raise SlackError("invalid_cursor") from None
