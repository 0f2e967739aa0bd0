"""One grading process, seen from its parent: started, watched, and ended when it no longer answers.

The process says through a shared page which call it is making, so that a call which ends or stalls it can be named.
Whatever it says is checked: a grader can write to the page and to the channel as well.
"""

import asyncio
import contextlib
import mmap
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Self

from jobs.graders.grades import Item, Limits, Outcome, Outcomes, Sample, plain
from jobs.graders.kinds import SandboxedGrader
from jobs.graders.sandbox import protocol
from jobs.graders.sandbox.confine import unsupported
from jobs.graders.sandbox.errors import GraderErrorKind
from jobs.graders.scratch import excess, scratch_folder

START_SECONDS = 30.0
"""Time for a Python to start and lock itself in, before the grader's own time begins to count."""
CHECK_SECONDS = 0.02
"""How often a process at work is checked."""
FLUSH_SECONDS = 0.05
"""How often a process sends what it has graded."""
LOOK_SHARE = 0.01
"""Of the event loop's time, that looking at the scratch folder may take: a full one is looked at less often."""
GRACE_SECONDS = 1.0
"""For sending a reply, and for a process that has closed its channel to end."""
REPLY_BYTES, SCORE_BYTES = 64 * 1024, 4 * 1024
"""The largest reply: so much, and so much for each score in it."""

