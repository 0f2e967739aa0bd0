"""Redis is away in every way: a command is refused in words or done, never both, and afterwards all goes on."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from itertools import chain
from typing import TypeAlias

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from tests.reliability.running_demo import ENDLESS, Demo, first_job_goes_on, frozen, postings, proxied_demo
from tests.story.colleagues import eventually, said

pytestmark = [pytest.mark.thorough, pytest.mark.story, pytest.mark.asyncio(loop_scope="module")]

PEOPLE = ("alice", "bob", "carol", "dave")
FROZEN_SECONDS = 20.0

Meanwhile: TypeAlias = Callable[[], Awaitable[None]]
"""Has the next person type a launch."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Demo]:
    """One bot, and one job that trains for as long as a test looks."""
    async with proxied_demo(tmp_path_factory.mktemp("redis")) as running:
        await running.types("alice", "/rft", f"launch {ENDLESS} seed=1")
        await running.workspace.card_with("Training, step")
        yield running


async def killed(demo: Demo, someone_launches: Meanwhile) -> None:
    """Kill Redis, three times in a row."""
    for _ in range(3):
        replaced = asyncio.create_task(demo.end_redis())
        await asyncio.sleep(0)
        await someone_launches()
        await replaced
    await someone_launches()


async def restarted(demo: Demo, someone_launches: Meanwhile) -> None:
    """Stop Redis as a deploy does."""
    replaced = asyncio.create_task(demo.end_redis(signal.SIGTERM))
    for _ in PEOPLE:
        await asyncio.sleep(0)
        await someone_launches()
    await replaced


async def stopped(demo: Demo, someone_launches: Meanwhile) -> None:
    """Let Redis answer nobody."""
    with frozen(demo.run["pids"]["redis"]):
        over = asyncio.create_task(asyncio.sleep(FROZEN_SECONDS))
        for _ in PEOPLE:
            await someone_launches()
        await eventually(partial(is_not_ready, demo), "a bot that is not ready")
        await over


async def full(demo: Demo, someone_launches: Meanwhile) -> None:
    """Let Redis refuse whatever needs memory."""
    async with Redis.from_url(demo.run["redis"]) as redis:
        await redis.config_set("maxmemory", 1)
        try:
            for _ in PEOPLE:
                await someone_launches()
            await eventually(partial(is_not_ready, demo), "a bot that is not ready")
        finally:
            await redis.config_set("maxmemory", 0)


async def is_not_ready(demo: Demo) -> bool:
    """Tell whether /readyz says that this bot cannot work."""
    return not await demo.is_ready()


@pytest.mark.parametrize(("outage", "first_seed"), [(killed, 10), (restarted, 20), (stopped, 30), (full, 40)])
async def test_a_command_is_refused_in_words_or_done_and_never_both(
    demo: Demo, outage: Callable[[Demo, Meanwhile], Awaitable[None]], first_seed: int
) -> None:
    workspace = demo.workspace
    before = {person: len(await workspace.whispers(person)) for person in PEOPLE}
    launches = dict(zip(PEOPLE, range(first_seed, first_seed + len(PEOPLE)), strict=True))
    left = iter(launches.items())

    async def someone_launches() -> None:
        person, seed = next(left)
        await demo.types(person, "/rft", f"launch {ENDLESS} seed={seed}")

    async def told(person: str) -> list[str]:
        return (await workspace.whispers(person))[before[person] :]

    await outage(demo, someone_launches)
    await eventually(demo.is_ready, "a bot that is ready again")
    await first_job_goes_on(demo)
    for person in PEOPLE:
        await eventually(partial(told, person), f"an answer to {person}")
    # What is asked afterwards is done; by then, what was kept is done as well.
    await demo.types("alice", "/rft", f"launch {ENDLESS} seed={first_seed + len(PEOPLE)}")
    last = first_seed + len(PEOPLE)

    async def seeds() -> set[int]:
        return {job["seed"] for job in await demo.platform_jobs()}

    async def last_is_launched() -> bool:
        return last in await seeds()

    await eventually(last_is_launched, "the launch after the outage")
    confirmed = {person: sum("Launching *small*" in text for text in await told(person)) for person in PEOPLE}
    confirmed["alice"] -= 1
    refused = {person: [text for text in await told(person) if "Launching *small*" not in text] for person in PEOPLE}
    done = await seeds()
    outcomes = {person: (seed in done, confirmed[person], refused[person]) for person, seed in launches.items()}
    for is_done, confirmations, refusals in outcomes.values():
        assert (confirmations, len(refusals)) == ((1, 0) if is_done else (0, 1)), outcomes
    shown = [said(message) for message in await workspace.messages()]
    assert not [text for text in (*shown, *chain(*refused.values())) if "broke" in text]
    assert set(postings(await workspace.messages()).values()) == {1}
