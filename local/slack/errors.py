"""JSON objects as they go over the wire, and the two ways of saying no: Slack's to an app, ours to a person."""

from collections.abc import Sequence
from typing import Any, TypeAlias, TypeVar

Json: TypeAlias = dict[str, Any]
Value = TypeVar("Value")


class SlackError(Exception):
    """Slack's `{"ok": false, "error": ...}`.

    Args:
        error: Slack's error string, such as `channel_not_found`.
        messages: sentences for `response_metadata.messages`.
        extra: further keys of the answer's body.
    """

    def __init__(self, error: str, *, messages: Sequence[str] = (), **extra: object) -> None:
        super().__init__(error)
        self.error = error
        self.messages = tuple(messages)
        self.extra = extra

    def body(self) -> Json:
        """The answer's body as Slack sends it."""
        metadata = {"response_metadata": {"messages": list(self.messages)}} if self.messages else {}
        return {"ok": False, "error": self.error, **self.extra, **metadata}


def found(value: Value | None, error: str) -> Value:
    """What was looked up; Slack's `error` if there is no such thing."""
    if value is None:
        raise SlackError(error)
    return value


class ControlError(Exception):
    """What a person asked of the control API cannot be done; its text is a sentence for that person."""


def invalid_arguments(sentence: str) -> SlackError:
    """Slack's answer to malformed arguments."""
    return SlackError("invalid_arguments", messages=[f"[ERROR] {sentence}"])
