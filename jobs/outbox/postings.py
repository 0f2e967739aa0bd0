"""The outbox in Redis: postings that were committed with a change and wait to be delivered.

    {proctor}:lane:<lane>         sorted set, posting id in order; the lane is a work item, `deliver:<lane>`
    {proctor}:posting:<id>        hash value, wanted, attempt, first, urgent, by
    {proctor}:ledger:<subject>    hash posting id -> where it stands in Slack
    {proctor}:rootless:<subject>  set, lanes that wait for the first message of their thread, which Slack refused
    {proctor}:refused             hash posting id -> posting, Slack's reason, and when (unix seconds)

Whoever writes what became of a delivery must hold its lane: it may be another's by now.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final, cast
from uuid import uuid4

from pydantic import Json, TypeAdapter

from jobs.core.ids import DELIVERIES, delivery_item
from jobs.core.records import Posting
from jobs.queue.due import Taken
from jobs.state.change import POSTING, Change
from jobs.state.connection import key
from jobs.state.kind import readable
from jobs.state.store import LEDGER_ENTRY, LedgerEntry, Store


@dataclass(frozen=True, slots=True)
class Delivery:
    """The oldest posting of a lane, taken up for delivery."""

    posting: Posting
    lane: Taken
    """The work item under which it is delivered."""
    wanted: int
    attempt: int
    first_attempt: float
    """Unix seconds of the first attempt that may have gone through."""
    entry: LedgerEntry | None = None
    stored_entry: str = ""
    """As it is stored: a newer version may have noted more."""


@dataclass(frozen=True, slots=True)
class RefusedPosting:
    """What is known of a posting that Slack refused."""

    posting: Json[Posting]
    at: float = 0.0
    """Unix seconds; 0 where it was not written down."""


@dataclass(frozen=True, slots=True)
class Lanes:
    """A page of the outbox."""

    count: int
    """Lanes on the page, the empty ones too; 0 at the end."""
    oldest: tuple[Posting, ...]
    """The oldest posting of each that is not empty."""


ROOTLESS_DAYS: Final = 200
"""Longer than anything waits in the outbox."""
REFUSED: Final = TypeAdapter(RefusedPosting)


class Outbox:
    """The postings that wait, and those that Slack refused.

    Args:
        store: in which they were committed.
    """

    def __init__(self, store: Store) -> None:
        connection = store.connection
        self._store = store
        self._redis = connection.redis
        self._begin, self._settle, self._forget, self._refuse = (
            connection.script("outbox", name) for name in ("begin", "settle", "forget", "refuse")
        )

    async def begin(self, lane: Taken) -> Delivery | None:
        """Take up the oldest posting of a lane; None if it is empty or the lane was lost.

        Raises:
            UnreadableRecord: only a newer version can deliver it.
        """
        name = lane.item.removeprefix(delivery_item(""))
        answer = await self._begin(lane.item, lane.token, name, uuid4().hex)
        match answer:
            case ["posting", str(posting_id), str(value), str(wanted), str(attempt), str(first), str(entry)]:
                return Delivery(
                    posting=readable(POSTING, f"posting:{posting_id}", value),
                    lane=lane,
                    wanted=int(wanted),
                    attempt=int(attempt),
                    first_attempt=int(first) / 1000,
                    entry=LEDGER_ENTRY.validate_json(entry) if entry else None,
                    stored_entry=entry,
                )
            case _:
                return None

    async def settle(self, delivery: Delivery, entry: LedgerEntry) -> bool:
        """Write into the ledger that a posting is in Slack; tell whether a person waits for it to change again."""
        posting, lane = delivery.posting, delivery.lane
        where = json.dumps({**json.loads(delivery.stored_entry or "{}"), **asdict(entry)})
        answer = await self._settle(
            lane.item, lane.token, posting.id, posting.lane, posting.subject, where, delivery.wanted
        )
        return answer == 2

    async def forget_attempt(self, delivery: Delivery) -> None:
        """Note that the last attempt certainly did not reach Slack."""
        await self._forget(delivery.lane.item, delivery.lane.token, delivery.posting.id)

    async def refuse(self, delivery: Delivery, reason: str) -> None:
        """Set aside a posting that Slack will never take, with its reason."""
        posting, lane = delivery.posting, delivery.lane
        await self._refuse(lane.item, lane.token, posting.id, posting.lane, reason)

    async def drop(self, posting: Posting, reason: str) -> None:
        """Set aside a posting whose lane nobody delivers right now."""
        await self._refuse(delivery_item(posting.lane), "", posting.id, posting.lane, reason)

    async def wait_for_root(self, delivery: Delivery) -> bool:
        """Have a lane looked at as soon as the first message of its thread, which Slack refused, is there after all.

        Returns whether it begins to wait; False if it has waited before.
        """
        waiting = key(f"rootless:{delivery.posting.subject}")
        begins = await self._redis.sadd(waiting, delivery.posting.lane)
        await self._redis.expire(waiting, ROOTLESS_DAYS * 86_400)
        return bool(begins)

    async def wake_thread(self, subject: str) -> None:
        """Have the lanes looked at now that wait for the first message of a thread."""
        lanes = cast("set[str]", await self._redis.smembers(key(f"rootless:{subject}")))
        if lanes:
            await self._redis.sadd(key("pools"), DELIVERIES)
            await self._redis.zadd(key(f"due:{DELIVERIES}"), {delivery_item(lane): 0 for lane in lanes}, lt=True)
            await self._redis.delete(key(f"rootless:{subject}"))

    async def is_refused(self, posting_id: str) -> bool:
        """Tell whether Slack refused a posting when it was last delivered."""
        return bool(await self._redis.hexists(key("refused"), posting_id))

    async def offer_again(self, posting_id: str) -> None:
        """Let a posting that Slack refused wait for its delivery again: the bot may have been invited back."""
        value = await self._redis.hget(key("refused"), posting_id)
        if value:
            refused = readable(REFUSED, f"refused:{posting_id}", str(value))
            await self._store.commit(Change(postings=(refused.posting,)))

    async def refused_since(self, cursor: int, limit: int) -> tuple[int, tuple[RefusedPosting, ...]]:
        """Return about so many of the refused postings and where the next page begins; 0 begins, and ends."""
        answer = await self._redis.hscan(key("refused"), cursor, count=limit)
        after, page = cast("tuple[int, Mapping[str, str]]", answer)
        return int(after), tuple(self._store.readable(REFUSED, page.items()))

    async def forget_refused(self, posting_ids: Sequence[str]) -> None:
        """Forget that Slack refused these postings."""
        if posting_ids:
            await self._redis.hdel(key("refused"), *posting_ids)

    async def lanes(self, *, offset: int, limit: int) -> Lanes:
        """Return a page of the lanes that wait."""
        items = cast("list[str]", await self._redis.zrange(key(f"due:{DELIVERIES}"), offset, offset + limit - 1))
        pipe = self._redis.pipeline(transaction=False)
        for item in items:
            pipe.zrange(key(f"lane:{item.removeprefix(delivery_item(''))}"), 0, 0)
        keys = [f"posting:{found[0]}" for found in await pipe.execute() if found]
        for each in keys:
            pipe.hget(key(each), "value")
        texts = zip(keys, await pipe.execute(), strict=True)
        return Lanes(len(items), tuple(self._store.readable(POSTING, texts)))