_BOOT = """
import sys
sys.path.insert(0, sys.argv[1])
from sandbox.worker import main
del sys.path[0]
main(*map(int, sys.argv[2:]))
"""
_ARGUMENTS = ("-P", "-s", "-B", "-c", _BOOT, str(Path(__file__).parent))
"""As isolated as `-I`, which would ignore the hash seed: with a fixed one a set has one order, and grades repeat."""
_ENVIRONMENT = {"PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
_BAD_REPLY = "sent something other than grades"


class SandboxUnavailable(Exception):
    """No grading process can be started on this machine; the text says why, for people."""


@dataclass(eq=False)
class ProcessLost(Exception):
    """The process ended, or was ended, in the middle of its work."""

    how: str
    """The rest of a sentence that starts with the grader's name."""
    row: int
    """The row being graded; `LOADING` while sources were run, `IDLE` between calls."""
    grader: int
    timed_out: bool = False
    by_machine: bool = False
    """Killed from outside, most likely because memory ran out: not the grader's doing."""


class GradingProcess:
    """A process that grades with one fixed list of graders. Made by `start`, ended by `close`."""

    def __init__(self, graders: Sequence[SandboxedGrader], limits: Limits, python: str) -> None:
        self._graders = tuple(graders)
        self._limits = limits
        self._unanswered = 0
        """Rows of the request that have no reply yet."""
        self._next_look = 0.0
        with contextlib.ExitStack() as stack:
            self.scratch = stack.enter_context(scratch_folder())
            self._errors = stack.enter_context(tempfile.TemporaryFile())
            self._socket, theirs = socket.socketpair()
            stack.enter_context(self._socket)
            self._socket.setblocking(False)
            with theirs:
                self._process = self._popen(python, theirs.fileno())
            stack.enter_context(self._page)
            self._resources = stack.pop_all()

    def _popen(self, python: str, channel: int) -> subprocess.Popen[bytes]:
        page = os.memfd_create("grading", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.ftruncate(page, protocol.PAGE_BYTES)
            self._page = mmap.mmap(page, protocol.PAGE_BYTES)
            protocol.POSITION.pack_into(self._page, 0, protocol.IDLE, 0)
            # Not in a helper thread: the kernel ends the process when the thread that started it ends.
            return subprocess.Popen(
                [python, *_ARGUMENTS, str(channel), str(page), str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                cwd=self.scratch,
                env=_ENVIRONMENT,
                pass_fds=(channel, page),
                start_new_session=True,
            )
        finally:
            os.close(page)

    @classmethod
    async def start(
        cls, graders: Sequence[SandboxedGrader], limits: Limits, seconds: float, python: str = sys.executable
    ) -> Self:
        """A process that is locked in and has run the graders' sources once, each for at most `seconds`.

        Raises:
            SandboxUnavailable: this machine cannot lock a grader in, or cannot start one more process.
            ProcessLost: a source ended the process or took too long.
        """
        why = unsupported()
        if why is not None:
            raise SandboxUnavailable(why)
        try:
            process = cls(graders, limits, python)
        except OSError as failure:
            raise SandboxUnavailable(f"a grading process could not be started: {failure.strerror}") from failure
        try:
            await process._load(seconds)
        except BaseException:
            await process.close()
            raise
        return process

    async def _load(self, seconds: float) -> None:
        start: dict[str, object] = {
            "memory_bytes": self._limits.memory_bytes,
            "file_bytes": self._limits.file_bytes,
            "graders": [grader.spec for grader in self._graders],
        }
        try:
            reply = await self._reply(START_SECONDS, protocol.pack(start))
        except ProcessLost as lost:
            why = f"a grading process could not be started: it {lost.how}{self._last_words()}"
            raise SandboxUnavailable(why) from lost
        if "refused" in reply:
            raise SandboxUnavailable(str(reply["refused"]))
        await self._reply(seconds)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    async def grade(
        self, pairs: Sequence[tuple[Sample, Item]], seconds: float, *, careful: bool = False
    ) -> AsyncIterator[list[Outcomes]]:
        """Yield the outcomes of `pairs` in their order, as they come.

        They may end early, when too little memory is left for more.

        Args:
            pairs: samples, each with the item it answers.
            seconds: wall time for each call of a grader.
            careful: send each row at once, so that a call which ends the process loses no finished one.

        Raises:
            ProcessLost: the process ended or was ended; outcomes so far count.
        """
        self._unanswered = len(pairs)
        reply = await self._reply(seconds, request_frame(pairs, 0.0 if careful else FLUSH_SECONDS))
        yield self._outcomes(reply)
        while "done" not in reply:
            reply = await self._reply(seconds)
            yield self._outcomes(reply)

    def rest(self) -> bool:
        """Stop the process until `resume`, its threads too; returns whether it is worth keeping.

        One that did not answer everything, or that holds much on disk, is not.
        """
        self._process.send_signal(signal.SIGSTOP)
        return self._unanswered == 0 and excess(self.pid, self.scratch, self._limits, share=0.5) is None

    def resume(self) -> None:
        """Let a process that rests go on."""
        self._process.send_signal(signal.SIGCONT)

    async def close(self) -> None:
        """End the process and remove what it leaves behind."""
        self._process.kill()
        await asyncio.to_thread(self._clear)

    def _clear(self) -> None:
        self._process.wait()
        self._resources.close()

    async def _reply(self, seconds: float, request: bytes = b"") -> Mapping[str, object]:
        """Send a request, if any, and return the next reply, which has a deadline in all and one for each call."""
        exchange = asyncio.ensure_future(self._exchange(request))
        started = since = time.monotonic()
        position = self._position()
        try:
            while not exchange.done():
                await asyncio.wait({exchange}, timeout=min(CHECK_SECONDS, seconds / 4))
                now, before, position = time.monotonic(), position, self._position()
                since = now if position != before else since
                if exchange.done():
                    break
                if now - since > seconds or now - started > seconds * len(self._graders) + GRACE_SECONDS:
                    raise self._lost(f"took longer than {seconds:g} s and was stopped", timed_out=True)
                self._check_disk()
            return exchange.result()
        except (OSError, EOFError):
            raise await self._ended() from None
        except (ValueError, RecursionError):
            raise self._lost(_BAD_REPLY) from None
        finally:
            exchange.cancel()
            asyncio.get_running_loop().remove_reader(self._socket)  # now: the descriptor may soon be another's
            asyncio.get_running_loop().remove_writer(self._socket)

    async def _exchange(self, request: bytes) -> Mapping[str, object]:
        await asyncio.get_running_loop().sock_sendall(self._socket, request)
        size = protocol.LENGTH.unpack(await self._receive(protocol.LENGTH.size))[0]
        if size > REPLY_BYTES + SCORE_BYTES * self._unanswered * len(self._graders):
            raise ValueError(_BAD_REPLY)
        reply = protocol.unpack(await self._receive(size))
        if not isinstance(reply, dict):
            raise ValueError(_BAD_REPLY)  # whatever a grader sends is a value of its own
        return reply

    async def _receive(self, size: int) -> bytes:
        received = bytearray()
        while len(received) < size:
            part = await asyncio.get_running_loop().sock_recv(self._socket, size - len(received))
            if not part:
                raise EOFError
            received += part
        return bytes(received)

    def _outcomes(self, reply: Mapping[str, object]) -> list[Outcomes]:
        try:
            rows = parse_rows(reply.get("rows"), self._graders)
        except ValueError:
            raise self._lost(_BAD_REPLY) from None
        if len(rows) > self._unanswered or not (rows or "done" in reply):
            raise self._lost(_BAD_REPLY)
        self._check_disk()
        self._unanswered -= len(rows)
        return rows

    def _position(self) -> tuple[int, int]:
        """The row and the grader of the current call."""
        row, grader = protocol.POSITION.unpack_from(self._page)
        return row, min(max(grader, 0), len(self._graders) - 1)

    def _check_disk(self) -> None:
        started = time.monotonic()
        if started < self._next_look:
            return
        wrong = excess(self.pid, self.scratch, self._limits)
        self._next_look = started + (time.monotonic() - started) / LOOK_SHARE
        if wrong is not None:
            raise self._lost(wrong)

    def _lost(self, how: str, *, timed_out: bool = False, by_machine: bool = False) -> ProcessLost:
        self._process.kill()
        return ProcessLost(how, *self._position(), timed_out, by_machine)

    async def _ended(self) -> ProcessLost:
        """The channel is closed: find out how the process ended."""
        try:
            code = await asyncio.to_thread(self._process.wait, GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            return self._lost("closed the channel its grades go through")
        if code == -signal.SIGKILL:
            return self._lost("was killed by the machine, most likely because memory ran out", by_machine=True)
        ended = f"crashed ({signal.strsignal(-code)})" if code < 0 else f"ended its own process (exit code {code})"
        return self._lost(ended)

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return f": {lines[-1][:300]}" if lines else ""


def request_frame(pairs: Sequence[tuple[Sample, Item]], flush_seconds: float) -> bytes:
    """The frame that asks for `pairs` to be graded; an item that several samples answer travels once."""
    items = {id(item): item for _, item in pairs}
    places = {key: place for place, key in enumerate(items)}
    rows = [(sample.output_text, places[id(item)]) for sample, item in pairs]
    return protocol.pack(
        {"items": [plain(item) for item in items.values()], "rows": rows, "flush_seconds": flush_seconds}
    )


def parse_rows(rows: object, graders: Sequence[SandboxedGrader]) -> list[Outcomes]:
    """The rows of a reply, each with one outcome for each of `graders`.

    Raises:
        ValueError: the reply has another shape.
    """
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise ValueError(_BAD_REPLY)
    names = [grader.name for grader in graders]
    return [dict(zip(names, map(_outcome, row), strict=True)) for row in rows]


def _outcome(cells: object) -> Outcome:
    match cells:
        case [float(score), float(seconds)] if isfinite(score) and isfinite(seconds):
            return Outcome(score, seconds)
        case [None, float(seconds), str(kind), str(detail)] if isfinite(seconds):
            return Outcome(0.0, seconds, GraderErrorKind(kind), detail)
    raise ValueError(_BAD_REPLY)
