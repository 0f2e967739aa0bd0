"""Nothing that was committed is left behind, however commits, looks, ends and deaths follow each other."""

import random
from collections import Counter
from dataclasses import dataclass, field

import pytest
from redis.asyncio import Redis

from bot.kinds import KINDS
from jobs.core.ids import DELIVERIES
from jobs.core.records import Posting, PostingKind
from jobs.outbox.postings import Delivery, Outbox
from jobs.queue.due import DueItems, Outcome, Taken
from jobs.state.change import Change
from jobs.state.connection import Connection
from jobs.state.store import LedgerEntry, Store
from tests.records import CHANNEL

SUBJECT = "rft-abc234"


@dataclass
class Worker:
    """A process that delivers one lane at a time, in steps that others may come between."""

    outbox: Outbox
    table: DueItems
    lane: Taken | None = None
    delivery: Delivery | None = None
    read: int = 0
    """How often the posting in hand had been committed when it was read."""
    is_through: bool = False
    """The lane was empty when it last looked."""


@dataclass
class World:
    """Some processes, what they were given, and what they have shown."""

    store: Store
    redis: Redis
    chance: random.Random
    workers: list[Worker]
    wanted: Counter[str] = field(default_factory=Counter)
    shown: Counter[str] = field(default_factory=Counter)

    async def step(self) -> None:
        worker = self.chance.choice(self.workers)
        if worker.lane is None:
            steps = [self.commit, self.take, self.take]
        elif worker.is_through:
            steps = [self.commit, self.begin, self.end, self.end]
        else:
            next_ = self.settle if worker.delivery else self.begin
            steps = [next_, next_, next_, next_, self.commit, self.end, self.die, self.stall]
        await self.chance.choice(steps)(worker)
        if await self.redis.zcard("{proctor}:lane:lane"):
            known = await self.redis.zcard("{proctor}:due:deliveries") + await self.redis.hlen("{proctor}:holders")
            assert known, "a posting waits, and nobody knows of it"

    async def commit(self, _: Worker) -> None:
        number = self.chance.randrange(4)
        refreshed = number < 2
        posting = Posting(
            f"p{number}" if refreshed else f"p{self.wanted.total()}-once",
            PostingKind.CARD,
            "lane",
            SUBJECT,
            CHANNEL,
            refreshed=refreshed,
            urgent=self.chance.random() < 0.3,
        )
        await self.store.commit(Change(postings=(posting,)))
        self.wanted[posting.id] += 1

    async def take(self, worker: Worker) -> None:
        if worker.lane is None:
            look = await worker.table.take({DELIVERIES: 1}, suspects=True)
            worker.lane = next(iter(look.taken), None)

    async def begin(self, worker: Worker) -> None:
        if worker.lane and worker.delivery is None:
            worker.delivery = await worker.outbox.begin(worker.lane)
            worker.read = self.wanted[worker.delivery.posting.id] if worker.delivery else 0
            worker.is_through = worker.delivery is None

    async def settle(self, worker: Worker) -> None:
        if worker.delivery:
            name = worker.delivery.posting.id
            self.shown[name] = max(self.shown[name], worker.read)
            await worker.outbox.settle(worker.delivery, LedgerEntry(CHANNEL, "1.0"))
            worker.delivery = None

    async def end(self, worker: Worker) -> None:
        """End the work on a lane that was empty a while ago, or that has to pause."""
        pause = self.chance.random() < 0.3
        if worker.lane and worker.delivery is None and (pause or worker.is_through):
            await worker.table.end(worker.lane, *((Outcome.PAUSED, 0.0) if pause else (Outcome.DONE, None)))
            worker.lane, worker.is_through = None, False

    async def die(self, worker: Worker) -> None:
        """Leave everything as it is, and come back as another process."""
        if self.chance.random() < 0.2:
            gone = worker.table.member
            connection = Connection(self.redis)
            worker.table, worker.lane, worker.delivery, worker.is_through = DueItems(connection), None, None, False
            worker.outbox = Outbox(Store(connection, KINDS))
            await worker.table.take({}, dead=[gone])

    async def stall(self, worker: Worker) -> None:
        """Stand still for longer than the lease; what it has in hand it goes on with afterwards."""
        if worker.lane and self.chance.random() < 0.3:
            await self.redis.zadd("{proctor}:leases", {worker.lane.item: 0}, xx=True)


async def interleave(redis: Redis, store: Store, seed: int, steps: int) -> None:
    """Let two processes and some commits take so many steps in any order; then nothing may be left behind."""
    world = World(store, redis, random.Random(seed), [])
    for _ in range(2):
        connection = Connection(redis)
        world.workers.append(Worker(Outbox(Store(connection, KINDS)), DueItems(connection)))
    for _ in range(steps):
        await world.step()
    world.chance = random.Random(seed)
    for worker in world.workers:
        await deliver_all(world, worker)
    last = world.workers[0]
    while True:
        await redis.zunionstore("{proctor}:due:deliveries", {"{proctor}:due:deliveries": 0})  # no pause is waited for
        await world.take(last)
        if last.lane is None:
            break
        await deliver_all(world, last)
    left = [str(key) for key in await redis.keys("{proctor}:posting:*")]
    assert left == [], f"seed {seed}"
    assert await redis.exists("{proctor}:holders", "{proctor}:leases", "{proctor}:due:deliveries") == 0
    assert world.shown == world.wanted, "the last state that was committed is the last that was shown"


async def deliver_all(world: World, worker: Worker) -> None:
    while worker.lane:
        await world.begin(worker)
        await world.settle(worker)
        await world.end(worker)


async def interleave_many(redis: Redis, store: Store, seeds: range) -> None:
    for seed in seeds:
        await interleave(redis, store, seed, steps=40)
        await redis.flushall()


async def test_no_posting_is_stranded_and_the_newest_state_of_each_is_shown(redis: Redis, store: Store) -> None:
    await interleave_many(redis, store, range(100))


@pytest.mark.thorough
@pytest.mark.timeout(600)
@pytest.mark.parametrize("part", range(4))
async def test_two_thousand_interleavings_strand_nothing(redis: Redis, store: Store, part: int) -> None:
    await interleave_many(redis, store, range(500 * part, 500 * (part + 1)))
