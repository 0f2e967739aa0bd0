"""The bot is killed again and again: seconds until the job that trains is heard of again, and what becomes of launches.

Each kill follows a launch, at a moment drawn at random.
"""

import asyncio
import random
import statistics
import tempfile
import time
from pathlib import Path

from tests.reliability.running_demo import ENDLESS, Demo, our_id, postings, proxied_demo
from tests.reliability.test_kills import deploy, kill_uploads, launched
from tests.story.colleagues import Json, eventually

KILLS, QUICK_KILLS = 27, 5
IN_A_ROW = 9
LATEST = 2.0
"""Seconds after a launch until which the bot is killed."""


async def figures(full: bool) -> dict[str, float]:
    """Return the figures of 27 kills, and of nine in a row at one launch; quick: 5."""
    kills = KILLS if full else QUICK_KILLS
    drawn = random.Random(0)
    with tempfile.TemporaryDirectory(prefix="proctor-bench-") as folder:
        async with proxied_demo(Path(folder)) as demo:
            await demo.types("alice", "/rft", f"launch {ENDLESS} seed=0")
            card = await demo.workspace.card_with("Training, step")
            waits = [await _kill(demo, number, drawn.uniform(0, LATEST), card["ts"]) for number in range(1, kills + 1)]
            jobs = await _settled(demo, kills + 1)
            in_a_row = await _in_a_row(demo) if full else {}
            doubled = len(jobs) - len({our_id(job) for job in jobs})
            doubled += sum(count - 1 for count in postings(await demo.workspace.messages()).values())
    return {
        "kills.of_the_bot": kills,
        "kills.jobs_of_as_many_launches": len({job["seed"] for job in jobs}) - 1,
        "kills.jobs_and_postings_doubled": doubled,
        "kills.seconds_to_next_message_p50": round(statistics.median(waits), 1),
        "kills.seconds_to_next_message_most": round(max(waits), 1),
    } | in_a_row


async def _in_a_row(demo: Demo) -> dict[str, float]:
    """Return the jobs of a launch that is killed nine times at its upload, and of one that nine deploys interrupt."""
    await kill_uploads(demo, 100, IN_A_ROW)
    await deploy(demo, 101, IN_A_ROW)
    await launched(demo, [100, 101])
    return {"kills.launches_done_after_nine_kills_or_deploys": 2}


async def _kill(demo: Demo, seed: int, pause: float, card: str) -> float:
    """Launch, kill the bot after `pause` seconds; return the seconds until a message about the job that trains."""
    await demo.types("alice", "/rft", f"launch {ENDLESS} seed={seed}")
    await asyncio.sleep(pause)
    since = (await demo.traffic())[-1]["seq"]
    began = time.monotonic()
    await demo.end_bot()

    async def heard() -> bool:
        return any(_is_about(entry, card) for entry in await demo.traffic(since))

    await eventually(heard, "a message about the job")
    return time.monotonic() - began


def _is_about(entry: Json, card: str) -> bool:
    """Tell whether an entry of the log posts in a job's thread, or edits its card."""
    args = entry.get("args") or {}
    return str(entry["name"]).startswith("chat.") and card in {args.get("ts"), args.get("thread_ts")}


async def _settled(demo: Demo, jobs: int) -> list[Json]:
    """Wait until the platform has so many jobs, or has had the time for that."""

    async def look() -> list[Json] | None:
        found = await demo.platform_jobs()
        return found if len({job["seed"] for job in found}) >= jobs else None

    try:
        return await eventually(look, f"{jobs} jobs")
    except AssertionError:
        return await demo.platform_jobs()
