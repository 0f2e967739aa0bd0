"""Processes that work on what is due, several of them on one real Redis."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from jobs.core.errors import UnreadableRecord
from jobs.core.ids import LONG, approval_item, evidence_item
from jobs.core.records import JobState
from jobs.queue.due import LEASE, DueItems
from jobs.queue.pools import SURELY_GONE, Again, Held, Work, WorkPools
from jobs.state.change import Change, Versioned
from jobs.state.connection import AWAY, Connection, connection_to
from jobs.state.store import Store
from tests.records import a_job
from tests.story.colleagues import eventually
from tests.working import taken


@dataclass
class Clock:
    """Seconds that pass when a test says so."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Diary:
    """Writes down what is worked on, and how much of it at once; work ends when it is let go."""

    begun: list[str] = field(default_factory=list)
    under_way: Counter[str] = field(default_factory=Counter)
    at_once: Counter[str] = field(default_factory=Counter)
    cancelled: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)
    seen: list[Held] = field(default_factory=list)

    async def work(self, held: Held) -> None:
        self.begun.append(held.item)
        self.seen.append(held)
        self.under_way[held.item] += 1
        self.at_once[held.item] = max(self.at_once[held.item], self.under_way[held.item])
        try:
            await self.let_go.wait()
            self.done.append(held.item)
        except asyncio.CancelledError:
            self.cancelled.append(held.item)
            raise
        finally:
            self.under_way[held.item] -= 1


@dataclass
class Bot:
    """One process: its pools, which look when the test does, and at what it commits."""

    pools: WorkPools
    store: Store
    clock: Clock
    failures: list[BaseException]

    async def wants(self, *items: str) -> None:
        await self.store.commit(Change(schedule=dict.fromkeys(items, 0.0)))


@asynccontextmanager
async def bot(store: Store, work: Work, slots: int = 10, url: str = "") -> AsyncIterator[Bot]:
    """Run one process, on connections of its own where it is given the server's address."""
    connection = connection_to(url) if url else Connection(store.connection.redis)
    own, clock, failures = Store(connection, store._kinds), Clock(), list[BaseException]()
    pools = WorkPools(
        DueItems(connection),
        {"job": work, "evidence": work, "approval": work},
        {"long": slots, "looks": slots},
        own.committed,
        failures.append,
        clock,
    )
    pools.start()
    try:
        yield Bot(pools, own, clock, failures)
    finally:
        await pools.stop()
        if url:
            await connection.redis.aclose()


async def until(found: Callable[[], bool], what: str = "what was waited for") -> None:
    async def look() -> bool:
        return found()

    await eventually(look, what)


async def test_what_a_process_commits_it_does_at_once(store: Store) -> None:
    diary = Diary()
    async with bot(store, diary.work) as one:
        await one.wants("rft-aaaaaa", evidence_item("rft-aaaaaa"))
        await until(lambda: len(diary.begun) == 2)
        working = one.pools.is_working
        diary.let_go.set()
        await until(lambda: len(diary.done) == 2)
    assert (working, one.pools.is_working) == (True, False)
    assert await taken(store) == ()


async def test_no_more_is_begun_than_there_are_slots_and_an_end_makes_room(store: Store) -> None:
    diary = Diary()
    async with bot(store, diary.work, slots=3) as one:
        await one.wants(*(f"rft-{n:06}" for n in range(8)))
        await until(lambda: len(diary.begun) == 3)
        await one.pools.look()
        assert len(diary.begun) == 3
        diary.let_go.set()
        await until(lambda: len(diary.done) == 8)
    assert not one.failures


async def test_short_work_does_not_wait_behind_slow_work(store: Store) -> None:
    slow, quick = Diary(), Diary()
    quick.let_go.set()

    async def work(held: Held) -> None:
        await (quick if held.item.startswith("approval") else slow).work(held)

    async with bot(store, work, slots=2) as one:
        await one.wants(*(f"rft-{n:06}" for n in range(50)))
        await until(lambda: len(slow.begun) == 2)
        await one.wants(*(approval_item(f"rft-{n:06}") for n in range(9)))
        await until(lambda: len(quick.done) == 9)
        assert len(slow.begun) == 2
        slow.let_go.set()


async def test_two_processes_share_what_is_due_and_do_each_once(store: Store) -> None:
    diary = Diary()
    diary.let_go.set()
    async with bot(store, diary.work, slots=2) as one, bot(store, diary.work, slots=2) as two:
        await one.wants(*(f"rft-{n:06}" for n in range(100)))
        while len(diary.done) < 100:
            await asyncio.gather(one.pools.look(), two.pools.look())
    assert Counter(diary.begun) == Counter({f"rft-{n:06}": 1 for n in range(100)})


