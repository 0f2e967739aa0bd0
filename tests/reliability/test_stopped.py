"""A bot or Redis stands still, and a platform answers nobody: nothing is done twice at once, nothing waits for it."""

import asyncio
import time
from collections.abc import AsyncIterator
from functools import partial

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from bot.kinds import KINDS
from jobs.state.change import Change, Versioned
from jobs.state.connection import Connection
from jobs.state.store import Store
from tests.records import a_job
from tests.reliability.recording_proxy import RecordingProxy, overlaps
from tests.reliability.running_demo import ENDLESS, Demo, first_job_goes_on, frozen, has_port, postings, proxied_demo
from tests.story.colleagues import eventually

pytestmark = [pytest.mark.thorough, pytest.mark.story, pytest.mark.asyncio(loop_scope="module")]

SILENT_JOBS = 1_000
POLLS = 10
"""Looks at the healthy platform's jobs after which their cadence is known."""
BOT_STOPPED, REDIS_STOPPED = 25.0, 20.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Demo]:
    """Two bots, two jobs that train for as long as a test looks, and answers to questions that take their time."""
    home = tmp_path_factory.mktemp("stopped")
    async with proxied_demo(home, bots=2, questions_at_once=2) as running:
        running.proxy.seconds = running.second.seconds = 0.3
        for seed in (1, 2):
            await running.types("alice", "/rft", f"launch {ENDLESS} seed={seed}")
        await eventually(lambda: trained(running, 2), "two jobs that train")
        yield running


async def trained(demo: Demo, jobs: int) -> bool:
    """Tell whether the cards of so many jobs show a step."""
    cards = [m for m in await demo.workspace.messages() if "Training, step" in str(m["text"])]
    return len(cards) == jobs


class TestStandingStill:
    async def test_nothing_is_done_twice_at_once(self, demo: Demo) -> None:
        await demo.types("bob", "/eval", "run task=small split=train model=local-policy-1 runs=1 limit=30")
        demo.proxy.seconds = 2.0
        with frozen(await eventually(partial(busy_bot, demo), "a bot that asks about a job and for answers")):
            await asyncio.sleep(BOT_STOPPED)
        with frozen(demo.run["pids"]["redis"]):
            await asyncio.sleep(REDIS_STOPPED)
        await eventually(lambda: finished_eval(demo), "the end of the eval")
        await first_job_goes_on(demo)
        assert not overlaps(demo.proxy.calls)
        assert set(postings(await demo.workspace.messages()).values()) == {1}


async def busy_bot(demo: Demo) -> int | None:
    """Return the bot that waits for what it asked about a job and for the answer to a question, if one does."""
    under_way = [call for call in demo.proxy.calls if call.is_under_way]
    for bot in demo.run["bot"]:
        its = [call for call in under_way if has_port(bot, call.port)]
        if any(call.is_question for call in its) and any(call.is_about_a_job for call in its):
            return int(bot)
    return None


async def finished_eval(demo: Demo) -> bool:
    """Tell whether the eval has all its answers."""
    return any("Finished, 30 of 30 answers" in str(message["text"]) for message in await demo.workspace.messages())


class TestPlatformThatAnswersNobody:
    async def test_its_jobs_hold_up_nobody_else(self, demo: Demo) -> None:
        demo.proxy.seconds = 0.0
        before = await seconds_of_looks(demo.proxy)
        demo.second.answers_nobody = True
        await write_silent_jobs(demo)
        await eventually(lambda: silent_calls(demo, 4), "questions about jobs of the silent platform")
        oldest: list[float] = []
        watch = asyncio.create_task(watch_outbox(demo, oldest))
        during = await seconds_of_looks(demo.proxy)
        watch.cancel()
        assert during < 2 * before
        assert max(oldest) < 1.0
        assert not overlaps(demo.second.calls)


async def seconds_of_looks(proxy: RecordingProxy) -> float:
    """Return how long the healthy platform's jobs take to be looked at so many times."""
    first, began = len(proxy.calls), time.monotonic()

    async def look() -> bool:
        return sum(call.path.partition("?")[0].endswith("/events") for call in proxy.calls[first:]) >= POLLS

    await eventually(look, f"{POLLS} looks at jobs")
    return time.monotonic() - began


async def write_silent_jobs(demo: Demo) -> None:
    """Write the jobs of the platform `second` down, all of them due."""
    async with Redis.from_url(demo.run["redis"], decode_responses=True) as redis:
        store = Store(Connection(redis), KINDS)
        await store.open()
        for number in range(SILENT_JOBS):
            name = f"rft-s{number:05d}"
            job = a_job(id=name, platform="second", remote_id=f"ftjob-s{number:05d}", created_at=time.time())
            await store.commit(Change(records=(Versioned(job, 0),), due_in=0.001))


async def silent_calls(demo: Demo, calls: int) -> bool:
    """Tell whether the silent platform was asked so often."""
    return len(demo.second.calls) >= calls


async def watch_outbox(demo: Demo, oldest: list[float]) -> None:
    """Note how many seconds the oldest message has waited, again and again."""
    while True:
        for url in demo.run["health"]:
            async with demo.session.get(f"{url}/readyz") as answer:
                oldest.append(float((await answer.json())["checks"]["outbox"]["detail"].removesuffix(" s")))
        await asyncio.sleep(0.2)
