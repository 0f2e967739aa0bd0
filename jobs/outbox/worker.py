"""Effectively-once delivery: what is written in the outbox reaches Slack, and a crash in between repeats nothing.

A posting is taken up while its lane is held, posted, and entered into the ledger. If an attempt may have gone through
unanswered, the next one first looks for the message in Slack's history, where each carries its posting id as metadata.
This is at-least-once, and exactly once as long as Slack shows a posted message in its history within `settle` seconds.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from jobs.core.ids import card_id
from jobs.core.records import Posting, PostingKind
from jobs.outbox.postings import Delivery, Outbox
from jobs.queue.due import Outcome
from jobs.queue.pools import Again, Held
from jobs.state.store import LedgerEntry, Store

MOST_FAULTS: Final = 6
"""Faults of the bot in a row, over some ten minutes, after which a message is set aside: others wait behind it."""
PATIENCE: Final = 1.5
"""Seconds worth waiting for a free place under a rate limit before giving the lane back."""
ROOT_WAIT: Final = 0.3
LONGEST_PAUSE: Final = 60.0
ROOTLESS_PAUSE: Final = 3600.0
"""Seconds until a thread whose first message Slack refused is looked at again: the bot may be invited back."""
MOMENT: Final = 0.01
"""Shortest pause after a failure; a pause of 0 means to go on at once."""
IN_THREAD: Final = frozenset(
    {
        PostingKind.CURVE,
        PostingKind.ALERT,
        PostingKind.STATUS,
        PostingKind.SUMMARY,
        PostingKind.APPROVAL_NOTICE,
        PostingKind.EVAL_RESULT,
        PostingKind.EVAL_REPORT,
        PostingKind.EVAL_SUSPECTS,
        PostingKind.EVAL_EXPORT,
        PostingKind.MEASUREMENT,
    }
)
log: Final = structlog.get_logger(__name__)


class NotDelivered(Exception):
    """Slack certainly did not take it; try again after `wait` seconds."""

    def __init__(self, reason: str, wait: float) -> None:
        super().__init__(reason)
        self.wait = wait


class MaybeDelivered(Exception):
    """The answer was lost; the message may be in Slack or not."""


class Undeliverable(Exception):
    """Slack refused it for good, with its reason."""


class Poster(Protocol):
    """Knows how a posting looks and puts it into Slack."""

    async def post(self, posting: Posting, thread: LedgerEntry | None) -> LedgerEntry:
        """Post a new message; raises NotDelivered, MaybeDelivered or Undeliverable."""
        ...

    async def edit(self, posting: Posting, entry: LedgerEntry) -> LedgerEntry:
        """Bring the message of a refreshed posting up to date; same errors."""
        ...

    async def find(self, posting: Posting, thread: LedgerEntry | None, since: float) -> LedgerEntry | None:
        """Return where the posting is if it was posted after `since` (unix seconds), else None."""
        ...


@dataclass(frozen=True, slots=True)
class RateLimits:
    """How fast messages may go out, and how often those that are refreshed are edited; all in seconds.

    Slack allows about one post per second and channel, and 50 edits a minute over the workspace.
    """

    settle: float = 5.0
    post_interval: float = 1.0
    post_burst: int = 3
    edit_interval: float = 60 / 45
    edit_burst: int = 8
    pauses: Mapping[PostingKind, float] | None = None
    """Shortest time between two edits of one message."""

    def pause_after(self, kind: PostingKind) -> float:
        """Return the pause before a refreshed message of this kind is edited again."""
        return (self.pauses or {}).get(kind, 3.0)


OnRefusal = Callable[[Posting, str], Awaitable[None]]
"""Hears of a new message for a channel that Slack refused, with the reason; perhaps more than once."""


async def _nobody(_posting: Posting, _reason: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class OutboxWorker:
    """Delivers lanes of the outbox."""

    store: Store
    outbox: Outbox
    poster: Poster
    rate_limits: RateLimits = RateLimits()
    on_refusal: OnRefusal = _nobody

    async def deliver(self, held: Held) -> Again | None:
        """Deliver what waits in a lane, in order, until it is empty or has to wait."""
        while delivery := await self.outbox.begin(held.taken):
            with structlog.contextvars.bound_contextvars(posting=delivery.posting.id):
                if fault := _fault(held):
                    log.error("posting.set_aside", reason=fault)
                    await self.outbox.refuse(delivery, fault)
                    return Again(0.0)
                pause = await self._deliver(delivery)
            if pause:  # what waits for its thread may be woken before it is given back
                return Again(pause, Outcome.DONE if pause == ROOTLESS_PAUSE else Outcome.PAUSED)
        return None

    async def _deliver(self, delivery: Delivery) -> float:
        """Deliver one posting; return the seconds its lane must pause, 0 to go on with the next."""
        posting, thread = delivery.posting, None
        if posting.kind in IN_THREAD:
            thread = await self.store.ledger(posting.subject, card_id(posting.subject))
            if thread is None:
                await self.outbox.forget_attempt(delivery)
                return await self._wait_for_root(delivery)
        try:
            entry = await self._entry(delivery, thread)
        except NotDelivered as failure:
            log.warning("posting.delayed", reason=str(failure), wait=failure.wait)
            if delivery.attempt == 1:
                await self.outbox.forget_attempt(delivery)
            return max(failure.wait, MOMENT)
        except MaybeDelivered as failure:
            log.warning("posting.unknown", reason=str(failure), attempt=delivery.attempt)
            return min(LONGEST_PAUSE, max(self.rate_limits.settle, MOMENT) * 2.0 ** (delivery.attempt - 1))
        except Undeliverable as failure:
            log.error("posting.refused", reason=str(failure))
            if delivery.entry is None and posting.kind is not PostingKind.ANSWER:
                await self.on_refusal(posting, str(failure))
            await self.outbox.refuse(delivery, str(failure))
            return 0.0
        return entry if isinstance(entry, float) else await self._settle(delivery, entry)

    async def _entry(self, delivery: Delivery, thread: LedgerEntry | None) -> LedgerEntry | float:
        """Return where the message is in Slack now, or the seconds until the rate limits allow it."""
        posting, found = delivery.posting, await self._found(delivery, thread)
        if found and not posting.refreshed:
            return found
        known = delivery.entry or found  # what was found shows its subject as it was then
        if wait := await self._wait_for_rate(posting, is_edit=known is not None):
            await self.outbox.forget_attempt(delivery)
            return wait
        return await (self.poster.edit(posting, known) if known else self.poster.post(posting, thread))

    async def _settle(self, delivery: Delivery, entry: LedgerEntry) -> float:
        """Write down that a message is in Slack; return the pause before it is edited again."""
        posting = delivery.posting
        is_awaited = await self.outbox.settle(delivery, entry)
        if delivery.entry is None and posting.id == card_id(posting.subject):
            await self.outbox.wake_thread(posting.subject)
        return self.rate_limits.pause_after(posting.kind) if posting.refreshed and not is_awaited else 0.0

    async def _wait_for_root(self, delivery: Delivery) -> float:
        """Return the seconds until the first message of the thread may be there."""
        if not await self.outbox.is_refused(card_id(delivery.posting.subject)):
            return ROOT_WAIT
        if not await self.outbox.wait_for_root(delivery):
            await self.outbox.offer_again(card_id(delivery.posting.subject))
        root = await self.store.ledger(delivery.posting.subject, card_id(delivery.posting.subject))
        return ROOTLESS_PAUSE if root is None else MOMENT

    async def _found(self, delivery: Delivery, thread: LedgerEntry | None) -> LedgerEntry | None:
        """Return where an earlier attempt put a new message, if it went through after all."""
        if delivery.attempt == 1 or delivery.entry is not None:
            return None
        found = await self.poster.find(delivery.posting, thread, delivery.first_attempt)
        if found:
            log.info("posting.found", ts=found.ts)
        return found

    async def _wait_for_rate(self, posting: Posting, *, is_edit: bool) -> float:
        """Wait until the rate limits allow a message and return 0, or return the seconds if that takes too long."""
        limits, waited = self.rate_limits, 0.0
        if is_edit:
            name, interval, burst = "edit", limits.edit_interval, limits.edit_burst
        else:
            name, interval, burst = f"post:{posting.channel}", limits.post_interval, limits.post_burst
        while wait := await self.store.reserve(name, interval=interval, burst=burst):
            waited += wait
            if waited > PATIENCE:
                return wait
            await asyncio.sleep(wait)
        return 0.0


def _fault(held: Held) -> str:
    """Return why the oldest message of a lane is set aside; "" if it is delivered."""
    if held.taken.is_deadly:
        return "The bot died each time that it delivered this"
    return "The bot failed each time that it delivered this" if (held.taken.raised or 0) >= MOST_FAULTS else ""
