"""Many answers at once: asked for, graded in batches, put on file.

    cells ──> askers, as many as the platform takes ──> queue ──> graders and writers, a few ──> the eval's file

Memory grows with what is under way, not with the items: the faster side waits for the slower one.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Final

from jobs.core.errors import BotError
from jobs.evals.answer_store import AnswerFile
from jobs.evals.grade import EvalGraders, Graded
from jobs.evals.progress import Budget, Cell, Tally
from jobs.evals.records import NO_FORMAT, Answer, Eval
from jobs.evals.split_file import SplitFile
from jobs.graders import Sample
from jobs.platforms.sampling import Question, Remedy, Sampler, Trouble
from jobs.tasks import Row, Task, conversation
from jobs.tasks.rows import tools_of

BATCH: Final = 64
BATCH_BYTES: Final = 512 * 1024
"""A batch for the graders is no larger than this, unless a single item is."""
GRADERS: Final = 4
"""Batches graded at the same time: a judge may take seconds for one."""
MOST_FAILURES_IN_A_ROW: Final = 25
MOST_STOPPED: Final = 8
"""After so many gradings that had to be stopped, the rest is not tried: each costs up to two minutes."""
SMALL: Final = 64 * 1024
BYTES_PER_TOKEN: Final = 3.0
FIRST_ANSWER_TOKENS: Final = 300.0
"""With `BYTES_PER_TOKEN`, the estimated cost of an answer until the first has arrived."""


@dataclass(frozen=True, slots=True)
class Ungraded:
    """An answer, or a failure, that is not graded and on file yet."""

    answer: Answer
    row: Row
    size: int
    """Bytes of the item and the text."""


@dataclass(slots=True)
class Pipeline:
    """Puts an eval's missing answers on file; runs once."""

    evaluation: Eval
    task: Task
    split: SplitFile
    missing: Iterator[Cell]
    sampler: Sampler
    graders: EvalGraders
    file: AnswerFile
    tally: Tally
    budget: Budget
    may_write: Callable[[], bool]
    """Whether the eval is still ours; asked before each write."""
    clock: Callable[[], float]
    failed: str | None = None
    """Why the rest is not tried, as a sentence."""
    out_of_budget: bool = False
    first_failure: str = ""
    """Why the first answer that failed did, or what stopped everything, as a sentence."""
    _answered: asyncio.Queue[Ungraded | None] = field(init=False)
    _askers: tuple[asyncio.Task[None], ...] = ()
    _writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    _stopped: bool = False
    _failures_in_a_row: int = 0
    _gradings_stopped: int = 0

    def __post_init__(self) -> None:
        self._answered = asyncio.Queue(maxsize=self.sampler.concurrency)

    async def run(self) -> None:
        """Work until everything is on file, or `failed`, `out_of_budget` or `stop` ends it."""
        async with asyncio.TaskGroup() as group:
            self._askers = tuple(group.create_task(self._ask_all()) for _ in range(self.sampler.concurrency))
            for _ in range(GRADERS):
                group.create_task(self._grade_all())
            await asyncio.wait(self._askers)
            for _ in range(GRADERS):
                await self._answered.put(None)

    def stop(self) -> None:
        """Ask nothing more; wait for the answers under way."""
        self._stopped = True

    def drop(self) -> None:
        """Ask nothing more and drop the answers under way; those that have arrived are graded and put on file."""
        self._stopped = True
        for asker in self._askers:
            asker.cancel()

    # -- asking --------------------------------------------------------------------------------------------------

    async def _ask_all(self) -> None:
        while not self._stopped and self.failed is None and not self.out_of_budget:
            cell = next(self.missing, None)
            if cell is None:
                return
            guess = self.split.size(cell.place) / BYTES_PER_TOKEN + FIRST_ANSWER_TOKENS
            reserved = await self.budget.reserve(guess)
            if reserved is None:
                self.out_of_budget = True
                return
            await self._ask(cell, reserved)

    async def _ask(self, cell: Cell, reserved: float) -> None:
        arm, size = self.evaluation.arms[cell.arm], self.split.size(cell.place)
        # Reading a usual item takes less time than handing it to a thread, now that the file is in memory.
        row = self.split.row(cell.place) if size <= SMALL else await asyncio.to_thread(self.split.row, cell.place)
        try:
            messages = conversation(self.task, row, arm.prompt or self.evaluation.prompt or None)
        except BotError as failure:
            self.failed = self.first_failure = str(failure)
            return
        parallel = row.item.get("parallel_tool_calls")
        question = Question(
            arm.model,
            messages,
            effort=arm.effort,
            response_format=None if arm.format == NO_FORMAT else self.task.response_format,
            tools=tools_of(row),
            parallel_tool_calls=parallel if isinstance(parallel, bool) else None,
        )
        reply = await self.sampler.answer(question)
        if isinstance(reply, Trouble) and reply.silence:
            reply = reply.silence  # refused, or cut short before its first word: in training that is an empty answer
        answer = Answer(row.id, arm.name, cell.run, at=self.clock())
        if isinstance(reply, Trouble):
            ends = self._ends_the_eval(reply)
            self.budget.settle(reserved, 0, is_graded=not ends)
            if ends:
                return
            answer = replace(answer, failure=reply.reason)
        else:
            self.budget.settle(reserved, reply.tokens)
            self._failures_in_a_row = 0
            answer = replace(answer, **asdict(reply))
            size += len(reply.text)
        await self._answered.put(Ungraded(answer, row, size))

    def _ends_the_eval(self, trouble: Trouble) -> bool:
        """Note a failure; True if no other question would be answered either: it is then no failed answer."""
        if trouble.remedy is Remedy.STOP:
            self.failed = self.first_failure = self.failed or trouble.sentence
            return True
        self._failures_in_a_row += 1
        self.first_failure = self.first_failure or trouble.sentence
        if self._failures_in_a_row >= MOST_FAILURES_IN_A_ROW:
            self.failed = self.failed or (
                f"{self._failures_in_a_row} answers in a row failed; the last one: {trouble.sentence}"
            )
        return False

    # -- grading and writing -------------------------------------------------------------------------------------

    async def _grade_all(self) -> None:
        while batch := await self._next_batch():
            answers = await self._graded(batch)
            async with self._writing:
                if not self.may_write():
                    return
                await asyncio.to_thread(self.file.append, answers)
            for answer in answers:
                self.tally.add(answer)

    async def _next_batch(self) -> list[Ungraded]:
        """Return the answers that have arrived, at least one; none at the end."""
        batch: list[Ungraded] = []
        size = 0
        while len(batch) < BATCH and size < BATCH_BYTES and not (batch and self._answered.empty()):
            ungraded = await self._answered.get()
            if ungraded is None:
                if batch:
                    self._answered.put_nowait(None)  # for the next time
                break
            batch.append(ungraded)
            size += ungraded.size
        return batch

    async def _graded(self, batch: Sequence[Ungraded]) -> list[Answer]:
        samples = [
            (Sample(each.answer.text, tuple(each.answer.tool_calls)), each.row.item)
            for each in batch
            if each.answer.text is not None
        ]
        grades = iter(await self.graders.grade(samples) if samples else ())
        answers = []
        for each in batch:
            answer = each.answer
            if answer.failure is None:
                graded = next(grades)
                answer = _with_grades(answer, graded)
                self._gradings_stopped += graded.stopped is not None
                if self._gradings_stopped >= MOST_STOPPED:
                    times = f"{self._gradings_stopped} times; the last one: {graded.stopped}"
                    self.failed = self.failed or f"Gradings had to be stopped {times}"
            self.budget.judged(answer.judge_tokens)
            answers.append(answer)
        return answers


def _with_grades(answer: Answer, graded: Graded) -> Answer:
    return replace(
        answer,
        scores=graded.scores,
        grader_errors=graded.errors,
        ungradable=graded.ungradable,
        closed=graded.closed,
        judge_tokens=graded.usage.input_tokens + graded.usage.output_tokens,
    )
