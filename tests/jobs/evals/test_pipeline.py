"""What a pipeline holds at once, and what it does when its surroundings stop it."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from jobs.evals.grade import EvalGraders
from jobs.evals.pipeline import BATCH, GRADERS, MOST_FAILURES_IN_A_ROW, Pipeline
from jobs.evals.progress import Budget, Cells, Tally
from jobs.evals.records import Answer, Arm, Eval
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
    asked: int = 0

    async def answer(self, question: Question) -> ModelAnswer:
        del question
        self.asked += 1
        await asyncio.sleep(0)
        if self.trouble:
            raise NotAnswered(self.trouble)
        return ModelAnswer('{"label": "fish"}')


class HeldRuntime(GraderRuntime):
    """A runtime that grades nothing before it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.let = asyncio.Event()
        self.stopped = False

    async def grade(
        self, grader: Grader, batch: Sequence[tuple[Sample, Item]], seconds: float | None = None
    ) -> list[Grade]:
        del grader, seconds
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


@pytest.fixture
async def assembly(tmp_path: Path) -> AsyncIterator[Line]:
    root = write_folder(tmp_path, {"graders/exact.json": exact(), "valid.jsonl": valid_rows(ITEMS)})
    task = TaskCatalogue(root).load("small")
    evaluation: Eval = an_eval(
        task="small", arms=(Arm("small"),), items=ITEMS, runs=3, prompt="v1", reward="exact", graders=("exact",)
    )
    model, runtime, file, tally, lease = Quick(), HeldRuntime(), MemoryFile(), Tally("exact"), [True]
    with SplitFile(task, "valid", ITEMS) as split:
        pipeline = Pipeline(
            evaluation,
            task,
            split,
            Cells(evaluation).missing(),
            Sampler(model, CONCURRENCY),
            EvalGraders(runtime, task),
            file,
            tally,
            Budget(None),
            lambda: lease[0],
            time.time,
        )
        yield Line(pipeline, model, runtime, file, tally, lease)


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
    root = write_folder(tmp_path, {"graders/exact.json": exact(), "valid.jsonl": rows})
    task = TaskCatalogue(root).load("small")
    evaluation = an_eval(arms=(Arm("small"),), items=20, runs=1, prompt="v1", reward="exact", graders=("exact",))
    runtime, file = HeldRuntime(), MemoryFile()
    with SplitFile(task, "valid", 20) as split:
        pipeline = Pipeline(
            evaluation,
            task,
            split,
            Cells(evaluation).missing(),
            Sampler(Quick(), 32),
            EvalGraders(runtime, task),
            file,
            Tally("exact"),
            Budget(None),
            lambda: True,
            time.time,
        )
        runtime.let.set()
        await pipeline.run()
    assert len(file.rows) == 20
    assert file.largest <= 2


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
    await assembly.pipeline.run()
    assert assembly.pipeline.failed == f"{MOST_FAILURES_IN_A_ROW} answers in a row failed; the last one: It is bad."
    assert MOST_FAILURES_IN_A_ROW <= len(assembly.file.rows) <= MOST_FAILURES_IN_A_ROW + CONCURRENCY


async def test_a_row_that_cannot_be_asked_ends_it_in_words(tmp_path: Path) -> None:
    own = '{"id": "own", "messages": [{"role": "user", "content": "Hello"}], "reference_answer": "fish"}\n'
    root = write_folder(tmp_path, {"prompts/v1.md": None, "valid.jsonl": own + line("b")})
    task = TaskCatalogue(root).load("small")
    evaluation = an_eval(arms=(Arm("small"),), items=2, runs=1, prompt="", reward="exact", graders=("exact",))
    runtime, file = HeldRuntime(), MemoryFile()
    runtime.let.set()
    with SplitFile(task, "valid", 2) as split:
        pipeline = Pipeline(
            evaluation,
            task,
            split,
            Cells(evaluation).missing(),
            Sampler(Quick(), 2),
            EvalGraders(runtime, task),
            file,
            Tally("exact"),
            Budget(None),
            lambda: True,
            time.time,
        )
        await pipeline.run()
    assert pipeline.failed == "small has no prompt, and row 'b' no messages; add prompts/v1.md."
    assert [row.item for row in file.rows] == ["own"]