async def test_work_that_says_when_it_is_due_again_is_due_then(store: Store, redis: Redis) -> None:
    async def later(held: Held) -> Again:
        assert not held.again
        return Again(600)

    async with bot(store, later) as one:
        await one.wants("rft-aaaaaa")

        async def planned() -> bool:
            return (await redis.zscore("{proctor}:due:long", "rft-aaaaaa") or 0) > 1000 * (time.time() + 60)

        await eventually(planned, "the next time")
    assert await taken(store) == ()


async def test_work_that_fails_is_told_of_and_tried_again_later(store: Store, redis: Redis) -> None:
    async def fail(held: Held) -> None:
        raise ValueError(f"no luck with {held.item}")

    async with bot(store, fail) as one:
        await one.wants("rft-aaaaaa")
        await until(lambda: bool(one.failures))

        async def planned() -> bool:
            return bool(await redis.zscore("{proctor}:due:long", "rft-aaaaaa"))

        await eventually(planned, "another attempt")
    assert str(one.failures[0]) == "no luck with rft-aaaaaa"
    await redis.zadd("{proctor}:due:long", {"rft-aaaaaa": 0})
    (again,) = await taken(store)
    assert (again.raised, again.again) == (1, True)


@pytest.mark.parametrize("item", ["newer:rft-aaaaaa", "rft-aaaaaa"])
async def test_what_only_a_newer_bot_can_do_is_left_to_it(store: Store, redis: Redis, item: str) -> None:
    async def unreadable(held: Held) -> None:
        raise UnreadableRecord(held.item)

    async with bot(store, unreadable) as one:
        await one.wants(item)
        pool = "looks" if ":" in item else LONG

        async def planned() -> bool:
            return not await redis.hexists("{proctor}:holders", item) and bool(
                await redis.zscore(f"{{proctor}}:due:{pool}", item)
            )

        await eventually(planned, "it to be left")
    assert not one.failures


# -- stopping ----------------------------------------------------------------------------------------------------------


async def test_work_in_hand_is_finished_before_a_process_stops(store: Store) -> None:
    diary = Diary()
    async with bot(store, diary.work) as one:
        await one.wants("rft-aaaaaa")
        await until(lambda: bool(diary.begun))
        stopping = asyncio.create_task(one.pools.stop())
        await until(lambda: diary.seen[0].is_leaving, "work that is told of it")
        await one.wants("rft-bbbbbb")
        diary.let_go.set()
        await stopping
    assert diary.done == ["rft-aaaaaa"]
    assert [each.item for each in await taken(store)] == ["rft-bbbbbb"], "nothing new was begun"


