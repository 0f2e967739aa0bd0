"""Reports are written once an eval is over, and again and again before."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from jobs.core.errors import NotFound
from jobs.evals.answer_store import Item
from jobs.evals.records import Answer, Eval, EvalState
from jobs.evals.report.cache import ReportCache
from jobs.evals.reviews import NO_REVIEWS, TaskReviews
from tests.jobs.evals.reported import an_answer, an_eval


@dataclass
class Evals:
    """One eval with its rows, and how often they were read."""

    evaluation: Eval
    rows: list[Answer] = field(default_factory=lambda: [an_answer("a")])
    reads: int = 0
    torn: bool = False

    def answers(self, _eval_id: str) -> Iterator[Answer]:
        self.reads += 1
        yield from self.rows
        if self.torn:
            raise OSError("the disk is gone")

    def items(self, eval_id: str) -> Iterator[Item]:
        if self.evaluation.task == "lost":
            raise NotFound(f"The items of {eval_id} are not on this machine.")
        return iter([Item("a", "text", ["law"])])

    async def find(self, eval_id: str) -> Eval | None:
        return self.evaluation if eval_id == self.evaluation.id else None


async def no_reviews(_task: str) -> TaskReviews:
    return NO_REVIEWS


async def test_the_report_of_a_finished_eval_is_written_once(tmp_path: Path) -> None:
    evals = Evals(an_eval())
    cache = ReportCache(tmp_path / "evals", evals, evals.find, no_reviews)

    first, second = await asyncio.gather(cache.report("eval-abc234"), cache.report("eval-abc234"))

    assert first == second == tmp_path / "evals" / "eval-abc234" / "report.html"
    assert first is not None
    assert "<!doctype html>" in first.read_text("utf-8")
    assert evals.reads == 1


async def test_that_of_a_running_one_has_the_answers_so_far_and_is_not_taken_for_final(tmp_path: Path) -> None:
    evals = Evals(an_eval(state=EvalState.RUNNING))
    cache = ReportCache(tmp_path, evals, evals.find, no_reviews)
    so_far = await cache.report("eval-abc234")
    evals.rows.append(an_answer("a", 2, text="the second"))
    again = await cache.report("eval-abc234")
    evals.evaluation = an_eval()
    final = await cache.report("eval-abc234")

    assert so_far == again != final
    assert again is not None
    assert "the second" in again.read_text("utf-8")


async def test_an_eval_nobody_knows_has_no_report(tmp_path: Path) -> None:
    evals = Evals(an_eval())

    assert await ReportCache(tmp_path, evals, evals.find, no_reviews).report("eval-zzzzzz") is None


async def test_rows_that_are_elsewhere_are_said_to_be(tmp_path: Path) -> None:
    evals = Evals(an_eval(task="lost"))

    with pytest.raises(NotFound, match="not on this machine"):
        await ReportCache(tmp_path, evals, evals.find, no_reviews).report("eval-abc234")


async def test_a_report_that_cannot_be_finished_leaves_the_old_one(tmp_path: Path) -> None:
    evals = Evals(an_eval(state=EvalState.RUNNING))
    cache = ReportCache(tmp_path, evals, evals.find, no_reviews)
    out = await cache.report("eval-abc234")
    assert out is not None
    before = out.read_text("utf-8")
    evals.torn = True

    with pytest.raises(OSError, match="disk"):
        await cache.report("eval-abc234")

    assert [path.name for path in out.parent.iterdir()] == [out.name]
    assert out.read_text("utf-8") == before


async def test_a_log_of_an_arm_that_the_eval_does_not_have_is_not_found(tmp_path: Path) -> None:
    evals = Evals(an_eval())

    with pytest.raises(NotFound, match=r"eval-abc234 has no log called other\.json"):
        await ReportCache(tmp_path, evals, evals.find, no_reviews).inspect_log("eval-abc234", "other.json")
    assert await ReportCache(tmp_path, evals, evals.find, no_reviews).inspect_log("eval-zzzzzz", "other.json") is None
