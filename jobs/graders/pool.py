"""Grades batches of samples in a pool of grading processes: python graders, and those that compare texts.

A process serves one list of graders and no other, so no grader can meddle with another's; a few idle ones are kept for
the next batch. A call that ends or stalls its process costs that sample its grade; the rest goes on in a new process.
A process that stalls lends its turn, so that nobody waits for a loop to run out of time.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from jobs.graders.cell import wire
from jobs.graders.frames import NOT_ASKED, Outcome, Row, frame_of
from jobs.graders.kinds import CellGrader, PythonGrader
from jobs.graders.process import GradingProcess, Lost, Refused, new_process
from jobs.graders.records import GraderErrorKind, Limits, Sample

CHUNK = 256
"""Samples that go to a process at once; between chunks the event loop breathes."""
SPARE_PROCESSES = 3
"""Idle processes kept beyond the number of workers, for graders that take turns."""

MOST_LOANS = 4
"""Turns that stalled processes have lent at the same time."""

Item = Mapping[str, object]
_Key = tuple[tuple[str, ...], ...]


@dataclass(slots=True)
class _Batch:
    """One call of `grade` on its way: what is known by now, and what it has cost."""

    parts: tuple[CellGrader, ...]
    pairs: Sequence[tuple[Sample, Item]]
    seconds: float
    room: asyncio.Semaphore
    """For as many processes as there are workers: a turn that the batch lends is for others."""
    rows: list[Row | None] = field(default_factory=list)
    timeouts: int = 0
    crashes: int = 0
    given_up: Row | None = None
    """Once set, what every sample without a grade gets."""

    def blame(self, lost: Lost) -> Row:
        """The outcomes of a sample whose grading lost the process: known for the grader at fault only."""
        part = self.parts[lost.grader]
        spent = self.seconds if lost.timed_out else 0.0
        kind = _kind(part, lost)
        guilty = Outcome(0.0, spent, kind, f"{part.name} {lost.how}", stopped=True)
        return [guilty if place == lost.grader else NOT_ASKED for place in range(len(self.parts))]

    def give_up(self, why: str, lost: Lost | None = None) -> None:
        """Everything not graded by now gets this error, for every grader."""
        self.given_up = [Outcome(0.0, 0.0, _kind(part, lost), why) for part in self.parts]


def _kind(part: CellGrader, lost: Lost | None) -> GraderErrorKind:
    """Whose fault it is, as the fine-tuning API sorts it; without a loss, the machine's."""
    if not isinstance(part, PythonGrader):
        timed_out = lost is not None and lost.timed_out
        return GraderErrorKind.UNRESPONSIVE_REWARD_ERROR if timed_out else GraderErrorKind.OTHER_ERROR
    if lost is None or lost.by_machine:
        return GraderErrorKind.PYTHON_GRADER_SERVER_ERROR
    return GraderErrorKind.PYTHON_GRADER_RUNTIME_ERROR


class _Turns:
    """Who may compute: so many at once, and those who wait for a stalled process instead of it.

    Args:
        workers: processes at work at the same time.
    """

    def __init__(self, workers: int) -> None:
        self._slots = asyncio.Semaphore(workers)
        self._loans = MOST_LOANS

    @asynccontextmanager
    async def turn(self) -> AsyncIterator["_Turn"]:
        """Wait for a turn and have it until the end of the block."""
        await self._slots.acquire()
        turn = _Turn(self)
        try:
            yield turn
        finally:
            self._end(turn)

    def lend(self, turn: "_Turn") -> None:
        """Let somebody else compute meanwhile, unless too many have done so."""
        if self._loans and not turn.lent:
            turn.lent = True
            self._loans -= 1
            self._slots.release()

    def _end(self, turn: "_Turn") -> None:
        if turn.lent:
            self._loans += 1
        else:
            self._slots.release()


@dataclass(slots=True)
class _Turn:
    """One turn of one process."""

    turns: _Turns
    lent: bool = False

    def lend(self) -> None:
        """Let somebody else compute meanwhile."""
        self.turns.lend(self)


