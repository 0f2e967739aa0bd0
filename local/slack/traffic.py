"""The ordered record of what went between the workspace and the app, without secrets."""

from collections import deque
from typing import Literal, TypeAlias

from local.slack.timing import Clock
from local.slack.wire import Json

Direction: TypeAlias = Literal["from_app", "to_app"]
TrafficKind: TypeAlias = Literal[
    "web_api", "upload", "download", "response_url", "socket", "envelope", "ack", "failure", "fault"
]

_KEPT = 5_000
_SECRET_KEYS = frozenset({"token", "app_token"})


class Traffic:
    """The last 5,000 entries, numbered from 1."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: deque[Json] = deque(maxlen=_KEPT)
        self._seq = 0

    def note(self, direction: Direction, kind: TrafficKind, name: str, **details: object) -> None:
        """Record one thing that went over the wire; tokens in `details["args"]` are blotted out."""
        self._seq += 1
        args = details.get("args")
        if isinstance(args, dict):
            details["args"] = {key: "(redacted)" if key in _SECRET_KEYS else value for key, value in args.items()}
        entry = {"seq": self._seq, "at": self._clock(), "direction": direction, "kind": kind, "name": name}
        self._entries.append(entry | details)

    def since(self, seq: int = 0) -> list[Json]:
        """Every entry kept with a number above `seq`, oldest first."""
        return [entry for entry in self._entries if entry["seq"] > seq]

    def clear(self) -> None:
        """Forget everything; numbering goes on."""
        self._entries.clear()
