"""Grades batches of samples: what can be computed in processes of its own, what takes a judge by asking one."""

import asyncio
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from jobs.graders.formula import FormulaError
from jobs.graders.frames import NOT_ASKED, Outcome, Row
from jobs.graders.judging import JUDGES_AT_ONCE, Embedder, Judge, Judging
from jobs.graders.kinds import CELL_GRADERS, MODEL_GRADERS, Grader, MultiGrader
from jobs.graders.pool import GradingPool
from jobs.graders.records import Grade, GraderErrorKind, Limits, Sample, TokenUsage
from jobs.graders.scratch import sweep

Item = Mapping[str, object]


class GraderRuntime:
    """Runs graders; an async context manager.

    Args:
        workers: grading processes at work at the same time.
        limits: what a grader may use.
        judge: whoever asks the models of score_model and label_model graders; without one they fail.
        embedder: whoever asks the models that embed texts; without one text_similarity graders with cosine fail.
        judges_at_once: most questions to judge and embedder under way.
    """

    def __init__(
        self,
        workers: int = 1,
        limits: Limits = Limits(),  # noqa: B008  # frozen: one default for all is safe
        *,
        judge: Judge | None = None,
        embedder: Embedder | None = None,
        judges_at_once: int = JUDGES_AT_ONCE,
    ) -> None:
        self.limits = limits
        self._pool = GradingPool(workers, limits)
        self._judging = Judging(judge, embedder, judges_at_once, limits.judge_seconds)

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(sweep)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._pool.close()

    async def grade(
        self, grader: Grader, batch: Sequence[tuple[Sample, Item]], seconds: float | None = None
    ) -> list[Grade]:
        """One grade for each sample of `batch`, in its order; a grader that fails is an error in its grade.

        Args:
            grader: what to grade with.
            batch: samples, each with the dataset item it answers (made of JSON's types).
            seconds: wall time for each call that is computed here, where it should differ from the runtime's limits.
        """
        seconds = seconds or self.limits.seconds
        computed = [part for part in grader.parts if isinstance(part, CELL_GRADERS)]
        judged = [part for part in grader.parts if isinstance(part, MODEL_GRADERS)]
        if not judged:
            return [_grade(grader, row) for row in await self._pool.grade(computed, batch, seconds)]
        async with asyncio.TaskGroup() as both:
            judging = both.create_task(self._judging.grade(judged, batch))
            computing = both.create_task(self._pool.grade(computed, batch, seconds)) if computed else None
        ours = computing.result() if computing else [[] for _ in batch]
        return [
            _grade(grader, _in_order(grader, mine, theirs)) for mine, theirs in zip(ours, judging.result(), strict=True)
        ]


def _in_order(grader: Grader, computed: Row, judged: Row) -> Row:
    """The outcomes of both kinds of part, in the grader's order."""
    mine, theirs = iter(computed), iter(judged)
    return [next(mine if isinstance(part, CELL_GRADERS) else theirs) for part in grader.parts]


def _grade(grader: Grader, row: Row) -> Grade:
    """One sample's outcomes as a grade: the formula's value for a multi grader, the one score for another."""
    asked = [(part, outcome) for part, outcome in zip(grader.parts, row, strict=True) if outcome is not NOT_ASKED]
    failed = [(part, outcome) for part, outcome in asked if outcome.kind is not None]
    reward, detail = 0.0, next((outcome.detail for _, outcome in failed), None)
    errors = {part.name: (outcome.kind,) for part, outcome in failed if outcome.kind is not None}
    if not failed:
        try:
            reward = _reward(grader, row)
        except FormulaError as failure:
            errors, detail = {grader.name: (GraderErrorKind.FORMULA_PARSE_ERROR,)}, str(failure)
    return Grade(
        reward,
        {part.name: outcome.score for part, outcome in asked},
        errors,
        {part.name: outcome.seconds for part, outcome in asked},
        detail,
        stopped=any(outcome.stopped for _, outcome in asked),
        labels={part.name: outcome.label for part, outcome in asked if outcome.label is not None},
        usage=_usage(grader, row),
    )


def _reward(grader: Grader, row: Row) -> float:
    if not isinstance(grader, MultiGrader):
        return row[0].score
    return grader.formula.value({name: outcome.score for name, outcome in zip(grader.graders, row, strict=True)})


def _usage(grader: Grader, row: Sequence[Outcome]) -> dict[str, TokenUsage]:
    usage: dict[str, TokenUsage] = {}
    for part, outcome in zip(grader.parts, row, strict=True):
        if outcome.usage is not None and isinstance(part, MODEL_GRADERS):
            usage[part.model] = usage.get(part.model, TokenUsage()) + outcome.usage
    return usage
