import asyncio

from jobs.core.records import Job
from jobs.queue.lease import kept
from jobs.state.change import Change, Versioned
from jobs.state.store import Store
from tests.records import a_job

LEASE = 0.3


async def claim(store: Store) -> str:
    await store.commit(Change(records=(Versioned(a_job(), 0),), due_in=0))
    (claimed,) = await store.claim("due", lease=LEASE, limit=1)
    return claimed.token


async def test_a_turn_that_takes_long_is_begun_by_nobody_else(store: Store) -> None:
    token = await claim(store)
    async with kept(store, "rft-abc234", token, LEASE):
        for _ in range(20):
            assert await store.claim("due", lease=LEASE, limit=1) == ()
            await asyncio.sleep(LEASE / 10)
    assert await store.attempts("rft-abc234") == 1


async def test_a_turn_that_ended_keeps_nothing(store: Store) -> None:
    token = await claim(store)
    async with kept(store, "rft-abc234", token, LEASE):
        held = await store.record(Job, "rft-abc234")
        assert held is not None
        await store.commit(Change(records=(held,), due_in=0))
        (again,) = await store.claim("due", lease=60, limit=1)
        assert again.token != token
        assert not await store.hold("rft-abc234", token, token, lease=60, further=False)
