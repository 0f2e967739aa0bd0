"""What people asked is stored before it is acknowledged, once, in their order, and never both refused and done."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from jobs.core.ids import ANSWERS, LONG
from jobs.core.records import Job
from jobs.queue.envelopes import REPLY, Begun, Early, Envelope, Envelopes, Moved, NotKept
from jobs.state.change import Change, Versioned
from jobs.state.connection import Connection, quick_connection_to
from jobs.state.in_hand import IN_HAND
from jobs.state.store import Store
from tests.records import a_job


def asked(name: str, *, user: str = "U1", in_order: bool = True, pool: str = ANSWERS) -> Envelope:
    return Envelope(name, user, {"command": "/rft", "text": name, "user_id": user}, pool, in_order)


async def due(redis: Redis, pool: str = ANSWERS) -> list[str]:
    return sorted(str(item) for item in await redis.zrange(f"{{proctor}}:due:{pool}", 0, -1))


async def begun(envelopes: Envelopes, item: str = "asks:U1", pool: str = ANSWERS, *, mine: bool = False) -> Begun:
    found = await envelopes.begin(item, pool, mine=mine)
    assert isinstance(found, Begun)
    return found


async def ended(envelopes: Envelopes, item: str = "asks:U1") -> list[str]:
    """Work off all that is due of an item; return what was typed, in that order."""
    seen = []
    while isinstance(found := await envelopes.begin(item, ANSWERS), Begun):
        seen.append(str(found.body["text"]))
        await envelopes.end(found)
    return seen


class Accepting:
    """Waits until others may begin what was kept."""

    def __init__(self) -> None:
        self.told = asyncio.Event()

    async def all(self) -> None:
        await self.told.wait()
        self.told.clear()


@pytest.fixture
async def quick(redis_server: str, redis: Redis) -> AsyncIterator[Connection]:  # noqa: ARG001 - emptied by it
    connection = quick_connection_to(redis_server, "me")
    yield connection
    await connection.redis.aclose()


@pytest.fixture
def accepting() -> Accepting:
    return Accepting()


@pytest.fixture
def envelopes(redis: Redis, quick: Connection, accepting: Accepting) -> Envelopes:
    return Envelopes(Connection(redis), quick, accepting.told.set)


async def test_many_at_once_are_stored_in_a_few_writes(
    redis: Redis, envelopes: Envelopes, accepting: Accepting
) -> None:
    await envelopes.keep(asked("first"))
    await accepting.all()
    before = int((await redis.info("commandstats"))["cmdstat_evalsha"]["calls"])
    kept = await asyncio.gather(*(envelopes.keep(asked(f"e{n}", in_order=False)) for n in range(500)))
    await accepting.all()
    after = int((await redis.info("commandstats"))["cmdstat_evalsha"]["calls"])
    assert all(kept)
    assert after - before <= 3
    assert len(await due(redis)) == 501


async def test_a_redelivered_envelope_is_known_even_after_its_end(redis: Redis, envelopes: Envelopes) -> None:
    assert await envelopes.keep(asked("once"))
    assert not await envelopes.keep(asked("once"))
    assert await ended(envelopes) == ["once"]
    assert not await envelopes.keep(asked("once"))
    assert await ended(envelopes) == []
    assert await redis.hkeys("{proctor}:envelope:once") == ["ended"]
    assert 0 < await redis.pttl("{proctor}:envelope:once") <= 600_000


async def test_what_changes_comes_in_the_order_typed_and_what_reads_waits_for_nobody(
    redis: Redis, envelopes: Envelopes, accepting: Accepting
) -> None:
    for name in ("a", "b", "c"):
        await envelopes.keep(asked(name))
    await envelopes.keep(asked("read", in_order=False))
    await envelopes.keep(asked("other", user="U2"))
    await accepting.all()
    assert await due(redis) == ["ask:read", "asks:U1", "asks:U2"]
    assert await ended(envelopes, "ask:read") == ["read"]
    assert await ended(envelopes) == ["a", "b", "c"]


async def test_what_takes_long_is_worked_off_in_its_own_pool_and_still_in_order(
    redis: Redis, envelopes: Envelopes, accepting: Accepting
) -> None:
    await envelopes.keep(asked("first"))
    await envelopes.keep(asked("long", pool=LONG))
    await envelopes.keep(asked("last"))
    await accepting.all()
    await redis.delete(f"{{proctor}}:due:{LONG}", f"{{proctor}}:due:{ANSWERS}")
    assert await ended(envelopes) == ["first"]
    assert (await due(redis, LONG), await due(redis)) == (["asks:U1"], [])
    await envelopes.end(await begun(envelopes, pool=LONG))
    assert await envelopes.begin("asks:U1", LONG) == Moved()
    assert await due(redis) == ["asks:U1"]
    assert await ended(envelopes) == ["last"]


async def test_what_is_begun_again_says_so_and_whether_it_took_effect(
    redis: Redis, envelopes: Envelopes, store: Store
) -> None:
    await envelopes.keep(asked("launch"))
    first = await begun(envelopes)
    assert (first.again, first.took_effect) == (False, False)
    second = await begun(envelopes)
    assert (second.again, second.took_effect) == (True, False)
    token = IN_HAND.set(second.id)
    await store.commit(Change(records=(Versioned(a_job(), 0),)))
    IN_HAND.reset(token)
    third = await begun(envelopes)
    assert (third.again, third.took_effect) == (True, True)
    held = await store.record(Job, a_job().id)
    assert held is not None
    await envelopes.end(third)
    await store.commit(Change(records=(Versioned(held.value, held.version),)))
    assert await redis.hkeys("{proctor}:envelope:launch") == ["ended"]


async def test_another_bot_leaves_an_envelope_alone_until_it_is_acknowledged(
    redis: Redis, envelopes: Envelopes, quick: Connection, accepting: Accepting
) -> None:
    other = Envelopes(Connection(redis), quick, lambda: None)
    await envelopes.keep(asked("fresh", in_order=False))
    await accepting.all()
    await begun(other, "ask:fresh")
    await redis.hdel("{proctor}:envelope:fresh", "accepted")
    early = await other.begin("ask:fresh", ANSWERS)
    assert isinstance(early, Early)
    assert 0 < early.seconds <= 3
    await begun(envelopes, "ask:fresh", mine=True)


async def test_what_others_wrote_where_envelopes_belong_is_set_aside(redis: Redis, envelopes: Envelopes) -> None:
    await envelopes.keep(asked("garbage"))
    await envelopes.keep(asked("list"))
    await redis.hset("{proctor}:envelope:garbage", "body", "gASVcos\nsystem")
    await redis.hset("{proctor}:envelope:list", "body", "[]")
    await envelopes.keep(asked("sound"))
    assert await ended(envelopes) == ["sound"]
    for name, user in (("asked:U2", "U2"), ("envelope:e3", "U3"), ("due:answers", "U4")):
        await redis.delete(f"{{proctor}}:{name}")
        await redis.set(f"{{proctor}}:{name}", "garbage")
        assert await envelopes.keep(asked(f"e{user[1:]}", user=user))
        assert await ended(envelopes, f"asks:{user}") == [f"e{user[1:]}"]
        assert await redis.get(f"{{proctor}}:strange:{name}") == "garbage"


@pytest.mark.parametrize("missing", ["pool", "user"])
async def test_an_envelope_that_lacks_something_holds_up_nothing(
    redis: Redis, envelopes: Envelopes, missing: str
) -> None:
    await envelopes.keep(asked("broken"))
    await redis.hdel("{proctor}:envelope:broken", missing)
    await envelopes.keep(asked("sound"))
    assert await ended(envelopes) == ["sound"]
    assert await redis.exists("{proctor}:strange:envelope:broken")


async def test_a_key_that_is_no_envelope_holds_up_nothing(redis: Redis, envelopes: Envelopes) -> None:
    await envelopes.keep(asked("broken"))
    await envelopes.keep(asked("sound"))
    await redis.delete("{proctor}:envelope:broken")
    await redis.set("{proctor}:envelope:broken", "garbage")
    assert await ended(envelopes) == ["sound"]
    await redis.set("{proctor}:asked:U1", "garbage")
    assert await ended(envelopes) == []


async def test_half_a_character_costs_nobody_their_command(envelopes: Envelopes) -> None:
    """A text that was cut in the middle of an emoji."""
    cut = replace(asked("cut"), body={"text": "cut \ud83d"})
    assert all(await asyncio.gather(envelopes.keep(asked("sound")), envelopes.keep(cut)))
    assert await ended(envelopes) == ["sound", "cut \ud83d"]


async def test_a_clock_that_was_misjudged_refuses_nobody(envelopes: Envelopes) -> None:
    await envelopes.keep(asked("first"))
    assert envelopes._ahead is not None
    envelopes._ahead -= 3600
    assert all(await asyncio.gather(*(envelopes.keep(asked(f"e{n}")) for n in range(3))))
    assert await ended(envelopes) == ["first", "e0", "e1", "e2"]


# -- Redis away -------------------------------------------------------------------------------------------------------


async def test_a_frozen_server_stores_nothing_that_was_refused(redis: Redis, quick: Connection) -> None:
    envelopes = Envelopes(Connection(redis), quick, lambda: None, longest_wait=REPLY + 0.1)
    await envelopes.keep(asked("before"))
    pid = int((await redis.info("server"))["process_id"])
    os.kill(pid, signal.SIGSTOP)
    try:
        refused = await asyncio.gather(*(envelopes.keep(asked(f"r{n}")) for n in range(20)), return_exceptions=True)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert {type(each) for each in refused} == {NotKept}
    envelopes = Envelopes(Connection(redis), quick, lambda: None)
    assert await envelopes.keep(asked("after"))
    assert await ended(envelopes) == ["before", "after"]


async def test_what_was_stored_though_its_reply_was_lost_is_taken_back_before_anything_is_begun(
    redis: Redis, envelopes: Envelopes
) -> None:
    script, lost = envelopes._receive, ["once"]

    async def lose(*args: Any) -> object:
        answer = await script(*args)
        if lost:
            lost.pop()
            raise RedisConnectionError("reply lost")
        return answer

    envelopes._receive = lose
    with pytest.raises(NotKept):
        await envelopes.keep(asked("refused"))
    assert await redis.lrange("{proctor}:asked:U1", 0, -1) == ["refused"], "else this shows nothing"
    assert await envelopes.begin("asks:U1", ANSWERS) is None
    assert not await redis.exists("{proctor}:asked:U1")


async def test_another_bot_leaves_who_refused_it_the_time_to_take_it_back_after_the_server_stood_still(
    redis: Redis, envelopes: Envelopes, quick: Connection
) -> None:
    other = Envelopes(Connection(redis), quick, lambda: None)
    await envelopes.keep(asked("refused"))
    await redis.hdel("{proctor}:envelope:refused", "accepted")
    await redis.hincrby("{proctor}:envelope:refused", "at", -20_000)  # it stood still after that
    assert isinstance(await other.begin("asks:U1", ANSWERS), Early)
    envelopes._refused.append("refused")
    await envelopes.keep(asked("next", user="U2"))
    assert await other.begin("asks:U1", ANSWERS) is None


async def test_what_was_begun_is_not_taken_back(redis: Redis, quick: Connection, accepting: Accepting) -> None:
    envelopes = Envelopes(Connection(redis), quick, accepting.told.set)
    await envelopes.keep(asked("begun"))
    await begun(envelopes)
    envelopes._refused.append("begun")
    await envelopes.keep(asked("next"))
    assert await redis.hexists("{proctor}:envelope:begun", "body")


async def test_a_server_that_is_not_there_is_said_at_once(redis: Redis) -> None:
    nowhere = quick_connection_to("redis://127.0.0.1:9", "me")
    envelopes = Envelopes(Connection(redis), nowhere, lambda: None, longest_wait=60)
    async with asyncio.timeout(30):
        with pytest.raises(NotKept):
            await envelopes.keep(asked("never"))
    await envelopes.close()
    await nowhere.redis.aclose()
