"""What people asked is stored before it is acknowledged, once, in their order, and never both refused and done."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError

from jobs.core.records import Job
from jobs.queue.envelopes import REPLY, Begun, Early, Envelope, Envelopes, NotKept
from jobs.state.change import Change, Versioned
from jobs.state.in_hand import IN_HAND
from jobs.state.store import Store
from tests.records import a_job


def asked(name: str, *, user: str = "U1", in_order: bool = True, pool: str = "answers") -> Envelope:
    return Envelope(name, user, {"command": "/rft", "text": name, "user_id": user}, pool, in_order)


async def ids(redis: Redis, pool: str = "answers") -> list[str]:
    return [str(item) for item in await redis.zrange(f"{{proctor}}:due:{pool}", 0, -1)]


async def begun(found: Begun | Early | None) -> Begun:
    assert isinstance(found, Begun)
    return found


@pytest.fixture
def envelopes(redis: Redis) -> Envelopes:
    return Envelopes(redis)


async def test_many_at_once_are_stored_in_two_writes(redis: Redis, envelopes: Envelopes) -> None:
    await envelopes.keep(asked("first"))
    before = int((await redis.info("commandstats"))["cmdstat_evalsha"]["calls"])
    kept = await asyncio.gather(*(envelopes.keep(asked(f"e{n}", in_order=False)) for n in range(500)))
    after = int((await redis.info("commandstats"))["cmdstat_evalsha"]["calls"])
    assert all(kept)
    assert after - before <= 3, "one in flight, one with the rest, one that lets bots begin them"
    assert len(await ids(redis)) == 501


async def test_a_redelivered_envelope_is_known_even_after_its_end(redis: Redis, envelopes: Envelopes) -> None:
    assert await envelopes.keep(asked("once"))
    assert not await envelopes.keep(asked("once"))
    await envelopes.end(await begun(await envelopes.begin_next("U1")))
    assert not await envelopes.keep(asked("once"))
    assert await envelopes.begin_next("U1") is None
    assert await redis.hkeys("{proctor}:envelope:once") == ["ended"]
    assert 0 < await redis.pttl("{proctor}:envelope:once") <= 600_000


async def test_a_person_s_envelopes_come_in_the_order_typed_and_others_of_their_own(
    redis: Redis, envelopes: Envelopes
) -> None:
    for name in ("a", "b", "c"):
        await envelopes.keep(asked(name))
    await envelopes.keep(asked("read", in_order=False))
    await envelopes.keep(asked("other", user="U2"))
    assert sorted(await ids(redis)) == ["ask:read", "asks:U1", "asks:U2"]
    seen = []
    while isinstance(found := await envelopes.begin_next("U1"), Begun):
        seen.append(found.body["text"])
        await envelopes.end(found)
    assert seen == ["a", "b", "c"]
    assert (await begun(await envelopes.begin("read", mine=True))).body["text"] == "read"


async def test_what_is_begun_again_says_so_and_whether_it_took_effect(redis: Redis, store: Store) -> None:
    envelopes = Envelopes(redis)
    await envelopes.keep(asked("launch"))
    first = await begun(await envelopes.begin_next("U1"))
    assert (first.again, first.took_effect) == (False, False)
    second = await begun(await envelopes.begin_next("U1"))
    assert (second.again, second.took_effect) == (True, False)
    token = IN_HAND.set(second.id)
    await store.commit(Change(records=(Versioned(a_job(), 0),)))
    IN_HAND.reset(token)
    third = await begun(await envelopes.begin_next("U1"))
    assert (third.again, third.took_effect) == (True, True)
    held = await store.record(Job, a_job().id)
    assert held is not None
    await envelopes.end(third)
    await store.commit(Change(records=(Versioned(held.value, held.version),)))
    assert await redis.hkeys("{proctor}:envelope:launch") == ["ended"]


async def test_another_bot_leaves_an_envelope_alone_until_it_is_acknowledged(redis: Redis) -> None:
    mine, other = Envelopes(redis), Envelopes(redis)
    await mine.keep(asked("fresh"))

    async def is_accepted() -> bool:
        return bool(await redis.hget("{proctor}:envelope:fresh", "accepted"))

    while not await is_accepted():
        await asyncio.sleep(0.005)
    assert isinstance(await other.begin_next("U1"), Begun)
    await redis.hdel("{proctor}:envelope:fresh", "accepted")
    early = await other.begin_next("U1")
    assert isinstance(early, Early)
    assert 0 < early.seconds <= 3
    assert isinstance(await mine.begin("fresh", mine=True), Begun)


# -- Redis away ---------------------------------------------------------------------------------------------------------


@pytest.fixture
async def impatient(redis_server: str, redis: Redis) -> AsyncIterator[Redis]:
    """A client that does not wait and asks again once."""
    async with Redis.from_url(redis_server, decode_responses=True, retry=Retry(NoBackoff(), 1)) as client:
        yield client


async def test_a_frozen_server_stores_nothing_that_was_refused(redis: Redis, impatient: Redis) -> None:
    envelopes = Envelopes(impatient, longest_wait=REPLY + 0.1)
    await envelopes.keep(asked("before"))
    pid = int((await redis.info("server"))["process_id"])
    os.kill(pid, signal.SIGSTOP)
    try:
        refused = await asyncio.gather(*(envelopes.keep(asked(f"r{n}")) for n in range(20)), return_exceptions=True)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert {type(each) for each in refused} == {NotKept}
    assert await envelopes.keep(asked("after"))
    names = []
    while isinstance(found := await envelopes.begin_next("U1"), Begun):
        names.append(found.id)
        await envelopes.end(found)
    assert names == ["before", "after"]


async def test_what_was_stored_though_its_reply_was_lost_is_taken_back_before_anything_is_begun(redis: Redis) -> None:
    envelopes = Envelopes(redis)
    script, lost = envelopes._receive, ["once"]

    async def lose(**given: Any) -> object:
        answer = await script(**given)
        if lost:
            lost.pop()
            raise RedisConnectionError("reply lost")
        return answer

    envelopes._receive = lose  # type: ignore[assignment] # the reply of one write is lost
    with pytest.raises(NotKept):
        await envelopes.keep(asked("refused"))
    assert await envelopes.begin_next("U1") is None
    assert not await redis.exists("{proctor}:asked:U1")
    assert await envelopes.begin("refused") is None


async def test_a_server_that_is_not_there_is_said_at_once() -> None:
    nowhere = Redis.from_url("redis://127.0.0.1:9", decode_responses=True, retry=Retry(NoBackoff(), 1))
    envelopes = Envelopes(nowhere, longest_wait=60)
    with pytest.raises(NotKept):
        await envelopes.keep(asked("never"))
    assert envelopes._writing is not None
    envelopes._writing.cancel()
    await nowhere.aclose()
