"""The work engine behind a port: due work goes in, one of the bots does it, a crash hands it on.

Docket does the work (at least once, handed to another worker when its own dies). What is submitted are short strings;
what must not happen twice is guarded by the store's leases and record versions, not by the engine.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from types import TracebackType
from typing import Final, Protocol, Self

import structlog
from docket import Docket, Worker

CONCURRENCY: Final = 50
SPARE_CONNECTIONS: Final = 30
"""Docket and its worker hold connections of their own as well as one for each running task."""
CHECK_INTERVAL: Final = timedelta(milliseconds=50)
REDELIVERY: Final = timedelta(seconds=30)
DRAIN: Final = 6.0
"""Seconds that work in hand has to finish when the bot stops."""

Work = Callable[[str, str], Awaitable[None]]
"""A kind of work: takes the subject's id and the token of the claim it was submitted under."""

log: Final = structlog.get_logger(__name__)


class UnknownWork(Exception):
    """A kind of work that this version of the program does not know; another version may."""


class Engine(Protocol):
    """Takes due work; some bot will do it."""

    async def submit(self, kind: str, subject: str, token: str) -> None:
        """Hand over one piece of work; the same kind, subject and token are done once at a time."""
        ...


class DocketEngine:
    """The engine on Docket, with an embedded worker.

    Args:
        url: the Redis URL; the engine keeps its own connections.
        kinds: what each kind of work does.
        name: namespace of the queue; tests use their own.
    """

    def __init__(self, url: str, kinds: Mapping[str, Work], *, name: str = "proctor") -> None:
        self._kinds = kinds
        self._docket = Docket(name=name, url=with_connections(url, CONCURRENCY + SPARE_CONNECTIONS))
        self._stack = AsyncExitStack()
        self._stopping = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None
        for kind, work in kinds.items():
            self._docket.register(_task(kind, work), names=[kind])

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._docket)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
        await self._stack.aclose()

    def start(self) -> None:
        """Begin to work, in this process, until `stop`."""
        self._worker = asyncio.create_task(self._work(), name="engine")

    async def stop(self) -> None:
        """Take no more work and let what is in hand finish, for a while."""
        worker, self._worker = self._worker, None
        if worker:
            self._stopping.set()
            _, unfinished = await asyncio.wait({worker}, timeout=DRAIN)
            if unfinished:
                # What is left behind is handed to another bot when its lease runs out.
                log.warning("engine.left_work_behind", seconds=DRAIN)
                worker.cancel()

    @property
    def is_working(self) -> bool:
        """True while the embedded worker runs."""
        return self._worker is not None and not self._worker.done()

    async def submit(self, kind: str, subject: str, token: str) -> None:
        """Hand over one piece of work; see `Engine.submit`.

        Raises:
            UnknownWork: this program does not know the kind; the claim lapses, and one that knows it takes it up.
        """
        if kind not in self._kinds:
            raise UnknownWork(f"{kind} {subject}")
        await self._docket.add(kind, key=f"{kind}:{subject}:{token}")(subject, token)

    async def _work(self) -> None:
        """Run the worker and start it again whenever it falls over; Redis may be away for a while."""
        while not self._stopping.is_set():
            try:
                await self._work_once()
            except Exception:  # the worker's supervisor: whatever ended it, work must go on
                log.exception("engine.restarted")
                await asyncio.sleep(1)

    async def _work_once(self) -> None:
        """Work until told to stop, or until the worker ends."""
        async with Worker(
            self._docket,
            concurrency=CONCURRENCY,
            minimum_check_interval=CHECK_INTERVAL,
            scheduling_resolution=CHECK_INTERVAL,
            redelivery_timeout=REDELIVERY,
            reconnection_delay=timedelta(seconds=1),
            fallback_task=_unknown_work,
        ) as worker:
            running = asyncio.create_task(worker.run_forever(), name="engine-worker")
            told = asyncio.create_task(self._stopping.wait(), name="engine-stop")
            await asyncio.wait({running, told}, return_when=asyncio.FIRST_COMPLETED)
            told.cancel()
            # Leaving the context asks the worker to stop. Cancelling it would not do: a read from Redis that times out
            # in the same moment swallows the cancellation, and the worker goes on.
        await running


def with_connections(url: str, connections: int) -> str:
    """Return the Redis URL with room for `connections` at once; redis-py's pool of 100 raises when it is used up."""
    return f"{url}{'&' if '?' in url else '?'}max_connections={connections}"


def _task(kind: str, work: Work) -> Work:
    async def run(subject: str, token: str) -> None:
        await work(subject, token)

    run.__name__ = kind
    return run


async def _unknown_work(subject: str, token: str) -> None:
    # Raised rather than dropped: the lease hands the work to a bot that knows it.
    raise UnknownWork(f"{subject} {token}")
