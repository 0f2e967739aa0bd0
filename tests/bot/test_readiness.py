"""What /readyz asks, on a real server: whether work is taken, and how long messages have waited."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bot.app import OLDEST_OUTBOX, readiness
from bot.health import Condition
from bot.schedule import Tick, Ticks
from bot.transport import HttpRequests
from jobs.queue.due import DueItems
from jobs.queue.pools import WorkPools
from jobs.state.change import Change
from jobs.state.connection import AWAY
from jobs.state.store import Store
from tests.records import a_posting

LANE, DUE = "deliver:lane", "{proctor}:due:deliveries"


class Bot:
    """The parts of a bot that are asked, without a Slack."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.due = DueItems(store.connection)
        self.pools = WorkPools(self.due, {}, {}, store.committed, lambda failure: failure)
        self.ticks = Ticks([Tick("work", 0.5, self.pools.look)])

    async def says(self, name: str) -> Condition:
        checks = readiness(self.store, self.due, HttpRequests(), self.ticks, self.pools)
        return await {check.name: check for check in checks}[name].ask()

    async def waits(self, seconds: float) -> None:
        """Let a message have waited for so long."""
        now, _ = await self.store.connection.redis.time()
        await self.store.connection.redis.zadd(DUE, {LANE: (now - seconds) * 1000})


@asynccontextmanager
async def started(bot: Bot) -> AsyncIterator[None]:
    bot.pools.start()
    try:
        yield
    finally:
        await bot.pools.stop()


@pytest.fixture
def bot(store: Store) -> Bot:
    return Bot(store)


async def test_a_bot_whose_server_is_full_is_not_ready(bot: Bot) -> None:
    redis = bot.store.connection.redis
    assert (await bot.says("redis")).ok
    await redis.config_set("maxmemory", 1)
    try:
        with pytest.raises(AWAY):
            await bot.says("redis")
    finally:
        await redis.config_set("maxmemory", 0)
    assert (await bot.says("redis")).ok


async def test_a_bot_that_takes_no_work_is_not_ready(bot: Bot) -> None:
    assert not (await bot.says("work")).ok
    async with started(bot):
        assert (await bot.says("work")).ok
    assert not (await bot.says("work")).ok


async def test_messages_that_wait_for_long_make_it_not_ready(bot: Bot) -> None:
    assert (await bot.says("outbox")) == Condition(ok=True, detail="0.0 s")
    await bot.store.commit(Change(postings=(a_posting(),)))
    assert (await bot.says("outbox")).ok
    await bot.waits(OLDEST_OUTBOX + 30)
    late = await bot.says("outbox")
    assert not late.ok
    assert float(late.detail.removesuffix(" s")) >= OLDEST_OUTBOX + 30


async def test_a_thread_that_waits_for_its_next_look_does_not(bot: Bot) -> None:
    await bot.store.commit(Change(postings=(a_posting(),)))
    await bot.waits(-3000)
    assert (await bot.says("outbox")) == Condition(ok=True, detail="0.0 s")


async def test_all_else_is_asked_too(bot: Bot) -> None:
    for name in ("redis", "slack", "schedule"):
        assert (await bot.says(name)).ok
