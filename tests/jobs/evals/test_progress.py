import asyncio
from dataclasses import replace

from jobs.evals.progress import Budget, Cell, Cells, Tally
from jobs.evals.records import Answer, Arm
from tests.jobs.evals.answers import an_eval

EVAL = an_eval(items=3, runs=2, arms=(Arm("a"), Arm("b")))


def test_all_items_are_asked_of_all_arms_before_the_next_run_begins() -> None:
    cells = list(Cells(EVAL).missing())
    assert len(cells) == len(set(cells)) == 12
    assert cells[:3] == [Cell(0, 0, 1), Cell(0, 1, 1), Cell(1, 0, 1)]
    assert [cell.run for cell in cells] == [1] * 6 + [2] * 6


def test_what_is_on_file_is_not_missing() -> None:
    cells = Cells(EVAL)
    for cell in list(Cells(EVAL).missing())[::2]:
        cells.mark(Answer("whatever", EVAL.arms[cell.arm].name, cell.run), cell.place)
    assert list(cells.missing()) == list(Cells(EVAL).missing())[1::2]


def test_progress_counts_failures_by_reason_and_the_mean_of_what_was_scored() -> None:
    tally = Tally("f1")
    scored = Answer("i", "a", 1, text="", scores={"f1": 1.0, "p": 0.0}, input_tokens=10, output_tokens=5)
    for answer in (
        scored,
        replace(scored, scores={"f1": 0.5}),
        replace(scored, scores={}, grader_errors={"f1": "other_error"}),
        Answer("i", "a", 2, failure="time-out"),
        Answer("i", "a", 3, failure="time-out"),
        Answer("i", "b", 1, failure="HTTP 500"),
    ):
        tally.add(answer)
    progress = tally.progress()
    assert (progress.answered, progress.tokens) == (6, 45)
    assert progress.failures == {"time-out": 2, "HTTP 500": 1}
    assert progress.rewards == {"a": 0.75}


async def test_without_a_limit_there_is_always_room() -> None:
    assert await Budget(None).reserve(1e12) == 1e12


async def test_what_is_under_way_counts_against_the_limit() -> None:
    budget = Budget(1_000)
    assert await budget.reserve(400) == 400
    assert await budget.reserve(400) == 400
    waiting = asyncio.create_task(budget.reserve(400))
    await asyncio.sleep(0)
    assert not waiting.done()
    budget.settle(400, 100)
    assert await waiting == 100
    budget.settle(400, 100)
    budget.settle(100, 100)
    assert [await budget.reserve(0) for _ in range(7)] == [100] * 7


async def test_with_nothing_under_way_no_room_means_none() -> None:
    assert await Budget(1_000).reserve(1_001) is None
    assert await Budget(1_000, spent=950, answers=10).reserve(1) is None
    assert await Budget(1_000, spent=900, answers=10).reserve(1_000) == 90


async def test_an_answer_that_does_not_say_what_it_cost_is_taken_at_the_guess() -> None:
    budget = Budget(1_000)
    for _ in range(2):
        taken = await budget.reserve(400)
        assert taken == 400
        budget.settle(taken, None)
    assert await budget.reserve(400) is None
