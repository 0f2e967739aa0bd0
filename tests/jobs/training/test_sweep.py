"""Sweeps: very many jobs are covered with few requests, and none is forgotten."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import cast

import pytest
from redis.asyncio import Redis

from bot.worker import repeated_work
from jobs.core.errors import NotFound
from jobs.core.ids import looks_at, sweep_item
from jobs.core.records import Action, Job, JobState, PendingAction
from jobs.platforms.gateway import Gateway
from jobs.platforms.profiles import Profile
from jobs.queue.due import DueItems
from jobs.state.change import Change, Versioned
from jobs.state.store import Store
from jobs.training.poll import Poller
from jobs.training.sweep import FEW, MOST_REQUESTS, UNKNOWN_PACE, Sweeper, rotated
from jobs.training.sweep_state import SweepState
from tests.jobs.platforms.conftest import Naps
from tests.jobs.platforms.stand_in import JobJson, Listing, Says, StandIn, capture, error, standing_in
from tests.records import ALICE, CHANNEL, PROFILE, a_job
from tests.working import bury, due_in, ended, held, step, taken

JOBS = "/fine_tuning/jobs"
MANY = 2 * FEW
DUE = "{proctor}:due:looks:local"
SWEEP = sweep_item("local")
WATCHED = "{proctor}:watched:local"
NOW = 5_000.0


def remote_id(number: int) -> str:
    return f"ftjob-{number:03d}"


def job_id(number: int) -> str:
    return f"rft-{number:03d}"


def on_platform(number: int, status: str = "queued") -> JobJson:
    return capture("rft_job_created.json") | {"id": remote_id(number), "status": status}


def an_event(number: int, **changes: object) -> JobJson:
    return {"id": f"ev-{number}", "created_at": 4_000 + number, "message": "", "type": "metrics"} | changes


@dataclass
class Tower:
    """Sweeps and polls; `platform` says what it is told to."""

    store: Store
    redis: Redis
    platform: StandIn
    sweeper: Sweeper
    poller: Poller

    async def knows(self, *numbers: int, status: str = "queued", due: float = 1.0) -> None:
        """Let the bot watch jobs, whose next work items are due in `due` seconds."""
        for number in numbers:
            job = a_job(id=job_id(number), remote_id=remote_id(number), platform_status=status, last_event="ev-1")
            await self.store.commit(Change(records=(Versioned(job, 0),), due_in=due))

    def lists(self, jobs: Sequence[JobJson]) -> None:
        """Let the platform list jobs, and show each."""
        self.platform.on(f"GET {JOBS}", Listing(jobs))
        for job in jobs:
            self.platform.on(f"GET {JOBS}/{job['id']}", Says(job))
            self.platform.on(f"GET {JOBS}/{job['id']}/events", Listing([an_event(1), an_event(0)]))

    async def sweep(self) -> int:
        """Sweep once; return how many pages of jobs were asked for."""
        before = len(self.platform.asked(f"GET {JOBS}"))
        await step(self.store, SWEEP, repeated_work(self.sweeper.sweep))
        return len(self.platform.asked(f"GET {JOBS}")) - before

    async def waits(self) -> dict[str, float]:
        """Return the seconds until the next work item of each job that has one."""
        seconds, micros = await self.redis.time()
        due = cast("list[tuple[str, float]]", await self.redis.zrange(DUE, 0, -1, withscores=True))
        return {job: score / 1000 - seconds - micros / 1e6 for job, score in due if job != SWEEP}

    async def due_within(self, seconds: float) -> set[str]:
        return {job for job, wait in (await self.waits()).items() if wait <= seconds}

    async def poll(self, number: int) -> tuple[Job, int]:
        """Poll a job; return it, and how many requests that took."""
        before = len(self.platform.seen)
        await self.poller.poll(await self.held(number))
        return (await self.held(number)).value, len(self.platform.seen) - before

    async def held(self, number: int) -> Versioned[Job]:
        held = await self.store.record(Job, job_id(number))
        assert held is not None
        return held


@pytest.fixture
async def tower(store: Store, redis: Redis) -> AsyncIterator[Tower]:
    async with standing_in() as platform:
        profile = replace(PROFILE, base_url=platform.url, idle_poll_seconds=60.0)
        async with Gateway(profile, "key", sleep=Naps(), answer_seconds=5.0) as gateway:

            def platform_of(name: str) -> tuple[Profile, Gateway]:
                if name != "local":
                    raise NotFound(f"There is no platform '{name}'.")
                return profile, gateway

            state = SweepState(store.connection)
            poller = Poller(store, state, platform_of, lambda: NOW)
            yield Tower(store, redis, platform, Sweeper(state, platform_of), poller)


async def test_quiet_jobs_that_a_sweep_finds_unchanged_are_not_polled(tower: Tower) -> None:
    await tower.knows(*range(MANY))
    tower.lists([on_platform(number) for number in range(MANY)])

    assert await tower.sweep() == 1

    assert len(tower.platform.seen) == 1
    waits = sorted((await tower.waits()).values())
    assert len(waits) == MANY
    assert 800 < waits[0] < waits[-1] <= 1_800
    assert waits[-1] - waits[0] > 600, "their polls are spread, should the sweeps stop"


async def test_a_changed_status_wakes_the_job_and_no_other(tower: Tower) -> None:
    await tower.knows(*range(MANY))
    tower.lists([on_platform(number, "running" if number == 7 else "queued") for number in range(MANY)])
    await tower.sweep()

    assert await tower.due_within(1.0) == {job_id(7)}
    job, _ = await tower.poll(7)
    assert job.platform_status == "running"
    assert await tower.redis.hget(WATCHED, job_id(7)) == f"{remote_id(7)} running"


async def test_few_jobs_are_asked_singly_and_those_put_off_come_back(tower: Tower) -> None:
    await tower.knows(*range(FEW), due=800.0)
    tower.lists([])

    assert await tower.sweep() == 0

    assert len(await tower.due_within(60.0)) == FEW


async def test_fewer_jobs_than_the_list_has_pages_are_asked_singly(tower: Tower) -> None:
    await tower.knows(*range(MANY))
    tower.lists([on_platform(1_000 + other) for other in range(100 * MANY)])

    assert await tower.sweep() == MANY
    assert await tower.sweep() == 0


async def test_the_list_is_read_no_further_than_to_the_last_watched_job(tower: Tower) -> None:
    await tower.knows(*range(MANY))
    others = [on_platform(1_000 + other) for other in range(500)]
    tower.lists([*others[:150], *(on_platform(number) for number in range(MANY)), *others[150:]])

    assert await tower.sweep() == 2


async def test_a_list_without_end_is_read_within_bounds(tower: Tower) -> None:
    await tower.knows(*range(MOST_REQUESTS + 1))
    pages = [Says({"data": [on_platform(1_000 + page)], "has_more": True}) for page in range(MOST_REQUESTS + 5)]
    tower.platform.on(f"GET {JOBS}", *pages)

    assert await tower.sweep() == MOST_REQUESTS


async def test_what_a_person_wants_is_not_put_off(tower: Tower) -> None:
    await tower.knows(*range(MANY))
    tower.lists([on_platform(number) for number in range(MANY)])
    held = await tower.held(3)
    asked = replace(held.value, pending=PendingAction(Action.CANCEL, ALICE, CHANNEL, "typed"))
    await tower.store.commit(Change(records=(Versioned(asked, held.version),), due_in=0))

    await tower.sweep()

    assert await tower.due_within(0.0) == {job_id(3)}


async def test_what_a_person_wants_of_a_busy_platform_is_not_put_off_either(tower: Tower) -> None:
    await tower.knows(*range(MANY))
    tower.lists([on_platform(number) for number in range(MANY)])
    tower.platform.on(f"POST {JOBS}/{remote_id(3)}/cancel", error(429, "Slow down."))
    held, pending = await tower.held(3), PendingAction(Action.CANCEL, ALICE, CHANNEL, "typed")
    await tower.poller.perform(Versioned(replace(held.value, pending=pending), held.version), pending)

    await tower.sweep()

    assert await tower.due_within(10.0) == {job_id(3)}


async def test_a_work_item_in_progress_is_left_alone(tower: Tower) -> None:
    await tower.knows(*range(MANY))
    await tower.knows(MANY, due=0.0)
    in_progress, sweep = await taken(tower.store, looks_at("local"))
    assert in_progress.item == job_id(MANY)
    await DueItems(tower.store.connection).end(sweep, again_in=0.0)
    tower.lists([on_platform(number, "paused" if number == MANY else "queued") for number in range(MANY + 1)])

    await tower.sweep()

    assert job_id(MANY) not in await tower.waits()


async def test_a_job_that_runs_keeps_its_polls_and_is_asked_for_its_events_only(tower: Tower) -> None:
    await tower.knows(*range(MANY))
    await tower.knows(MANY, status="running", due=5.0)
    tower.lists([on_platform(number, "running" if number == MANY else "queued") for number in range(MANY + 1)])
    assert (await tower.poll(MANY))[1] == 2, "the job and its events, one page each"

    await tower.sweep()

    assert (await tower.waits())[job_id(MANY)] < 600.0
    job, requests = await tower.poll(MANY)
    assert requests == 1
    assert job.platform_status == "running"


async def test_an_event_that_tells_of_no_step_makes_a_running_job_be_asked_for_itself(tower: Tower) -> None:
    await tower.knows(*range(MANY))
    await tower.knows(MANY, status="running")
    tower.lists([on_platform(number, "running" if number == MANY else "queued") for number in range(MANY + 1)])
    await tower.sweep()
    told = [an_event(2, type="message", message="Paused"), an_event(1), an_event(0)]
    tower.platform.on(f"GET {JOBS}/{remote_id(MANY)}/events", Listing(told))
    tower.platform.on(f"GET {JOBS}/{remote_id(MANY)}", Says(on_platform(MANY, "paused")))
    tower.platform.on(f"GET {JOBS}/{remote_id(MANY)}/checkpoints", Listing([]))

    job, _ = await tower.poll(MANY)

    assert job.state is JobState.PAUSED


async def test_a_running_job_that_the_list_contradicts_or_lacks_is_asked_for_itself(tower: Tower) -> None:
    await tower.knows(*range(MANY))
    await tower.knows(MANY, MANY + 1, status="running")
    tower.lists([on_platform(number, "paused" if number == MANY else "queued") for number in range(MANY + 1)])
    tower.platform.on(f"GET {JOBS}/{remote_id(MANY)}/checkpoints", Listing([]))
    gone = on_platform(MANY + 1, "running")
    tower.platform.on(f"GET {JOBS}/{gone['id']}", Says(gone))
    tower.platform.on(f"GET {JOBS}/{gone['id']}/events", Listing([an_event(1)]))
    await tower.sweep()

    assert (await tower.poll(MANY))[0].state is JobState.PAUSED
    assert (await tower.poll(MANY + 1))[1] == 2


@pytest.mark.parametrize("trouble", [error(404), error(500), Says("<html>Sign in</html>")])
async def test_a_platform_that_cannot_list_is_asked_job_by_job_in_rotation(tower: Tower, trouble: Says) -> None:
    many = MOST_REQUESTS  # a poll takes two requests
    await tower.knows(*range(many))
    tower.platform.on(f"GET {JOBS}", trouble)

    rounds = []
    for _ in range(3):
        await tower.sweep()
        rounds.append(await tower.due_within(60.0))
        for job in rounds[-1]:
            await tower.redis.zadd(DUE, {job: (await tower.redis.time())[0] * 1000 + 1_000_000})

    assert [len(due) for due in rounds] == [MOST_REQUESTS // 2] * 3
    assert rounds[0] | rounds[1] == {job_id(number) for number in range(many)}
    assert rounds[2] == rounds[0]


async def test_a_platform_that_asks_to_wait_is_left_alone_for_as_long(tower: Tower) -> None:
    await tower.knows(*range(MANY))
    tower.platform.on(f"GET {JOBS}", error(429, headers={"Retry-After": "700"}))

    await tower.sweep()

    assert 600 < (await due_in(tower.store, SWEEP) or 0.0) <= 701
    assert len(await tower.due_within(60.0)) < 3, "those asked singly are spread over that time too"


async def test_a_job_that_was_set_aside_is_not_woken(tower: Tower) -> None:
    await tower.knows(*range(MANY))
    await tower.knows(MANY, due=900.0)
    tower.lists([on_platform(number, "failed" if number == MANY else "queued") for number in range(MANY + 1)])

    await tower.sweep()

    assert (await tower.waits())[job_id(MANY)] > 890.0


async def test_where_the_platform_stops_in_mid_list_what_it_said_counts(tower: Tower) -> None:
    await tower.knows(*range(MANY))
    first = {"data": [on_platform(0, "paused"), *map(on_platform, range(1, 9))], "has_more": True}
    tower.platform.on(f"GET {JOBS}", Says(first), error(400))

    await tower.sweep()

    assert await tower.due_within(1.0) >= {job_id(0)}
    assert await tower.due_within(60.0) == {job_id(number) for number in (0, *range(9, MANY))}


async def test_jobs_that_are_not_in_the_list_are_still_asked(tower: Tower) -> None:
    await tower.knows(*range(MANY))
    tower.lists([on_platform(number) for number in range(3, MANY)])

    await tower.sweep()

    assert await tower.due_within(60.0) == {job_id(0), job_id(1), job_id(2)}


async def test_a_platform_that_is_gone_from_the_settings_does_not_stop_the_sweeps(tower: Tower) -> None:
    for number in range(MANY):
        job = a_job(id=job_id(number), remote_id=remote_id(number), platform_status="queued", platform="gone")
        await tower.store.commit(Change(records=(Versioned(job, 0),), due_in=1.0))
    assert await due_in(tower.store, sweep_item("gone")) is not None

    await step(tower.store, sweep_item("gone"), repeated_work(tower.sweeper.sweep))

    waits = [await due_in(tower.store, job_id(number)) for number in range(MANY)]
    assert len([wait for wait in waits if wait is not None and wait <= 300.0]) == MANY
    assert await due_in(tower.store, sweep_item("gone")) == pytest.approx(UNKNOWN_PACE, abs=60.0)


async def test_jobs_that_are_over_are_watched_no_more_and_without_any_there_are_no_sweeps(tower: Tower) -> None:
    await tower.knows(1)
    held = await tower.held(1)
    over = replace(held.value, state=JobState.SUCCEEDED, platform_status="succeeded")
    await tower.store.commit(Change(records=(Versioned(over, held.version),), due_in=-1))

    await tower.sweep()

    assert (await tower.sweeper.state.watched("local"))[0] == ()
    assert await due_in(tower.store, SWEEP) is None
    assert tower.platform.seen == []


async def test_a_sweep_that_was_lost_leaves_the_next_to_its_successor(tower: Tower) -> None:
    await tower.knows(1, due=60.0)
    (late,) = await taken(tower.store, looks_at("local"))
    await bury(tower.store)
    (other,) = await taken(tower.store, looks_at("local"))

    again = await repeated_work(tower.sweeper.sweep)(held(late))

    assert not await DueItems(tower.store.connection).end(late, *ended(again))
    assert await tower.redis.hget("{proctor}:holders", SWEEP) == f"{other.token} looks:local"
    assert await due_in(tower.store, SWEEP) is None


async def test_a_job_that_comes_while_a_sweep_is_under_way_does_not_bring_another_at_once(tower: Tower) -> None:
    await tower.knows(1, due=60.0)
    (under_way,) = await taken(tower.store, looks_at("local"))
    again = await repeated_work(tower.sweeper.sweep)(held(under_way))
    await tower.knows(2, due=60.0)
    await DueItems(tower.store.connection).end(under_way, *ended(again))
    assert await due_in(tower.store, SWEEP) == pytest.approx(60.0, abs=30.0)


def test_a_rotation_goes_on_where_it_ended() -> None:
    assert rotated(["a", "b", "c", "d"], "b") == ["c", "d", "a", "b"]
    assert rotated(["a", "b"], "") == ["a", "b"]
    assert rotated(["a", "c"], "d") == ["a", "c"]
