"""What a pipeline holds at once, and what it does when its surroundings stop it."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from jobs.evals.grade import EvalGraders
from jobs.evals.pipeline import BATCH, GRADERS, MOST_FAILURES_IN_A_ROW, Pipeline
from jobs.evals.progress import Budget, Cells, Tally
from jobs.evals.records import Answer, Arm
from jobs.evals.split_file import SplitFile
from jobs.graders import Grade, Grader, GraderRuntime, Item, Sample
from jobs.platforms.sampling import ModelAnswer, NotAnswered, Question, Remedy, Sampler, Trouble
from jobs.tasks import TaskCatalogue
from tests.jobs.evals.answers import an_eval
from tests.jobs.evals.laboratory import exact, valid_rows
from tests.jobs.tasks.folder import line, write_folder

CONCURRENCY = 8
ITEMS = 900


@dataclass
class Quick:
    """A model that answers at once, unless it has a trouble."""

    trouble: Trouble | None = None
    first_trouble: Trouble | None = None
    asked: int = 0

    async def answer(self, question: Question) -> ModelAnswer:
        del question
        self.asked += 1
        trouble = self.first_trouble if self.asked == 1 and self.first_trouble else self.trouble
        await asyncio.sleep(0)
        if trouble:
            raise NotAnswered(trouble)
        return ModelAnswer('{"label": "fish"}')


class HeldRuntime(GraderRuntime):
    """A runtime that grades nothing before it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.let = asyncio.Event()
        self.stopped = False

    async def grade(
        self,
        grader: Grader,
        batch: Sequence[tuple[Sample, Item]],
        seconds: float | None = None,
        patience: float | None = None,
        within: float | None = None,
    ) -> list[Grade]:
        del grader, seconds, patience, within
        await self.let.wait()
        return [Grade(1.0, {"exact": 1.0}, stopped=self.stopped, detail="exact took too long") for _ in batch]


@dataclass
class MemoryFile:
    """Rows in memory."""

    rows: list[Answer] = field(default_factory=list)
    largest: int = 0

    def append(self, answers: Sequence[Answer]) -> None:
        self.rows += answers
        self.largest = max(self.largest, len(answers))

    def close(self) -> None:
        """Nothing to do."""


@dataclass
class Line:
    """A pipeline and everything around it."""

    pipeline: Pipeline
    model: Quick
    runtime: HeldRuntime
    file: MemoryFile
    tally: Tally
    lease: list[bool]


@contextmanager
def a_line(
    folder: Path, rows: str, items: int, *, runs: int = 1, concurrency: int = CONCURRENCY, prompt: str | None = "v1"
) -> Iterator[Line]:
    """A pipeline over such rows; without a prompt, the task has none."""
    files = {"graders/exact.json": exact(), "valid.jsonl": rows} | ({} if prompt else {"prompts/v1.md": None})
    task = TaskCatalogue(write_folder(folder, files)).load("small")
    evaluation = an_eval(
        task="small",
        arms=(Arm("small"),),
        items=items,
        runs=runs,
        prompt=prompt or "",
        reward="exact",
        graders=("exact",),
    )
    model, runtime, file, tally, lease = Quick(), HeldRuntime(), MemoryFile(), Tally("exact"), [True]
    with SplitFile(task, "valid", items) as split:
        pipeline = Pipeline(
            evaluation=evaluation,
            task=task,
            split=split,
            missing=Cells(evaluation).missing(),
            sampler=Sampler(model, concurrency),
            graders=EvalGraders(runtime, task),
            file=file,
            tally=tally,
            budget=Budget(None),
            may_write=lambda: lease[0],
            clock=time.time,
        )
        yield Line(pipeline, model, runtime, file, tally, lease)


@pytest.fixture
def assembly(tmp_path: Path) -> Iterator[Line]:
    with a_line(tmp_path, valid_rows(ITEMS), ITEMS, runs=3) as line_:
        yield line_


