"""The one door for everything that Slack sends: what was asked is stored, and only then acknowledged."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, Final
from uuid import uuid4

import aiohttp
import structlog
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from handlers.slack.answering import Answering
from handlers.slack.boundary import SteadyAck
from handlers.slack.listeners import Handling, Listeners
from handlers.slack.replies import Asker
from jobs.core.ids import ANSWERS, FORMS, LONG
from jobs.queue.envelopes import Envelope, Envelopes, NotKept

FORM_SECONDS: Final = 1.5
"""That the acknowledgement of a form waits to say what is wrong with it; then the form is closed."""
NOT_SAVED: Final = (
    "Nothing was saved, so nothing will be done: my database does not answer just now. Try again in a minute."
)

Offer = Callable[[Iterable[tuple[str, str]]], None]
"""Takes work items, each with its pool, that this process should begin at once."""

log: Final = structlog.get_logger(__name__)


class Intake:
    """Takes what Slack sends.

    Args:
        listeners: what the bot listens to.
        envelopes: where what was asked is stored.
        answering: works it off.
        offer: has it worked off at once.
        client: of the Web API.
    """

    def __init__(
        self, listeners: Listeners, envelopes: Envelopes, answering: Answering, offer: Offer, client: AsyncWebClient
    ) -> None:
        self._listeners = listeners
        self._envelopes = envelopes
        self._answering = answering
        self._offer = offer
        self._client = client
        self._tasks: set[asyncio.Task[None]] = set()

    async def receive(self, body: Mapping[str, Any]) -> BoltResponse:
        """Return the acknowledgement of a delivery (the parsed body), after one write to Redis.

        What nobody listens to is acknowledged and dropped. Where it cannot be stored, the acknowledgement says so.
        """
        handling = self._listeners.handling_of(body)
        if handling is None:
            return _acknowledged()
        if handling is Handling.SUGGESTS:
            return await self._answering.suggest(body) or _acknowledged()
        envelope = envelope_of(body, handling)
        try:
            with self._answering.gate:
                is_new = await self._envelopes.keep(envelope)
        except NotKept:
            return self._refused(body)
        if is_new and handling.is_at_once:
            return await self._begun(envelope, handling)
        return _acknowledged()

    async def _begun(self, envelope: Envelope, handling: Handling) -> BoltResponse:
        """Have an envelope worked off at once; return what its handler acknowledges, if Slack waits for that."""
        ack = self._answering.expect(envelope.id)
        self._offer([(envelope.item, envelope.pool)])
        if handling is Handling.OPENS_FORM:
            self._spawn(self._forgotten(envelope, ack))
            return _acknowledged()
        await self._forgotten(envelope, ack)
        return ack.response or _acknowledged()

    async def _forgotten(self, envelope: Envelope, ack: SteadyAck) -> None:
        """Wait for the handler's acknowledgement, as long as Slack can be kept waiting for it."""
        try:
            async with asyncio.timeout(FORM_SECONDS):
                await ack.given.wait()
        except TimeoutError:
            log.warning("envelope.slow", envelope=envelope.id)
        finally:
            self._answering.forget(envelope.id)

    def _refused(self, body: Mapping[str, Any]) -> BoltResponse:
        if body.get("command"):
            return BoltResponse(status=200, body={"response_type": "ephemeral", "text": NOT_SAVED})
        field = _first_field(body)
        if field:
            return BoltResponse(status=200, body={"response_action": "errors", "errors": {field: NOT_SAVED}})
        self._spawn(self._tell(body, NOT_SAVED))
        return _acknowledged()

    async def _tell(self, body: Mapping[str, Any], text: str) -> None:
        """Say it once, without Redis."""
        asker, address = Asker.of(body), str(body.get("response_url") or "")
        try:
            if address:
                webhook = AsyncWebhookClient(address, session=self._client.session, retry_handlers=[])
                await webhook.send(text=text, response_type="ephemeral", replace_original=False)
            elif asker.channel:
                await self._client.chat_postEphemeral(channel=asker.channel, user=asker.user, text=text)
            elif asker.user:
                await self._client.chat_postMessage(channel=asker.user, text=text)
        except (SlackApiError, aiohttp.ClientError, TimeoutError) as failure:
            log.warning("refusal.not_said", reason=str(failure) or type(failure).__name__)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def envelope_of(body: Mapping[str, Any], handling: Handling) -> Envelope:
    """Return the envelope of a delivery."""
    asker = Asker.of(body)
    pool = LONG if handling.is_long else FORMS if handling.is_at_once else ANSWERS
    return Envelope(
        id=asker.trigger or str(body.get("event_id") or uuid4().hex),
        user=asker.user,
        body=body,
        pool=pool,
        in_order=handling.is_in_order and bool(asker.user),
    )


def _acknowledged() -> BoltResponse:
    return BoltResponse(status=200, body="")


def _first_field(body: Mapping[str, Any]) -> str:
    """Return the block id of a sent form's first field; "" for anything else."""
    if body.get("type") != "view_submission":
        return ""
    blocks = (body.get("view") or {}).get("blocks") or ()
    return next((str(block["block_id"]) for block in blocks if block.get("type") == "input"), "")
