"""Many commands at once, and a steady stream of them while the bot works: how soon they are acked and answered.

Times from a person's typing to the ack, as the workspace sees them, compared with a bare Bolt app in the same run.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from bot.redis_server.subprocesses import tethered
from tests.reliability.running_demo import ENDLESS, Demo, proxied_demo
from tests.story.colleagues import eventually

BURST, QUICK_BURST = 2_000, 500
RATE, SECONDS, QUICK_SECONDS = 50, 40, 10
"""Commands a second, and for how long."""
PATIENCE = 30.0
"""Seconds without any answer after which no more are expected."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of some commands; times in milliseconds."""

    acks: tuple[float, ...]
    failed: int
    seconds: float
    """Until the last of them was answered."""
    wrong: int
    """Answers that are no list of jobs."""

    def ack(self, percent: int) -> float:
        """Return a percentile of the acks."""
        return round(statistics.quantiles(self.acks, n=100)[percent - 1], 1) if len(self.acks) > 1 else -1.0


async def figures(full: bool) -> dict[str, float]:
    """Return the figures of 2,000 commands at once and, for 40 s, 50 a second; quick: 500, and 10 s."""
    burst, seconds = (BURST, SECONDS) if full else (QUICK_BURST, QUICK_SECONDS)
    async with _bare() as bare:
        bare_burst, bare_rate = await bare(burst, 0.0), await bare(RATE * seconds, RATE)
    with tempfile.TemporaryDirectory(prefix="proctor-bench-") as folder:
        async with proxied_demo(Path(folder)) as demo:
            ours = await _typed(demo.session, demo.run["page"], burst, 0.0)
            demo.proxy.seconds = 0.3
            await _busy(demo)
            ours_busy = await _typed(demo.session, demo.run["page"], RATE * seconds, RATE)
    return {
        f"bursts.acked_of_{burst}": len(ours.acks),
        f"bursts.answered_seconds_{burst}": ours.seconds,
        f"bursts.wrong_answers_of_{burst}": ours.wrong,
        f"bursts.ack_ms_p50_{burst}": ours.ack(50),
        f"bursts.ack_ms_most_{burst}": round(max(ours.acks, default=-1.0), 1),
        f"bursts.ack_most_over_bare_ratio_{burst}": _ratio(max(ours.acks, default=0.0), max(bare_burst.acks)),
        "bursts.busy_failed": ours_busy.failed,
        "bursts.busy_wrong_answers": ours_busy.wrong,
        "bursts.busy_ack_ms_p50": ours_busy.ack(50),
        "bursts.busy_ack_ms_p99": ours_busy.ack(99),
        "bursts.busy_ack_p99_over_bare_ratio": _ratio(ours_busy.ack(99), bare_rate.ack(99)),
    }


def _ratio(ours: float, bare: float) -> float:
    return round(ours / bare, 2)


async def _busy(demo: Demo) -> None:
    """Have a job train and be drawn, and an eval ask."""
    await demo.types("alice", "/rft", f"launch {ENDLESS} seed=1")
    await demo.workspace.card_with("Training, step")
    await demo.types("alice", "/eval", "run task=small split=train model=local-policy-1 runs=20")


@asynccontextmanager
async def _bare() -> AsyncIterator[Callable[[int, float], Awaitable[Answered]]]:
    """Run a workspace with nothing but a bare Bolt app; yields what types commands there."""
    with tempfile.TemporaryDirectory(prefix="proctor-bench-") as folder:
        async with (
            _process("local.slack", "--port", "0", "--home", folder) as slack,
            aiohttp.ClientSession() as session,
        ):
            assert slack.stdout is not None
            url = (await slack.stdout.readline()).decode().split()[-1]

            async def connected() -> bool:
                async with session.get(f"{url}/_control/state") as answer:
                    return bool((await answer.json())["sockets"])

            async with _process("tests.bench.bare_bot", url):
                await eventually(connected, "the bare bot")
                yield lambda commands, rate: _typed(session, url, commands, rate)


@asynccontextmanager
async def _process(*module: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(*tethered((sys.executable, "-m", *module)), stdout=PIPE)
    try:
        yield process
    finally:
        process.terminate()
        await process.wait()


async def _typed(session: aiohttp.ClientSession, url: str, commands: int, rate: float) -> Answered:
    """Type commands at once, or so many a second, and wait until each is answered or none is any more."""
    body = {"channel": "rft", "user": "bob", "command": "/rft", "text": "list"}
    async with session.post(f"{url}/_control/command", json=body):
        pass  # Bolt asks who it is at its first command, and at each of many first ones
    seen = await _newest(session, url)
    acks: list[float] = []
    counting = asyncio.create_task(_count_answers(session, url, seen, commands))
    began = time.perf_counter()
    timeout = aiohttp.ClientTimeout(total=300)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout) as many:

        async def one(number: int) -> None:
            await asyncio.sleep(number / rate if rate else 0.0)
            typed = time.perf_counter()
            async with many.post(f"{url}/_control/command", json=body) as answer:
                if (await answer.json())["ok"]:
                    acks.append(1000 * (time.perf_counter() - typed))

        await asyncio.gather(*(one(number) for number in range(commands)))
    wrong = await counting
    return Answered(tuple(acks), commands - len(acks), round(time.perf_counter() - began, 1), wrong)


async def _newest(session: aiohttp.ClientSession, url: str) -> int:
    async with session.get(f"{url}/_control/log") as answer:
        log = (await answer.json())["log"]
        return int(log[-1]["seq"]) if log else 0


async def _count_answers(session: aiohttp.ClientSession, url: str, since: int, commands: int) -> int:
    """Wait for the answers; return how many of them are none of those a list is answered with, or are missing."""
    right = wrong = 0
    heard = time.perf_counter()
    while right + wrong < commands and time.perf_counter() - heard < PATIENCE:
        async with session.get(f"{url}/_control/log?since={since}") as answer:
            log = (await answer.json())["log"]
        for entry in log:
            if entry["kind"] == "response_url":
                heard = time.perf_counter()
                is_right = any(word in str(entry["body"]) for word in ("job", "nothing"))
                right, wrong = right + is_right, wrong + (not is_right)
        since = log[-1]["seq"] if log else since
        await asyncio.sleep(0.3)
    return commands - right
