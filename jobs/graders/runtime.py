"""Grades batches of samples in a pool of grading processes.

A process serves one list of graders and no other, so no grader can meddle with another's; a few idle ones are kept for
the next batch. A call that ends or stalls its process costs that sample its grade; the rest goes on in a new process.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from jobs.graders.cell import wire
from jobs.graders.definitions import Grader, MultiGrader, PythonGrader
from jobs.graders.formula import FormulaError
from jobs.graders.frames import Outcome, Row, frame_of
from jobs.graders.process import GradingProcess, Lost, Refused, new_process
from jobs.graders.records import Grade, GraderErrorKind, Limits, Sample
from jobs.graders.scratch import sweep

CHUNK = 256
"""Samples that go to a process at once; between chunks the event loop breathes."""
SPARE_PROCESSES = 3
"""Idle processes kept beyond the number of workers, for graders that take turns."""

RUNTIME_ERROR = GraderErrorKind.PYTHON_GRADER_RUNTIME_ERROR
SERVER_ERROR = GraderErrorKind.PYTHON_GRADER_SERVER_ERROR

Item = Mapping[str, object]
_Key = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class _Batch:
    """One call of `grade` on its way: what is known by now, and what it has cost."""

    parts: tuple[PythonGrader, ...]
    pairs: Sequence[tuple[Sample, Item]]
    seconds: float
    rows: list[Row | None] = field(default_factory=list)
    timeouts: int = 0
    crashes: int = 0
    given_up: Row | None = None
    """Once set, what every sample without a grade gets."""

    def blame(self, lost: Lost) -> Row:
        """The outcomes of a sample whose grading lost the process: known for the grader at fault only."""
        name = self.parts[lost.grader].name
        kind = (
            GraderErrorKind.PYTHON_GRADER_SERVER_ERROR
            if lost.by_machine
            else GraderErrorKind.PYTHON_GRADER_RUNTIME_ERROR
        )
        spent = self.seconds if lost.timed_out else 0.0
        guilty = Outcome(0.0, spent, kind, f"{name} {lost.how}", stopped=True)
        return [guilty if place == lost.grader else _UNKNOWN for place in range(len(self.parts))]

    def give_up(self, kind: GraderErrorKind, why: str) -> None:
        """Everything not graded by now gets this error, for every grader."""
        self.given_up = [Outcome(0.0, 0.0, kind, why)] * len(self.parts)


_UNKNOWN = Outcome(0.0, -1.0)
"""Stands for a grader that was not asked."""


class GraderRuntime:
    """Runs graders; an async context manager.

    Args:
        workers: grading processes at work at the same time.
        limits: what a python grader may use.
    """

    def __init__(self, workers: int = 1, limits: Limits = Limits()) -> None:  # noqa: B008  # frozen: one default for all is safe
        self.limits = limits
        self._workers = workers
        self._slots = asyncio.Semaphore(workers)
        self._idle: OrderedDict[GradingProcess, _Key] = OrderedDict()
        self._ending: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(sweep)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._idle:
            self._retire(self._idle.popitem()[0])
        while self._ending:
            await asyncio.wait(self._ending)

    async def grade(
        self, grader: Grader, batch: Sequence[tuple[Sample, Item]], seconds: float | None = None
    ) -> list[Grade]:
        """One grade for each sample of `batch`, in its order; a grader that fails is an error in its grade.

        Args:
            grader: what to grade with.
            batch: samples, each with the dataset item it answers (made of JSON's types).
            seconds: wall time for each call, where it should differ from the runtime's limits.
        """
        work = _Batch(grader.parts, batch, seconds or self.limits.seconds, [None] * len(batch))
        async with asyncio.TaskGroup() as chunks:
            for chunk in self._chunks(len(batch)):
                chunks.create_task(self._grade_chunk(work, chunk))
        return [_grade(grader, row) for row in work.rows if row is not None]

    def _chunks(self, count: int) -> Iterator[list[int]]:
        size = max(1, min(CHUNK, -(-count // self._workers)))
        return (list(range(start, min(start + size, count))) for start in range(0, count, size))

    async def _grade_chunk(self, work: _Batch, pending: list[int]) -> None:
        """Grades what is pending, in one process after another for as long as that gets anywhere."""
        losses = 0
        while pending and work.given_up is None:
            async with self._slots:
                try:
                    await self._run(work, pending, careful=losses > 0)
                except Refused as refused:
                    work.give_up(SERVER_ERROR, str(refused))
                except Lost as lost:
                    self._settle_loss(work, pending, lost, careful=losses > 0)
                    losses += 1
            pending = [place for place in pending if work.rows[place] is None]
        for place in pending:
            work.rows[place] = work.given_up

    async def _run(self, work: _Batch, pending: Sequence[int], *, careful: bool) -> None:
        """Sends what is pending to one process and takes down what comes back."""
        if work.given_up is not None:
            return  # by another chunk, while this one waited for its turn
        process = await self._take(work)
        unfilled = iter(pending)

        def accept(rows: Sequence[Row]) -> None:
            for row, place in zip(rows, unfilled, strict=False):  # rows first: zip takes one more from what comes first
                work.rows[place] = row

        reusable = False
        try:
            asked = [(work.pairs[place][0].output_text, work.pairs[place][1]) for place in pending]
            reusable = await process.grade(frame_of(asked, careful=careful), work.seconds, accept)
        finally:
            if reusable:
                self._keep(process, _key(work.parts))
            else:
                self._retire(process)

    def _settle_loss(self, work: _Batch, pending: Sequence[int], lost: Lost, *, careful: bool) -> None:
        """Blames the call that lost the process, and gives the batch up where losses cost more than they are worth."""
        if lost.row == wire.LOADING:
            work.given_up = work.blame(lost)
            return
        work.timeouts += lost.timed_out
        work.crashes += not lost.timed_out
        row = self._guilty_row(work, pending, lost, careful=careful)
        if row is not None:
            work.rows[row] = work.blame(lost)
        if work.timeouts >= self.limits.timeouts or work.crashes >= self.limits.crashes:
            count = f"{work.timeouts} calls out of time" if lost.timed_out else f"{work.crashes} ended processes"
            name = work.parts[lost.grader].name
            work.give_up(RUNTIME_ERROR, f"not graded after {count} in this batch; the last: {name} {lost.how}")

    @staticmethod
    def _guilty_row(work: _Batch, pending: Sequence[int], lost: Lost, *, careful: bool) -> int | None:
        """Whose grading lost the process: the row it named, else the first unanswered one where each was answered."""
        unfilled = [place for place in pending if work.rows[place] is None]
        if 0 <= lost.row < len(pending) and pending[lost.row] in unfilled:
            return pending[lost.row]
        return unfilled[0] if careful and unfilled else None

    async def _take(self, work: _Batch) -> GradingProcess:
        """An idle process of these graders, or a new one."""
        key = _key(work.parts)
        for process, served in reversed(self._idle.items()):
            if served == key:
                del self._idle[process]
                return process
        process = new_process(work.parts, self.limits)
        ready = False
        try:
            await process.prepare(work.seconds)
            ready = True
        finally:
            if not ready:
                self._retire(process)
        return process

    def _keep(self, process: GradingProcess, key: _Key) -> None:
        self._idle[process] = key
        while len(self._idle) > self._workers + SPARE_PROCESSES:
            self._retire(self._idle.popitem(last=False)[0])

    def _retire(self, process: GradingProcess) -> None:
        process.kill()
        task = asyncio.create_task(process.reap())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


def _key(parts: Sequence[PythonGrader]) -> _Key:
    return tuple((part.name, part.source) for part in parts)


def _grade(grader: Grader, row: Row) -> Grade:
    """One sample's outcomes as a grade: the formula's value for a multi grader, the one score for another."""
    scores: dict[str, float] = {}
    seconds: dict[str, float] = {}
    errors: dict[str, tuple[GraderErrorKind, ...]] = {}
    detail: str | None = None
    for part, outcome in zip(grader.parts, row, strict=True):
        if outcome is _UNKNOWN:
            continue
        scores[part.name], seconds[part.name] = outcome.score, outcome.seconds
        if outcome.kind is not None:
            errors[part.name] = (outcome.kind,)
            detail = detail or outcome.detail
    if errors:
        return Grade(0.0, scores, errors, seconds, detail, stopped=any(outcome.stopped for outcome in row))
    if not isinstance(grader, MultiGrader):
        return Grade(scores[grader.name], scores, errors, seconds)
    try:
        return Grade(
            grader.formula.value(dict(zip(grader.graders, scores.values(), strict=True))), scores, errors, seconds
        )
    except FormulaError as failure:
        return Grade(0.0, scores, {grader.name: (GraderErrorKind.FORMULA_PARSE_ERROR,)}, seconds, str(failure))
