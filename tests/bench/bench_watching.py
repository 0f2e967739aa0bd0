"""What it costs to watch very many jobs: requests, CPU and memory of the bot's side, and how soon a change is known.

One turn is from the beginning of one sweep to that of the next. Time is shortened: the profile polls every 6 and 12
seconds in place of 30 and 60, and a step takes 36 seconds in place of 180, so that all shares stay as they are.
"""

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from redis.asyncio import Redis

from bot.kinds import KINDS
from bot.redis_server.subprocesses import tethered
from jobs.core.ids import looks_at
from jobs.core.records import Job
from jobs.state.change import Change, Versioned
from jobs.state.connection import Connection
from jobs.state.store import Store
from tests.bench.bench_evals import _redis
from tests.bench.many_jobs import first_status, remote_id
from tests.bench.watching_bot import PLATFORM
from tests.records import a_job

SIZES = (1_000, 3_000, 10_000)
NAIVE_SIZE = 500
TRAINING, SILENT = 40, 60
POLL, IDLE_POLL, STEP = 6.0, 12.0, 36.0
LONG_AGO = 20_000.0
"""Seconds since the silent jobs were last heard of."""
CHANGES = 20
TURNS = 2


async def figures(full: bool) -> dict[str, float]:
    """Return the figures of watching 1,000 jobs and, in full, 3,000 and 10,000, and each of some by itself."""
    found: dict[str, float] = {}
    for jobs in SIZES if full else SIZES[:1]:
        async with _watching(jobs, "swept") as bench:
            start = await bench.started()
            found |= _named(await bench.a_turn(), jobs)
            if jobs == SIZES[-1]:
                found |= {"watching.requests_of_a_start_with_10000_due": start.requests}
                found |= await bench.changes(jobs)
    if not full:
        return found
    async with _watching(NAIVE_SIZE, "singly") as bench:
        await bench.for_seconds(IDLE_POLL)
        naive = await bench.for_seconds(IDLE_POLL)
    growth = SIZES[-1] / NAIVE_SIZE
    found["watching.singly_cpu_seconds_10000_jobs_by_500"] = round(naive.cpu * growth, 1)
    found["watching.singly_requests_10000_jobs_by_500"] = round(naive.requests * growth)
    found["watching.cpu_over_singly_ratio"] = round(
        found["watching.cpu_seconds_a_turn_10000_jobs"] / (naive.cpu * growth), 4
    )
    return found


@dataclass(frozen=True, slots=True)
class Cost:
    """What was used in a span of time."""

    seconds: float
    requests: float
    cpu: float
    """Seconds of the bot's process."""
    memory: float
    """Most MiB the bot's process ever held."""


def _named(cost: Cost, jobs: int) -> dict[str, float]:
    return {
        f"watching.requests_a_turn_{jobs}_jobs": cost.requests,
        f"watching.cpu_seconds_a_turn_{jobs}_jobs": round(cost.cpu, 2),
        f"watching.peak_memory_mib_{jobs}_jobs": round(cost.memory, 1),
        f"watching.seconds_a_turn_{jobs}_jobs": round(cost.seconds, 1),
    }


