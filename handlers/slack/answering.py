"""Works off what people asked: calls the handler of each envelope until it is answered, whatever dies meanwhile."""

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError

from handlers.slack.blocks import cut, escape
from handlers.slack.boundary import UNFINISHED, SteadyAck
from handlers.slack.forms import FORM_IN_HAND, OpeningForm
from handlers.slack.listeners import Handling, Listeners
from handlers.slack.replies import AGAIN, TOOK_EFFECT, Answers, Asker
from jobs.queue.due import Outcome
from jobs.queue.envelopes import Begun, Early, Envelopes, Moved
from jobs.queue.pools import Again, Held
from jobs.state.in_hand import IN_HAND

LONGEST_DELAY: Final = 1.0
"""Seconds that an answer waits while there are deliveries to be acknowledged."""
MOST_QUOTED: Final = 200

log: Final = structlog.get_logger(__name__)


class NotAnswered(Exception):
    """An envelope did not reach its handler; it is tried again."""


@dataclass(slots=True)
class Gate:
    """Lets answers begin while nothing waits for its acknowledgement."""

    _waiting: int = 0
    _is_open: asyncio.Event = field(default_factory=asyncio.Event)

    def __enter__(self) -> None:
        self._waiting += 1
        self._is_open.clear()

    def __exit__(self, *_: object) -> None:
        self._waiting -= 1
        if not self._waiting:
            self._is_open.set()

    async def passed(self) -> None:
        """Wait until nothing waits for its acknowledgement, or for a second."""
        if self._waiting:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._is_open.wait(), LONGEST_DELAY)


class Answering:
    """Works off envelopes.

    Args:
        app: of Bolt, which calls the handlers and returns when they are through.
        listeners: what it listens to.
        envelopes: what people asked.
        answers: says what no handler says.
    """

    def __init__(self, app: AsyncApp, listeners: Listeners, envelopes: Envelopes, answers: Answers) -> None:
        assert app.process_before_response, "an envelope ends when its handler is through"
        self.gate: Final = Gate()
        self._app = app
        self._listeners = listeners
        self._envelopes = envelopes
        self._answers = answers
        self._acks: dict[str, SteadyAck] = {}

    def expect(self, envelope_id: str) -> SteadyAck:
        """Return the acknowledgement that the handler of an envelope will give, if this process works it off."""
        return self._acks.setdefault(envelope_id, SteadyAck())

    def forget(self, envelope_id: str) -> None:
        """Wait for that acknowledgement no more."""
        ack = self._acks.pop(envelope_id, None)
        if ack:
            ack.is_late = not ack.given.is_set()

    async def work(self, held: Held, reference: str) -> Again | None:
        """Work off one envelope, or all that a person asked, in their order.

        Args:
            held: the work item.
            reference: finds this in the log.
        """
        is_exhausted = held.is_exhausted
        while not held.is_leaving:
            subject = held.item.partition(":")[2]
            is_mine = subject in self._acks
            if not is_mine:
                await self.gate.passed()
            match await self._envelopes.begin(held.item, held.taken.pool, mine=is_mine):
                case Begun() as begun:
                    await (self._give_up(begun, reference) if is_exhausted else self._answer(begun))
                    await self._envelopes.end(begun)
                    held.advance()
                    is_exhausted = False
                case Early(seconds):
                    return Again(seconds)
                case Moved():
                    return Again(None, Outcome.LEFT)
                case None:
                    return None
        return Again(0.0)

    async def suggest(self, body: Mapping[str, Any]) -> BoltResponse | None:
        """Return the options that a handler offers."""
        ack = SteadyAck()
        await self._app.async_dispatch(AsyncBoltRequest(body=dict(body), mode="socket_mode", context={"ack": ack}))
        return ack.response

    async def _answer(self, begun: Begun) -> None:
        """Call the handler; raises where that has to be done again."""
        ack = self._acks.get(begun.id) or SteadyAck(is_late=True)
        context: dict[str, Any] = {
            "ack": ack,
            TOOK_EFFECT: begun.took_effect,
            AGAIN: begun.again,
        }
        if self._listeners.handling_of(begun.body) is Handling.OPENS_FORM:
            trigger = Asker.of(begun.body).trigger
            context[FORM_IN_HAND] = OpeningForm(self._app.client, trigger, again=begun.again)
        marked = IN_HAND.set(begun.id)
        try:
            request = AsyncBoltRequest(body=dict(begun.body), mode="socket_mode", context=context)
            response = await self._app.async_dispatch(request)
        finally:
            IN_HAND.reset(marked)
        if isinstance(failure := request.context.get(UNFINISHED), Exception):
            raise failure
        if "asker" not in request.context:
            raise NotAnswered(f"Bolt answered {response.status}")
        if ack.is_late and (problems := _problems(ack.response)):
            asker = Asker.of(begun.body)
            text = f"Nothing came of {what_was_asked(begun.body)}: {escape(problems)} Fill it in again."
            await self._answers.tell(asker.user, asker.channel, text)

    async def _give_up(self, begun: Begun, reference: str) -> None:
        asker = Asker.of(begun.body)
        log.error("envelope.given_up", envelope=begun.id, reference=reference)
        if asker.user:
            text = (
                f"I broke off again and again over {what_was_asked(begun.body)}, and leave it now. Look whether it is "
                f"done; if not, ask again. Reference {reference} finds it in my log."
            )
            try:
                await self._answers.tell(asker.user, asker.channel, text)
            except SlackApiError as refusal:  # what cannot be said must not keep back what they asked after it
                log.warning("answer.not_said", reason=str(refusal))


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


def _problems(response: BoltResponse | None) -> str:
    """Return what an acknowledgement says is wrong with a form."""
    said = json.loads(response.body) if response and response.body.startswith("{") else {}
    return " ".join(str(problem) for problem in (said.get("errors") or {}).values())


def _text(found: Mapping[str, Any] | None) -> str:
    return str((found or {}).get("text") or "")
