"""How soon commands are acknowledged and answered: in a burst, and while the bot has other work to do.

A command is typed in a local workspace, travels over Socket Mode, and is acknowledged once it is stored in the bot's
own Redis, which writes each change to the disk before it answers. The same commands go to a bare Bolt app, which does
nothing but acknowledge, in a workspace of its own.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from bot.redis_server.subprocesses import tethered

BURST, SMALL_BURST = 2_000, 500
RATE = 50.0
STEADY_SECONDS, SHORT_SECONDS = 20.0, 6.0
ROUNDS = 2
STARTED = 60.0
ANSWERED = 180.0
"""Seconds after which what did not happen counts as failed."""
TASKS = Path(__file__).parents[2] / "tasks"
PACE = "0.05"
"""Seconds that a step of the job takes: its card and curve are drawn all the time."""


@dataclass(frozen=True, slots=True)
class Acks:
    """How long acknowledgements took, in ms, the quickest first; and how many commands were not acknowledged."""

    took: tuple[float, ...]
    failed: int

    def share(self, part: float) -> float:
        """Return the time within which this part of them came."""
        return self.took[min(len(self.took) - 1, int(part * len(self.took)))]


async def figures(full: bool) -> dict[str, float]:
    """Return the figures of a burst, and of a steady stream while a job is drawn and an eval runs."""
    with tempfile.TemporaryDirectory(prefix="proctor-bench-") as folder:
        async with _workspace() as bare, _workspace() as ours:
            with (
                _platform(Path(folder)) as platform,
                _bare(bare.url),
                _bot(ours.url, Path(folder), platform),
            ):
                await bare.hears()
                await ours.hears()
                await asyncio.gather(bare.burst(10), ours.burst(10))
                found = await _burst(bare, ours, BURST if full else SMALL_BURST)
                return found | await _steady(bare, ours, STEADY_SECONDS if full else SHORT_SECONDS)


async def _burst(bare: "Commands", ours: "Commands", count: int) -> dict[str, float]:
    quick = await bare.burst(count)
    answered, began = await ours.answered(), time.perf_counter()
    acks = await ours.burst(count)
    missing = await ours.until_answered(answered + count)
    return {
        f"commands.burst_{count}_not_acknowledged": acks.failed,
        f"commands.burst_{count}_not_answered": missing,
        f"commands.burst_{count}_seconds_to_the_last_answer": round(time.perf_counter() - began, 1),
        **_compared(f"burst_{count}", acks, quick),
    }


async def _steady(bare: "Commands", ours: "Commands", seconds: float) -> dict[str, float]:
    await ours.type("/rft", "launch task=eurovoc epochs=3")
    await ours.type("/eval", "run task=eurovoc runs=5")
    await ours.card()
    took: dict[str, list[float]] = {"bare": [], "ours": []}
    failed = 0
    for _ in range(ROUNDS):
        for name, commands in (("bare", bare), ("ours", ours)):
            acks = await commands.stream(RATE, seconds / ROUNDS)
            took[name] += acks.took
            failed += acks.failed if commands is ours else 0
    acks, quick = (Acks(tuple(sorted(took[name])), 0) for name in ("ours", "bare"))
    return {"commands.steady_not_acknowledged": failed, **_compared("steady_50_a_second", acks, quick)}


def _compared(what: str, ours: Acks, bare: Acks) -> dict[str, float]:
    return {
        f"commands.{what}_ack_median_ms": round(ours.share(0.5), 1),
        f"commands.{what}_ack_p99_ms": round(ours.share(0.99), 1),
        f"commands.{what}_ack_most_ms": round(ours.share(1), 1),
        f"commands.{what}_bare_ack_p99_ms": round(bare.share(0.99), 1),
        f"commands.{what}_bare_ack_most_ms": round(bare.share(1), 1),
        f"commands.{what}_p99_over_bare_ratio": round(ours.share(0.99) / bare.share(0.99), 2),
    }


class Commands:
    """What people type in one workspace."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self._session = session

    async def hears(self) -> None:
        """Wait until an app is connected."""
        async with asyncio.timeout(STARTED):
            while not (await self._get("state"))["sockets"]:  # noqa: ASYNC110 - another process's state
                await asyncio.sleep(0.05)

    async def type(self, command: str, text: str) -> bool:
        """Type a command; tell whether it was acknowledged."""
        body = {"channel": "rft", "user": "bob", "command": command, "text": text}
        async with self._session.post(f"{self.url}/_control/command", json=body) as answer:
            return answer.status == 200 and bool((await answer.json()).get("ok"))

    async def burst(self, count: int) -> Acks:
        """Type so many at once."""
        return _acks(await asyncio.gather(*(self._timed() for _ in range(count))))

    async def stream(self, rate: float, seconds: float) -> Acks:
        """Type so many a second."""
        return _acks(await asyncio.gather(*(self._timed(n / rate) for n in range(int(rate * seconds)))))

    async def answered(self) -> int:
        """Return how many answers bob was shown."""
        shown = (await self._get("ephemerals/bob"))["ephemerals"]
        return sum("operation_timeout" not in json.dumps(each) for each in shown)

    async def until_answered(self, count: int) -> int:
        """Wait for so many answers; return how many are missing in the end."""
        deadline = time.monotonic() + ANSWERED
        while (missing := count - await self.answered()) > 0 and time.monotonic() < deadline:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.5)
        return max(0, missing)

    async def card(self) -> None:
        """Wait until a job's card has a picture."""
        async with asyncio.timeout(STARTED):
            while "slack_file" not in json.dumps(await self._get("messages/rft")):  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.2)

    async def _timed(self, after: float = 0.0) -> tuple[float, bool]:
        await asyncio.sleep(after)
        began = time.perf_counter()
        is_acknowledged = await self.type("/rft", "list")
        return (time.perf_counter() - began) * 1000, is_acknowledged

    async def _get(self, what: str) -> dict[str, list[object]]:
        async with self._session.get(f"{self.url}/_control/{what}") as answer:
            found: dict[str, list[object]] = await answer.json()
            return found