class Bench:
    """A bot that watches, from outside."""

    def __init__(self, session: aiohttp.ClientSession, url: str, bot: Process, redis: Redis) -> None:
        self._session = session
        self._url = url
        self._bot = bot
        self._redis = redis

    async def started(self) -> Cost:
        """Wait until the bot, which finds every job due, has read what is to be read; return what that used."""
        await until(self._is_settled)
        return await self._spent()

    async def _is_settled(self) -> bool:
        """Tell whether the first sweep is done, and nothing is due or under way."""
        is_listed = await self._redis.exists("{proctor}:listed:many")
        due = await self._redis.zcount(f"{{proctor}}:due:{looks_at(PLATFORM)}", "-inf", 1000 * time.time())
        return bool(is_listed) and not due and not await self._redis.hlen("{proctor}:holders")

    async def a_turn(self) -> Cost:
        """Return what the bot uses from the beginning of a sweep to that of the next, as the mean of some."""
        await self._next_sweep()
        began = await self._spent()
        for _ in range(TURNS):
            await self._next_sweep()
        used = _between(began, await self._spent())
        return Cost(used.seconds / TURNS, used.requests / TURNS, used.cpu / TURNS, used.memory)

    async def for_seconds(self, seconds: float) -> Cost:
        """Return what the bot uses in so many seconds."""
        began = await self._spent()
        await asyncio.sleep(seconds)
        return _between(began, await self._spent())

    async def changes(self, jobs: int) -> dict[str, float]:
        """Return how long it takes the bot to know that a quiet job's status changed, at moments spread over a turn."""
        numbers = [TRAINING + SILENT + place * (jobs - TRAINING - SILENT) // CHANGES for place in range(CHANGES)]
        seconds = await asyncio.gather(*(self._change(n, place) for place, n in enumerate(numbers)))
        return {
            f"watching.seconds_to_know_a_change_median_{jobs}_jobs": round(statistics.median(seconds), 1),
            f"watching.seconds_to_know_a_change_most_{jobs}_jobs": round(max(seconds), 1),
            "watching.seconds_between_sweeps": IDLE_POLL,
        }

    async def _change(self, number: int, place: int) -> float:
        await asyncio.sleep(place * IDLE_POLL / CHANGES)
        await self._session.post(f"{self._url}/status", json={"id": remote_id(number), "status": "paused"})
        began, wanted = time.perf_counter(), f"{remote_id(number)} paused"

        async def is_known() -> bool:
            return bool(await self._redis.hget("{proctor}:watched:many", _id(number)) == wanted)

        await until(is_known)
        return time.perf_counter() - began

    async def _next_sweep(self) -> None:
        _, before = await self._asked()

        async def has_begun() -> bool:
            return (await self._asked())[1] > before

        await until(has_begun)

    async def _asked(self) -> tuple[int, int]:
        async with self._session.get(f"{self._url}/asked") as answer:
            said = await answer.json()
            return said["asked"], said["first_pages"]

    async def _spent(self) -> Cost:
        assert self._bot.stdin is not None
        assert self._bot.stdout is not None
        self._bot.stdin.write(b"\n")
        cpu, memory = map(float, (await self._bot.stdout.readline()).split())
        return Cost(time.perf_counter(), (await self._asked())[0], cpu, memory)


async def until(met: Callable[[], Awaitable[bool]]) -> None:
    """Wait for a state."""
    while True:
        if await met():
            return
        await asyncio.sleep(0.02)


def _between(began: Cost, ended: Cost) -> Cost:
    return Cost(ended.seconds - began.seconds, ended.requests - began.requests, ended.cpu - began.cpu, ended.memory)


@asynccontextmanager
async def _watching(jobs: int, mode: str) -> AsyncIterator[Bench]:
    with (
        tempfile.TemporaryDirectory(prefix="proctor-bench-") as folder,
        _redis(Path(folder)) as redis_url,
        _platform(jobs) as url,
    ):
        redis = Redis.from_url(redis_url, decode_responses=True)
        await _write_down(Store(Connection(redis), KINDS), jobs)
        command = (sys.executable, "-m", "tests.bench.watching_bot", url, redis_url, str(POLL), str(IDLE_POLL), mode)
        bot = await asyncio.create_subprocess_exec(*tethered(command), stdin=PIPE, stdout=PIPE)
        async with aiohttp.ClientSession() as session:
            try:
                yield Bench(session, url, bot, redis)
            finally:
                bot.terminate()
                await bot.wait()
        await redis.aclose()


async def _write_down(store: Store, jobs: int) -> None:
    """Write the jobs into an empty store, as a bot that was away for long finds them: everything is due."""
    await store.open()
    now = time.time()
    for number in range(jobs):
        await store.commit(Change(records=(Versioned(_job(number, now), 0),), due_in=0.001))


def _job(number: int, now: float) -> Job:
    status = first_status(number, TRAINING, SILENT)
    trains = number < TRAINING
    return a_job(
        id=_id(number),
        platform=PLATFORM,
        remote_id=remote_id(number),
        platform_status="" if trains else status,
        created_at=now - LONG_AGO,
        started_at=now - LONG_AGO,
        heard_at=None if trains else now - LONG_AGO,
        last_event=None if trains else "ev-0",
    )


def _id(number: int) -> str:
    return f"rft-{number:06d}"


@contextmanager
def _platform(jobs: int) -> Iterator[str]:
    command = (sys.executable, "-m", "tests.bench.many_jobs", str(jobs), str(TRAINING), str(SILENT), str(STEP))
    with subprocess.Popen(tethered(command), stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()
