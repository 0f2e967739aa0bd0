"""How what people do reaches the app: the port behind Socket Mode and HTTP requests; events are sent until acked."""

import asyncio
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from local.slack.errors import Json
from local.slack.payloads import event_payload
from local.slack.workspace import Workspace

EnvelopeKind: TypeAlias = Literal["events_api", "slash_commands", "interactive"]
FailureReason: TypeAlias = Literal["operation_timeout", "dispatch_failed"]


class NotAcked(Exception):
    """The app did not answer in time, or nothing of it was reachable."""

    def __init__(self, reason: FailureReason) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Envelope:
    """One delivery to the app; `retry_attempt` counts from 0."""

    kind: EnvelopeKind
    payload: Json
    retry_attempt: int = 0


class Delivery(Protocol):
    """Carries one envelope to the app and waits for its ack, no longer than the ack deadline."""

    async def deliver(self, envelope: Envelope) -> Json:
        """What the app sent along with its ack (empty for a bare ack); raises `NotAcked`."""
        ...


class Events:
    """Sends events, and sends them again at most three times in the background; `close` ends what is still waiting."""

    def __init__(self, workspace: Workspace, delivery: Delivery) -> None:
        self._workspace = workspace
        self._delivery = delivery
        self._retrying: set[asyncio.Task[None]] = set()

    async def send(self, event: Json) -> None:
        """Send an event if the app subscribed to it; returns after the first attempt."""
        app = self._workspace.app
        if event["type"] not in app.events:
            return
        payload = event_payload(app, event, self._workspace.ids.make("Ev"), self._workspace.ids.now())
        if not await self._try(payload, 0):
            task = asyncio.create_task(self._retry(payload))
            self._retrying.add(task)
            task.add_done_callback(self._retrying.discard)

    async def close(self) -> None:
        """Give up on every event not acked yet."""
        for task in list(self._retrying):
            task.cancel()
        await asyncio.gather(*self._retrying, return_exceptions=True)

    async def _try(self, payload: Json, attempt: int) -> bool:
        try:
            await self._delivery.deliver(Envelope("events_api", payload, attempt))
        except NotAcked as failure:
            event_id = payload["event_id"]
            self._workspace.traffic.note("to_app", "failure", failure.reason, event=event_id, attempt=attempt)
            return False
        return True

    async def _retry(self, payload: Json) -> None:
        for attempt, wait in enumerate(self._workspace.timing.event_retries, start=1):
            await asyncio.sleep(wait)
            if await self._try(payload, attempt):
                return
