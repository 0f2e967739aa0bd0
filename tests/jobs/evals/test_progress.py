import asyncio
from dataclasses import replace

from jobs.evals.progress import Budget, Cell, Cells, Tally
from jobs.evals.records import Answer, Arm
from tests.jobs.evals.answers import an_answer, an_eval

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


async def test_judges_count_and_an_answer_that_waits_for_its_judge_is_expected_to_cost_as_much() -> None:
    budget = Budget(1_000, judges=1)
    first = await budget.reserve(100)
    assert first == 100
    budget.settle(first, 100)
    budget.judged(400)
    second = await budget.reserve(100)
    assert second == 100
    budget.settle(second, 100)
    # 600 are spent, a judgement of 400 is under way: another answer does not fit, and nobody gives up before it came.
    waiting = asyncio.create_task(budget.reserve(100))
    await asyncio.sleep(0)
    assert not waiting.done()
    budget.judged(400)
    assert await waiting is None


async def test_before_the_first_judgement_each_judge_is_expected_to_cost_as_much_as_an_answer() -> None:
    budget = Budget(1_000, judges=2)
    assert [await budget.reserve(100) for _ in range(3)] == [100, 100, 100]
    waiting = asyncio.create_task(budget.reserve(100))
    await asyncio.sleep(0)
    assert not waiting.done()
    waiting.cancel()


async def test_an_eval_that_goes_on_knows_what_its_judges_took() -> None:
    tally = Tally("f1")
    tally.add(an_answer(input_tokens=50, output_tokens=10, judge_tokens=140))
    assert (tally.tokens, tally.judge_tokens) == (200, 140)
    budget = Budget(500, tally.tokens, tally.answered, judges=1, judged=tally.judge_tokens)
    assert await budget.reserve(1) == 60


def test_a_mean_so_far_says_what_it_is_over() -> None:
    tally = Tally("f1")
    tally.add(an_answer("i1", scores={"f1": 1.0}))
    tally.add(an_answer("i2", scores={"f1": 0.0}, ungradable={"f1": "sample_parse_error"}))
    tally.add(an_answer("i3", grader_errors={"f1": "model_grader_server_error"}))
    progress = tally.progress()
    assert progress.rewards == {"base": 0.5}
    said = "on 1 of 2 answers the grader found nothing to grade; the mean is over 2 of 3 answers: 1 is missing"
    assert progress.coverage["base"].remark == said
