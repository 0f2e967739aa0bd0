"""What goes over the wire: JSON objects, Slack's way of saying no, and one parsed Web API call."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]


class SlackError(Exception):
    """Slack's `{"ok": false, "error": ...}`.

    Args:
        error: Slack's error string, such as `channel_not_found`.
        messages: sentences for `response_metadata.messages`.
        extra: further keys of the answer's body.
    """

    def __init__(self, error: str, *, messages: Sequence[str] = (), extra: Mapping[str, Any] | None = None) -> None:
        super().__init__(error)
        self.error = error
        self.messages = tuple(messages)
        self.extra = dict(extra or {})

    def body(self) -> Json:
        """The answer's body as Slack sends it."""
        answer: Json = {"ok": False, "error": self.error, **self.extra}
        if self.messages:
            answer["response_metadata"] = {"messages": list(self.messages)}
        return answer


class ControlError(Exception):
    """What a person asked of the control API cannot be done; its text is a sentence for that person."""


def invalid_arguments(*sentences: str) -> SlackError:
    """Slack's answer to malformed arguments, one sentence each."""
    return SlackError("invalid_arguments", messages=[f"[ERROR] {sentence}" for sentence in sentences])


@dataclass(frozen=True, slots=True)
class Call:
    """One Web API call: its arguments, JSON and form fields alike."""

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

    def flag(self, name: str, *, default: bool = False) -> bool:
        """The argument as a truth value; forms spell it 1, true or True."""
        value = self.args.get(name)
        return default if value is None else str(value).lower() in {"1", "true"}

    def number(self, name: str, default: int, *, low: int, high: int) -> int:
        """The argument as a whole number, held between `low` and `high`."""
        value = self.args.get(name)
        if value in (None, ""):
            return default
        try:
            return max(low, min(high, int(str(value))))
        except ValueError:
            raise invalid_arguments(f"must be a number: {name}") from None

    def structure(self, name: str) -> Any:
        """The argument as JSON: forms send structures as JSON text. None where absent or empty text."""
        value = self.args.get(name)
        if not isinstance(value, str):
            return value
        if not value:
            return None
        try:
            return json.loads(value)
        except ValueError:
            raise invalid_arguments(f"{name} is not valid JSON") from None

    def objects(self, name: str) -> list[Json] | None:
        """The argument as a list of JSON objects; None where absent."""
        value = self.structure(name)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise SlackError("invalid_blocks_format" if name == "blocks" else "invalid_arguments")
        return value
