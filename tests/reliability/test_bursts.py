"""Many people ask at once, and Slack delivers what was acked again: all is acked, all is done, each once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.reliability.running_demo import ENDLESS, Demo, our_id, proxied_demo
from tests.story.colleagues import Json, eventually

pytestmark = [pytest.mark.thorough, pytest.mark.story, pytest.mark.asyncio(loop_scope="module")]

COMMANDS = 500
LAUNCHES = 100
ROOM = 16
"""Jobs that the platform is left with while it is asked for more; it takes 32 at most."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Demo]:
    async with proxied_demo(tmp_path_factory.mktemp("bursts")) as running:
        yield running


async def test_what_slack_delivers_again_is_answered_once(demo: Demo) -> None:
    workspace = demo.workspace
    for fault in ("at once", "later", "after a kill"):
        before = len(await workspace.whispers("carol"))
        if fault == "at once":
            await workspace.fault(fault="repeat_envelopes")
        await demo.types("carol", "/rft", f"launch {ENDLESS} seed={len(fault)}")
        await workspace.told("carol", "Launching *small*", after=before)
        if fault == "after a kill":
            await demo.end_bot()
        if fault != "at once":
            await workspace.fault(fault="redeliver")
        # What one person asks is answered in the order it was asked.
        await demo.types("carol", "/rft", "list")
        await workspace.told("carol", "newest job", after=before)
        assert len(await workspace.whispers("carol")) == before + 2
    seeds = {len(fault) for fault in ("at once", "later", "after a kill")}

    async def all_launched() -> bool:
        return {job["seed"] for job in await demo.platform_jobs()} == seeds

    await eventually(all_launched, "a job for each launch")
    assert len(await demo.platform_jobs()) == len(seeds)


async def test_every_command_of_a_burst_is_acked_and_answered(demo: Demo) -> None:
    since = (await demo.traffic())[-1]["seq"]
    before = len(await demo.workspace.whispers("dave"))
    await asyncio.gather(*(demo.types("dave", "/rft", "list") for _ in range(COMMANDS)))
    answers = 0

    async def all_answered() -> bool:
        nonlocal since, answers
        for entry in await demo.traffic(since):
            since = entry["seq"]
            answers += entry["kind"] == "response_url"
        return answers >= COMMANDS

    await eventually(all_answered, f"{COMMANDS} answers")
    texts = (await demo.workspace.whispers("dave"))[before:]
    assert len(texts) == COMMANDS
    assert all("newest job" in text for text in texts), Counter(texts)


async def test_every_launch_of_a_burst_becomes_one_job(demo: Demo) -> None:
    known = {job["id"] for job in await demo.platform_jobs()}
    seeds = range(1_000, 1_000 + LAUNCHES)
    before = len(await demo.workspace.whispers("alice"))
    await asyncio.gather(*(demo.types("alice", "/rft", f"launch {ENDLESS} seed={seed}") for seed in seeds))

    async def all_launched() -> list[Json] | None:
        jobs = [job for job in await demo.platform_jobs() if job["id"] not in known]
        waiting = [
            job for job in await demo.platform_jobs() if job["status"] in {"validating_files", "queued", "running"}
        ]
        for job in waiting[ROOM:]:  # the platform takes no more until some of them end
            await cancel(demo, job)
        return jobs if len(jobs) >= LAUNCHES else None

    try:
        jobs = await eventually(all_launched, f"{LAUNCHES} jobs")
    finally:
        texts = (await demo.workspace.whispers("alice"))[before:]
        refused = Counter(text for text in texts if "Launching" not in text)
    assert sorted(job["seed"] for job in jobs) == list(seeds)
    assert len({our_id(job) for job in jobs}) == LAUNCHES
    assert not refused


async def cancel(demo: Demo, job: Json) -> None:
    """Cancel a job on the platform."""
    url = f"{demo.proxy.target}/fine_tuning/jobs/{job['id']}/cancel"
    async with demo.session.post(url, headers={"Authorization": "Bearer any"}) as answer:
        assert answer.status == 200
