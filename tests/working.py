"""Working off what is due, as the pools of a bot would: one look at a time, so that a test sees each step."""

import asyncio
from collections.abc import Mapping
from time import monotonic
from typing import Final

from jobs.core import ids
from jobs.queue.due import LEASE, DueItems, Outcome, Taken
from jobs.queue.pools import Again, Held, Work
from jobs.state.connection import Connection
from jobs.state.store import Store

EVERYTHING: Final = dict.fromkeys((ids.DELIVERIES, ids.LOOKS, ids.LONG, ids.EVALS), 1000)


async def taken(store: Store, pool: str = "", *, lease: float = LEASE, suspects: bool = True) -> tuple[Taken, ...]:
    """Take what is due in one pool (or kind of pool), or in all of them, as another process would each time."""
    slots = {pool: 1000} if pool else EVERYTHING
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


def ended(again: Again | None) -> tuple[Outcome, float | None]:
    """Return how an item ended, and the seconds until it is due again."""
    if again is None:
        return Outcome.DONE, None
    return Outcome.PAUSED if again.is_pause else Outcome.DONE, again.seconds
