"""Series that are known are not read again, and never stand for what another bot wrote."""

from redis.asyncio import Redis

from bot.kinds import KINDS
from jobs.core.records import Job
from jobs.core.series import Series
from jobs.state.change import Change, Versioned
from jobs.state.connection import Connection
from jobs.state.series_cache import MOST_STEPS, SeriesCache
from jobs.state.store import Store
from tests.records import a_job, a_step


async def held(store: Store) -> Versioned[Job]:
    found = await store.record(Job, "rft-abc234")
    assert found is not None
    return found


async def steps(store: Store) -> list[int]:
    return [step.step for step in (await store.series("rft-abc234", (await held(store)).token)).steps]


async def test_another_bots_steps_are_read(redis: Redis, store: Store) -> None:
    other = Store(Connection(redis), KINDS)
    await store.commit(Change(records=(Versioned(a_job(), 0),), steps=(a_step(1),)))
    assert await steps(store) == await steps(other) == [1]
    for number, bot in enumerate((store, other, other, store), start=2):
        await bot.commit(Change(records=(await held(bot),), steps=(a_step(number),)))
        assert await steps(store) == await steps(other) == list(range(1, number + 1))


async def test_a_job_of_the_same_version_in_a_server_that_was_emptied_is_another(redis: Redis, store: Store) -> None:
    await store.commit(Change(records=(Versioned(a_job(), 0),), steps=(a_step(1), a_step(2))))
    assert await steps(store) == [1, 2]
    await redis.flushall()
    await store.commit(Change(records=(Versioned(a_job(), 0),), steps=(a_step(5),)))
    assert await steps(store) == [5]
    await store.commit(Change(records=(await held(store),), steps=(a_step(6),)))
    assert await steps(store) == [5, 6]


def test_what_was_not_used_for_longest_is_forgotten() -> None:
    cache, series = SeriesCache(), Series.of(a_step(number) for number in range(1, MOST_STEPS // 2 + 1))
    for job_id in ("one", "two"):
        cache.put(job_id, "token", series)
    assert cache.get("one", "token") is series
    cache.put("three", "token", series)
    assert [cache.get(job_id, "token") for job_id in ("one", "two", "three")] == [series, None, series]
