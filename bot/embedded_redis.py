"""A Redis of our own, for where none was named: a real server process with its data under PROCTOR_HOME.

Only one process keeps the server of a folder: it holds `keeper.lock`, starts the server, starts it again when it dies
and stops it at the end. Others on the same folder use that server, and the first of them to notice takes over when its
keeper leaves. The server inherits the lock on `server.lock`, so that two servers never write the same data, not even
when the keeper was killed and its server is still on its way out.
"""

import asyncio
import contextlib
import fcntl
import hashlib
import os
import signal
import tempfile
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import structlog

from bot.children import tethered
from bot.server_binary import ServerBinary, find_server, mark, refuse_newer_data
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


@dataclass(frozen=True, slots=True)
class Place:
    """Where the server of one PROCTOR_HOME keeps its things."""

    data: Path
    socket: Path
    log: Path

    @property
    def url(self) -> str:
        """The address as redis.asyncio reads it."""
        return f"unix://{quote(str(self.socket))}"


@contextlib.asynccontextmanager
async def embedded_redis(
    home: Path,
    *,
    started: Callable[[int], None] | None = None,
    find: Callable[[], ServerBinary] = find_server,
    patience: Patience | None = None,
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
    keeper = _Keeper(_prepare(home), started or (lambda _pid: None), find, patience or Patience())
    await keeper.ensure()
    watch = asyncio.create_task(keeper.watch(), name="embedded-redis")
    try:
        yield keeper.place.url
    finally:
        watch.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watch
        await keeper.stop()


class _Keeper:
    """Has a server answering: the one that another process keeps, or one of our own."""

    def __init__(
        self, place: Place, started: Callable[[int], None], find: Callable[[], ServerBinary], patience: Patience
    ) -> None:
        self.place = place
        self._patience = patience
        self._started = started
        self._find = find
        self._lock: int | None = None
        self._server: Process | None = None
        self._adopted: int | None = None

    async def ensure(self) -> None:
        if self._lock is None:
            self._lock = _try_lock(self.place.data / "keeper.lock")
        try:
            await (self._use_theirs() if self._lock is None else self._start_ours())
        except BaseException:
            await self.stop()
            raise

    async def watch(self) -> None:
        pause = 0.1
        while True:
            await self._gone()
            log.warning("redis_gone", folder=str(self.place.data), next_try_seconds=pause)
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
            await _stop(self._server, self._patience.stopping)
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
            if not await answers(self.place.socket):
                return
            await asyncio.sleep(0.5)

    async def _use_theirs(self) -> None:
        if not await _in_time(lambda: answers(self.place.socket), self._patience.answering):
            raise ConfigurationError(
                f"another process keeps the Redis of {self.place.data}, but it does not answer: stop that process, "
                "or set PROCTOR_HOME to another folder"
            )
        pid = _pid(self.place)
        log.info("redis_shared", folder=str(self.place.data), pid=pid)
        self._started(pid)

    async def _start_ours(self) -> None:
        lock = await _lock_in_time(self.place.data / "server.lock", self._patience.leaving)
        if lock is None:
            await self._adopt()
            return
        try:
            binary = await asyncio.to_thread(self._find)
            refuse_newer_data(self.place.data, binary)
            self._server = await _spawn(binary, self.place, lock)
        finally:
            os.close(lock)  # the server has inherited it
        await self._wait_for_ours(self._server)
        mark(self.place.data, binary)
        log.info("redis_started", server=str(binary), folder=str(self.place.data), pid=self._server.pid)
        self._started(self._server.pid)

    async def _adopt(self) -> None:
        if not await answers(self.place.socket):
            raise ConfigurationError(
                f"a server holds the data in {self.place.data} but does not answer: end process {_pid(self.place)}"
            )
        self._adopted = _pid(self.place)
        log.info("redis_adopted", folder=str(self.place.data), pid=self._adopted)
        self._started(self._adopted)

    async def _wait_for_ours(self, server: Process) -> None:
        async def settled() -> bool:
            return server.returncode is not None or await answers(self.place.socket)

        if not await _in_time(settled, self._patience.loading) or server.returncode is not None:
            raise ConfigurationError(f"the Redis of {self.place.data} did not start: {_last_line(self.place.log)}")


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


def _prepare(home: Path) -> Place:
    home = home.absolute()
    data = home / "redis"
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    logs = home / "logs"
    logs.mkdir(exist_ok=True)
    socket = data / "redis.sock"
    if len(os.fsencode(socket)) > LONGEST_SOCKET_PATH:
        socket = _private_folder(data) / "redis.sock"
    return Place(data, socket, logs / "redis.log")


def _private_folder(data: Path) -> Path:
    """Return a short folder that only this user can enter, the same one each time for the same data."""
    digest = hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"proctor-{os.getuid()}-{digest}"
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if status.st_uid != os.getuid() or status.st_mode & 0o170777 != 0o040700:  # a folder, and nobody else's
        raise ConfigurationError(f"{folder} is not a private folder of this user: remove it, or shorten PROCTOR_HOME")
    return folder


def _try_lock(path: Path) -> int | None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


async def _in_time(settled: Callable[[], Awaitable[bool]], seconds: float) -> bool:
    """Ask until it is so, or the time is over; another process cannot set an event of ours."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        if await settled():
            return True
        if asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.sleep(0.01)


async def _lock_in_time(path: Path, seconds: float) -> int | None:
    lock: int | None = None

    async def locked() -> bool:
        nonlocal lock
        lock = _try_lock(path)
        return lock is not None

    await _in_time(locked, seconds)
    return lock


async def _spawn(binary: ServerBinary, place: Place, lock: int) -> Process:
    options = {
        "port": "0",
        "unixsocket": str(place.socket) if place.socket.parent != place.data else place.socket.name,
        "unixsocketperm": "700",
        "pidfile": "redis.pid",
        "daemonize": "no",
        "save": "",
        "appendonly": "yes",
        "appendfsync": "always",
        "maxmemory-policy": "noeviction",
    }
    arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
    with place.log.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            *tethered((str(binary.path), *arguments)),
            cwd=place.data,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=(lock,),
            start_new_session=True,  # Ctrl-C is for the keeper, which stops the server last
        )


async def _stop(server: Process, seconds: float) -> None:
    if server.returncode is None:
        server.terminate()
    try:
        async with asyncio.timeout(seconds):
            await server.wait()
    except TimeoutError:
        server.kill()
        await server.wait()


def _pid(place: Place) -> int:
    return int((place.data / "redis.pid").read_text())


def _last_line(path: Path) -> str:
    lines = path.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
