"""One grading process, seen from its parent: started, watched, and ended when it no longer answers."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Self

from jobs.graders.grades import Item, Limits, Outcome, Outcomes, Sample
from jobs.graders.kinds import SandboxedGrader
from jobs.graders.sandbox.confine import unsupported
from jobs.graders.sandbox.errors import GraderErrorKind
from jobs.graders.scratch import excess, scratch_folder

START_SECONDS = 30.0
"""Time for a Python to start and lock itself in, before the grader's own time begins to count."""
EXIT_SECONDS = 1.0
"""Time for a process that has closed its channel to end."""
CHECK_SECONDS = 0.02
"""How often a call that takes long is checked."""
LOOK_SHARE = 0.01
"""Of the event loop's time, that looking at the scratch folder may take: a full one is looked at less often."""
REPLY_BYTES = 16 * 1024
"""The longest reply about one call."""

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


class SandboxUnavailable(Exception):
    """No grading process can be started on this machine; the text says why, for people."""


@dataclass(eq=False)
class ProcessLost(Exception):
    """The process ended, or was ended, in the middle of its work."""

    how: str
    """The rest of a sentence that starts with the grader's name."""
    grader: int
    """The place of the grader that was at work."""
    timed_out: bool = False
    by_machine: bool = False
    """Killed from outside, most likely because memory ran out: not the grader's doing."""
    is_loading: bool = False
    """While the sources were run, before any sample."""


def key_of(graders: Sequence[SandboxedGrader]) -> tuple[tuple[str, ...], ...]:
    """What makes a list of graders the same as another."""
    return tuple(grader.spec for grader in graders)


class GradingProcess:
    """A process that grades with one fixed list of graders. Made by `start`, ended by `close`."""

    def __init__(self, graders: Sequence[SandboxedGrader], limits: Limits, python: str) -> None:
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter | None = None
        self._lines: deque[bytes] = deque()
        self._partial = b""
        """The beginning of the next line."""
        self._graders = tuple(graders)
        self.key = key_of(graders)
        self._limits = limits
        self._grader = 0
        """The place of the grader whose reply is due."""
        self._is_loading = True
        self._is_reusable = True
        self._next_look = 0.0
        with contextlib.ExitStack() as stack:
            self.scratch = stack.enter_context(scratch_folder())
            self._errors = stack.enter_context(tempfile.TemporaryFile())
            self._socket, theirs = socket.socketpair()
            stack.enter_context(self._socket)
            with theirs:
                # Not in a helper thread: the kernel ends the process when the thread that started it ends.
                self._process = subprocess.Popen(
                    [python, *_ARGUMENTS, str(theirs.fileno()), str(os.getpid())],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=self._errors,
                    cwd=self.scratch,
                    env=_ENVIRONMENT,
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                )
            stack.callback(self._process.wait)
            self._resources = stack.pop_all()

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
        self._reader, self._writer = await asyncio.open_connection(sock=self._socket)
        limits = {"memory_bytes": self._limits.memory_bytes, "file_bytes": self._limits.file_bytes}
        self._send({**limits, "graders": self.key})
        try:
            reply = await self._reply(START_SECONDS)
        except ProcessLost as lost:
            why = f"a grading process could not be started: it {lost.how}{self._last_words()}"
            raise SandboxUnavailable(why) from lost
        if reply is not True:
            raise SandboxUnavailable(str(reply))
        for place in range(len(self._graders)):
            self._grader = place
            await self._reply(seconds)
        self._is_loading = False

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    async def grade(self, pairs: Sequence[tuple[Sample, Item]], seconds: float) -> AsyncIterator[Outcomes]:
        """Yield the outcomes of `pairs` in their order, as they come; fewer if memory runs out.

        Raises:
            ProcessLost: it ended, or was ended as a call took longer than `seconds`; outcomes so far count.
        """
        self._send(request(pairs))
        for _ in pairs:
            outcomes: Outcomes = {}
            for place, grader in enumerate(self._graders):
                self._grader = place
                outcomes[grader.name] = self._outcome(await self._reply(seconds))
            yield outcomes
            if not self._is_reusable:
                return

    def rest(self) -> bool:
        """Stop the process until `resume`, its threads too; returns whether it is worth keeping.

        One that ran out of memory, or that holds much on disk, is not.
        """
        self._process.send_signal(signal.SIGSTOP)
        return self._is_reusable and excess(self.pid, self.scratch, self._limits, share=0.5) is None

    def resume(self) -> None:
        """Let a process that rests go on."""
        self._process.send_signal(signal.SIGCONT)

    async def close(self) -> None:
        """End the process and remove what it leaves behind."""
        self._process.kill()
        if self._writer is not None:
            self._writer.transport.abort()
        await asyncio.to_thread(self._resources.close)

    def _send(self, message: object) -> None:
        assert self._writer is not None
        # Mappings of other types than dict are turned into it; not drained, as the reply is waited for anyway.
        self._writer.write(json.dumps(message, default=dict).encode() + b"\n")

    async def _reply(self, seconds: float) -> object:
        """The next reply; the process is ended if that takes longer than `seconds`."""
        deadline = time.monotonic() + seconds
        while not self._lines:
            self._check_disk()
            if time.monotonic() > deadline:
                raise self._lost(f"took longer than {seconds:g} s and was stopped", timed_out=True)
            is_open = True
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(CHECK_SECONDS, seconds / 4)):
                    is_open = await self._read()
            if not is_open:
                raise await self._ended()
        try:
            reply: object = json.loads(self._lines.popleft())
        except (ValueError, RecursionError):
            raise self._bad_reply() from None
        return reply

    async def _read(self) -> bool:
        """Take in what the process has sent by now, often many lines; returns whether it may send more."""
        try:
            received = await self._reader.read(REPLY_BYTES)
        except ConnectionError:
            return False
        *lines, self._partial = (self._partial + received).split(b"\n")
        self._lines.extend(lines)
        if len(self._partial) > REPLY_BYTES:
            raise self._bad_reply()
        return bool(received)

    def _outcome(self, reply: object) -> Outcome:
        match reply:
            case [float(score), float(seconds)] if isfinite(score) and isfinite(seconds):
                return Outcome(score, seconds)
            case [None, float(seconds), str(kind), str(detail), bool(is_out_of_memory)] if isfinite(seconds):
                self._is_reusable = not is_out_of_memory
                with contextlib.suppress(ValueError):
                    return Outcome(0.0, seconds, GraderErrorKind(kind), detail)
        raise self._bad_reply()

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
        return ProcessLost(how, self._grader, timed_out, by_machine, self._is_loading)

    def _bad_reply(self) -> ProcessLost:
        return self._lost("sent something other than grades")

    async def _ended(self) -> ProcessLost:
        """The channel is closed: find out how the process ended."""
        try:
            code = await asyncio.to_thread(self._process.wait, EXIT_SECONDS)
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


def request(pairs: Sequence[tuple[Sample, Item]]) -> dict[str, object]:
    """What asks for `pairs` to be graded; an item that several samples answer travels once."""
    items = {id(item): item for _, item in pairs}
    places = {key: place for place, key in enumerate(items)}
    rows = [(sample.output_text, sample.tool_calls, places[id(item)]) for sample, item in pairs]
    return {"items": list(items.values()), "rows": rows}
