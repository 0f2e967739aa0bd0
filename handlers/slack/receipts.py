"""Nobody is left without an answer: what is acknowledged is answered, even if the bot dies over it.

Slack shows nothing more once a click or a command is acknowledged. So before that, a receipt is put into the outbox: a
sentence which says that the work was interrupted. Whoever answers takes it back; if nobody does because the bot was
killed, another bot delivers it.
"""

import asyncio
import contextlib
import json
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

import structlog
from slack_bolt.async_app import AsyncApp
from slack_bolt.listener.async_listener_completion_handler import AsyncCustomListenerCompletionHandler
from slack_bolt.listener.async_listener_start_handler import AsyncCustomListenerStartHandler
from slack_bolt.request.async_request import AsyncBoltRequest

from handlers.slack.blocks import cut, escape
from handlers.slack.replies import Asker
from jobs.core.records import Posting
from jobs.outbox.late_answers import late_answer
from jobs.state.connection import AWAY
from jobs.state.store import Store

READY_AFTER: Final = 20.0
SIGNS_OF_LIFE: Final = 4
"""In the time after which the work counts as interrupted."""
LONGEST_WRITE: Final = 0.3
"""Seconds that an acknowledgement waits for Redis at most; Slack wants it within 3."""
MOST_QUOTED: Final = 200
WORK: Final = "work_in_hand"
"""The name in a request's context."""

log: Final = structlog.get_logger(__name__)


@dataclass(slots=True)
class Work:
    """A handler at work, and the receipt for it."""

    receipt: Posting
    written: asyncio.Event = field(default_factory=asyncio.Event)
    done: asyncio.Event = field(default_factory=asyncio.Event)
    keeping: asyncio.Task[None] | None = None


@dataclass(frozen=True, slots=True)
class Receipts:
    """Keeps a receipt ready for everybody who waits for an answer."""

    store: Store
    ready_after: float = READY_AFTER
    """Seconds without a sign of life after which the work counts as interrupted."""

    def register(self, app: AsyncApp) -> None:
        """Issue a receipt as each of the app's handlers begins, and withdraw it at its end."""
        runner = app.listener_runner
        runner.listener_start_handler = AsyncCustomListenerStartHandler(app.logger, self.issue)
        runner.listener_completion_handler = AsyncCustomListenerCompletionHandler(app.logger, self.withdraw)

    async def issue(self, request: AsyncBoltRequest) -> None:
        """Write the receipt before the handler acknowledges; if Redis is away, that waits for a moment only."""
        receipt = receipt_for(request.body)
        if receipt is None:
            return
        work = Work(receipt)
        work.keeping = asyncio.create_task(self._keep_ready(work), name=receipt.id)
        request.context[WORK] = work
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(work.written.wait(), LONGEST_WRITE)

    async def withdraw(self, request: AsyncBoltRequest) -> None:
        """Take the receipt back, unless the bot stops in the middle of the work."""
        work: Work | None = request.context.get(WORK)
        if work is None or work.keeping is None:
            return
        # Told rather than cancelled: a cancelled question to Redis may go unanswered for good.
        work.done.set()
        await work.keeping
        task = asyncio.current_task()
        if task is None or not task.cancelling():
            await self.store.take_back(work.receipt)

    async def _keep_ready(self, work: Work) -> None:
        while not work.done.is_set():
            try:
                await self.store.keep_ready(work.receipt, after=self.ready_after)
            except AWAY as failure:  # the work goes on, and so does this
                log.warning("receipt.not_written", posting=work.receipt.id, reason=str(failure))
            finally:
                work.written.set()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(work.done.wait(), self.ready_after / SIGNS_OF_LIFE)


def receipt_for(body: dict[str, Any]) -> Posting | None:
    """Return what is said if a delivery from Slack is never answered; None where nobody waits for an answer."""
    asker, what = Asker.of(body), _what(body)
    if not asker.user or not what:
        return None
    text = (
        f"I was interrupted while I worked on {what}, and cannot tell whether it is done. Look whether it is; "
        "if not, ask again."
    )
    channel = asker.channel or _remembered(body) or asker.user
    return late_answer(asker.trigger or uuid4().hex, text, user=asker.user, channel=channel)


def _what(body: dict[str, Any]) -> str:
    """Return what was typed, clicked or sent, in Slack's markup; empty for anything that is not answered."""
    if command := body.get("command"):
        typed = f"{command} {body.get('text') or ''}".strip().replace("`", "")
        return f"`{cut(escape(typed), MOST_QUOTED)}`"
    match body.get("type"):
        case "block_actions":
            clicked = (body.get("actions") or [{}])[0]
            name = _text(clicked.get("text")) or _text((clicked.get("selected_option") or {}).get("text"))
            return f"your click on *{escape(name)}*" if name else "your click"
        case "view_submission":
            return f"the form *{escape(_text(body['view'].get('title')))}*"
        case "message_action":
            return "what you asked for"
        case _:
            return ""


def _text(found: dict[str, Any] | None) -> str:
    return str((found or {}).get("text") or "")


def _remembered(body: dict[str, Any]) -> str | None:
    """Return the channel that a form remembers; it belongs to none itself."""
    try:
        known = json.loads(str((body.get("view") or {}).get("private_metadata") or "{}"))
    except ValueError:
        return None
    return str(known["channel"]) if isinstance(known, dict) and known.get("channel") else None
