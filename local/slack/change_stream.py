"""Tells the page that something changed; the page then fetches what it shows."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from local.slack.errors import Json

ChangeKind: TypeAlias = Literal["message", "message_deleted", "ephemeral", "view", "home", "file", "channel", "reset"]


@dataclass(slots=True)
class ChangeStream:
    """A numbered stream of small hints to any number of listeners; `seq` is the number of the last change."""

    seq: int = 0
    _listeners: set[asyncio.Queue[Json | None]] = field(default_factory=set)

    def tell(self, kind: ChangeKind, **where: str) -> None:
        """Announce a change; `where` names its channel, user or ts."""
        self.seq += 1
        for listener in self._listeners:
            listener.put_nowait({"seq": self.seq, "kind": kind, **where})

    async def listen(self, heartbeat: float) -> AsyncGenerator[Json | None, None]:
        """Every change from now on; None after each `heartbeat` seconds without one. Ends at `close`."""
        queue: asyncio.Queue[Json | None] = asyncio.Queue()
        self._listeners.add(queue)
        try:
            while True:
                try:
                    change = await asyncio.wait_for(queue.get(), heartbeat)
                except TimeoutError:
                    yield None
                    continue
                if change is None:
                    return
                yield change
        finally:
            self._listeners.discard(queue)

    def close(self) -> None:
        """End every listener."""
        for listener in self._listeners:
            listener.put_nowait(None)
