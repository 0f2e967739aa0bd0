"""Working off what is due, as the pools of a bot would: one look at a time, so that a test sees each step."""

import asyncio
from collections.abc import Mapping
from time import monotonic
from typing import Final, cast

from redis.asyncio import Redis

from jobs.core import ids
from jobs.queue.due import LEASE, DueItems, Outcome, Taken
from jobs.queue.pools import Again, Held, Work
from jobs.state.connection import Connection, key
from jobs.state.store import Store

EVERYTHING: Final = dict.fromkeys((ids.DELIVERIES, ids.LOOKS, ids.LONG, ids.EVALS), 1000)


async def taken(
    store: Store, pool: str = "", *, most: int = 1000, lease: float = LEASE, suspects: bool = True
) -> tuple[Taken, ...]:
    """Take what is due in one pool (or kind of pool), or in all of them, as another process would each time."""
    slots = {pool: most} if pool else EVERYTHING
    look = await DueItems(Connection(store.connection.redis)).take(slots, lease=lease, suspects=suspects)
    return tuple(sorted(look.taken, key=lambda each: each.item))


def held(item: Taken | str, *, raised: int | None = None, deaths: int | None = None) -> Held:
    """Return what a work function gets of an item; of one that nobody took, where only its id is given."""
    named = item if isinstance(item, Taken) else Taken(item, "nobody/0", ids.pool_of_item(item), raised, deaths)
    return Held(named, monotonic)


async def worked_off(store: Store, work: Mapping[str, Work], pool: str = "") -> tuple[str, ...]:
    """Take what is due and work on all of it at once; return the items."""
    due, items = DueItems(store.connection), await taken(store, pool)

    async def carry_out(item: Taken) -> None:
        again = await work[ids.kind_of_item(item.item)](held(item))
        await due.end(item, *ended(again))

    await asyncio.gather(*map(carry_out, items))
    return tuple(item.item for item in items)


async def planned_work(store: Store) -> dict[str, float]:
    """Return all work that waits but for deliveries, and in how many seconds each item is due."""
    pools = await store.connection.redis.smembers(key("pools"))
    waiting = [await _due(store, str(pool)) for pool in pools if pool != ids.DELIVERIES]
    return {item: seconds for each in waiting for item, seconds in each.items()}


async def waiting_lanes(store: Store) -> dict[str, float]:
    """Return the lanes that wait for their delivery, and in how many seconds each is due."""
    return {ids.subject_of_item(item): seconds for item, seconds in (await _due(store, ids.DELIVERIES)).items()}


async def all_is_said(redis: Redis) -> bool:
    """Tell whether the outbox is empty: no lane waits, and none is being delivered."""
    async with redis.pipeline() as pipe:  # at one moment: a lane goes from one to the other
        pipe.zcard(key(f"due:{ids.DELIVERIES}"))
        pipe.hkeys(key("holders"))
        waiting, holders = await pipe.execute()
    return not waiting and not any(ids.kind_of_item(item) == ids.DELIVER for item in holders)


async def _due(store: Store, pool: str) -> dict[str, float]:
    redis = store.connection.redis
    found = cast("list[tuple[str, float]]", await redis.zrange(key(f"due:{pool}"), 0, -1, withscores=True))
    seconds, micros = await redis.time()
    return {item: due / 1000 - seconds - micros / 1e6 for item, due in found}


def ended(again: Again | None) -> tuple[Outcome, float | None]:
    """Return how an item ended, and the seconds until it is due again."""
    if again is None:
        return Outcome.DONE, None
    return again.outcome, again.seconds


async def step(store: Store, item: str, work: Work) -> None:
    """Take an item although it may not be due yet, work on it and end it; nothing is done if none is planned."""
    due, pool = DueItems(Connection(store.connection.redis)), await planned_in(store, item)
    if pool:
        (each,) = (await due.take({pool: 1}, early=[(item, pool)])).taken
        await due.end(each, *ended(await work(held(each))))


async def due_in(store: Store, item: str) -> float | None:
    """Return the seconds until an item is due; None if it is not planned."""
    redis, pool = store.connection.redis, await planned_in(store, item)
    at = await redis.zscore(key(f"due:{pool}"), item)
    seconds, micros = await redis.time()
    return None if at is None else at / 1000 - seconds - micros / 1e6


async def make_due(store: Store, item: str) -> None:
    """Let the time have come for which an item is planned."""
    await store.connection.redis.zadd(key(f"due:{await planned_in(store, item)}"), {item: 0}, xx=True)


async def planned_in(store: Store, item: str) -> str | None:
    """Return the pool in which an item is planned; None if it is not planned."""
    redis = store.connection.redis
    pools = [str(pool) for pool in await redis.smembers(key("pools"))]
    for pool in pools:
        if await redis.zscore(key(f"due:{pool}"), item) is not None:
            return pool
    return None


async def bury(store: Store) -> None:
    """Let it be known that every process which holds something is dead."""
    due = DueItems(Connection(store.connection.redis))
    others = (await due.take({})).others
    await due.take({}, dead=others)
