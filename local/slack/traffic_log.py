"""The ordered record of what went between the workspace and the app, without secrets."""

from collections import deque
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from local.slack.errors import Json
from local.slack.timing import Clock

Direction: TypeAlias = Literal["from_app", "to_app"]
TrafficKind: TypeAlias = Literal[
    "web_api", "upload", "download", "response_url", "socket", "envelope", "ack", "failure", "fault"
]

_SECRET_KEYS = frozenset({"token", "app_token"})


@dataclass(slots=True)
class TrafficLog:
    """The last 5,000 entries, numbered from 1."""

    clock: Clock
    _entries: deque[Json] = field(default_factory=lambda: deque(maxlen=5_000))
    _seq: int = 0

    def note(self, direction: Direction, kind: TrafficKind, name: str, **details: object) -> None:
        """Record one thing that went over the wire; tokens in `details["args"]` are blotted out."""
        self._seq += 1
        args = details.get("args")
        if isinstance(args, dict):
            details["args"] = {key: "(redacted)" if key in _SECRET_KEYS else value for key, value in args.items()}
        entry = {"seq": self._seq, "at": self.clock(), "direction": direction, "kind": kind, "name": name}
        self._entries.append(entry | details)

    def since(self, seq: int = 0) -> list[Json]:
        """Every entry kept with a number above `seq`, oldest first."""
        return [entry for entry in self._entries if entry["seq"] > seq]

    def clear(self) -> None:
        """Forget everything; numbering goes on."""
        self._entries.clear()
