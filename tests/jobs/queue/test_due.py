"""The table of what is due, on a real Redis."""

import asyncio
import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from redis.asyncio import Redis

from jobs.core.ids import LONG, evidence_item, launches_on, looks_at
from jobs.core.records import Job, JobState
from jobs.queue.due import LEASE, MOST_DEATHS, MOST_RAISED, DueItems, Outcome, Taken
from jobs.state.change import Change, Versioned
from jobs.state.connection import AWAY, Connection
from jobs.state.store import Store
from tests.records import a_job
from tests.working import EVERYTHING, taken


async def due(store: Store, *items: str, after: float = 0.0) -> None:
    await store.commit(Change(schedule=dict.fromkeys(items, after)))


async def one(store: Store, lease: float = LEASE) -> Taken:
    (item,) = without_sweeps(await taken(store, lease=lease))
    return item


def without_sweeps(items: tuple[Taken, ...]) -> list[Taken]:
    return [each for each in items if not each.item.startswith("sweep:")]


async def items(store: Store, pool: str = "") -> list[str]:
    return [each.item for each in without_sweeps(await taken(store, pool))]


async def kill(redis: Redis, item: Taken) -> None:
    """Let the process that holds an item count as dead, as a look that misses its connections finds it."""
    member = item.token.partition("/")[0]
    await DueItems(Connection(redis)).take({}, dead=[member])


async def test_what_is_due_is_taken_by_one(store: Store) -> None:
    await due(store, *(f"rft-{n:06}" for n in range(30)))
    looks = await asyncio.gather(*(DueItems(Connection(store.connection.redis)).take({LONG: 10}) for _ in range(6)))
    found = [each.item for look in looks for each in look.taken]
    assert len(found) == len(set(found)) == 30
    assert max(len(look.taken) for look in looks) == 10, "nobody takes more than there are slots"


async def test_a_look_whose_answer_was_lost_finds_the_same_again(store: Store) -> None:
    await due(store, "rft-aaaaaa", "rft-bbbbbb")
    take = store.connection.script("queue", "take")
    request = json.dumps({"slots": [[LONG, 1]], "early": [], "dead": []})
    first, second = [json.loads(str(await take("me/once", 60_000, 1, request))) for _ in range(2)]
    assert first == second
    assert await items(store) == ["rft-bbbbbb"]


async def test_what_was_taken_by_a_look_that_failed_is_found_by_the_next(store: Store) -> None:
    """The server took its time over the script, say, and the connection was given up."""
    await due(store, "rft-aaaaaa")
    table = DueItems(store.connection)
    take, fails = table._take, [True]

    async def lossy(*arguments: str | int) -> object:
        answer = await take(*arguments)
        if fails.pop() if fails else False:
            raise AWAY[0]("the answer was lost")
        return answer

    table._take = lossy
    with pytest.raises(AWAY):
        await table.take(EVERYTHING)
    assert [each.item for each in (await table.take(EVERYTHING)).taken] == ["rft-aaaaaa"]
    assert (await table.take(EVERYTHING)).taken == ()


async def test_what_a_look_took_and_others_have_by_now_is_not_found_by_the_next(store: Store) -> None:
    """The connection was cut, so that the process counted as dead until it asked again."""
    await due(store, "rft-aaaaaa", "rft-bbbbbb")
    mine, other = (DueItems(Connection(store.connection.redis, member)) for member in ("mine", "other"))
    mine._unanswered = "mine/lost"
    assert len((await mine.take(EVERYTHING)).taken) == 2
    assert len((await other.take({LONG: 1}, dead=["mine"])).taken) == 1
    mine._unanswered = "mine/lost"
    assert (await mine.take(EVERYTHING)).taken == ()


async def test_what_is_not_due_is_left_and_named_by_its_time(store: Store) -> None:
    await due(store, "rft-aaaaaa", after=20)
    look = await DueItems(store.connection).take(EVERYTHING)
    assert look.taken == ()
    assert look.soonest is not None
    assert 10 < look.soonest <= 20


async def test_a_full_pool_does_not_keep_another_from_its_work(store: Store) -> None:
    await due(store, *(f"rft-{n:06}" for n in range(5)), evidence_item("rft-000000"), "approval:rft-000000")
    look = await DueItems(store.connection).take({LONG: 0, "looks": 1})
    assert [each.item for each in look.taken] == ["approval:rft-000000"]