async def settled(model: Quick) -> int:
    """Wait until the model is asked nothing more, and return how often it was."""
    quiet = 0
    while quiet < 50:
        before = model.asked
        await asyncio.sleep(0.002)
        quiet = quiet + 1 if model.asked == before else 0
    return model.asked


async def test_graders_that_fall_behind_hold_up_the_questions(assembly: Line) -> None:
    running = asyncio.create_task(assembly.pipeline.run())

    asked = await settled(assembly.model)

    assert asked <= CONCURRENCY + CONCURRENCY + GRADERS * BATCH
    assembly.runtime.let.set()
    await running
    assert len(assembly.file.rows) == ITEMS * 3
    assert assembly.file.largest <= BATCH


async def test_large_items_make_small_batches(tmp_path: Path) -> None:
    rows = "".join(line(f"i{number}", reference_answer="fish", big="x" * 300_000) for number in range(20))
    with a_line(tmp_path, rows, 20, concurrency=32) as assembly:
        assembly.runtime.let.set()
        await assembly.pipeline.run()
    assert len(assembly.file.rows) == 20
    assert assembly.file.largest <= 2


async def test_stopped_it_lets_come_in_what_is_under_way(assembly: Line) -> None:
    running = asyncio.create_task(assembly.pipeline.run())
    asked = await settled(assembly.model)
    assembly.pipeline.stop()
    assembly.runtime.let.set()
    await running
    assert asked <= len(assembly.file.rows) <= asked + CONCURRENCY
    assert len(assembly.file.rows) == assembly.model.asked == assembly.tally.answered


async def test_dropped_it_puts_on_file_what_had_come_in(assembly: Line) -> None:
    running = asyncio.create_task(assembly.pipeline.run())
    asked = await settled(assembly.model)
    assembly.pipeline.drop()
    assembly.runtime.let.set()
    await running
    assert assembly.model.asked == asked
    assert asked - CONCURRENCY <= len(assembly.file.rows) <= asked


async def test_what_is_no_longer_ours_is_not_written(assembly: Line) -> None:
    running = asyncio.create_task(assembly.pipeline.run())
    await settled(assembly.model)
    assembly.lease[0] = False
    assembly.runtime.let.set()
    await settled(assembly.model)
    assert assembly.file.rows == []
    running.cancel()
    await asyncio.wait({running})


async def test_gradings_that_must_be_stopped_again_and_again_end_it(assembly: Line) -> None:
    assembly.runtime.stopped = True
    assembly.runtime.let.set()
    await assembly.pipeline.run()
    assert assembly.pipeline.failed is not None
    assert "Gradings had to be stopped" in assembly.pipeline.failed
    assert "exact took too long" in assembly.pipeline.failed
    assert len(assembly.file.rows) < ITEMS


async def test_failures_one_after_the_other_end_it(assembly: Line) -> None:
    assembly.model.trouble = Trouble("400 bad", "It is bad.", Remedy.NOTHING)
    assembly.model.first_trouble = Trouble("400 long", "It is long.", Remedy.NOTHING)
    await assembly.pipeline.run()
    assert assembly.pipeline.first_failure == "It is long."
    assert assembly.pipeline.failed == f"{MOST_FAILURES_IN_A_ROW} answers in a row failed; the last one: It is bad."
    assert MOST_FAILURES_IN_A_ROW <= len(assembly.file.rows) <= MOST_FAILURES_IN_A_ROW + CONCURRENCY


async def test_a_row_that_cannot_be_asked_ends_it_in_words(tmp_path: Path) -> None:
    own = '{"id": "own", "messages": [{"role": "user", "content": "Hello"}], "reference_answer": "fish"}\n'
    with a_line(tmp_path, own + line("b"), 2, concurrency=2, prompt=None) as assembly:
        assembly.runtime.let.set()
        await assembly.pipeline.run()
    assert assembly.pipeline.failed == "small has no prompt, and row 'b' no messages; add prompts/v1.md."
    assert [row.item for row in assembly.file.rows] == ["own"]
