"""The one door for everything that Slack sends: it is stored, acknowledged, and worked off whatever dies meanwhile."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

import aiohttp
import structlog
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError
from slack_sdk.webhook.async_client import AsyncWebhookClient

from handlers.slack.blocks import cut, escape
from handlers.slack.boundary import UNFINISHED, SteadyAck
from handlers.slack.forms import FORM_IN_HAND, OpeningForm
from handlers.slack.listeners import Handling, Listeners
from handlers.slack.replies import TOOK_EFFECT, Answers, Asker
from jobs.queue.envelopes import Begun, Early, Envelope, Envelopes, NotKept
from jobs.state.in_hand import IN_HAND

ANSWERS: Final = "answers"
LONG: Final = "long"
"""Pools of the queue."""
FORM_SECONDS: Final = 1.5
"""That the acknowledgement of a form waits for what is wrong with it; then it is closed."""
MOST_DELAY: Final = 1.0
"""Seconds that an answer waits for envelopes that have to be acknowledged."""
AGAIN: Final = "again"
"""The name in a request's context: whether an earlier attempt did not get to its end."""
NOT_SAVED: Final = (
    "Nothing was saved, so nothing will be done: my database does not answer just now. Try again in a minute."
)
MOST_QUOTED: Final = 200

log: Final = structlog.get_logger(__name__)


class NotAnswered(Exception):
    """An envelope could not be handed to its handler; it is tried again."""


@dataclass(slots=True)
class Gate:
    """Lets answers begin while nothing waits for its acknowledgement."""

    unacknowledged: int = 0
    _is_open: asyncio.Event = field(default_factory=asyncio.Event)

    def __enter__(self) -> None:
        self.unacknowledged += 1
        self._is_open.clear()

    def __exit__(self, *_: object) -> None:
        self.unacknowledged -= 1
        if not self.unacknowledged:
            self._is_open.set()

    async def wait(self) -> None:
        """Wait until nothing waits for its acknowledgement, or for a second."""
        if self.unacknowledged:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._is_open.wait(), MOST_DELAY)


