"""A Redis, the local training platform, the local workspace and the bots, as child processes of one demo.

What dies is started again, and all is stopped in order at the end. What it keeps is under PROCTOR_HOME; the next run
goes on from there.
"""

import asyncio
import contextlib
import json
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass

from bot.demo.folder import LOOPBACK, choose_ports, locked, write_file
from bot.demo.supervisor import Part, PartFailed, Supervisor
from bot.health import ask_health
from bot.redis_server.embedded_redis import embedded_redis
from bot.redis_server.subprocesses import becomes_true
from bot.settings import DemoSettings, child_environment
from bot.stopping import GRACE

OTHER_STOP_SECONDS = 4.0
BOTS_READY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Programs:
    """The command lines of the parts, without their options."""

    platform: tuple[str, ...] = (sys.executable, "-m", "local.platform")
    slack: tuple[str, ...] = (sys.executable, "-m", "local.slack")
    bot: tuple[str, ...] = (sys.executable, "-m", "bot")


async def run_demo(settings: DemoSettings, say: Callable[[str], None], programs: Programs = Programs()) -> None:
    """Run everything until cancelled, then stop it.

    Args:
        settings: what the person chose.
        say: prints to the person.
        programs: the parts; by default our own.

    Raises:
        ConfigurationError: it cannot be started as asked; one line.
        PartFailed: a part cannot be kept running.
    """
    (settings.proctor_home / "logs").mkdir(parents=True, exist_ok=True)
    async with locked(settings.proctor_home) as lock:
        await _Demo(settings, say, programs, lock).run()


class _Demo:
    """One run: its addresses, its parts, and the files that tell others about them."""

    def __init__(self, settings: DemoSettings, say: Callable[[str], None], programs: Programs, lock: int) -> None:
        self._settings = settings
        self._home = settings.proctor_home
        self._say = say
        self._programs = programs
        self._ports = choose_ports(self._home, page=settings.port, bots=settings.bots)
        self._page = f"http://{LOOPBACK}:{self._ports.page}"
        self._platform = f"http://{LOOPBACK}:{self._ports.platform}/v1"
        self._redis = ""
        self._redis_pid: int | None = None
        self._complete = False
        self._supervisor = Supervisor(
            self._home / "logs", say=lambda sentence: say(f"  {sentence}"), changed=self._changed, inherit=[lock]
        )

    async def run(self) -> None:
        self._forget()  # what a killed run has left behind
        url = self._settings.redis_url
        redis = embedded_redis(self._home, started=self._redis_started) if url is None else contextlib.nullcontext(url)
        async with redis as self._redis:
            greeting: asyncio.Task[None] | None = None
            try:
                await self._start()
                greeting = asyncio.create_task(self._greet())
                raise PartFailed(await self._supervisor.failure())
            finally:
                if greeting is not None:
                    greeting.cancel()
                await self._stop()

    async def _start(self) -> None:
        await asyncio.gather(*(self._supervisor.start(part) for part in self._locals()))
        variables = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in self._bot_variables().items())
        write_file(self._home / "env", variables)
        for part in self._bots():
            await self._supervisor.start(part)
        self._complete = True
        self._changed()

    async def _greet(self) -> None:
        ready = await becomes_true(self._bots_ready, BOTS_READY_SECONDS, pause=0.1)
        late = f"  The bot is not ready yet; {self._home / 'logs' / 'bot.log'} says why.\n"
        self._say(
            "\n  Proctor runs.\n"
            f"{'' if ready else late}\n"
            f"  Open     {self._page}\n"
            "  Type     /rft launch task=eurovoc      in #rft, as alice\n"
            "  Then     watch the card and its thread; approve a checkpoint as bob and carol\n\n"
            f"  Remote   ssh -L {self._ports.page}:{LOOPBACK}:{self._ports.page} <this machine>\n"
            f"  Kept in  {self._home}   (the next run goes on from there)\n"
            "  Stop     Ctrl-C\n"
        )

    async def _bots_ready(self) -> bool:
        answers = await asyncio.gather(*(ask_health(port, page="/readyz") for port in self._ports.health))
        return all(ready for ready, _ in answers)

    async def _stop(self) -> None:
        self._complete = False
        self._forget()
        bots = [name for name in self._supervisor.pids if name.startswith("bot")]
        await self._supervisor.stop(bots, seconds=GRACE)
        await self._supervisor.stop(["slack", "platform"], seconds=OTHER_STOP_SECONDS)

    def _forget(self) -> None:
        for name in ("run.json", "env"):
            (self._home / name).unlink(missing_ok=True)

    def _redis_started(self, pid: int) -> None:
        if self._redis_pid is not None:
            self._say("  redis ended; it was started again")
        self._redis_pid = pid
        self._changed()

    def _changed(self) -> None:
        """Write run.json, once there is everything to write."""
        if not self._complete:
            return
        pids = self._supervisor.pids
        run = {
            "page": self._page,
            "platform": self._platform,
            "redis": self._redis,
            "bot": [pid for name, pid in pids.items() if name.startswith("bot")],
            "health": [f"http://{LOOPBACK}:{port}" for port in self._ports.health],
            "pids": {"redis": self._redis_pid, "platform": pids.get("platform"), "slack": pids.get("slack")},
        }
        write_file(self._home / "run.json", json.dumps(run) + "\n")

    def _locals(self) -> tuple[Part, Part]:
        pace = {} if self._settings.pace is None else {"PACE": f"{self._settings.pace:g}"}
        env = child_environment({"PYTHONUNBUFFERED": "1"} | pace)

        def part(name: str, program: tuple[str, ...], port: int) -> Part:
            options = ("--port", str(port), "--home", str(self._home / name))
            return Part(name, (*program, *options), env, f"{name} ready ")

        return (
            part("platform", self._programs.platform, self._ports.platform),
            part("slack", self._programs.slack, self._ports.page),
        )

    def _bots(self) -> list[Part]:
        variables = self._bot_variables() | {"PYTHONUNBUFFERED": "1"}
        bots = {"bot" if n == 1 else f"bot-{n}": port for n, port in enumerate(self._ports.health, start=1)}
        return [
            Part(name, self._programs.bot, child_environment(variables | {"HEALTH_PORT": str(port)}))
            for name, port in bots.items()
        ]

    def _bot_variables(self) -> dict[str, str]:
        return {
            "SLACK_BOT_TOKEN": "xoxb-local-proctor",
            "SLACK_APP_TOKEN": "xapp-local-proctor",
            "SLACK_SIGNING_SECRET": "local-signing-secret",
            "SLACK_API_URL": f"{self._page}/api/",
            "REDIS_URL": self._redis,
            "LOCAL_PLATFORM_URL": self._platform,
            "PROCTOR_HOME": str(self._home),
            "PROCTOR_TASKS": str(self._settings.proctor_tasks),
            "CARD_SECONDS": f"{self._settings.card_seconds:g}",
            "HEALTH_PORT": "0",
            "LOG_FORMAT": "console",
        }
