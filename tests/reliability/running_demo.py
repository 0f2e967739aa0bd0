"""`make demo` with its parts killed, frozen and stopped from outside."""

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Final

import aiohttp

from tests.reliability.recording_proxy import RecordingProxy, recording_proxy
from tests.reliability.small_task import write_small_task
from tests.story.colleagues import Json, Workspace, eventually

ROOT: Final = Path(__file__).parents[2]
STOP_SECONDS: Final = 60.0
ENDLESS: Final = "task=small batch=2 epochs=50"
"""A job that trains for ten minutes; at most two train at a time, the others wait."""
PACE: Final = "1"
PROFILES: Final = """\
local:
  base_url: {local}
  max_concurrency: {questions_at_once}
second:
  base_url: {second}
  default_key: any
  models: [local-policy-1]
  default_model: local-policy-1
  poll_seconds: 1
  idle_poll_seconds: 1
"""


@asynccontextmanager
async def demo(
    home: Path, *, pace: str = "0.05", bots: str = "2", **more: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the demo until the context ends, then stop it as Ctrl-C does; `more` are variables of its environment."""
    # Bytecode is kept, as by `make`: a bot that compiles every module takes three times as long to start.
    environment = os.environ | {"PROCTOR_HOME": str(home), "PORT": "0", "PYTHONDONTWRITEBYTECODE": ""}
    environment |= {"PACE": pace, "BOTS": bots, **more}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot.demo", cwd=ROOT, env=environment, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(process.wait(), STOP_SECONDS) in {0, 130}


def run_now(home: Path) -> Json | None:
    """Return what run.json says, or None while the demo has none."""
    with contextlib.suppress(OSError, ValueError):
        found: Json = json.loads((home / "run.json").read_text())
        return found if found.get("bot") else None
    return None


async def run_file(home: Path) -> Json:
    """Wait until the demo says that everything runs."""

    async def look() -> Json | None:
        return run_now(home)

    return await eventually(look, "run.json")


async def replaced(home: Path, old: int) -> None:
    """Wait until a killed part runs again under another process id."""

    async def look() -> bool:
        now = run_now(home)
        return now is not None and old not in {*now["bot"], *now["pids"].values()} and all(now["pids"].values())

    await eventually(look, "a new process for the killed one")


def is_gone(pid: int) -> bool:
    """Tell whether a process has ended."""
    return not Path(f"/proc/{pid}").exists()


def has_port(pid: int, port: int) -> bool:
    """Tell whether this end of a connection over IPv4 belongs to a process."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    inodes = {f"socket:[{line[9]}]" for line in lines if line[1].endswith(f":{port:04X}")}
    return any(_link_of(descriptor) in inodes for descriptor in Path(f"/proc/{pid}/fd").iterdir())


def _link_of(descriptor: Path) -> str:
    """Return what a descriptor is; empty where it is closed meanwhile."""
    with contextlib.suppress(OSError):
        return str(descriptor.readlink())
    return ""


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Stop a process, without its notice, as long as the context lasts."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def postings(messages: list[Json]) -> Counter[str]:
    """Return how often each posting was posted."""
    return Counter(str(m["metadata"]["event_payload"]["posting"]) for m in messages if m.get("metadata"))


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo that runs, with recording proxies in front of its platform."""

    home: Path
    bots: int
    session: aiohttp.ClientSession
    proxy: RecordingProxy
    """Where bots find the platform `local`."""
    second: RecordingProxy
    """Where bots find the platform `second`."""

    @property
    def run(self) -> Json:
        """What run.json says."""
        now = run_now(self.home)
        assert now is not None, "a demo says in run.json what runs, for as long as it does"
        return now

    @property
    def workspace(self) -> Workspace:
        """The people, and what they see."""
        return Workspace(self.run["page"], self.session)

    async def types(self, user: str, command: str, text: str) -> None:
        """Type a command; fails where it is not acked."""
        answer = await self.workspace.type_command(user, command, text)
        assert answer["ok"], answer

    async def connected(self) -> None:
        """Wait until every bot has its socket."""

        async def look() -> bool:
            async with self.session.get(f"{self.run['page']}/_control/state") as answer:
                return bool((await answer.json())["sockets"] == self.bots)

        await eventually(look, "a socket for each bot")

    async def end_bot(self, how: signal.Signals = signal.SIGKILL) -> float:
        """End the first bot, wait until the one that takes its place is connected; return seconds until its end."""
        bot, began = self.run["bot"][0], monotonic()

        async def look() -> bool:
            return is_gone(bot)

        os.kill(bot, how)
        await eventually(look, "the end of a bot")
        seconds = monotonic() - began
        await replaced(self.home, bot)
        await self.connected()
        return seconds

    async def end_redis(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End Redis, and wait until it runs again."""
        pid = self.run["pids"]["redis"]
        os.kill(pid, how)
        await replaced(self.home, pid)

    async def is_ready(self) -> bool:
        """Tell whether /readyz of every bot says so."""
        for url in self.run["health"]:
            async with self.session.get(f"{url}/readyz") as answer:
                if answer.status != 200:
                    return False
        return True

    async def platform_jobs(self) -> list[Json]:
        """Return every job that the platform has, newest first."""
        url = f"{self.proxy.target}/fine_tuning/jobs?limit=1000"
        async with self.session.get(url, headers={"Authorization": "Bearer any"}) as answer:
            jobs: list[Json] = (await answer.json())["data"]
            return jobs

    async def traffic(self, since: int = 0) -> list[Json]:
        """Return what went between workspace and bots after the entry numbered `since`, oldest first."""
        async with self.session.get(f"{self.run['page']}/_control/log?since={since}") as answer:
            entries: list[Json] = (await answer.json())["log"]
            return entries


@asynccontextmanager
async def proxied_demo(
    home: Path, *, bots: int = 1, pace: str = PACE, questions_at_once: int = 64
) -> AsyncIterator[Demo]:
    """Run a demo with the task `small`, whose bots reach one platform under two names, over a recording proxy each."""
    tasks, profiles = home / "tasks", home / "platforms.yaml"
    write_small_task(tasks)
    async with recording_proxy() as proxy, recording_proxy() as second, aiohttp.ClientSession() as session:
        told = PROFILES.format(local=proxy.url, second=second.url, questions_at_once=questions_at_once)
        profiles.write_text(told, "utf-8")
        paths = {"PROCTOR_TASKS": str(tasks), "PROCTOR_PLATFORMS": str(profiles)}
        async with demo(home, pace=pace, bots=str(bots), **paths):
            proxy.target = second.target = (await run_file(home))["platform"]
            running = Demo(home, bots, session, proxy, second)
            await running.connected()
            yield running


async def step_of_the_first(demo: Demo) -> int:
    """Return the step that the card of the first job shows; 0 before its first."""
    for message in await demo.workspace.messages():
        if found := re.search(r"Training, step (\d+)", str(message["text"])):
            return int(found[1])
    return 0


async def first_job_goes_on(demo: Demo) -> None:
    """Wait until the first job's card shows another step than now."""
    before = await step_of_the_first(demo)

    async def look() -> bool:
        return await step_of_the_first(demo) > before

    await eventually(look, f"a step after {before} on the first job's card")


def our_id(job: Json) -> str:
    """Return our id of a platform's job."""
    (found,) = job["metadata"].values()
    return str(found)
