import asyncio
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from bot.kinds import KINDS
from jobs.approvals.records import Approval
from jobs.core.errors import ConfigurationError
from jobs.core.records import Job, JobState, Posting, PostingKind
from jobs.state import store as door
from jobs.state.change import Change, Once, Versioned
from jobs.state.kind import Kind
from jobs.state.store import AlreadyTaken, LedgerEntry, Store, VersionConflict
from tests.records import CHANNEL, a_job, a_posting, a_step, an_approval


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
    assert await store.claim("outbox", lease=60, limit=10) == ()


async def test_a_commit_sent_twice_takes_effect_once(redis: Redis, store: Store) -> None:
    """redis-py asks again when a reply is lost; the script sees its own token and answers done."""
    sent: list[list[object]] = []

    class Recorder(Store):
        async def _run(self, script: str, *args: str | int) -> object:
            sent.append([script, *args])
            return await super()._run(script, *args)

    recorder = Recorder(redis, KINDS)
    await recorder.commit(Change(records=(Versioned(a_job(), 0),), postings=(a_posting(),)))
    script, *args = sent[0]
    assert await store._run(str(script), *[str(a) for a in args]) == ["done"]
    held = await store.record(Job, "rft-abc234")
    assert held is not None
    assert held.version == 1
    (claim,) = await store.claim("outbox", lease=60, limit=10)
    delivery = await store.begin("lane", claim.token, lease=60)
    assert delivery is not None
    assert delivery.wanted == 1


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


async def test_due_work_is_claimed_by_one(store: Store) -> None:
    for number in range(30):
        await store.commit(Change(records=(Versioned(a_job(id=f"rft-{number:06d}"), 0),), due_in=0))
    claims = await asyncio.gather(*(store.claim("due", lease=60, limit=10) for _ in range(6)))
    claimed = [claim.id for batch in claims for claim in batch]
    assert len(claimed) == len(set(claimed)) == 30


async def test_a_lease_that_runs_out_hands_the_work_on_and_counts_the_start(store: Store) -> None:
    await store.commit(Change(records=(Versioned(a_job(), 0),), due_in=0))
    assert [c.id for c in await store.claim("due", lease=0.01, limit=10)] == ["rft-abc234"]
    again: tuple[object, ...] = ()
    while not again:
        again = await store.claim("due", lease=60, limit=10)
    assert await store.attempts("rft-abc234") == 2
    held = await store.record(Job, "rft-abc234")
    assert held is not None
    await store.commit(Change(records=(held,), due_in=-1))
    assert await store.attempts("rft-abc234") == 0
    assert await store.claim("due", lease=60, limit=10) == ()


async def test_a_claim_asked_twice_with_one_token_answers_the_same(store: Store) -> None:
    await store.commit(Change(records=(Versioned(a_job(), 0),), due_in=0))
    assert await store._run("claim", "due", "token", 60_000, 10) == ["rft-abc234"]
    assert await store._run("claim", "due", "token", 60_000, 10) == ["rft-abc234"]
    assert await store.attempts("rft-abc234") == 1


async def test_a_once_key_is_held_by_the_first(store: Store) -> None:
    await store.commit(Change(records=(Versioned(a_job(), 0),), once=Once("launched:x", "rft-abc234", 60)))
    with pytest.raises(AlreadyTaken) as taken:
        await store.commit(
            Change(records=(Versioned(a_job(id="rft-other"), 0),), once=Once("launched:x", "rft-other", 60))
        )
    assert taken.value.holder == "rft-abc234"
    assert await store.record(Job, "rft-other") is None


async def test_postings_of_a_lane_come_in_order_and_leave_it_when_settled(store: Store) -> None:
    await store.commit(Change(postings=(a_posting(1), a_posting(2))))
    (claim,) = await store.claim("outbox", lease=60, limit=10)
    seen = []
    while delivery := await store.begin("lane", claim.token, lease=60):
        seen.append(delivery.posting.text)
        await store.settle(delivery, LedgerEntry(CHANNEL, "1.0"))
    assert seen == ["note 1", "note 2"]
    await store.release("lane", claim.token)
    assert await store.claim("outbox", lease=60, limit=10) == ()
    assert await store.ledger("rft-abc234", a_posting(2).id) == LedgerEntry(CHANNEL, "1.0")


