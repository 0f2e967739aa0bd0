import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from bot.kinds import KINDS
from jobs.approvals.records import Approval
from jobs.core.errors import ConfigurationError
from jobs.core.ids import DELIVERIES, delivery_item
from jobs.core.records import Job
from jobs.state import store as door
from jobs.state.change import Change, Once, Versioned
from jobs.state.connection import AWAY
from jobs.state.kind import Kind
from jobs.state.store import AlreadyTaken, Store, VersionConflict
from tests.records import a_job, a_posting, a_step, an_approval
from tests.working import taken


@pytest.mark.parametrize("kind", tuple(KINDS), ids=lambda kind: kind.name)
def test_the_table_of_keys_leaves_no_kind_of_record_out(kind: Kind[object]) -> None:
    table = str(door.__doc__)
    assert f"{{proctor}}:{kind.name}:<" in table
    assert f"{{proctor}}:{'all:<kind>' if kind.index.startswith('all:') else kind.index} " in table


async def saved(store: Store, **changes: object) -> Versioned[Job]:
    await store.commit(Change(records=(Versioned(a_job(**changes), 0),)))
    held = await store.record(Job, "rft-abc234")
    assert held is not None
    return held


async def test_what_was_committed_is_read_back_whole(store: Store) -> None:
    job = a_job(note="a note", alerts=(), checkpoints=())
    steps = (a_step(2, valid=0.5), a_step(1))
    await store.commit(Change(records=(Versioned(job, 0), Versioned(an_approval(), 0)), steps=steps))
    held = await store.record(Job, job.id)
    assert held == Versioned(job, 1)
    assert (await store.series(job.id)).steps == (steps[1], steps[0])
    assert await store.record(Approval, job.id) == Versioned(an_approval(), 1)
    assert await store.records(Job) == (job,)


async def test_a_change_over_an_older_version_writes_nothing(store: Store) -> None:
    held = await saved(store)
    await store.commit(Change(records=(Versioned(replace(held.value, note="first"), held.version),)))
    late = Change(
        records=(Versioned(replace(held.value, note="late"), held.version),),
        steps=(a_step(1),),
        postings=(a_posting(),),
    )
    with pytest.raises(VersionConflict):
        await store.commit(late)
    now = await store.record(Job, "rft-abc234")
    assert now is not None
    assert now.value.note == "first"
    assert (await store.series("rft-abc234")).steps == ()
    assert await taken(store) == ()


async def test_a_commit_sent_twice_takes_effect_once(redis: Redis, store: Store) -> None:
    """redis-py asks again when a reply is lost; the script sees its own token and answers done."""
    sent: list[tuple[str | int, ...]] = []
    commit = store.connection.script("state", "commit")

    async def recorded(*arguments: str | int) -> object:
        sent.append(arguments)
        return await commit(*arguments)

    store._commit = recorded
    await store.commit(Change(records=(Versioned(a_job(), 0),), postings=(a_posting(),)))
    assert await commit(*sent[0]) == ["done"]
    held = await store.record(Job, "rft-abc234")
    assert held is not None
    assert held.version == 1
    (lane,) = await taken(store, DELIVERIES)
    assert lane.item == delivery_item("lane")
    assert await redis.zcard("{proctor}:lane:lane") == 1


async def test_of_many_changes_at_once_each_takes_effect_on_the_one_before(store: Store) -> None:
    await saved(store)

    async def add_one() -> None:
        while True:
            held = await store.record(Job, "rft-abc234")
            assert held is not None
            change = Change(records=(Versioned(replace(held.value, last_step=held.value.last_step + 1), held.version),))
            try:
                await store.commit(change)
            except VersionConflict:
                continue
            return

    await asyncio.gather(*(add_one() for _ in range(20)))
    held = await store.record(Job, "rft-abc234")
    assert held is not None
    assert held.value.last_step == 20


async def test_a_once_key_is_held_by_the_first(store: Store) -> None:
    await store.commit(Change(records=(Versioned(a_job(), 0),), once=Once("launched:x", "rft-abc234", 60)))
    with pytest.raises(AlreadyTaken) as taken:
        await store.commit(
            Change(records=(Versioned(a_job(id="rft-other"), 0),), once=Once("launched:x", "rft-other", 60))
        )
    assert taken.value.holder == "rft-abc234"
    assert await store.record(Job, "rft-other") is None


async def test_calls_within_the_burst_go_out_and_the_next_one_waits(store: Store) -> None:
    waits = [await store.reserve("post:C1", interval=100, burst=3) for _ in range(4)]
    assert waits[:3] == [0, 0, 0]
    assert 0 < waits[3] <= 100
    assert await store.reserve("post:C2", interval=100, burst=1) == 0


async def test_a_call_that_asks_twice_because_the_reply_was_lost_takes_one_place(store: Store) -> None:
    reserve = store.connection.script("state", "reserve")
    assert [await reserve("post:C1", "caller", 100_000, 1) for _ in range(3)] == [0, 0, 0]
    assert await store.reserve("post:C1", interval=100) > 0


async def test_state_of_a_newer_version_is_refused(redis: Redis, store: Store) -> None:
    await redis.set("{proctor}:schema", 99)
    with pytest.raises(ConfigurationError, match="version 99"):
        await store.open()


async def test_a_server_that_may_drop_keys_is_refused(redis: Redis, store: Store) -> None:
    await redis.config_set("maxmemory-policy", "allkeys-lru")
    try:
        with pytest.raises(ConfigurationError, match="noeviction"):
            await store.open()
    finally:
        await redis.config_set("maxmemory-policy", "noeviction")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"appendonly": "no"}, "keeps nothing over a crash"),
        ({"appendonly": "yes", "appendfsync": "everysec"}, "in the last second"),
        ({"appendonly": "yes", "appendfsync": "always"}, ""),
    ],
)
async def test_what_a_crash_of_the_server_may_lose_is_said(
    store: Store, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], says: str
) -> None:
    async def config_get(_pattern: str) -> dict[str, str]:
        return settings

    monkeypatch.setattr(store.connection.redis, "config_get", config_get)
    said = await store.durability()
    assert says in said
    assert bool(said) == bool(says)


@pytest.fixture
async def full(redis: Redis) -> AsyncIterator[None]:
    """A server that takes nothing more, as one does that is full."""
    await redis.config_set("maxmemory", 1)
    yield
    await redis.config_set("maxmemory", 0)


async def test_a_full_server_counts_as_away_and_nothing_is_written_by_half(
    store: Store, full: None, redis: Redis
) -> None:
    assert full is None
    with pytest.raises(AWAY):
        await store.commit(Change(records=(Versioned(a_job(), 0),), due_in=0, postings=(a_posting(),)))
    assert [str(key) for key in await redis.keys()] == ["{proctor}:schema"]


@pytest.mark.parametrize(
    "refusal",
    [
        "MISCONF Errors writing to the AOF file: No space left on device",
        "BUSY Valkey is busy running a script.",
        "NOREPLICAS Not enough good replicas to write.",
    ],
)
async def test_a_server_that_cannot_take_it_just_now_counts_as_away(
    store: Store, monkeypatch: pytest.MonkeyPatch, refusal: str
) -> None:
    async def refuse(**_: object) -> None:
        raise ResponseError(refusal)

    monkeypatch.setattr(store.connection.redis, "register_script", lambda _text: refuse)
    with pytest.raises(AWAY, match=refusal.split(maxsplit=1)[0]):
        await store.connection.script("state", "commit")("token", "{}")
