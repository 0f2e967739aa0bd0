"""`python -m tests.bench.watching_bot PLATFORM REDIS POLL IDLE_POLL MODE`: the part of a bot that watches jobs.

With the bot's own imports, ticks, pools and work, but nothing of Slack. POLL and IDLE_POLL are the profile's seconds;
MODE is `swept`, or, to compare, `singly`: no sweeps, each job in looks of its own. Answers each line on stdin with the
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

from bot.kinds import KINDS
from bot.logs import log_bug
from bot.schedule import Tick, Ticks
from bot.worker import SLOTS, job_work, repeated_work
from jobs.core import ids
from jobs.core.records import Job
from jobs.platforms.gateway import Gateway
from jobs.platforms.profiles import Profile
from jobs.queue.due import DueItems
from jobs.queue.pools import HEARTBEAT, LOOK, Held, Work, WorkPools
from jobs.state.connection import connection_to
from jobs.state.store import Store
from jobs.training.poll import Poller
from jobs.training.sweep import Sweeper
from jobs.training.sweep_state import SweepState

PLATFORM: Final = "many"


def work_of(store: Store, gateway: Gateway, *, sweeps: bool) -> Mapping[str, Work]:
    """Return what is done for each kind of work item, as the bot has it."""

    def platform_of(name: str) -> tuple[Profile, Gateway]:
        assert name == PLATFORM
        return gateway.profile, gateway

    state = SweepState(store.connection)
    poller, sweeper = Poller(store, state, platform_of, time.time), Sweeper(state, platform_of)

    async def look(job_id: str, _item: Held, _reference: str) -> None:
        held = await store.record(Job, job_id)
        assert held is not None
        await poller.poll(held)

    async def nothing(_platform: str) -> None:
        """Sweep no more."""

    return {"job": job_work(look), ids.SWEEP: repeated_work(sweeper.sweep if sweeps else nothing)}


async def main(platform_url: str, redis_url: str, poll: float, idle_poll: float, *, sweeps: bool) -> None:
    """Watch until the process is ended."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    connection = connection_to(redis_url)
    store = Store(connection, KINDS)
    await store.open()
    profile = Profile(PLATFORM, f"{platform_url}/v1", poll_seconds=poll, idle_poll_seconds=idle_poll)
    async with Gateway(profile, "any") as gateway:
        work = work_of(store, gateway, sweeps=sweeps)
        pools = WorkPools(DueItems(connection), work, {ids.LOOKS: SLOTS[ids.LOOKS]}, store.committed, log_bug)
        gc.freeze()  # as the bot does when it starts
        pools.start()
        ticks = Ticks((Tick("work", LOOK, pools.look), Tick("heartbeat", HEARTBEAT, pools.keep, asks_redis=False)))
        ticks.start()
        while await asyncio.to_thread(sys.stdin.readline):
            most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            sys.stdout.write(f"{time.process_time()} {most}\n")
            sys.stdout.flush()
        ticks.stop()
        await pools.stop()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4]), sweeps=sys.argv[5] == "swept"))
