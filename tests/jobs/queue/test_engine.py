"""The work engine on a real Redis."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from redis.asyncio import Redis

from jobs.queue.engine import DocketEngine, UnknownWork, Work, _unknown_work, with_connections

SOON = 20.0
"""Seconds after which work that was not done is a failure; nothing waits this long when all is well."""


@dataclass
class Bench:
    """Writes down the work it does; work may be told to fail, or to wait until it is let go."""

    done: list[tuple[str, str]] = field(default_factory=list)
    more: asyncio.Event = field(default_factory=asyncio.Event)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)

    async def work(self, subject: str, token: str) -> None:
        self._note(subject, token)

    async def fail(self, subject: str, token: str) -> None:
        self._note(subject, token)
        raise ValueError(f"no luck with {subject}")

    async def wait(self, subject: str, token: str) -> None:
        self.begun.set()
        await self.let_go.wait()
        self._note(subject, token)

    async def has_done(self, count: int) -> None:
        """Wait until so much work is done."""
        async with asyncio.timeout(SOON):
            while len(self.done) < count:
                self.more.clear()
                await self.more.wait()

    def _note(self, subject: str, token: str) -> None:
        self.done.append((subject, token))
        self.more.set()


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def engine(redis: Redis, redis_server: str, bench: Bench) -> Callable[..., DocketEngine]:
    """Makes engines on an empty server; by default one that works, fails and waits."""
    assert redis is not None
    usual: dict[str, Work] = {"work": bench.work, "fail": bench.fail, "wait": bench.wait}
    return lambda kinds=None: DocketEngine(redis_server, kinds or usual)


async def test_what_is_handed_over_is_done_with_its_subject_and_token(
    engine: Callable[..., DocketEngine], bench: Bench
) -> None:
    async with engine() as one:
        working = [one.is_working]
        one.start()
        working.append(one.is_working)
        for n in range(100):
            await one.submit("work", f"rft-{n}", "token")
        await bench.has_done(100)
    assert sorted(bench.done) == sorted((f"rft-{n}", "token") for n in range(100))
    assert [*working, one.is_working] == [False, True, False]


async def test_the_same_work_is_done_once_and_another_claim_once_more(
    engine: Callable[..., DocketEngine], bench: Bench
) -> None:
    async with engine() as one:
        for token in ("first", "first", "first", "second"):
            await one.submit("work", "rft-1", token)
        await one.submit("work", "rft-last", "token")
        one.start()
        await bench.has_done(3)
    assert sorted(bench.done) == [("rft-1", "first"), ("rft-1", "second"), ("rft-last", "token")]


async def test_what_one_engine_took_in_another_does_after_it_is_gone(
    engine: Callable[..., DocketEngine], bench: Bench
) -> None:
    async with engine() as gone:
        await gone.submit("work", "rft-1", "token")
    async with engine() as other:
        other.start()
        await bench.has_done(1)


async def test_work_that_fails_does_not_hold_up_the_rest(engine: Callable[..., DocketEngine], bench: Bench) -> None:
    async with engine() as one:
        one.start()
        await one.submit("fail", "rft-1", "token")
        await bench.has_done(1)
        await one.submit("work", "rft-2", "token")
        await bench.has_done(2)
        assert one.is_working


async def test_work_in_hand_is_finished_before_the_engine_stops(
    engine: Callable[..., DocketEngine], bench: Bench
) -> None:
    async with engine() as one:
        one.start()
        await one.submit("wait", "rft-1", "token")
        async with asyncio.timeout(SOON):
            await bench.begun.wait()
        stopping = asyncio.create_task(one.stop())
        await asyncio.sleep(0)
        assert not one.is_working
        bench.let_go.set()
        await stopping
    assert bench.done == [("rft-1", "token")]


async def test_an_engine_that_does_not_know_a_kind_leaves_it_and_goes_on(
    engine: Callable[..., DocketEngine], bench: Bench
) -> None:
    elsewhere: list[tuple[str, str]] = []

    async def newer(subject: str, token: str) -> None:
        elsewhere.append((subject, token))

    async with engine({"work": bench.work, "newer": newer}) as new, engine({"work": bench.work}) as old:
        old.start()
        await new.submit("newer", "rft-1", "token")
        await new.submit("work", "rft-2", "token")
        await bench.has_done(1)
    assert (bench.done, elsewhere) == ([("rft-2", "token")], [])
    with pytest.raises(UnknownWork, match="rft-1 token"):
        await _unknown_work("rft-1", "token")


async def test_what_nobody_here_knows_is_not_handed_over(engine: Callable[..., DocketEngine]) -> None:
    async with engine() as old:
        with pytest.raises(UnknownWork, match="newer rft-1"):
            await old.submit("newer", "rft-1", "token")


async def test_an_engine_whose_connections_are_cut_goes_on(
    engine: Callable[..., DocketEngine], bench: Bench, redis: Redis
) -> None:
    async with engine() as one:
        one.start()
        await one.submit("work", "rft-1", "token")
        await bench.has_done(1)
        await redis.client_kill_filter(_type="normal", skipme=True)
        await tried_until_it_works(lambda: one.submit("work", "rft-2", "token"))
        await bench.has_done(2)
        assert one.is_working


async def tried_until_it_works(call: Callable[[], Awaitable[None]]) -> None:
    """Call again as the next tick would, until Redis answers."""
    async with asyncio.timeout(SOON):
        while True:
            try:
                await call()
            except ConnectionError:
                await asyncio.sleep(0.05)
            else:
                return


@pytest.mark.parametrize(
    ("url", "with_room"),
    [
        ("redis://host:6379/0", "redis://host:6379/0?max_connections=80"),
        ("unix:///run/redis.sock?db=1", "unix:///run/redis.sock?db=1&max_connections=80"),
    ],
)
def test_the_pool_has_room_for_every_task(url: str, with_room: str) -> None:
    assert with_connections(url, 80) == with_room