async def test_each_platform_has_slots_of_its_own(store: Store) -> None:
    for platform, many in (("hangs", 20), ("well", 3)):
        for number in range(many):
            job = a_job(id=f"rft-{platform}{number}", platform=platform, state=JobState.WATCHING, remote_id="r")
            await store.commit(Change(records=(Versioned(job, 0),), due_in=0))
    look = await DueItems(store.connection).take({"looks": 5})
    pools = [each.pool for each in look.taken]
    assert sorted(pools) == [looks_at("hangs")] * 5 + [looks_at("well")] * 4, "the jobs and the sweep"


async def test_a_job_moves_from_long_work_to_its_platforms_looks(store: Store) -> None:
    job = a_job(state=JobState.LAUNCHING)
    await store.commit(Change(records=(Versioned(job, 0),), due_in=0))
    item = await one(store)
    assert item.pool == launches_on(job.platform)
    await due(store, job.id)  # a person wants it at once, while it is being launched
    watching = replace(job, state=JobState.WATCHING, remote_id="r")
    await store.commit(Change(records=(Versioned(watching, 1),), due_in=600))
    await DueItems(store.connection).end(item)
    again = await one(store)
    assert (again.item, again.pool) == (job.id, looks_at(job.platform)), "what the person wanted was not forgotten"
    await store.commit(Change(records=(Versioned(watching, 2),), due_in=-1))
    await DueItems(store.connection).end(again)
    assert await items(store) == []


async def test_a_job_that_moved_before_its_process_died_is_due_in_one_pool(store: Store, redis: Redis) -> None:
    job = a_job(state=JobState.LAUNCHING)
    await store.commit(Change(records=(Versioned(job, 0),), due_in=0))
    item = await one(store)
    watching = replace(job, state=JobState.WATCHING, remote_id="r")
    await store.commit(Change(records=(Versioned(watching, 1),), due_in=600))
    await kill(redis, item)
    assert await items(store, LONG) == []
    assert await items(store) == [job.id]


async def test_a_record_that_another_work_item_starts_goes_into_its_own_pool(store: Store) -> None:
    job = a_job(state=JobState.WATCHING, remote_id="r")
    await store.commit(Change(records=(Versioned(job, 0),), item="evidence:x", schedule={job.id: 0.0}))
    assert (await one(store)).pool == looks_at(job.platform)


# -- wanted again ------------------------------------------------------------------------------------------------------


async def test_what_is_wanted_while_it_is_worked_on_is_done_again_after_that_and_not_before(store: Store) -> None:
    table = DueItems(store.connection)
    await due(store, "rft-aaaaaa")
    item = await one(store)
    await due(store, "rft-aaaaaa")
    assert await items(store) == [], "one works on it"
    await table.end(item)
    assert await items(store) == ["rft-aaaaaa"]


async def test_a_commit_of_somebody_else_does_not_begin_what_is_being_done(store: Store) -> None:
    job = a_job(state=JobState.LAUNCHING)
    await store.commit(Change(records=(Versioned(job, 0),), due_in=0))
    item = await one(store)
    await store.commit(Change(records=(Versioned(replace(job, note="a person wrote this"), 1),), due_in=0))
    assert await items(store) == []
    assert await DueItems(store.connection).end(item)
    assert await items(store) == [job.id]


async def test_an_end_that_was_planned_meanwhile_keeps_an_earlier_wish(store: Store) -> None:
    job = a_job()
    await store.commit(Change(records=(Versioned(job, 0),), due_in=0))
    item = await one(store)
    await due(store, job.id)
    held = await store.record(Job, job.id)
    assert held is not None
    await store.commit(Change(records=(held,), due_in=-1))
    await DueItems(store.connection).end(item)
    assert await items(store) == [job.id], "the wish may be about something that the work had not read"


async def test_a_pause_holds_although_it_is_wanted(store: Store) -> None:
    table = DueItems(store.connection)
    await due(store, "rft-aaaaaa")
    item = await one(store)
    await due(store, "rft-aaaaaa")
    await table.end(item, Outcome.PAUSED, 600)
    assert await items(store) == []


# -- leases ------------------------------------------------------------------------------------------------------------


async def test_a_lease_that_runs_out_hands_the_item_on(store: Store) -> None:
    table = DueItems(store.connection)
    await due(store, "rft-aaaaaa")
    gone = await one(store, lease=0.001)
    found: tuple[Taken, ...] = ()
    while not found:
        found = await taken(store)
    assert found[0].again, "whoever takes it up knows that an earlier attempt did not finish"
    assert not await table.end(gone), "who lost it ends nothing"
    assert await table.renew({gone: False}) == {gone.item}
    assert await items(store) == []


