"""Many answers at once: asked, graded in batches, put on file.

    cells ──> askers, as many as the platform takes ──> queue ──> graders and writers, a few ──> the eval's file

Memory grows with what is under way, not with the items: whoever is ahead waits for who comes after.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from jobs.core.errors import BotError
from jobs.evals.grading import EvalGraders
from jobs.evals.items import SplitFile
from jobs.evals.progress import Budget, Cell, Tally
from jobs.evals.records import Answer, Arm, Eval
from jobs.evals.rows import RowFile
from jobs.platforms.sampling import ModelAnswer, Question, Remedy, Sampler, Trouble
from jobs.tasks import Row, Task, conversation

BATCH: Final = 64
BATCH_BYTES: Final = 512 * 1024
"""A batch for the graders is no larger than this, unless a single item is."""
GRADERS: Final = 4
"""Batches graded at the same time: a judge may take seconds for one."""
MOST_IN_A_ROW: Final = 25
"""So many failures one after the other, and the rest is not tried."""
MOST_STOPPED: Final = 8
"""So many gradings that had to be stopped, and the rest is not tried: each costs up to two minutes."""
SMALL: Final = 64 * 1024
BYTES_PER_TOKEN: Final = 3.0
FIRST_ANSWER_TOKENS: Final = 300.0
"""With the line above, what an answer is taken to cost until the first has come."""


@dataclass(frozen=True, slots=True)
class Asked:
    """An answer, or the lack of it, that is not on file yet."""

    row: Row
    arm: Arm
    run: int
    said: ModelAnswer | Trouble
    size: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What a pipeline works on."""

    evaluation: Eval
    task: Task
    split: SplitFile
    missing: Iterator[Cell]


