"""Nobody is left without an answer: what is acknowledged is answered, also where its bot dies over it.

Slack shows nothing more once a click or a command is acknowledged. So before that a sentence is kept ready in the
outbox which says that the work was interrupted. Who has answered takes it back; where nobody does, because the bot was
killed, another one says it.
"""

import asyncio
import contextlib
import json
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

import structlog
from slack_bolt.async_app import AsyncApp
from slack_bolt.listener.async_listener_completion_handler import AsyncListenerCompletionHandler
from slack_bolt.listener.async_listener_start_handler import AsyncListenerStartHandler
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from handlers.slack.blocks import cut, escape
from jobs.core.records import Posting
from jobs.outbox.late_answers import late_answer
from jobs.state.store import AWAY, Store

READY_AFTER: Final = 20.0
SIGNS_OF_LIFE: Final = 4
"""In the time after which the work counts as interrupted."""
LONGEST_WRITE: Final = 0.3
"""Seconds that an acknowledgement waits for Redis at most; Slack wants it within 3."""
MOST_QUOTED: Final = 200
IN_HAND: Final = "in_hand"
"""The name in a request's context."""

log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asked for what, and where."""

    user: str
    channel: str
    """Their own id where it was in no channel."""
    what: str
    """In Slack's markup."""
    name: str
    """The same for each delivery of one click."""


def read_asked(body: dict[str, Any]) -> Asked | None:
    """Return what a delivery of Slack's asks for; None where nobody waits for an answer."""
    user = body.get("user_id") or (body.get("user") or {}).get("id")
    what = _what(body)
    if not user or not what:
        return None
    channel = body.get("channel_id") or (body.get("channel") or {}).get("id") or _remembered(body) or user
    return Asked(str(user), str(channel), what, str(body.get("trigger_id") or uuid4().hex))


def interrupted(asked: Asked) -> Posting:
    """Return what is said where nobody has answered."""
    text = (
        f"I was interrupted while I worked on {asked.what}, and cannot tell whether it is done. Look whether it is; "
        "if not, ask again."
    )
    return late_answer(asked.name, text, user=asked.user, channel=asked.channel)


class Reception:
    """Keeps a sentence ready for everybody who waits for an answer.

    Args:
        store: where the outbox is.
        ready_after: seconds without a sign of life after which the work counts as interrupted.
    """

    def __init__(self, store: Store, *, ready_after: float = READY_AFTER) -> None:
        self._store = store
        self._ready_after = ready_after

    def register(self, app: AsyncApp) -> None:
        """See every handler of the app begin and end."""
        app.listener_runner.listener_start_handler = _Begun(self)
        app.listener_runner.listener_completion_handler = _Ended(self)

    async def begun(self, request: AsyncBoltRequest) -> None:
        """Keep the sentence ready before the handler acknowledges; Redis that is away holds that up a moment only."""
        asked = read_asked(request.body)
        if asked is None:
            return
        work = _Work(interrupted(asked))
        work.keeping = asyncio.create_task(self._keep_ready(work), name=work.posting.id)
        request.context[IN_HAND] = work
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_WRITE):
                await work.written.wait()

    async def ended(self, request: AsyncBoltRequest) -> None:
        """Take the sentence back, unless the bot stops in the middle of the work."""
        work: _Work | None = request.context.get(IN_HAND)
        if work is None or work.keeping is None:
            return
        # Told rather than cancelled: a cancelled question to Redis may go unanswered for good.
        work.done.set()
        await work.keeping
        task = asyncio.current_task()
        if task is None or not task.cancelling():
            await self._store.take_back(work.posting)

    async def _keep_ready(self, work: "_Work") -> None:
        while not work.done.is_set():
            try:
                await self._store.keep_ready(work.posting, after=self._ready_after)
            except AWAY as failure:  # the work goes on, and so does this
                log.warning("receipt.not_written", posting=work.posting.id, reason=str(failure))
            finally:
                work.written.set()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._ready_after / SIGNS_OF_LIFE):
                    await work.done.wait()


@dataclass(slots=True)
class _Work:
    """What a handler is doing for somebody."""

    posting: Posting
    written: asyncio.Event = field(default_factory=asyncio.Event)
    done: asyncio.Event = field(default_factory=asyncio.Event)
    keeping: asyncio.Task[None] | None = None


class _Begun(AsyncListenerStartHandler):
    def __init__(self, reception: Reception) -> None:
        self._reception = reception

    async def handle(self, request: AsyncBoltRequest, response: BoltResponse | None) -> None:  # noqa: ARG002 - Bolt's
        await self._reception.begun(request)


class _Ended(AsyncListenerCompletionHandler):
    def __init__(self, reception: Reception) -> None:
        self._reception = reception

    async def handle(self, request: AsyncBoltRequest, response: BoltResponse | None) -> None:  # noqa: ARG002 - Bolt's
        await self._reception.ended(request)


def _what(body: dict[str, Any]) -> str:
    if command := body.get("command"):
        typed = f"{command} {body.get('text') or ''}".strip().replace("`", "")
        return f"`{cut(escape(typed), MOST_QUOTED)}`"
    match body.get("type"):
        case "block_actions":
            name = _clicked((body.get("actions") or [{}])[0])
            return f"your click on *{escape(name)}*" if name else "your click"
        case "view_submission":
            return f"the form *{escape(_text(body['view'].get('title')))}*"
        case "message_action":
            return "what you asked for"
        case _:
            return ""


def _clicked(action: dict[str, Any]) -> str:
    return _text(action.get("text")) or _text((action.get("selected_option") or {}).get("text"))


def _text(found: dict[str, Any] | None) -> str:
    return str((found or {}).get("text") or "")


def _remembered(body: dict[str, Any]) -> str | None:
    """Return the channel that a form remembers; it belongs to none itself."""
    try:
        known = json.loads(str((body.get("view") or {}).get("private_metadata") or "{}"))
    except ValueError:
        return None
    return str(known["channel"]) if isinstance(known, dict) and known.get("channel") else None