async def test_what_does_not_finish_is_handed_on_without_blame(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.queue.pools.DRAIN", 0.01)
    diary = Diary()
    async with bot(store, diary.work) as one:
        await one.wants("rft-aaaaaa")
        await until(lambda: bool(diary.begun))
    assert diary.cancelled == ["rft-aaaaaa"]
    (item,) = await taken(store)
    assert (item.again, item.deaths, item.raised) == (True, None, 0)


# -- losing and finding ------------------------------------------------------------------------------------------------


async def test_a_process_that_stood_still_for_25_s_keeps_its_work(store: Store) -> None:
    """Nothing is renewed in that time; others look, and find it held."""
    diary = Diary()
    async with bot(store, diary.work) as frozen, bot(store, diary.work) as other:
        await frozen.wants("rft-aaaaaa")
        await until(lambda: bool(diary.begun))
        frozen.clock.now += 25
        await other.pools.look()
        await other.pools.keep()
        assert frozen.pools.is_working
        await frozen.pools.keep()
        diary.let_go.set()
    assert diary.at_once == Counter({"rft-aaaaaa": 1})
    assert len(diary.begun) == 1


async def test_a_process_that_lost_its_work_stops_it(store: Store, redis: Redis) -> None:
    diary = Diary()
    async with bot(store, diary.work) as one:
        await one.wants("rft-aaaaaa")
        await until(lambda: bool(diary.begun))
        await redis.hset("{proctor}:holders", "rft-aaaaaa", "another/token long")
        await one.pools.keep()
        await until(lambda: bool(diary.cancelled))
    assert (diary.done, await redis.hget("{proctor}:holders", "rft-aaaaaa")) == ([], "another/token long")


async def test_the_work_of_a_process_that_is_gone_is_taken_up_as_soon_as_its_connections_are(
    store: Store, redis_server: str
) -> None:
    """One that stands still has its connections, and keeps its work; a killed one has none."""
    diary = Diary()
    gone = connection_to(redis_server)
    await store.commit(Change(schedule={"rft-aaaaaa": 0.0}))
    (item,) = (await DueItems(gone).take({LONG: 1})).taken
    async with bot(store, diary.work, url=redis_server) as other:
        older = {"uptime_in_seconds": 100}
        redis_of = other.store.connection.redis
        redis_of.info = lambda *_: _value(older)  # type: ignore[method-assign, assignment] # a server that is not fresh
        for _ in range(3):
            await other.pools.look()
            await other.pools.keep()
            other.clock.now += SURELY_GONE
        assert diary.begun == [], "it is connected"
        await gone.redis.aclose()

        async def taken_up() -> bool:
            await other.pools.look()
            await other.pools.keep()
            other.clock.now += SURELY_GONE
            return bool(diary.begun)

        await eventually(taken_up, "the work to go on")
        diary.let_go.set()
    assert diary.begun == [item.item]
    assert diary.seen[0].taken.deaths == 1


async def _value(found: Mapping[str, int]) -> Mapping[str, int]:
    return found


async def test_a_server_that_has_just_started_says_nobody_is_gone(store: Store, redis_server: str) -> None:
    connection = connection_to(redis_server)
    table = DueItems(connection)
    connection.redis.info = lambda *_: _value({"uptime_in_seconds": 3})  # type: ignore[method-assign, assignment] # as it says then
    assert await table.connected() == frozenset()
    connection.redis.info = lambda *_: _value({"uptime_in_seconds": 30})  # type: ignore[method-assign, assignment] # as it says later
    assert connection.member in await table.connected()
    assert await DueItems(Connection(store.connection.redis)).connected() == frozenset(), "who cannot see itself"
    await connection.redis.aclose()


# -- the server away ---------------------------------------------------------------------------------------------------


@dataclass
class Flaky:
    """A table whose server does not answer for a while."""

    table: DueItems
    away: bool = False

    def __getattr__(self, name: str) -> Callable[..., Awaitable[object]]:
        async def call(*args: object, **how: object) -> object:
            if self.away:
                raise AWAY[0]("nothing answers")
            return await getattr(self.table, name)(*args, **how)

        return call


async def at_work_on_flaky(
    store: Store, diary: Diary, clock: Callable[[], float] = time.monotonic
) -> tuple[WorkPools, Flaky]:
    """Let a process work on one item of a table whose server may fall silent."""
    flaky = Flaky(DueItems(store.connection))
    pools = WorkPools(flaky, {"job": diary.work}, {LONG: 1}, store.committed, print, clock)  # type: ignore[arg-type] # the same but for its failures
    pools.start()
    await store.commit(Change(schedule={"rft-aaaaaa": 0.0}))
    await until(lambda: bool(diary.begun))
    return pools, flaky


async def test_one_failure_to_renew_ends_no_renewal(store: Store) -> None:
    """B5: a moment without Redis, and the lease of a slow post ran out."""
    diary, clock = Diary(), Clock()
    pools, flaky = await at_work_on_flaky(store, diary, clock)
    flaky.away = True
    with pytest.raises(AWAY):
        await pools.keep()
    flaky.away = False
    clock.now += LEASE - 1
    await pools.keep()
    clock.now += LEASE - 1
    assert diary.seen[0].is_valid
    diary.let_go.set()
    await pools.stop()


async def test_an_answer_that_takes_its_time_makes_no_lease_longer(store: Store) -> None:
    diary = Diary()
    async with bot(store, diary.work) as one:
        take = one.pools._due._take

        async def slow(*arguments: str | int) -> object:
            answer = await take(*arguments)
            one.clock.now += LEASE - 1
            return answer

        one.pools._due._take = slow
        await one.wants("rft-aaaaaa")
        await until(lambda: bool(diary.begun))
        one.clock.now += 1
        assert not diary.seen[0].is_valid
        diary.let_go.set()


async def test_a_look_that_fails_is_told_of_and_ends_no_others(store: Store) -> None:
    """Somebody's script holds up the server, say."""
    diary = Diary()
    async with bot(store, diary.work) as one:
        take, failures = one.pools._due._take, [ResponseError("BUSY Redis is busy running a script.")]

        async def busy(*arguments: str | int) -> object:
            if failures:
                raise failures.pop()
            return await take(*arguments)

        one.pools._due._take = busy
        await one.wants("rft-aaaaaa")
        await until(lambda: bool(one.failures))
        await one.wants("rft-bbbbbb")
        await until(lambda: len(diary.begun) == 2)
        assert one.pools.is_working
        diary.let_go.set()


async def test_a_process_that_cannot_renew_in_time_stops_before_others_begin(store: Store) -> None:
    diary, clock = Diary(), Clock()
    pools, flaky = await at_work_on_flaky(store, diary, clock)
    flaky.away = True
    clock.now += LEASE
    assert not diary.seen[0].is_valid
    with pytest.raises(AWAY):
        await pools.keep()
    await until(lambda: bool(diary.cancelled))
    await pools.stop()


async def test_what_ended_while_the_server_was_away_is_given_back_when_it_answers(store: Store) -> None:
    diary = Diary()
    pools, flaky = await at_work_on_flaky(store, diary)
    flaky.away = True
    diary.let_go.set()
    await until(lambda: bool(diary.done))
    await asyncio.sleep(0)
    flaky.away = False

    async def ended() -> bool:
        return not await store.connection.redis.exists("{proctor}:holders")

    await eventually(ended, "the item to be given back")
    await pools.stop()


async def test_more_calls_at_once_than_connections_wait_for_their_turn(store: Store, redis_server: str) -> None:
    """B4: sixty connections, and the sixty-first call failed as if Redis were away."""
    connection = connection_to(redis_server)
    many = Store(connection, store._kinds)
    found = await asyncio.gather(*(many.ids(kind.type) for kind in store._kinds for _ in range(60)))
    assert len(found) > 500
    await connection.redis.aclose()


# -- a backlog ---------------------------------------------------------------------------------------------------------


async def test_what_waits_for_a_slot_is_begun_once_and_counts_as_no_attempt(store: Store, redis: Redis) -> None:
    """B1: what waited in a backlog was counted as having died, and a healthy job was set aside."""
    diary = Diary()
    async with bot(store, diary.work, slots=2) as one, bot(store, diary.work, slots=2) as two:
        await one.wants(*(f"rft-{n:06}" for n in range(5)))
        await until(lambda: len(diary.begun) == 2)
        await two.pools.look()
        for _ in range(20):  # as many looks as an hour of leases would see
            for each in (one, two):
                each.clock.now += LEASE - 1
                await each.pools.keep()
                await each.pools.look()
        assert len(diary.begun) == 4
        assert await redis.exists("{proctor}:raised", "{proctor}:deaths") == 0
        diary.let_go.set()
        await until(lambda: len(diary.done) == 5)
    assert Counter(diary.begun) == Counter({f"rft-{n:06}": 1 for n in range(5)})
    assert not any(held.again for held in diary.seen)


def has_done(diary: Diary, looks: int) -> bool:
    return len([item for item in diary.done if item.startswith("rft-w")]) == looks


async def test_a_thousand_looks_at_a_platform_that_answers_nobody_keep_nothing_else_waiting(store: Store) -> None:
    hangs, well = Diary(), Diary()
    well.let_go.set()

    async def work(held: Held) -> None:
        await (hangs if held.item.startswith("rft-h") else well).work(held)

    for platform, many in (("hangs", 1000), ("well", 20)):
        for n in range(many):
            job = a_job(id=f"rft-{platform[0]}{n:05}", platform=platform, state=JobState.WATCHING, remote_id="r")
            await store.commit(Change(records=(Versioned(job, 0),), due_in=0))
    async with bot(store, work, slots=16) as one, bot(store, work, slots=16) as two:
        for round_ in range(3):
            await asyncio.gather(one.pools.look(), two.pools.look())
            await until(partial(has_done, well, 20 * (round_ + 1)))
            await one.wants(*(f"rft-w{n:05}" for n in range(20)), approval_item(f"rft-{round_}"))
        assert len(hangs.begun) == 32
        hangs.let_go.set()
        await until(lambda: len(hangs.done) == 1000, "the backlog to be worked off")
    assert set(Counter(hangs.begun).values()) == {1}
    assert not any(held.again for held in hangs.seen)


async def test_what_is_taken_again_before_its_end_was_answered_is_not_lost(store: Store) -> None:
    """An eval that goes from one turn to the next at once was broken off, and held by nobody until its lease ended."""
    first, second, answered = Diary(), Diary(), asyncio.Event()

    class Slow(DueItems):
        async def end(self, *ended: object) -> bool:  # the server knows of it long before this process hears so
            is_ended = await super().end(*ended)  # type: ignore[arg-type]  # passed on as it is
            await answered.wait()
            return is_ended

    async def work(held: Held) -> None:
        await (second if first.begun else first).work(held)

    async with bot(store, work) as one:
        one.pools._due = Slow(one.store.connection)
        await one.wants("rft-aaaaaa")
        await until(lambda: len(first.begun) == 1)
        await one.wants("rft-aaaaaa")
        first.let_go.set()

        async def is_begun_again() -> bool:
            await one.pools.look()
            return len(second.begun) == 1

        await eventually(is_begun_again, "the second turn")
        await one.pools.keep()
        assert second.seen[0].is_valid
        answered.set()
        second.let_go.set()
        await until(lambda: len(second.done) == 1)
    assert second.cancelled == []
