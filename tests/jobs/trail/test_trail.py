"""The audit trail is written with the change it is about, in one chain, whoever writes at the same time."""

import asyncio
from typing import cast

from redis.asyncio import Redis

from bot.kinds import KINDS
from jobs.evidence.records import Evidence, EvidenceState
from jobs.state.change import Change, Versioned
from jobs.state.connection import Connection
from jobs.state.store import Store, VersionConflict
from jobs.trail.chain import FIRST, hash_of
from jobs.trail.entry import Act, AuditEntry
from tests.records import ALICE, a_job
from tests.working import planned_work


def an_entry(number: int) -> AuditEntry:
    return AuditEntry(at=float(number), who=ALICE, act=Act.LAUNCH, task="acts", subject=f"rft-{number}")


async def test_fifty_at_once_over_three_stores_make_one_chain(redis: Redis) -> None:
    stores = [Store(Connection(redis), KINDS, b"key") for _ in range(3)]
    await asyncio.gather(*(stores[n % 3].commit(Change(audit=(an_entry(n), an_entry(n + 50)))) for n in range(50)))
    trail = await stores[0].trail()
    assert len(trail) == 100
    assert [entry.previous for entry in trail] == [FIRST, *(entry.hash for entry in trail[:-1])]
    kept = cast("list[tuple[str, dict[str, str]]]", await redis.xrange("{proctor}:audit"))
    assert all(hash_of(f["entry"], f["previous"], b"key") == f["hash"] for _, f in kept)
    assert {entry.entry.subject for entry in trail} == {f"rft-{n}" for n in range(100)}


async def test_pages_of_the_trail_leave_nothing_out(store: Store) -> None:
    for number in range(5):
        await store.commit(Change(audit=(an_entry(number),)))
    first = await store.trail(limit=3)
    rest = await store.trail(after=first[-1].id, limit=3)
    assert [each.entry.at for each in (*first, *rest)] == [0.0, 1.0, 2.0, 3.0, 4.0]


async def test_a_change_that_conflicts_leaves_no_entry(store: Store) -> None:
    job = a_job()
    await store.commit(Change(records=(Versioned(job, 0),), audit=(an_entry(1),)))
    try:
        await store.commit(Change(records=(Versioned(job, 0),), audit=(an_entry(2),)))
    except VersionConflict:
        pass
    else:
        raise AssertionError("the second change was taken")
    assert len(await store.trail()) == 1


async def test_records_of_every_kind_are_kept_and_listed(store: Store) -> None:
    evidence = Evidence(job="rft-1", state=EvidenceState.GATHERING, checkpoints=("a",), started_at=1.0, runs=3)
    await store.commit(Change(records=(Versioned(evidence, 0),)))
    held = await store.record(Evidence, "rft-1")
    assert held == Versioned(evidence, 1)
    assert await store.records(Evidence) == (evidence,)


async def test_others_are_woken_earlier_never_later(store: Store) -> None:
    await store.commit(Change(schedule={"rft-1": 60.0, "rft-2": 0.0}))
    await store.commit(Change(schedule={"rft-1": 5.0, "rft-2": 60.0}))
    due = await planned_work(store)
    assert 4.0 < due["rft-1"] - due["rft-2"] < 6.0
    await store.commit(Change(schedule={"rft-1": -1.0}))
    assert set(await planned_work(store)) == {"rft-2"}
