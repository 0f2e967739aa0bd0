"""`python -m tests.bench.watching_bot PLATFORM REDIS POLL IDLE_POLL MODE`: the part of a bot that watches jobs.

With the bot's own imports, ticks, engine and turns, but nothing of Slack. POLL and IDLE_POLL are the profile's seconds;
MODE is `swept`, or, to compare, `singly`: no sweeps, each job in turns of its own. Answers each line on stdin with the
CPU seconds it used so far and the most memory it ever held, in MiB.
"""

import asyncio
import gc
import logging
import resource
import sys
import time
from collections.abc import Mapping
from typing import Final

import structlog
from redis.asyncio import Redis

from bot.kinds import KINDS
from bot.schedule import Tick, Ticks
from bot.wiring import STORE_CONNECTIONS
from bot.worker import WORK_LEASE, hand_over_due
from jobs.core.records import Job
from jobs.platforms.gateway import Gateway
from jobs.platforms.profiles import Profile
from jobs.queue.engine import DocketEngine, Work, with_connections
from jobs.queue.lease import kept
from jobs.state.connection import Connection
from jobs.state.store import Store
from jobs.training.poll import Poller
from jobs.training.sweep import Sweeper

PLATFORM: Final = "many"


def works(store: Store, gateway: Gateway, *, sweeps: bool) -> Mapping[str, Work]:
    """Return what the engine does, as the bot has it."""

    def platform_of(name: str) -> tuple[Profile, Gateway]:
        assert name == PLATFORM
        return gateway.profile, gateway

    watcher, sweeper = Poller(store, platform_of, time.time), Sweeper(store, platform_of)

    async def turn(job_id: str, token: str) -> None:
        async with kept(store, job_id, token, WORK_LEASE):
            await store.attempts(job_id)
            held = await store.record(Job, job_id)
            assert held is not None
            await watcher.poll(held)

    async def nothing(platform: str, token: str) -> None:
        """Leave the platform under its lease."""

    return {"job": turn, "sweep": sweeper.sweep if sweeps else nothing}


async def main(platform_url: str, redis_url: str, poll: float, idle_poll: float, *, sweeps: bool) -> None:
    """Watch until the process is ended."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    redis = Redis.from_url(with_connections(redis_url, STORE_CONNECTIONS), decode_responses=True)
    store = Store(Connection(redis), KINDS)
    await store.open()
    profile = Profile(PLATFORM, f"{platform_url}/v1", poll_seconds=poll, idle_poll_seconds=idle_poll)
    async with (
        Gateway(profile, "any") as gateway,
        DocketEngine(redis_url, works(store, gateway, sweeps=sweeps)) as engine,
    ):
        gc.freeze()  # as the bot does when it starts
        engine.start()
        ticks = Ticks((Tick("due jobs", 0.5, lambda: hand_over_due(store, engine)),))
        ticks.start()
        while await asyncio.to_thread(sys.stdin.readline):
            most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            sys.stdout.write(f"{time.process_time()} {most}\n")
            sys.stdout.flush()
        ticks.stop()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4]), sweeps=sys.argv[5] == "swept"))
