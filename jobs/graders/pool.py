"""Grades batches of samples in a pool of grading processes.

A process serves one list of graders and no other, so no grader can meddle with another's; a few idle ones are kept for
the next batch. A call that ends or stalls its process costs that sample its grade; the rest goes on in a new process.
Each list of graders has its own few turns, so that one that hangs keeps nobody else waiting.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakValueDictionary

from jobs.graders.grades import Item, Limits, Outcome, Outcomes, Sample
from jobs.graders.kinds import PythonGrader, SandboxedGrader
from jobs.graders.process import GradingProcess, ProcessLost, SandboxUnavailable, key_of
from jobs.graders.sandbox.errors import GraderErrorKind

CHUNK = 256
"""Samples that go to a process at once; between chunks the event loop breathes."""
SPARE_PROCESSES = 3
"""Idle processes kept in addition to the number of workers, for graders that take turns."""
OTHER_GRADERS = 4
"""How many more processes may be at work at the same time, for other graders than one that uses all its workers."""


@dataclass(slots=True)
class _Batch:
    """One call of `grade` in progress."""

    parts: tuple[SandboxedGrader, ...]
    pairs: Sequence[tuple[Sample, Item]]
    seconds: float
    outcomes: list[Outcomes | None]
    timeouts: int = 0
    crashes: int = 0
    given_up: Outcomes | None = None
    """Once set, the outcomes of every sample that is not graded yet."""

    def give_up(self, why: str, lost: ProcessLost | None = None) -> None:
        self.given_up = {part.name: Outcome(0.0, 0.0, _kind(part, lost), why, is_untried=True) for part in self.parts}

    def blame(self, lost: ProcessLost, place: int, limits: Limits) -> None:
        """Charge a lost process to the sample it was grading, and give up after too many."""
        part = self.parts[lost.grader]
        guilty = Outcome(0.0, self.seconds * lost.timed_out, _kind(part, lost), f"{part.name} {lost.how}", stopped=True)
        if lost.is_loading:
            self.given_up = {part.name: guilty}
            return
        self.outcomes[place] = {part.name: guilty}
        self.timeouts += lost.timed_out
        self.crashes += not lost.timed_out
        if self.timeouts >= limits.timeouts or self.crashes >= limits.crashes:
            count = f"{self.timeouts} calls out of time" if lost.timed_out else f"{self.crashes} ended processes"
            self.give_up(f"not graded after {count} in this batch; the last: {part.name} {lost.how}", lost)


def _kind(part: SandboxedGrader, lost: ProcessLost | None) -> GraderErrorKind:
    """Whose fault it is, as the fine-tuning API sorts it; without a lost process, the machine's."""
    if not isinstance(part, PythonGrader):
        timed_out = lost is not None and lost.timed_out
        return GraderErrorKind.UNRESPONSIVE_REWARD_ERROR if timed_out else GraderErrorKind.OTHER_ERROR
    if lost is None or lost.by_machine:
        return GraderErrorKind.PYTHON_GRADER_SERVER_ERROR
    return GraderErrorKind.PYTHON_GRADER_RUNTIME_ERROR


class GradingPool:
    """Grades in processes of their own; `close` it after the last batch.

    Args:
        workers: processes that one list of graders may use at the same time.
        limits: what a grader may use.
    """

    def __init__(self, workers: int, limits: Limits) -> None:
        self._workers = workers
        self._limits = limits
        self._total = asyncio.Semaphore(workers + OTHER_GRADERS)
        self._turns: WeakValueDictionary[tuple[tuple[str, ...], ...], asyncio.Semaphore] = WeakValueDictionary()
        self._idle: list[GradingProcess] = []
        """The one that was used last comes last."""

    async def close(self) -> None:
        """End every process and remove what they leave behind."""
        while self._idle:
            await self._idle.pop().close()

    async def grade(
        self, parts: Sequence[SandboxedGrader], pairs: Sequence[tuple[Sample, Item]], seconds: float
    ) -> list[Outcomes]:
        """The outcomes of each of `pairs`, in their order; each call of one of `parts` may take so many `seconds`."""
        if not parts:
            return [{} for _ in pairs]
        batch = _Batch(tuple(parts), pairs, seconds, [None] * len(pairs))
        turns = self._turns.setdefault(key_of(parts), asyncio.Semaphore(self._workers))
        size = max(1, min(CHUNK, -(-len(pairs) // self._workers)))
        async with asyncio.TaskGroup() as group:
            for start in range(0, len(pairs), size):
                places = range(start, min(start + size, len(pairs)))
                group.create_task(self._grade_chunk(batch, places, turns))
        return [outcomes if outcomes is not None else batch.given_up or {} for outcomes in batch.outcomes]

    async def _grade_chunk(self, batch: _Batch, places: Sequence[int], turns: asyncio.Semaphore) -> None:
        """Grade these places of a batch, in one process after another until that is done or not worth it."""
        while pending := [place for place in places if batch.outcomes[place] is None]:
            async with turns, self._total:
                if batch.given_up is not None:
                    return
                try:
                    await self._run(batch, pending)
                except SandboxUnavailable as unavailable:
                    batch.give_up(str(unavailable))
                except ProcessLost as lost:
                    first = next(place for place in pending if batch.outcomes[place] is None)
                    batch.blame(lost, first, self._limits)

    async def _run(self, batch: _Batch, pending: Sequence[int]) -> None:
        """Send what is pending to one process and collect the outcomes as they come."""
        process = await self._take(batch)
        reusable = False
        try:
            places = iter(pending)
            async for outcomes in process.grade([batch.pairs[place] for place in pending], batch.seconds):
                batch.outcomes[next(places)] = outcomes
            reusable = process.rest()
        finally:
            await (self._keep(process) if reusable else process.close())

    async def _take(self, batch: _Batch) -> GradingProcess:
        """An idle process of these graders, or a new one."""
        key = key_of(batch.parts)
        while process := next((process for process in reversed(self._idle) if process.key == key), None):
            self._idle.remove(process)
            if process.is_alive:
                process.resume()
                return process
            await process.close()
        return await GradingProcess.start(batch.parts, self._limits, batch.seconds)

    async def _keep(self, process: GradingProcess) -> None:
        self._idle.append(process)
        while len(self._idle) > self._workers + SPARE_PROCESSES:
            await self._idle.pop(0).close()