async def test_a_posting_that_was_delivered_is_not_taken_up_again(store: Store) -> None:
    await store.commit(Change(postings=(a_posting(),)))
    (claim,) = await store.claim("outbox", lease=60, limit=10)
    delivery = await store.begin("lane", claim.token, lease=60)
    assert delivery is not None
    await store.settle(delivery, LedgerEntry(CHANNEL, "1.0"))
    await store.release("lane", claim.token)
    await store.commit(Change(postings=(a_posting(),)))
    assert await store.claim("outbox", lease=60, limit=10) == ()


async def test_a_refreshed_posting_wanted_during_its_delivery_is_delivered_again(store: Store) -> None:
    card = a_posting(kind=PostingKind.CARD, refreshed=True)
    await store.commit(Change(postings=(card,)))
    (claim,) = await store.claim("outbox", lease=60, limit=10)
    first = await store.begin("lane", claim.token, lease=60)
    assert first is not None
    await store.commit(Change(postings=(card,)))
    await store.settle(first, LedgerEntry(CHANNEL, "1.0"))
    second = await store.begin("lane", claim.token, lease=60)
    assert second is not None
    assert second.entry == LedgerEntry(CHANNEL, "1.0")
    assert second.attempt == 1
    await store.settle(second, LedgerEntry(CHANNEL, "1.0"))
    assert await store.begin("lane", claim.token, lease=60) is None


async def test_who_lost_the_lease_delivers_nothing(store: Store) -> None:
    await store.commit(Change(postings=(a_posting(),)))
    (first,) = await store.claim("outbox", lease=0.01, limit=10)
    second: tuple[object, ...] = ()
    while not second:
        second = await store.claim("outbox", lease=60, limit=10)
    assert await store.begin("lane", first.token, lease=60) is None
    await store.release("lane", first.token)
    assert await store.claim("outbox", lease=60, limit=10) == ()


async def test_an_urgent_posting_ends_the_pause_of_its_lane(store: Store) -> None:
    card = a_posting(kind=PostingKind.CARD, refreshed=True)
    await store.commit(Change(postings=(card,)))
    (claim,) = await store.claim("outbox", lease=60, limit=10)
    delivery = await store.begin("lane", claim.token, lease=60)
    assert delivery is not None
    await store.settle(delivery, LedgerEntry(CHANNEL, "1.0"))
    await store.release("lane", claim.token, pause=600)
    await store.commit(Change(postings=(card,)))
    assert await store.claim("outbox", lease=60, limit=10) == ()
    await store.commit(Change(postings=(replace(card, urgent=True),)))
    assert [c.id for c in await store.claim("outbox", lease=60, limit=10)] == ["lane"]


async def test_a_refused_posting_is_set_aside_with_its_reason(store: Store) -> None:
    await store.commit(Change(postings=(a_posting(),)))
    (claim,) = await store.claim("outbox", lease=60, limit=10)
    await store.refuse(a_posting(), "channel_not_found")
    assert await store.begin("lane", claim.token, lease=60) is None
    assert "channel_not_found" in (await store.refused())[a_posting().id]


async def test_calls_within_the_burst_go_out_and_the_next_one_waits(store: Store) -> None:
    waits = [await store.reserve("post:C1", interval=100, burst=3) for _ in range(4)]
    assert waits[:3] == [0, 0, 0]
    assert 0 < waits[3] <= 100
    assert await store.reserve("post:C2", interval=100, burst=1) == 0


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


async def test_the_age_of_the_outbox_is_that_of_what_waits_longest(store: Store) -> None:
    assert await store.outbox_age() == 0
    await store.commit(Change(postings=(Posting("p", PostingKind.ANSWER, "l", "s", CHANNEL),)))
    assert await store.outbox_age() >= 0
    assert JobState.WATCHING.is_on_platform
