"""`make demo`: everything on this machine, no account needed.

Starts a Redis, the local training platform, the local workspace and the bot as child processes, starts again what dies,
and stops them in order at Ctrl-C. What it keeps is under PROCTOR_HOME; the next run goes on from there.
"""

import asyncio
import contextlib
import json
import shlex
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from bot.demo_folder import LOOPBACK, choose_ports, only_one, write_file
from bot.embedded_redis import embedded_redis
from bot.health import ask_health
from bot.logs import Redactor, configure_logs
from bot.settings import EXIT_CONFIGURATION, DemoSettings, child_environment, load_demo_settings
from bot.supervisor import Part, PartFailed, Supervisor
from jobs.core.errors import ConfigurationError

BOT_STOP_SECONDS = 8.0
OTHER_STOP_SECONDS = 4.0
BOTS_READY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Programs:
    """The command lines of the parts, without their options."""

    platform: tuple[str, ...] = (sys.executable, "-m", "local.platform")
    slack: tuple[str, ...] = (sys.executable, "-m", "local.slack")
    bot: tuple[str, ...] = (sys.executable, "-m", "bot")


async def run_demo(settings: DemoSettings, say: Callable[[str], None], programs: Programs | None = None) -> None:
    """Run everything until cancelled, then stop it.

    Args:
        settings: what the person chose.
        say: prints to the person.
        programs: the parts; by default our own.

    Raises:
        ConfigurationError: it cannot be started as asked; one line.
        PartFailed: a part cannot be kept running.
    """
    home = settings.proctor_home
    (home / "logs").mkdir(parents=True, exist_ok=True)
    async with only_one(home) as lock:
        await _Demo(settings, say, programs or Programs(), lock).run()


class _Demo:
    """One run: its addresses, its parts, and the files that tell others about them."""

    def __init__(self, settings: DemoSettings, say: Callable[[str], None], programs: Programs, lock: int) -> None:
        self._settings = settings
        self._home = settings.proctor_home
        self._say = say
        self._programs = programs
        self._ports = choose_ports(settings.proctor_home, page=settings.port, bots=settings.bots)
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
        async with self._redis_server() as self._redis:
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
        write_file(
            self._home / "env", "".join(f"export {k}={shlex.quote(v)}\n" for k, v in self._bot_variables().items())
        )
        for part in self._bots():
            await self._supervisor.start(part)
        self._complete = True
        self._changed()

    async def _greet(self) -> None:
        ready = await _all_ready(self._ports.health)
        self._say(_banner(self._page, self._home, self._ports.page, all_ready=ready))

    async def _stop(self) -> None:
        self._complete = False
        self._forget()
        bots = [name for name in self._supervisor.pids if name.startswith("bot")]
        await self._supervisor.stop(bots, seconds=BOT_STOP_SECONDS)
        await self._supervisor.stop(["slack", "platform"], seconds=OTHER_STOP_SECONDS)

    def _forget(self) -> None:
        for name in ("run.json", "env"):
            (self._home / name).unlink(missing_ok=True)

    @contextlib.asynccontextmanager
    async def _redis_server(self) -> AsyncIterator[str]:
        if self._settings.redis_url is not None:
            yield self._settings.redis_url
            return
        async with embedded_redis(self._home, started=self._redis_started) as url:
            yield url

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
        platform = (*self._programs.platform, "--port", str(self._ports.platform))
        slack = (*self._programs.slack, "--port", str(self._ports.page))
        return (
            Part("platform", (*platform, "--home", str(self._home / "platform")), env, "platform ready "),
            Part("slack", (*slack, "--home", str(self._home / "slack")), env, "slack ready "),
        )

    def _bots(self) -> tuple[Part, ...]:
        variables = self._bot_variables() | {"PYTHONUNBUFFERED": "1"}
        return tuple(
            Part(
                "bot" if n == 1 else f"bot-{n}",
                self._programs.bot,
                child_environment(variables | {"HEALTH_PORT": str(port)}),
            )
            for n, port in enumerate(self._ports.health, start=1)
        )

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


async def _all_ready(health: tuple[int, ...]) -> bool:
    """Wait until every bot is ready for work; False where one is not in time."""
    try:
        async with asyncio.timeout(BOTS_READY_SECONDS):
            for port in health:
                await _ready(port)
    except TimeoutError:
        return False
    return True


async def _ready(port: int) -> None:
    while True:
        if (await ask_health(port, page="/readyz"))[0]:
            return
        await asyncio.sleep(0.1)


def _banner(page: str, home: Path, port: int, *, all_ready: bool) -> str:
    remote = f"ssh -L {port}:{LOOPBACK}:{port} <this machine>"
    lines = [
        "",
        "  Proctor runs.",
        "",
        f"  Open     {page}",
        "  Type     /rft launch task=eurovoc      in #rft, as alice",
        "  Then     watch the card and its thread; approve a checkpoint as bob and carol",
        "",
        f"  Remote   {remote}",
        f"  Kept in  {home}   (the next run goes on from there)",
        "  Stop     Ctrl-C",
        "",
    ]
    if not all_ready:
        lines.insert(2, f"  The bot is not ready yet; {home / 'logs' / 'bot.log'} says why.")
    return "\n".join(lines)


def _print(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - this is the terminal's program


async def _main() -> int:
    task = asyncio.current_task()
    assert task is not None
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(name, task.cancel)
    try:
        settings = load_demo_settings()
        (settings.proctor_home / "logs").mkdir(parents=True, exist_ok=True)
        with (settings.proctor_home / "logs" / "demo.log").open("a") as log:
            configure_logs("console", "INFO", Redactor(), stream=log)
            await run_demo(settings, _print)
    except ConfigurationError as wrong:
        print(wrong, file=sys.stderr)  # noqa: T201 - the one line that tells what to change
        return EXIT_CONFIGURATION
    except PartFailed as failed:
        print(failed, file=sys.stderr)  # noqa: T201 - as above
        return 1
    except asyncio.CancelledError:
        _print("\n  Stopped; make demo goes on from here.")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(_main()))