class Intake:
    """Takes what Slack sends, and works it off.

    Args:
        app: of Bolt, which calls the handlers and returns when they are through.
        listeners: what it listens to.
        envelopes: where what was asked is kept.
        hold: makes this bot the one who works on a work item, whether or not a slot is free, as long as the context
            lasts; yields False where another bot has it.
    """

    def __init__(
        self,
        app: AsyncApp,
        listeners: Listeners,
        envelopes: Envelopes,
        hold: Callable[[Envelope], AbstractAsyncContextManager[bool]],
    ) -> None:
        assert app.process_before_response, "an envelope ends when its handler is through"
        self._app = app
        self._listeners = listeners
        self._envelopes = envelopes
        self._hold = hold
        self._gate = Gate()
        self._tasks: set[asyncio.Task[None]] = set()

    async def receive(self, body: Mapping[str, Any]) -> BoltResponse:
        """Return the acknowledgement of a delivery (the parsed body): at once, or after one write to Redis.

        What nobody listens to is acknowledged and dropped. Where it cannot be stored, the acknowledgement says so.
        """
        handling = self._listeners.handling_of(body)
        if handling is None:
            return _acknowledged()
        if handling is Handling.SUGGESTS:
            return await self._suggested(body)
        envelope = envelope_of(body, handling)
        try:
            with self._gate:
                is_new = await self._envelopes.keep(envelope)
        except NotKept:
            log.warning("envelope.refused", envelope=envelope.id)
            return self._refused(body)
        if not is_new or not handling.is_at_once:
            return _acknowledged()
        ack = SteadyAck()
        begun = self._spawn(self._answer_now(envelope, ack))
        return await _given(ack, begun) if handling is Handling.SENT_FORM else _acknowledged()

    async def answer_one(self, envelope_id: str) -> float:
        """Work off one envelope; return the seconds after which to come back if it may not be begun yet, or 0."""
        await self._gate.wait()
        return await self._answer(await self._envelopes.begin(envelope_id))

    async def answer_in_order(self, user: str) -> float:
        """Work off what a person asked in their order; return as `answer_one`."""
        while True:
            await self._gate.wait()
            found = await self._envelopes.begin_next(user)
            if not isinstance(found, Begun):
                return await self._answer(found)
            await self._answer(found)

    async def stop(self) -> None:
        """Wait for what was begun at once; what is left, another bot begins again."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # -- inside ------------------------------------------------------------------------------------------------------

    async def _answer(self, found: Begun | Early | None) -> float:
        if isinstance(found, Early):
            return found.seconds
        if found:
            await self._dispatch(found, SteadyAck())
        return 0.0

    async def _answer_now(self, envelope: Envelope, ack: SteadyAck) -> None:
        async with self._hold(envelope) as is_mine:
            found = await self._envelopes.begin(envelope.id, mine=True) if is_mine else None
            if isinstance(found, Begun):
                await self._dispatch(found, ack)

    async def _dispatch(self, begun: Begun, ack: SteadyAck) -> None:
        """Call the handler, and end the envelope once it is answered.

        Raises:
            NotAnswered: it has to be tried again.
        """
        context: dict[str, Any] = {"ack": ack, TOOK_EFFECT: begun.took_effect, AGAIN: begun.again}
        if self._listeners.handling_of(begun.body) is Handling.OPENS_FORM:
            trigger = Asker.of(dict(begun.body)).trigger
            context[FORM_IN_HAND] = OpeningForm(self._app.client, trigger, again=begun.again)
        marked = IN_HAND.set(begun.id)
        try:
            request = AsyncBoltRequest(body=dict(begun.body), mode="socket_mode", context=context)
            response = await self._app.async_dispatch(request)
        finally:
            IN_HAND.reset(marked)
        if failure := request.context.get(UNFINISHED):
            raise NotAnswered(str(failure)) from failure
        if not request.context.get("asker"):
            raise NotAnswered(f"Bolt answered {response.status}")
        await self._envelopes.end(begun)

    async def _suggested(self, body: Mapping[str, Any]) -> BoltResponse:
        ack = SteadyAck()
        await self._app.async_dispatch(AsyncBoltRequest(body=dict(body), mode="socket_mode", context={"ack": ack}))
        return ack.response or _acknowledged()

    def _refused(self, body: Mapping[str, Any]) -> BoltResponse:
        if body.get("command"):
            return BoltResponse(status=200, body={"response_type": "ephemeral", "text": NOT_SAVED})
        field_name = _first_field(body)
        if field_name:
            return BoltResponse(status=200, body={"response_action": "errors", "errors": {field_name: NOT_SAVED}})
        self._spawn(self._tell(body, NOT_SAVED))
        return _acknowledged()

    async def _tell(self, body: Mapping[str, Any], text: str) -> None:
        """Say it without Redis, so without a second try."""
        asker, address, client = Asker.of(dict(body)), str(body.get("response_url") or ""), self._app.client
        try:
            if address:
                webhook = AsyncWebhookClient(address, session=client.session, retry_handlers=[])
                await webhook.send(text=text, response_type="ephemeral", replace_original=False)
            elif asker.channel:
                await client.chat_postEphemeral(channel=asker.channel, user=asker.user, text=text)
            elif asker.user:
                await client.chat_postMessage(channel=asker.user, text=text)
        except (SlackApiError, aiohttp.ClientError, TimeoutError) as failure:
            log.warning("refusal.not_said", reason=str(failure) or type(failure).__name__)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (failure := task.exception()):
            log.warning("envelope.left", reason=str(failure), exc_info=failure)


def envelope_of(body: Mapping[str, Any], handling: Handling) -> Envelope:
    """Return the envelope of a delivery."""
    asker = Asker.of(dict(body))
    return Envelope(
        id=asker.trigger or str(body.get("event_id") or uuid4().hex),
        user=asker.user,
        body=body,
        pool=LONG if handling.is_long else ANSWERS,
        in_order=handling.is_in_order and bool(asker.user),
    )


def what_was_asked(body: Mapping[str, Any]) -> str:
    """Return what was typed, clicked or sent, in Slack's markup."""
    if command := body.get("command"):
        typed = f"{command} {body.get('text') or ''}".strip().replace("`", "")
        return f"`{cut(escape(typed), MOST_QUOTED)}`"
    match body.get("type"):
        case "block_actions":
            clicked: Mapping[str, Any] = next(iter(body.get("actions") or ()), {})
            name = _text(clicked.get("text")) or _text((clicked.get("selected_option") or {}).get("text"))
            return f"your click on *{escape(name)}*" if name else "your click"
        case "view_submission":
            return f"the form *{escape(_text((body.get('view') or {}).get('title')))}*"
        case _:
            return "what you asked for"


def _text(found: Mapping[str, Any] | None) -> str:
    return str((found or {}).get("text") or "")


def _acknowledged() -> BoltResponse:
    return BoltResponse(status=200, body="")


async def _given(ack: SteadyAck, begun: asyncio.Task[None]) -> BoltResponse:
    """Return what the handler of a form answers within the acknowledgement."""
    answered = asyncio.create_task(ack.given.wait())
    await asyncio.wait({answered, begun}, timeout=FORM_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    answered.cancel()
    return ack.response or _acknowledged()


def _first_field(body: Mapping[str, Any]) -> str:
    """Return the block id of a sent form's first field; "" for anything else."""
    if body.get("type") != "view_submission":
        return ""
    blocks = (body.get("view") or {}).get("blocks") or ()
    return next((str(block["block_id"]) for block in blocks if block.get("type") == "input"), "")