class GradingPool:
    """Grades in processes of their own; `sweep` before the first batch and `close` after the last.

    Args:
        workers: grading processes at work at the same time.
        limits: what a python grader may use.
    """

    def __init__(self, workers: int, limits: Limits) -> None:
        self.limits = limits
        self._workers = workers
        self._turns = _Turns(workers)
        self._idle: OrderedDict[GradingProcess, _Key] = OrderedDict()
        self._ending: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """End every process and clear away what they left."""
        while self._idle:
            self._retire(self._idle.popitem()[0])
        while self._ending:
            await asyncio.wait(self._ending)

    async def grade(
        self, parts: Sequence[CellGrader], batch: Sequence[tuple[Sample, Item]], seconds: float
    ) -> list[Row]:
        """One row for each sample of `batch`, in its order, each with one outcome for each of `parts`.

        Args:
            parts: what to grade with, all of it in the same process.
            batch: samples, each with the dataset item it answers (made of JSON's types).
            seconds: wall time for each call.
        """
        work = _Batch(tuple(parts), batch, seconds, asyncio.Semaphore(self._workers), [None] * len(batch))
        async with asyncio.TaskGroup() as chunks:
            for chunk in self._chunks(len(batch)):
                chunks.create_task(self._grade_chunk(work, chunk))
        return [row for row in work.rows if row is not None]

    def _chunks(self, count: int) -> Iterator[list[int]]:
        size = max(1, min(CHUNK, -(-count // self._workers)))
        return (list(range(start, min(start + size, count))) for start in range(0, count, size))

    async def _grade_chunk(self, work: _Batch, pending: list[int]) -> None:
        """Grades what is pending, in one process after another for as long as that gets anywhere."""
        losses = 0
        while pending and work.given_up is None:
            async with work.room, self._turns.turn() as turn:
                try:
                    await self._run(work, pending, turn, careful=losses > 0)
                except Refused as refused:
                    work.give_up(str(refused))
                except Lost as lost:
                    self._settle_loss(work, pending, lost, careful=losses > 0)
                    losses += 1
            pending = [place for place in pending if work.rows[place] is None]
        for place in pending:
            work.rows[place] = work.given_up

    async def _run(self, work: _Batch, pending: Sequence[int], turn: _Turn, *, careful: bool) -> None:
        """Sends what is pending to one process and takes down what comes back."""
        if work.given_up is not None:
            return  # by another chunk, while this one waited for its turn
        process = await self._take(work, turn)
        unfilled = iter(pending)

        def accept(rows: Sequence[Row]) -> None:
            for row, place in zip(rows, unfilled, strict=False):  # rows first: zip takes one more from what comes first
                work.rows[place] = row

        reusable = False
        try:
            asked = [(work.pairs[place][0].output_text, work.pairs[place][1]) for place in pending]
            reusable = await process.grade(frame_of(asked, careful=careful), work.seconds, accept)
        finally:
            if reusable and not process.hung and process.rest():
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
            work.give_up(f"not graded after {count} in this batch; the last: {name} {lost.how}", lost)

    @staticmethod
    def _guilty_row(work: _Batch, pending: Sequence[int], lost: Lost, *, careful: bool) -> int | None:
        """Whose grading lost the process: the row it named, else the first unanswered one where each was answered."""
        unfilled = [place for place in pending if work.rows[place] is None]
        if 0 <= lost.row < len(pending) and pending[lost.row] in unfilled:
            return pending[lost.row]
        return unfilled[0] if careful and unfilled else None

    async def _take(self, work: _Batch, turn: _Turn) -> GradingProcess:
        """An idle process of these graders, or a new one."""
        key = _key(work.parts)
        for process, served in reversed(self._idle.items()):
            if served == key:
                del self._idle[process]
                process.on_stall = turn.lend
                process.resume()
                return process
        process = new_process(work.parts, self.limits)
        process.on_stall = turn.lend
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


def _key(parts: Sequence[CellGrader]) -> _Key:
    return tuple(part.orders for part in parts)