async def test_a_lease_that_is_renewed_keeps_the_item(store: Store, redis: Redis) -> None:
    table = DueItems(store.connection)
    await due(store, "rft-aaaaaa")
    item = await one(store)
    before = await redis.zscore("{proctor}:leases", item.item)
    assert await table.renew({item: False}, lease=1000) == frozenset()
    after = await redis.zscore("{proctor}:leases", item.item)
    assert before is not None
    assert after is not None
    assert after > before + 900_000


async def test_work_that_failed_counts_until_it_is_done_or_gets_further(store: Store) -> None:
    table = DueItems(store.connection)
    await due(store, "rft-aaaaaa")
    seen = []
    for _ in range(MOST_RAISED + 1):
        item = await one(store)
        seen.append((item.raised, item.again, item.is_exhausted))
        await table.end(item, Outcome.RAISED, 0)
    assert seen == [(None, False, False), (1, True, False), (2, True, False), (3, True, True)]
    item = await one(store)
    await table.renew({item: True})
    await table.end(item, Outcome.LEFT, 0)
    assert (await one(store)).raised == 0, "it was left unfinished, and what failed before is forgotten"


# -- deaths ------------------------------------------------------------------------------------------------------------


async def test_a_death_counts_against_what_ran_alone(store: Store, redis: Redis) -> None:
    await due(store, "rft-aaaaaa")
    await kill(redis, await one(store))
    item = await one(store)
    assert (item.deaths, item.again, item.is_exhausted) == (1, True, False)


async def test_a_death_of_a_process_that_did_much_counts_against_nothing_but_makes_suspects(
    store: Store, redis: Redis
) -> None:
    await due(store, *(f"rft-{n:06}" for n in range(40)))
    first, *_ = await taken(store)
    await kill(redis, first)
    table, order = DueItems(store.connection), []
    for _ in range(40):
        assert await taken(store, suspects=False) == (), "beside a suspect no other is begun"
        item = await one(store)
        order.append((item.item, item.deaths))
        await table.end(item)
    assert order == [(f"rft-{n:06}", 0) for n in range(40)]
    await due(store, "rft-000001")
    assert (await one(store)).deaths is None, "what was done is not suspected any more"


async def test_suspects_that_are_done_soon_do_not_wait_for_those_that_take_long(store: Store, redis: Redis) -> None:
    """An eval whose platform answers nobody, say: it would keep the others waiting for hours."""
    await due(store, "eval-aaaaaa", "rft-aaaaaa", "deliver:C1", "approval:rft-aaaaaa")
    everything = await taken(store)
    assert len(everything) == 4
    await kill(redis, everything[0])
    order = []
    while found := await taken(store):
        order += [each.item for each in found]
        await DueItems(store.connection).end(found[0])
    assert order == ["deliver:C1", "approval:rft-aaaaaa", "rft-aaaaaa", "eval-aaaaaa"]


async def test_forty_innocents_beside_one_that_kills_are_never_set_aside(store: Store, redis: Redis) -> None:
    """Each round is the life of a process: it takes what it may, and dies as soon as the poison is among it."""
    poison, innocents = "rft-poison", [f"rft-{n:06}" for n in range(40)]
    await due(store, poison, *innocents)
    table, worst, lives = DueItems(store.connection), 0, 0
    while True:
        look = await DueItems(Connection(redis)).take(EVERYTHING)
        worst = max([worst, *(each.deaths or 0 for each in look.taken if each.item != poison)])
        mine = [each for each in look.taken if each.item == poison]
        if mine and mine[0].is_exhausted:
            break
        if mine:
            lives += 1
            await kill(redis, mine[0])
            await redis.zadd("{proctor}:due:long", {poison: 0})  # not to wait for the pause between two of its deaths
            await due(store, *innocents)
            continue
        for each in look.taken:
            await table.end(each)
    assert worst <= 1, "an innocent may be taken for the cause once, where it was the only suspect beside something new"
    assert MOST_DEATHS <= lives <= MOST_DEATHS + 2


async def test_who_was_told_to_stop_died_of_nothing(store: Store, redis: Redis) -> None:
    await due(store, "rft-aaaaaa")
    for _ in range(9):
        connection = Connection(redis)
        deploy = DueItems(connection)
        look = await deploy.take(EVERYTHING)
        await deploy.leave()
        await kill(redis, look.taken[0])
    item = await one(store)
    assert (item.deaths, item.is_exhausted) == (None, False)


