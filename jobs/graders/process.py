"""One grading process, from the outside: started, watched, and ended when it no longer answers.

The process says through a shared page which call it is making, so that the call which ended or stalled it can be named.
"""

import asyncio
import contextlib
import json
import mmap
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from jobs.graders.cell import wire
from jobs.graders.cell.confine import unsupported
from jobs.graders.frames import Row, rows_of
from jobs.graders.kinds import CellGrader
from jobs.graders.quota import Quota
from jobs.graders.records import Limits
from jobs.graders.scratch import Scratch

START_SECONDS = 30.0
"""Time for a Python to start and lock itself in, before the grader's own time begins to count."""
LARGEST_REPLY = 64 * 1024**2
STALL_SECONDS = 0.02
"""A call that takes longer keeps nobody waiting: others are graded meanwhile. Shorter than a process takes to start."""
HANGING_PRIORITY = 19
"""The lowest: what others compute comes first."""

_BOOT = """
import sys
sys.path.insert(0, sys.argv[1])
from cell.program import main
del sys.path[0]
main(*map(int, sys.argv[2:]))
"""
_ARGUMENTS = ("-P", "-s", "-B", "-c", _BOOT, str(Path(__file__).parent))
"""As isolated as `-I`, which would ignore the hash seed: with a fixed one a set has one order, and grades repeat."""
_ENVIRONMENT = {"PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class Refused(Exception):
    """No grading process can be had here; the text says why, for people."""


@dataclass(eq=False)
class Lost(Exception):
    """The process ended, or was ended, in the middle of its work."""

    how: str
    """The rest of a sentence that starts with the grader's name."""
    timed_out: bool
    by_machine: bool
    """Killed from outside, most likely for want of memory: not the grader's doing."""
    row: int
    """The row being graded; `wire.LOADING` while sources were run, `wire.IDLE` between calls."""
    grader: int


class GradingProcess:
    """A process that grades with one fixed list of graders. Made by `new_process`, ended by `kill` and then `reap`."""

    def __init__(self, graders: Sequence[CellGrader], limits: Limits, python: str) -> None:
        self._graders = tuple(graders)
        self._limits = limits
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter | None = None
        self._furthest = (0, 0)
        self.hung = False
        """Whether a call has taken longer than the limits' patience; the process has lost its priority for good."""
        self.on_stall: Callable[[], None] = _nothing
        """Called, perhaps often, while a call or a source takes long."""
        with contextlib.ExitStack() as undo:
            self._scratch = Scratch()
            undo.callback(self._scratch.remove)
            self._errors: IO[bytes] = undo.enter_context(tempfile.TemporaryFile())
            self._socket, theirs = socket.socketpair()
            undo.enter_context(self._socket)
            with theirs:
                self._process = self._start(python, theirs.fileno())
            self._quota = Quota(self.pid, self._scratch.path, limits)
            undo.pop_all()

    def _start(self, python: str, channel: int) -> subprocess.Popen[bytes]:
        page = os.memfd_create("grading")
        try:
            os.ftruncate(page, wire.PAGE_BYTES)
            self._page = mmap.mmap(page, wire.PAGE_BYTES)
            wire.POSITION.pack_into(self._page, 0, wire.IDLE, 0)
            # Not in a helper thread: the kernel ends the process when the thread that started it ends.
            return subprocess.Popen(
                [python, *_ARGUMENTS, str(channel), str(page), str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                cwd=self._scratch.path,
                env=_ENVIRONMENT,
                pass_fds=(channel, page),
                start_new_session=True,
            )
        finally:
            os.close(page)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    async def prepare(self, seconds: float) -> None:
        """Locks the process in and runs the graders' sources once, each for at most `seconds`.

        Raises:
            Refused: it cannot be locked in here, or cannot be started.
            Lost: a source ended it or took too long.
        """
        self._reader, self._writer = await asyncio.open_connection(sock=self._socket)
        start: dict[str, object] = {
            "memory_bytes": self._limits.memory_bytes,
            "file_bytes": self._limits.file_bytes,
            "graders": [grader.orders for grader in self._graders],
        }
        try:
            reply = await self._ask(wire.pack(start), START_SECONDS)
        except Lost as lost:
            msg = f"a grading process could not be started: it {lost.how}{self._last_words()}"
            raise Refused(msg) from lost
        if "refused" in reply:
            raise Refused(str(reply["refused"]))
        await self._reply(seconds)

    async def grade(self, frame: bytes, seconds: float, accept: Callable[[Sequence[Row]], None]) -> bool:
        """Grades one frame of rows, handing over finished rows in order as they come.

        Args:
            frame: made by `frame_of`.
            seconds: wall time for each call of a grader.
            accept: is given each batch of finished rows.

        Returns:
            Whether the process can take another frame; if not, it stopped early and the other rows are for a new one.

        Raises:
            Lost: it ended or was ended; rows accepted so far count.
        """
        reply = await self._ask(frame, seconds)
        while True:
            accept(self._rows(reply))
            if "done" in reply or "leaving" in reply:
                return "done" in reply
            self._check_quota()
            reply = await self._reply(seconds)

    def rest(self) -> bool:
        """Stops the process between two frames, its threads too; returns whether it is worth keeping until `resume`.

        One that holds much on disk is not: the next calls would pay for it.
        """
        self._process.send_signal(signal.SIGSTOP)
        return self._quota.has_room()

    def resume(self) -> None:
        """Lets a process that rests go on."""
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """Ends the process at once; `reap` must follow."""
        if self._process.poll() is None:
            self._process.kill()
        if self._writer is not None:
            self._writer.transport.abort()
        else:
            self._socket.close()

    async def reap(self) -> None:
        """Waits for the killed process and clears away what it left."""
        await asyncio.to_thread(self._process.wait)
        if self._writer is not None:
            with contextlib.suppress(OSError):
                await self._writer.wait_closed()
        self._page.close()
        self._errors.close()
        await asyncio.to_thread(self._scratch.remove)

    async def _ask(self, frame: bytes, seconds: float) -> Mapping[str, object]:
        assert self._writer is not None
        self._furthest = (wire.LOADING - 1, 0)
        self._writer.write(frame)  # not drained: the reply is what is waited for, and a frame is small
        return await self._reply(seconds)

    async def _reply(self, seconds: float) -> Mapping[str, object]:
        """The next reply; the process is ended where it gets no further for `seconds`."""
        reading = asyncio.ensure_future(self._read())
        since = time.monotonic()
        try:
            while not reading.done():
                await asyncio.wait({reading}, timeout=max(0.01, min(STALL_SECONDS / 2, seconds / 4)))
                now, seen = time.monotonic(), self._position()
                if seen > self._furthest:
                    self._furthest, since = seen, now
                elif not reading.done() and now - since > seconds:
                    raise self._lost(f"took longer than {seconds:g} s and was stopped", timed_out=True)
                elif not reading.done() and now - since > STALL_SECONDS and seen[0] != wire.IDLE:
                    self._stall(now - since)
                if not reading.done():
                    self._check_quota()
            return reading.result()
        except (OSError, EOFError):
            raise await self._ended() from None
        except (ValueError, RecursionError):
            raise self._lost("sent something else than grades") from None
        finally:
            reading.cancel()

    async def _read(self) -> Mapping[str, object]:
        size = wire.LENGTH.unpack(await self._reader.readexactly(wire.LENGTH.size))[0]
        if size > LARGEST_REPLY:
            msg = "a reply beyond all bounds"
            raise ValueError(msg)
        reply = json.loads(await self._reader.readexactly(size))
        if not isinstance(reply, dict):
            msg = "a reply is an object"
            raise ValueError(msg)
        return reply

    def _rows(self, reply: Mapping[str, object]) -> list[Row]:
        try:
            return rows_of(reply, len(self._graders))
        except ValueError:
            raise self._lost("sent something else than grades") from None

    def _position(self) -> tuple[int, int]:
        """The row and the grader of the call being made. A grader could overwrite the page: trust it little."""
        row, grader = wire.POSITION.unpack_from(self._page)
        return row, min(max(grader, 0), len(self._graders) - 1)

    def _check_quota(self) -> None:
        wrong = self._quota.broken()
        if wrong is not None:
            raise self._lost(wrong)

    def _stall(self, seconds: float) -> None:
        self.on_stall()
        if seconds > self._limits.patience_seconds and not self.hung:
            self.hung = True
            with contextlib.suppress(OSError):  # it may have ended meanwhile
                os.setpriority(os.PRIO_PROCESS, self.pid, HANGING_PRIORITY)

    def _lost(self, how: str, *, timed_out: bool = False, by_machine: bool = False) -> Lost:
        row, grader = self._position()
        self.kill()
        return Lost(how, timed_out, by_machine, row, grader)

    async def _ended(self) -> Lost:
        """The channel is closed: looks how the process ended."""
        try:
            code = await asyncio.to_thread(self._process.wait, 1.0)
        except subprocess.TimeoutExpired:
            return self._lost("closed the channel its grades go through")
        if code == -signal.SIGKILL:
            return self._lost("was killed by the machine, most likely because memory ran out", by_machine=True)
        if code < 0:
            return self._lost(f"crashed ({signal.strsignal(-code)})")
        return self._lost(f"ended its own process (exit code {code})")

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return f": {lines[-1][:300]}" if lines else ""


def _nothing() -> None:
    """Stands where nobody wants to know of a stall."""


def new_process(graders: Sequence[CellGrader], limits: Limits, python: str = sys.executable) -> GradingProcess:
    """A process of this `python`, started and still to be prepared.

    Raises:
        Refused: this kind of machine cannot lock a grader in, or has no room for one more process.
    """
    why = unsupported()
    if why is not None:
        raise Refused(why)
    try:
        return GradingProcess(graders, limits, python)
    except OSError as failure:
        msg = f"a grading process could not be started: {failure.strerror}"
        raise Refused(msg) from failure
