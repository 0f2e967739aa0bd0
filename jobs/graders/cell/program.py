"""The grading process: locks itself in, loads its graders, then grades frame after frame until the other side goes."""

import gc
import mmap
import os
import sys
from pathlib import Path
from time import monotonic
from typing import cast

from .confine import NotConfined, confine, die_with
from .grading import Loaded, Outcome, fresh, frozen, sample_of
from .texts import Compared
from .wire import IDLE, LOADING, PAGE_BYTES, POSITION, receive, send

FLUSH_SECONDS = 0.05
"""Results are sent at least this often, so that a call that ends the process takes few finished ones with it."""


class Cell:
    """One grading process, from the inside.

    Args:
        channel: the descriptor both sides talk over.
        page: shared memory in which the other side sees which call is being made.
    """

    def __init__(self, channel: int, page: mmap.mmap) -> None:
        self._channel = channel
        self._page = page
        self._graders: list[Loaded | Compared] = []

    def load(self, graders: list[list[str]]) -> None:
        """Runs each source once; what it raises is told for each sample.

        Args:
            graders: name and source of a python grader; name, operation, text and reference of one that compares.
        """
        for place, orders in enumerate(graders):
            self._mark(LOADING, place)
            self._graders.append(_grader(orders))
        self._mark(IDLE, 0)
        send(self._channel, {"ready": True})

    def serve(self) -> None:
        """Answers frames of items and rows until the other side has gone or memory ran out."""
        while (frame := receive(self._channel)) is not None and self._grade(frame):
            pass

    def _grade(self, frame: dict[str, object]) -> bool:
        items = [frozen(item) for item in cast("list[object]", frame["items"])]
        done: list[list[Outcome]] = []
        flushed = monotonic()
        for row, (text, place) in enumerate(cast("list[tuple[str, int]]", frame["rows"])):
            done.append(self._row(row, text, items[place]))
            if any(grader.exhausted for grader in self._graders):
                send(self._channel, {"rows": done, "leaving": True})
                return False
            if frame["careful"] or monotonic() - flushed > FLUSH_SECONDS:
                send(self._channel, {"rows": done})
                done, flushed = [], monotonic()
        self._mark(IDLE, 0)
        send(self._channel, {"rows": done, "done": True})
        return True

    def _row(self, row: int, text: str, item: bytes) -> list[Outcome]:
        self._mark(row, 0)
        sample = frozen(sample_of(text))
        outcomes: list[Outcome] = []
        for place, grader in enumerate(self._graders):
            self._mark(row, place)
            outcomes.append(grader.call(fresh(sample), fresh(item)))
        return outcomes

    def _mark(self, row: int, grader: int) -> None:
        POSITION.pack_into(self._page, 0, row, grader)


def _grader(orders: list[str]) -> Loaded | Compared:
    match orders:
        case [name, source]:
            return Loaded(name, source)
        case [name, operation, text, reference]:
            return Compared(name, operation, text, reference)
    msg = "orders of another kind of grader"
    raise ValueError(msg)


def main(channel: int, page: int, parent: int) -> None:
    """Runs the grading process; the arguments are descriptors and the parent's process id."""
    die_with(parent)
    shared = mmap.mmap(page, PAGE_BYTES)
    os.close(page)
    start = receive(channel)
    if start is None:
        return
    try:
        confine(str(Path.cwd()), cast("int", start["memory_bytes"]), cast("int", start["file_bytes"]))
    except NotConfined as failure:
        send(channel, {"refused": str(failure)})
        return
    _silence()
    cell = Cell(channel, shared)
    gc.freeze()
    send(channel, {"confined": True})
    cell.load(cast("list[list[str]]", start["graders"]))
    cell.serve()


def _silence() -> None:
    """What a grader prints goes nowhere; until here the error stream told the other side why a start failed."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)
    sys.argv = ["grader"]