async def test_who_still_gives_a_sign_of_life_did_not_die(store: Store, redis: Redis) -> None:
    """Its answer to the end of the work was lost, say: the item is offered again, and suspected of nothing."""
    await due(store, "rft-aaaaaa")
    lives = DueItems(Connection(redis))
    (item,) = (await lives.take(EVERYTHING, lease=1.0)).taken
    found: tuple[Taken, ...] = ()
    while not found:
        await lives.renew({}, lease=1.0)
        found = await taken(store, lease=1.0)
    assert (found[0].item, found[0].deaths) == (item.item, None)


async def test_nine_deaths_do_not_end_what_ran_alone(store: Store, redis: Redis) -> None:
    await due(store, "rft-aaaaaa")
    for deaths in range(9):
        item = await one(store)
        assert (item.deaths or 0) == deaths
        await kill(redis, item)
        await redis.zadd("{proctor}:due:long", {item.item: 0})
    assert not (await one(store)).is_exhausted


async def test_what_is_set_aside_is_set_aside_again_by_its_next_death(store: Store, redis: Redis) -> None:
    await due(store, "rft-aaaaaa")
    await redis.hset("{proctor}:deaths", "rft-aaaaaa", str(MOST_DEATHS))
    item = await one(store)
    await DueItems(store.connection).end(item, Outcome.ASIDE, 0)
    tried = await one(store)
    assert (tried.deaths, tried.is_deadly) == (MOST_DEATHS - 1, False)
    await kill(redis, tried)
    await redis.zadd("{proctor}:due:long", {item.item: 0})
    assert (await one(store)).is_deadly
    await redis.zadd("{proctor}:due:long", {item.item: 0})


# -- early -------------------------------------------------------------------------------------------------------------


async def test_what_is_offered_early_is_taken_before_its_time_by_who_was_offered_it(store: Store) -> None:
    await due(store, "rft-aaaaaa", after=3)
    assert await items(store) == []
    look = await DueItems(store.connection).take({LONG: 1}, early=[("rft-aaaaaa", LONG), ("rft-gone", LONG)])
    assert [each.item for each in look.taken] == ["rft-aaaaaa"]


# -- what anybody may have written into Redis ------------------------------------------------------------------------


class Payload:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[Path], object], tuple[Path]]:
        return Path.touch, (self.path,)


OURS = ("pools", "members", "leases", "holders", "deaths", "raised", "pool_of", "due:long", "due:looks:local")


@pytest.fixture
def payload(tmp_path: Path) -> bytes:
    return pickle.dumps(Payload(tmp_path / "code ran"))


async def strange_values(redis: Redis, written: bytes) -> None:
    """Put something strange into each place of the table that holds values of its type."""
    await redis.hset("{proctor}:holders", mapping={"rft-broken": written, "rft-brokes": "no slash", written: written})
    await redis.hset("{proctor}:deaths", mapping={"rft-aaaaaa": written})
    await redis.hset("{proctor}:raised", mapping={"rft-aaaaaa": written})
    await redis.hset("{proctor}:pool_of", mapping={"rft-broken": written})
    await redis.zadd("{proctor}:due:long", {written: 0.0})
    await redis.zadd("{proctor}:due:long", {"": 0.0, "rft-aaaaaa": 0.0})
    await redis.zadd("{proctor}:leases", {written: 0.0})
    await redis.zadd("{proctor}:members", {written: 0})
    await redis.sadd("{proctor}:pools", written, "", "long")


async def test_what_is_strange_in_the_table_is_set_aside_and_runs_no_code(
    redis: Redis, tmp_path: Path, payload: bytes
) -> None:
    await strange_values(redis, payload)
    found, table = [], DueItems(Connection(redis))
    while look := (await table.take(EVERYTHING)).taken:
        for each in look:
            found.append(each.item)
            await table.end(each, Outcome.RAISED)
    assert "rft-aaaaaa" in found
    assert not (tmp_path / "code ran").exists()


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("kind", ["string", "list", "hash", "zset"])
async def test_a_key_of_another_type_stops_only_what_stood_there(
    store: Store, redis: Redis, name: str, kind: str, payload: bytes
) -> None:
    key = f"{{proctor}}:{name}"
    match kind:
        case "string":
            await redis.set(key, payload)
        case "list":
            await redis.rpush(key, payload)
        case "hash":
            await redis.hset(key, "field", "value")
        case _:
            await redis.zadd(key, {"member": 1e18})
    await taken(store)
    await due(store, "rft-aaaaaa", "approval:rft-aaaaaa")
    assert await items(store) == ["approval:rft-aaaaaa", "rft-aaaaaa"]
