"""Events to the app: sent until acked, at most four times, in the background."""

import asyncio

from local.slack.delivery import Acked, Delivery, Envelope, Outcome
from local.slack.payloads import event_payload
from local.slack.wire import Json
from local.slack.workspace import Workspace


class Events:
    """Sends events and sends them again; `close` ends what is still waiting."""

    def __init__(self, workspace: Workspace, delivery: Delivery) -> None:
        self._workspace = workspace
        self._delivery = delivery
        self._retrying: set[asyncio.Task[None]] = set()

    async def send(self, event: Json) -> Outcome | None:
        """Send an event the app subscribed to; gives the outcome of the first try, the others follow by themselves."""
        app = self._workspace.app
        if event["type"] not in app.events:
            return None
        identity = self._workspace.identity
        payload = event_payload(app, event, identity.make("Ev"), identity.now())
        outcome = await self._try(payload, 0)
        if not isinstance(outcome, Acked):
            task = asyncio.create_task(self._retry(payload))
            self._retrying.add(task)
            task.add_done_callback(self._retrying.discard)
        return outcome

    async def close(self) -> None:
        """Give up on every event not acked yet."""
        for task in list(self._retrying):
            task.cancel()
        await asyncio.gather(*self._retrying, return_exceptions=True)

    async def _try(self, payload: Json, attempt: int) -> Outcome:
        reason = "timeout" if attempt else ""
        envelope = Envelope("events_api", payload, False, attempt, reason)
        outcome = await self._delivery.deliver(envelope)
        if not isinstance(outcome, Acked):
            self._workspace.traffic.note(
                "to_app", "failure", outcome.reason, event=payload["event_id"], attempt=attempt
            )
        return outcome

    async def _retry(self, payload: Json) -> None:
        for attempt, wait in enumerate(self._workspace.timing.event_retries, start=1):
            await asyncio.sleep(wait)
            if isinstance(await self._try(payload, attempt), Acked):
                return