def _acks(timed: list[tuple[float, bool]]) -> Acks:
    took = sorted(milliseconds for milliseconds, acknowledged in timed if acknowledged)
    return Acks(tuple(took) or (float("inf"),), len(timed) - len(took))


@asynccontextmanager
async def _workspace() -> AsyncIterator[Commands]:
    with _running("-m", "local.slack") as server:
        assert server.stdout is not None
        url = str(server.stdout.readline()).split()[-1]
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=120)) as session:
            yield Commands(url, session)


@contextmanager
def _platform(folder: Path) -> Iterator[str]:
    with _running("-m", "local.platform", "--home", str(folder / "platform"), PACE=PACE) as server:
        assert server.stdout is not None
        yield f"{str(server.stdout.readline()).split()[-1]}"


@contextmanager
def _bare(url: str) -> Iterator[None]:
    with _running("-m", "tests.bench.bare_app", f"{url}/api/"):
        yield


@contextmanager
def _bot(url: str, folder: Path, platform: str) -> Iterator[None]:
    shutil.copytree(TASKS / "eurovoc", folder / "tasks" / "eurovoc")
    environment = {
        "SLACK_BOT_TOKEN": "xoxb-local-proctor",
        "SLACK_APP_TOKEN": "xapp-local-proctor",
        "SLACK_API_URL": f"{url}/api/",
        "LOCAL_PLATFORM_URL": platform,
        "PROCTOR_HOME": str(folder / "home"),
        "PROCTOR_TASKS": str(folder / "tasks"),
    }
    with _running("-m", "bot", **environment):
        yield


@contextmanager
def _running(*words: str, **environment: str) -> Iterator["subprocess.Popen[str]"]:
    command = tethered((sys.executable, *words))
    known = {**os.environ, **environment}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=known) as process:
        try:
            yield process
        finally:
            process.terminate()
