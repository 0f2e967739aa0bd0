"""The grading process: locks itself in, loads its graders, then grades request after request until its parent goes."""

import fcntl
import gc
import mmap
import os
import sys
from collections.abc import Callable
from marshal import dumps as freeze
from marshal import loads as thaw
from pathlib import Path
from time import monotonic, perf_counter
from typing import Any, cast

from .confine import NotConfined, confine, die_with
from .errors import GradingError
from .protocol import IDLE, LOADING, PAGE_BYTES, POSITION, Channel
from .python_scorer import PythonScorer, sample_of
from .text_scorer import TextScorer

DETAIL_CHARACTERS = 1000
NICENESS = 5
"""Graders compute behind the process that started them, whose event loop must answer within seconds."""
SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | 0x10
"""A grader may find a descriptor of the shared page: F_SEAL_FUTURE_WRITE (0x10) and the others make it useless."""
SCORERS = {"python": PythonScorer, "string_check": TextScorer, "text_similarity": TextScorer}

Outcome = tuple[float, float] | tuple[None, float, str, str]
"""Score and seconds; or None, seconds, kind of error, detail."""


class Worker:
    """One grading process, from the inside.

    Args:
        channel: to the parent.
        page: shared memory in which the parent sees the current call.
    """

    def __init__(self, channel: Channel, page: mmap.mmap) -> None:
        self._channel = channel
        self._page = page
        self._scorers: list[Callable[[object, object], float]] = []
        self._is_out_of_memory = False

    def load(self, graders: list[list[str]]) -> None:
        """Make a scorer of each grader's type and arguments, running each python source once."""
        for place, (kind, *arguments) in enumerate(graders):
            self._mark(LOADING, place)
            self._scorers.append(SCORERS[kind](*arguments))
        self._mark(IDLE, 0)
        self._channel.send({"ready": True})

    def serve(self) -> None:
        """Answer requests until the parent has gone or a grader ran out of memory: too little may be left of it."""
        while not self._is_out_of_memory and (request := self._channel.receive()) is not None:
            self._grade(request["items"], request["rows"], request["flush_seconds"])

    def _grade(self, items: Any, rows: Any, flush_seconds: Any) -> None:
        frozen = [freeze(item) for item in items]
        done: list[list[Outcome]] = []
        sent_at = monotonic()
        for row, (text, place) in enumerate(rows):
            done.append(self._row(row, freeze(sample_of(text)), frozen[place]))
            if self._is_out_of_memory:
                break
            if monotonic() - sent_at >= flush_seconds:
                self._channel.send({"rows": done})
                done, sent_at = [], monotonic()
        self._mark(IDLE, 0)
        self._channel.send({"rows": done, "done": True})

    def _row(self, row: int, sample: bytes, item: bytes) -> list[Outcome]:
        """Every grader's outcome; each gets copies of its own, which it may change."""
        outcomes = []
        for place, scorer in enumerate(self._scorers):
            self._mark(row, place)
            outcomes.append(self._outcome(scorer, thaw(sample), thaw(item)))  # noqa: S302  # written by this process
        return outcomes

    def _outcome(self, scorer: Callable[[object, object], float], sample: object, item: object) -> Outcome:
        started = perf_counter()
        try:
            return (scorer(sample, item), perf_counter() - started)
        except GradingError as failure:
            self._is_out_of_memory |= isinstance(failure.__cause__, MemoryError)
            return (None, perf_counter() - started, failure.kind, failure.detail[:DETAIL_CHARACTERS])

    def _mark(self, row: int, grader: int) -> None:
        POSITION.pack_into(self._page, 0, row, grader)


def main(descriptor: int, page: int, parent: int) -> None:
    """Run the grading process.

    Args:
        descriptor: the socket to the parent.
        page: descriptor of the shared memory.
        parent: the parent's process id.
    """
    die_with(parent)
    os.nice(NICENESS)
    shared = mmap.mmap(page, PAGE_BYTES)
    fcntl.fcntl(page, fcntl.F_ADD_SEALS, SEALS)
    os.close(page)
    channel = Channel(descriptor)
    start = channel.receive()
    if start is None:
        return
    try:
        confine(str(Path.cwd()), cast("int", start["memory_bytes"]), cast("int", start["file_bytes"]))
    except NotConfined as failure:
        channel.send({"refused": str(failure)})
        return
    _silence()
    worker = Worker(channel, shared)
    gc.freeze()
    channel.send({"confined": True})
    worker.load(cast("list[list[str]]", start["graders"]))
    worker.serve()


def _silence() -> None:
    """Send what graders print nowhere; until here the error stream told the parent why a start failed."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)
    sys.argv = ["grader"]
