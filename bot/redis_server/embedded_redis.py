"""A Redis of our own, for where none was named: a real server process with its data under PROCTOR_HOME.

Only one process keeps the server of a folder: it holds `keeper.lock`, starts the server, starts it again when it dies
and stops it at the end. Others on the same folder use that server, and the first of them to notice takes over when its
keeper leaves. The server inherits the lock on `server.lock`, so that two servers never write the same data, not even
when the keeper was killed and its server is still on its way out.
"""

import asyncio
import contextlib
import hashlib
import os
import signal
import tempfile
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import structlog

from bot.redis_server.server_binary import ServerBinary, find_server, mark, refuse_newer_data
from bot.redis_server.subprocesses import becomes_true, lock_within, stop_processes, tethered, try_lock
from jobs.core.errors import ConfigurationError

LONGEST_SOCKET_PATH = 100
"""Bytes; the kernels allow 107 (Linux) and 103 (macOS)."""
LONGEST_PAUSE = 5.0

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """How many seconds to wait for a server.

    Args:
        leaving: to leave after its keeper was killed (measured: 1.2 to 1.4).
        loading: to read its data at the start.
        answering: to answer, where another process keeps it.
        stopping: to stop when asked to, before it is killed.
    """

    leaving: float = 5.0
    loading: float = 120.0
    answering: float = 15.0
    stopping: float = 10.0


@contextlib.asynccontextmanager
async def embedded_redis(
    home: Path,
    *,
    started: Callable[[int], None] = lambda _pid: None,
    find: Callable[[], ServerBinary] = find_server,
    patience: Patience = Patience(),
) -> AsyncIterator[str]:
    """Yield the URL of a server that keeps its data in `home`/redis and answers as long as the context lasts.

    Every write is on disk before it is answered. Enter from the main thread, to which Linux ties the server's life.

    Args:
        home: PROCTOR_HOME; made where missing.
        started: told the server's process id each time there is a new one.
        find: chooses the server program.
        patience: how long to wait for what.

    Raises:
        ConfigurationError: no server can be run on this folder.
    """
    keeper = _Keeper(home, started, find, patience)
    await keeper.ensure()
    watch = asyncio.create_task(keeper.watch(), name="embedded-redis")
    try:
        yield f"unix://{quote(str(keeper.socket))}"
    finally:
        watch.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watch
        await keeper.stop()


class _Keeper:
    """Sees to it that a server answers: the one that another process keeps, or one of our own."""

    def __init__(
        self, home: Path, started: Callable[[int], None], find: Callable[[], ServerBinary], patience: Patience
    ) -> None:
        home = home.absolute()
        self._data = home / "redis"
        self._data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._output = home / "logs" / "redis.log"
        self._output.parent.mkdir(exist_ok=True)
        self.socket = _socket(self._data)
        self._patience = patience
        self._started = started
        self._find = find
        self._lock: int | None = None
        self._server: Process | None = None
        self._adopted: int | None = None

    async def ensure(self) -> None:
        if self._lock is None:
            self._lock = try_lock(self._data / "keeper.lock")
        try:
            await (self._use_theirs() if self._lock is None else self._start_ours())
        except BaseException:
            await self.stop()
            raise

    async def watch(self) -> None:
        pause = 0.1
        while True:
            await self._gone()
            log.warning("redis_gone", folder=str(self._data), next_try_seconds=pause)
            self._server = self._adopted = None
            await asyncio.sleep(pause)
            try:
                await self.ensure()
            except ConfigurationError as failed:
                log.error("redis_not_started", reason=str(failed))
                pause = min(pause * 2, LONGEST_PAUSE)
            else:
                pause = 0.1

    async def stop(self) -> None:
        if self._server is not None:
            await stop_processes([self._server], self._patience.stopping)
            self._server = None
        if self._adopted is not None:
            os.kill(self._adopted, signal.SIGTERM)
            self._adopted = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def _gone(self) -> None:
        if self._server is not None:
            await self._server.wait()
            return
        while True:
            if not await answers(self.socket):
                return
            await asyncio.sleep(0.5)

    async def _use_theirs(self) -> None:
        if not await becomes_true(lambda: answers(self.socket), self._patience.answering):
            raise ConfigurationError(
                f"another process keeps the Redis of {self._data}, but it does not answer: stop that process, "
                "or set PROCTOR_HOME to another folder"
            )
        self._announce("redis_shared", self._pid())

    async def _start_ours(self) -> None:
        lock = await lock_within(self._data / "server.lock", self._patience.leaving)
        if lock is None:
            await self._adopt()
            return
        try:
            binary = await asyncio.to_thread(self._find)
            refuse_newer_data(self._data, binary)
            self._server = await self._spawn(binary, lock)
        finally:
            os.close(lock)  # the server has inherited it
        await self._wait_for(self._server)
        mark(self._data, binary)
        self._announce("redis_started", self._server.pid, server=str(binary))

    async def _adopt(self) -> None:
        if not await answers(self.socket):
            raise ConfigurationError(
                f"a server holds the data in {self._data} but does not answer: end process {self._pid()}"
            )
        self._adopted = self._pid()
        self._announce("redis_adopted", self._adopted)

    async def _wait_for(self, server: Process) -> None:
        async def settled() -> bool:
            return server.returncode is not None or await answers(self.socket)

        if not await becomes_true(settled, self._patience.loading, pause=0.01) or server.returncode is not None:
            lines = self._output.read_text(errors="replace").strip().splitlines() or ["it said nothing"]
            raise ConfigurationError(f"the Redis of {self._data} did not start: {lines[-1]}")

    async def _spawn(self, binary: ServerBinary, lock: int) -> Process:
        options = {
            "port": "0",
            "unixsocket": str(self.socket) if self.socket.parent != self._data else self.socket.name,
            "unixsocketperm": "700",
            "pidfile": "redis.pid",
            "daemonize": "no",
            "save": "",
            "appendonly": "yes",
            "appendfsync": "always",
            "maxmemory-policy": "noeviction",
        }
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        with self._output.open("ab") as output:
            return await asyncio.create_subprocess_exec(
                *tethered((str(binary.path), *arguments)),
                cwd=self._data,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(lock,),
                start_new_session=True,  # Ctrl-C is for the keeper, which stops the server last
            )

    def _announce(self, event: str, pid: int, **more: str) -> None:
        log.info(event, folder=str(self._data), pid=pid, **more)
        self._started(pid)

    def _pid(self) -> int:
        return int((self._data / "redis.pid").read_text())


async def answers(socket: Path) -> bool:
    """Tell whether a server answers PING on a unix socket within a second."""
    try:
        async with asyncio.timeout(1):
            reader, writer = await asyncio.open_unix_connection(socket)
            try:
                writer.write(b"PING\r\n")
                return await reader.readline() == b"+PONG\r\n"
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False


def _socket(data: Path) -> Path:
    """Return where the server of `data` listens: there, or where that path is too long, in a short private folder."""
    socket = data / "redis.sock"
    if len(os.fsencode(socket)) <= LONGEST_SOCKET_PATH:
        return socket
    digest = hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"proctor-{os.getuid()}-{digest}"
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if status.st_uid != os.getuid() or status.st_mode & 0o170777 != 0o040700:  # a folder, and nobody else's
        raise ConfigurationError(f"{folder} is not a private folder of this user: remove it, or shorten PROCTOR_HOME")
    return folder / "redis.sock"
