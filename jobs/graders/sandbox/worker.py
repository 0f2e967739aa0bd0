"""The grading process: locks itself in, loads its graders, then grades request after request until its parent goes.

It reads and writes lines of JSON: one for each request, one for each grader that is loaded, one for each call of a
grader, sent at once. So the parent always knows which call goes on, and nothing a grader does can hide it.
Functions are imported by name throughout this package, so that a grader that patches a module harms only itself.
"""

import gc
import os
import sys
from collections.abc import Callable
from json import dumps, loads
from marshal import dumps as freeze
from marshal import loads as thaw
from pathlib import Path
from time import perf_counter
from typing import Any, TextIO

from .confine import NotConfined, confine, die_with
from .errors import GradingError
from .python_scorer import PythonScorer
from .sample import sample_of
from .text_scorer import TextScorer

DETAIL_CHARACTERS = 1000
NICENESS = 5
"""Graders compute behind the process that started them, whose event loop must answer within seconds."""
SCORERS = {"python": PythonScorer, "string_check": TextScorer, "text_similarity": TextScorer}

Scorer = Callable[[object, object], float]


class Worker:
    """One grading process, from the inside."""

    def __init__(self, requests: TextIO, replies: TextIO) -> None:
        self._requests = requests
        self._replies = replies
        self._scorers: list[Scorer] = []
        self._is_out_of_memory = False

    def load(self, graders: list[list[str]]) -> None:
        """Make a scorer of each grader's type and arguments, running each python source once."""
        for kind, *arguments in graders:
            self._scorers.append(SCORERS[kind](*arguments))
            self.send(True)

    def serve(self) -> None:
        """Answer requests until the parent has gone or a grader ran out of memory: too little may be left of it."""
        while not self._is_out_of_memory and (request := self.receive()) is not None:
            self._grade(request["rows"], [freeze(item) for item in request["items"]])

    def receive(self) -> Any:
        """The next request; None once the parent has gone."""
        line = self._requests.readline()
        return loads(line) if line.endswith("\n") else None

    def send(self, reply: object) -> None:
        """Send one reply."""
        self._replies.write(dumps(reply, separators=(",", ":")) + "\n")
        self._replies.flush()

    def _grade(self, rows: list[tuple[str, list[dict[str, object]], int]], items: list[bytes]) -> None:
        """Call every grader for every row; each call gets copies of its own, which it may change."""
        for text, tool_calls, place in rows:
            sample, item = freeze(sample_of(text, tool_calls)), items[place]
            for scorer in self._scorers:
                self.send(self._outcome(scorer, thaw(sample), thaw(item)))  # noqa: S302  # written by this process
            if self._is_out_of_memory:
                break

    def _outcome(self, scorer: Scorer, sample: object, item: object) -> tuple[object, ...]:
        """Score and seconds; or None, seconds, kind of error, detail, and whether memory ran out."""
        started = perf_counter()
        try:
            return (scorer(sample, item), perf_counter() - started)
        except GradingError as failure:
            seconds, detail = perf_counter() - started, failure.detail[:DETAIL_CHARACTERS]
            self._is_out_of_memory |= isinstance(failure.__cause__, MemoryError)
            return (None, seconds, failure.kind, detail, self._is_out_of_memory)


def main(channel: int, parent: int) -> None:
    """Run the grading process of the process `parent`, with which it talks over the descriptor `channel`."""
    die_with(parent)
    os.nice(NICENESS)
    worker = Worker(os.fdopen(channel, encoding="ascii"), os.fdopen(channel, "w", encoding="ascii", closefd=False))
    start = worker.receive()
    try:
        confine(str(Path.cwd()), start["memory_bytes"], start["file_bytes"])
    except NotConfined as failure:
        worker.send(str(failure))
        return
    _silence()
    gc.freeze()
    worker.send(True)
    worker.load(start["graders"])
    worker.serve()


def _silence() -> None:
    """Send what graders print nowhere; until here the error stream told the parent why a start failed."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)
    sys.argv = ["grader"]
