"""How soon a bot is connected after its start, against the barest Bolt app, and what it costs while nothing happens."""

import asyncio
import os
import sys
import tempfile
import time
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median

from redis.asyncio import Redis

from bot.redis_server.subprocesses import tethered
from local.slack.server import serve
from tests.bench.bench_evals import _redis

ROOT = Path(__file__).parents[2]
STARTS = 3
SETTLED = 2.0
"""Seconds after which a bot that was just connected has nothing more to load."""
IDLE = 4.0


async def figures(full: bool) -> dict[str, float]:
    """Return the figures of three starts and four seconds of idling; in full, of five times as many."""
    times = 5 if full else 1
    async with serve(limited=False) as slack:
        with tempfile.TemporaryDirectory(prefix="proctor-bench-") as folder, _redis(Path(folder)) as redis_url:
            settings = {
                "SLACK_BOT_TOKEN": "xoxb-local-proctor",
                "SLACK_APP_TOKEN": "xapp-local-proctor",
                "SLACK_API_URL": slack.api_url,
                "REDIS_URL": redis_url,
                "PROCTOR_HOME": folder,
            }
            bare, bot = [], []
            for _ in range(STARTS * times):
                bare.append(await _seconds_to_connected("tests.bench.bare_app", slack.api_url, settings={}))
                bot.append(await _seconds_to_connected("bot", settings=settings))
            async with _program("bot", settings=settings) as process:
                await _connected(process)
                await asyncio.sleep(SETTLED)
                idle = await _idle(process, redis_url, IDLE * times)
            async with _program("tests.bench.bare_app", slack.api_url, settings={}) as process:
                await _connected(process)
                await asyncio.sleep(SETTLED)
                bare_idle = await _idle(process, redis_url, IDLE * times)
    return {
        "start.seconds_to_connected": round(median(bot), 2),
        "start.seconds_to_connected_best": round(min(bot), 2),
        "start.over_bare_app_ratio": round(median(bot) / median(bare), 2),
        # A machine whose caches others use charges each waking several times over; the bare app shows by how much.
        "start.idle_cpu_of_bare_app_seconds_a_minute": bare_idle["start.idle_cpu_seconds_a_minute"],
    } | idle


async def _seconds_to_connected(*command: str, settings: Mapping[str, str]) -> float:
    began = time.perf_counter()
    async with _program(*command, settings=settings) as process:
        await _connected(process)
        return time.perf_counter() - began


async def _connected(process: Process) -> None:
    assert process.stdout is not None
    while b"slack.connected" not in (line := await process.stdout.readline()):
        assert line, "the program ended before it was connected"


async def _idle(process: Process, redis_url: str, seconds: float) -> dict[str, float]:
    async with Redis.from_url(redis_url) as redis:
        cpu, commands, began = _cpu(process.pid), await _commands(redis), time.perf_counter()
        await asyncio.sleep(seconds)
        took = time.perf_counter() - began
        used, asked = _cpu(process.pid) - cpu, await _commands(redis) - commands - 1
    return {
        "start.idle_cpu_seconds_a_minute": round(used / took * 60, 2),
        "start.idle_redis_commands_a_second": round(asked / took, 1),
    }


def _cpu(pid: int) -> float:
    """Return the CPU seconds that a process has used, all its threads together (Linux)."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9


async def _commands(redis: Redis) -> int:
    return int((await redis.info("stats"))["total_commands_processed"])


@asynccontextmanager
async def _program(*command: str, settings: Mapping[str, str]) -> AsyncIterator[Process]:
    module, *options = command
    env = {name: value for name, value in os.environ.items() if not name.startswith("SLACK_")} | dict(settings)
    argv = tethered((sys.executable, "-m", module, *options))
    process = await asyncio.create_subprocess_exec(*argv, cwd=ROOT, env=env, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT)
    try:
        yield process
    finally:
        process.kill()
        await process.communicate()
