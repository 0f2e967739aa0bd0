"""Keeps child processes running, as a container platform would: a part that dies is started again."""

import asyncio
import signal
from asyncio.subprocess import Process
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.redis_server.subprocesses import becomes_true, stop_processes, tethered
from bot.settings import EXIT_CONFIGURATION

MOST_QUICK_DEATHS = 5
HEALTHY_SECONDS = 20.0
"""A part that lived this long has not died quickly."""
LONGEST_PAUSE = 5.0
LARGEST_LOG = 5_000_000
"""Bytes; a log that is longer when its part starts is put aside."""


@dataclass(frozen=True, slots=True)
class Part:
    """A program to keep running.

    Args:
        name: names it to people, and its log file.
        argv: absolute path of the program, and its arguments.
        env: its whole environment.
        announces: start of the line it prints once it is ready; None where it prints none.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    announces: str | None = None


class PartFailed(Exception):
    """A part cannot be kept running; its text is for the person at the terminal and ends with the part's last lines."""


@dataclass(slots=True)
class Supervisor:
    """Starts parts, starts them again when they die, and stops them.

    Args:
        logs: folder for <part>.log.
        say: told in a sentence what happened to a part.
        changed: called each time a part has a new process.
        inherit: file descriptors that every part holds open as long as it lives.
        ready_seconds: how long a part may take to announce itself.
        first_pause: seconds before a part is started again; doubled with each quick death.
    """

    logs: Path
    say: Callable[[str], None]
    changed: Callable[[], None]
    inherit: Sequence[int] = ()
    ready_seconds: float = 60.0
    first_pause: float = 0.05
    _processes: dict[str, Process] = field(default_factory=dict, init=False)
    _keepers: dict[str, asyncio.Task[None]] = field(default_factory=dict, init=False)
    _failed: asyncio.Future[str] = field(default_factory=asyncio.Future, init=False)

    @property
    def pids(self) -> dict[str, int]:
        """The process id of each part, by name."""
        return {name: process.pid for name, process in self._processes.items()}

    async def start(self, part: Part) -> None:
        """Start a part and return once it has announced itself.

        Raises:
            PartFailed: it dies again and again, or does not get ready in time.
        """
        log = self.logs / f"{part.name}.log"
        if _size(log) > LARGEST_LOG:
            log.replace(log.with_suffix(".log.1"))
        before = _size(log)
        self._keepers[part.name] = asyncio.create_task(self._keep(part, log), name=f"keep-{part.name}")

        async def settled() -> bool:
            return self._failed.done() or (part.name in self._processes and _announced(part, log, before))

        in_time = await becomes_true(settled, self.ready_seconds)
        if self._failed.done():
            raise PartFailed(self._failed.result())
        if not in_time:
            last = _last_lines(log, before)
            raise PartFailed(f"{part.name} did not get ready in {self.ready_seconds:g} s.\n{last}")

    async def failure(self) -> str:
        """Wait until a part cannot be kept running; return the sentence that says so."""
        return await asyncio.shield(self._failed)

    async def stop(self, names: Sequence[str], *, seconds: float) -> None:
        """End these parts: ask, wait up to `seconds` for all of them together, then kill."""
        for name in names:
            if keeper := self._keepers.pop(name, None):
                keeper.cancel()
                await asyncio.wait([keeper])
        await stop_processes([self._processes.pop(name) for name in names if name in self._processes], seconds)

    async def _keep(self, part: Part, log: Path) -> None:
        loop = asyncio.get_running_loop()
        quick_deaths = 0
        while True:
            before, started = _size(log), loop.time()
            process = self._processes[part.name] = await self._spawn(part, log)
            self.changed()
            code = await process.wait()
            lived = _ended_from_outside(code) or loop.time() - started > HEALTHY_SECONDS
            quick_deaths = 0 if lived else quick_deaths + 1
            if code == EXIT_CONFIGURATION or quick_deaths > MOST_QUICK_DEATHS:
                self._give_up(f"{part.name} cannot run: it {_how(code)}.\n{_last_lines(log, before)}")
                return
            self.say(f"{part.name} {_how(code)}; starting it again")
            await asyncio.sleep(min(self.first_pause * 2**quick_deaths, LONGEST_PAUSE))

    async def _spawn(self, part: Part, log: Path) -> Process:
        with log.open("ab") as output:
            return await asyncio.create_subprocess_exec(
                *tethered(part.argv),
                env=part.env,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=self.inherit,
                start_new_session=True,  # Ctrl-C is for the supervisor, which stops its parts in order
            )

    def _give_up(self, sentence: str) -> None:
        if not self._failed.done():
            self._failed.set_result(sentence)


def _ended_from_outside(code: int) -> bool:
    """Tell whether a part was ended: a part that ends in order, with 0, does so only because it was told to."""
    return code in (0, -signal.SIGKILL, -signal.SIGTERM)


def _how(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


def _size(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0


def _lines(log: Path, before: int) -> list[str]:
    """Return what a part said since its log had `before` bytes."""
    if not log.exists():
        return []
    with log.open("rb") as file:
        file.seek(before)
        return file.read().decode(errors="replace").splitlines()


def _announced(part: Part, log: Path, before: int) -> bool:
    return part.announces is None or any(line.startswith(part.announces) for line in _lines(log, before))


def _last_lines(log: Path, before: int) -> str:
    """Return the end of what a part said since `before`, and where the rest is."""
    lines = _lines(log, before)[-12:] or ["(it said nothing)"]
    return "\n".join("  " + line for line in lines) + f"\n  (from {log})"
