"""Warm drawing processes: a picture costs the event loop nothing, and one that hangs or crashes costs only itself."""

import asyncio
import logging
import pickle
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from charts.protocol import ASK, DONE, HEADER, frame
from charts.values import Chart, Theme

ROOT = Path(__file__).parent.parent
WORKER = (sys.executable, "-m", "charts.worker")

log = logging.getLogger(__name__)


class ChartFailed(Exception):
    """There is no picture; say its numbers in words instead (`describe`). The text is for the log."""


class ChartPool:
    """Draws charts in child processes; use it as an async context manager, around everything that draws.

    Args:
        workers: how many pictures are drawn at the same time.
        render_timeout: seconds one picture may take once its turn has come.
        start_timeout: seconds a process may take to become warm (the first start on a machine builds a font cache).
        renders_per_worker: pictures after which a process is replaced.
        command: the program that draws; it speaks `charts.protocol` on stdin and stdout.
    """

    def __init__(
        self,
        *,
        workers: int = 1,
        render_timeout: float = 10.0,
        start_timeout: float = 60.0,
        renders_per_worker: int = 1000,
        command: Sequence[str] = WORKER,
    ) -> None:
        self._render_timeout = render_timeout
        self._workers = [_Worker(command, start_timeout, renders_per_worker) for _ in range(workers)]
        self._idle: asyncio.Queue[_Worker] = asyncio.Queue()
        self._starts: set[asyncio.Task[None]] = set()
        self._open = False

    async def __aenter__(self) -> Self:
        """Take pictures on; a process starts with its first one, or with `warm_up`."""
        self._open = True
        for worker in self._workers:
            self._idle.put_nowait(worker)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End every process, in mid-picture if need be; whoever still waits for a picture gets `ChartFailed`."""
        self._open = False
        for start in self._starts:
            start.cancel()
        await asyncio.gather(*self._starts, return_exceptions=True)
        await asyncio.gather(*(worker.stop() for worker in self._workers))
        for worker in self._workers:
            self._welcome(worker)

    def warm_up(self) -> None:
        """Begin to start the processes that have nothing to do yet, without waiting for them."""
        for _ in range(self._idle.qsize()):
            self._welcome(self._idle.get_nowait())

    @property
    def pids(self) -> tuple[int, ...]:
        """The ids of the processes that are alive now."""
        return tuple(worker.process.pid for worker in self._workers if worker.process and worker.alive)

    async def render(self, chart: Chart, theme: Theme = "light") -> bytes:
        """Return `chart` as a PNG, 1000 pixels wide.

        Pictures wait for their turn; a cancelled one frees its place.

        Raises:
            ChartFailed: it took longer than `render_timeout`, its process died, it cannot be drawn, or the pool is
                not open. An open pool goes on with the next picture.
        """
        request = frame(ASK, pickle.dumps((chart, theme)))
        worker = await self._turn()
        try:
            if not self._open:
                raise ChartFailed("the chart pool was closed")
            return await worker.draw(request, self._render_timeout)
        finally:
            if not self._open:
                await worker.stop()  # it may have been started while the pool was closed
            self._welcome(worker)

    async def _turn(self) -> "_Worker":
        if not self._open:
            raise ChartFailed("the chart pool is not open")
        return await self._idle.get()

    def _welcome(self, worker: "_Worker") -> None:
        """Put `worker` back in the queue, at once if it is well, and warm again if it is not."""
        if worker.alive or not self._open:
            self._idle.put_nowait(worker)
            return
        start = asyncio.create_task(self._warm(worker))
        self._starts.add(start)
        start.add_done_callback(self._starts.discard)

    async def _warm(self, worker: "_Worker") -> None:
        try:
            await worker.start()
        except ChartFailed as failure:
            log.warning("chart process did not start, trying again with the next picture: %s", failure)
        self._idle.put_nowait(worker)


class _Worker:
    """One place in the pool, and the process that fills it at present."""

    def __init__(self, command: Sequence[str], start_timeout: float, renders: int) -> None:
        self.process: Process | None = None
        self._command = command
        self._start_timeout = start_timeout
        self._renders = renders
        self._drawn = 0

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.returncode is None and self._drawn < self._renders

    async def start(self) -> None:
        """Replace the process by a fresh one and wait until it is warm."""
        await self.stop()
        self._drawn = 0
        try:
            self.process = await asyncio.create_subprocess_exec(*self._command, cwd=ROOT, stdin=PIPE, stdout=PIPE)
        except OSError as error:
            raise ChartFailed(f"cannot start a chart process: {error}") from error
        await self._exchange(b"", self._start_timeout)

    async def draw(self, request: bytes, timeout: float) -> bytes:
        if not self.alive:
            await self.start()
        self._drawn += 1
        return await self._exchange(request, timeout)

    async def stop(self) -> None:
        """End the process and wait for its end."""
        if self.process is None:
            return
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()

    async def _exchange(self, request: bytes, timeout: float) -> bytes:
        """Send `request`, return the body of the answer; a process that did not answer properly is ended."""
        assert self.process is not None
        try:
            async with asyncio.timeout(timeout):
                kind, body = await self._ask(self.process, request)
        except TimeoutError:
            await self.stop()
            raise ChartFailed(f"no picture after {timeout:g} s") from None
        except (EOFError, ConnectionError) as error:
            with suppress(TimeoutError):  # a kill now would hide its own exit code (before Python 3.12)
                await asyncio.wait_for(self.process.wait(), 1.0)
            await self.stop()
            raise ChartFailed(f"the chart process ended (exit code {self.process.returncode})") from error
        except asyncio.CancelledError:
            self._drawn = self._renders  # spent: its answer would be taken for the next picture's
            raise
        if kind != DONE:
            raise ChartFailed(body.decode(errors="replace"))
        return body

    async def _ask(self, process: Process, request: bytes) -> tuple[bytes, bytes]:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(request)
        await process.stdin.drain()
        kind, length = HEADER.unpack(await process.stdout.readexactly(HEADER.size))
        return kind, await process.stdout.readexactly(length)