class Pipeline:
    """Brings an eval's missing answers onto its file; runs once.

    Args:
        plan: what is asked.
        sampler: asks the platform.
        graders: grade what it answers.
        file: where the answers go.
        tally: counts them.
        budget: says whether there are tokens for one more.
        may_write: whether the eval is still ours; asked before each write.
        clock: unix seconds.
    """

    def __init__(
        self,
        plan: Plan,
        sampler: Sampler,
        graders: EvalGraders,
        file: RowFile,
        tally: Tally,
        budget: Budget,
        may_write: Callable[[], bool],
        clock: Callable[[], float],
    ) -> None:
        self.failed: str | None = None
        """Why the rest is not tried, as a sentence."""
        self.out_of_budget = False
        self._plan = plan
        self._sampler = sampler
        self._graders = graders
        self._file = file
        self._tally = tally
        self._budget = budget
        self._may_write = may_write
        self._clock = clock
        self._answered: asyncio.Queue[Asked | None] = asyncio.Queue(maxsize=sampler.concurrency)
        self._askers: tuple[asyncio.Task[None], ...] = ()
        self._writing = asyncio.Lock()
        self._stopped = False
        self._failures_in_a_row = 0
        self._gradings_stopped = 0

    async def run(self) -> None:
        """Work until everything is on file, or `failed`, `out_of_budget` or `stop` ends it."""
        async with asyncio.TaskGroup() as group:
            self._askers = tuple(group.create_task(self._ask_all()) for _ in range(self._sampler.concurrency))
            for _ in range(GRADERS):
                group.create_task(self._grade_all())
            await asyncio.wait(self._askers)
            for _ in range(GRADERS):
                await self._answered.put(None)

    def stop(self) -> None:
        """Ask nothing more; what is under way comes in."""
        self._stopped = True

    def drop(self) -> None:
        """Ask nothing more, and do not wait for what is under way; what has come in is graded and put on file."""
        self._stopped = True
        for asker in self._askers:
            asker.cancel()

    # -- asking --------------------------------------------------------------------------------------------------

    async def _ask_all(self) -> None:
        while not self._stopped and self.failed is None and not self.out_of_budget:
            cell = next(self._plan.missing, None)
            if cell is None:
                return
            taken = await self._budget.take(self._plan.split.size(cell.place) / BYTES_PER_TOKEN + FIRST_ANSWER_TOKENS)
            if taken is None:
                self.out_of_budget = True
                return
            await self._ask(cell, taken)

    async def _ask(self, cell: Cell, taken: float) -> None:
        evaluation, task = self._plan.evaluation, self._plan.task
        row = await self._row_at(cell.place)
        arm = evaluation.arms[cell.arm]
        try:
            messages = conversation(task, row, evaluation.prompt or None)
        except BotError as failure:
            self.failed = str(failure)
            return
        question = Question(arm.model, messages, effort=arm.effort, response_format=task.response_format)
        said = await self._sampler.answer(question)
        self._budget.settle(taken, said.tokens if isinstance(said, ModelAnswer) else 0)
        if isinstance(said, ModelAnswer):
            self._failures_in_a_row = 0
        elif self._is_the_end(said):
            return
        size = self._plan.split.size(cell.place) + (len(said.text) if isinstance(said, ModelAnswer) else 0)
        await self._answered.put(Asked(row, arm, cell.run, said, size))

    async def _row_at(self, place: int) -> Row:
        """Read an item; a usual one takes less time than handing it to a thread, now that the file is in memory."""
        split = self._plan.split
        return split.row(place) if split.size(place) <= SMALL else await asyncio.to_thread(split.row, place)

    def _is_the_end(self, trouble: Trouble) -> bool:
        """Note a failure; True where it says that no other question will be answered either, so that it is no row."""
        if trouble.remedy is Remedy.STOP:
            self.failed = self.failed or trouble.sentence
            return True
        self._failures_in_a_row += 1
        if self._failures_in_a_row >= MOST_IN_A_ROW:
            self.failed = self.failed or (
                f"{self._failures_in_a_row} answers in a row failed; the last one: {trouble.sentence}"
            )
        return False

    # -- grading and writing -------------------------------------------------------------------------------------

    async def _grade_all(self) -> None:
        while batch := await self._next_batch():
            answers = await self._graded(batch)
            async with self._writing:
                if not self._may_write():
                    return
                await asyncio.to_thread(self._file.append, answers)
            for answer in answers:
                self._tally.add(answer)

    async def _next_batch(self) -> list[Asked]:
        """Return what has come in, at least one; nothing where nothing more comes."""
        batch: list[Asked] = []
        size = 0
        while len(batch) < BATCH and size < BATCH_BYTES and not (batch and self._answered.empty()):
            asked = await self._answered.get()
            if asked is None:
                if batch:
                    self._answered.put_nowait(None)  # for the next time
                break
            batch.append(asked)
            size += asked.size
        return batch

    async def _graded(self, batch: Sequence[Asked]) -> list[Answer]:
        said = [(each.said.text, each.row.item) for each in batch if isinstance(each.said, ModelAnswer)]
        grades = iter(await self._graders.grade(said) if said else ())
        answers = []
        for each in batch:
            answer = self._row(each)
            if answer.failure is None:
                graded = next(grades)
                answer = replace(answer, scores=graded.scores, grader_errors=graded.errors)
                self._note(graded.stopped)
            answers.append(answer)
        return answers

    def _row(self, asked: Asked) -> Answer:
        bare = Answer(item=asked.row.id, arm=asked.arm.name, run=asked.run, at=self._clock())
        said = asked.said
        if isinstance(said, Trouble):
            return replace(bare, failure=said.reason)
        return replace(
            bare,
            text=said.text,
            input_tokens=said.input_tokens,
            output_tokens=said.output_tokens,
            reasoning_tokens=said.reasoning_tokens,
            latency=said.latency,
            finish_reason=said.finish_reason,
        )

    def _note(self, stopped: str | None) -> None:
        """Note a grading that had to be stopped; after some of them the rest is not tried."""
        self._gradings_stopped += stopped is not None
        if self._gradings_stopped >= MOST_STOPPED:
            self.failed = self.failed or (
                f"Gradings had to be stopped {self._gradings_stopped} times; the last one: {stopped}"
            )
