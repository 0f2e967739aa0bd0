"""Grades batches of samples: in processes of its own what can be computed, and by asking judges what cannot."""

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from jobs.graders.definitions import run_elsewhere
from jobs.graders.formula import FormulaError
from jobs.graders.grades import Grade, Item, Limits, Outcome, Outcomes, Sample, TokenUsage
from jobs.graders.judge import Embedder, Judge
from jobs.graders.kinds import MODEL_GRADERS, REMOTE_GRADERS, SANDBOXED_GRADERS, Grader, MultiGrader
from jobs.graders.model_graders import ModelGrading
from jobs.graders.pool import GradingPool
from jobs.graders.sandbox.errors import GraderErrorKind
from jobs.graders.scratch import sweep


class GraderRuntime:
    """Runs graders; an async context manager.

    Args:
        workers: grading processes that one grader may use at the same time.
        limits: what a grader may use.
        judge: asks the models of score_model and label_model graders; without one they fail.
        embedder: asks the models that embed texts; without one text_similarity graders with cosine fail.
        judges_at_once: most questions to judge and embedder in flight.
    """

    def __init__(
        self,
        workers: int = 1,
        limits: Limits = Limits(),  # noqa: B008  # frozen: one default for all is safe
        *,
        judge: Judge | None = None,
        embedder: Embedder | None = None,
        judges_at_once: int = 16,
    ) -> None:
        self.limits = limits
        self._pool = GradingPool(workers, limits)
        self._models = ModelGrading(judge, embedder, judges_at_once, limits.judge_seconds)

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(sweep)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._pool.close()

    async def grade(
        self,
        grader: Grader,
        batch: Sequence[tuple[Sample, Item]],
        seconds: float | None = None,
        patience: float | None = None,
        within: float | None = None,
    ) -> list[Grade]:
        """One grade for each sample of `batch`, in its order; a grader that fails is an error in its grade.

        Args:
            grader: what to grade with.
            batch: samples, each with the dataset item it answers.
            seconds: wall time for each call that is computed here; by default the runtime's limit.
            patience: seconds that a judge's platform is waited for if it is overrun or away.
            within: seconds that one judgement may take, retries included; by default the runtime's limit.
        """
        sandboxed = [part for part in grader.parts if isinstance(part, SANDBOXED_GRADERS)]
        judged = [part for part in grader.parts if isinstance(part, MODEL_GRADERS)]
        elsewhere: Outcomes = {
            part.name: Outcome(0.0, 0.0, GraderErrorKind.OTHER_ERROR, run_elsewhere(part), is_untried=True)
            for part in grader.parts
            if isinstance(part, REMOTE_GRADERS)
        }
        async with asyncio.TaskGroup() as group:
            computing = group.create_task(self._pool.grade(sandboxed, batch, seconds or self.limits.seconds))
            judging = group.create_task(self._models.grade(judged, batch, patience, within))
        return [
            _grade(grader, computed | asked | elsewhere)
            for computed, asked in zip(computing.result(), judging.result(), strict=True)
        ]


def _grade(grader: Grader, outcomes: Outcomes) -> Grade:
    """One sample's outcomes as a grade: the formula's value for a multi grader, the one score for another."""
    outcomes = {part.name: outcomes[part.name] for part in grader.parts if part.name in outcomes}
    errors = {name: (outcome.kind,) for name, outcome in outcomes.items() if outcome.kind is not None}
    reward, detail = grader.score_if_ungradable, next((outcomes[name].detail for name in errors), None)
    if not errors:
        try:
            reward = _reward(grader, outcomes)
        except FormulaError as failure:
            errors, detail = {grader.name: (GraderErrorKind.FORMULA_PARSE_ERROR,)}, str(failure)
    invalid = {part.name: part.score_if_ungradable for part in grader.parts}
    scores = {name: outcome.score if outcome.kind is None else invalid[name] for name, outcome in outcomes.items()}
    return Grade(
        reward,
        scores,
        errors,
        {name: outcome.seconds for name, outcome in outcomes.items()},
        detail,
        stopped=any(outcome.stopped for outcome in outcomes.values()),
        labels={name: outcome.label for name, outcome in outcomes.items() if outcome.label is not None},
        usage=_usage(grader, outcomes),
        is_unasked=any(outcome.is_unasked for outcome in outcomes.values()),
        is_untried=any(outcome.is_untried for outcome in outcomes.values()),
    )


def _reward(grader: Grader, outcomes: Outcomes) -> float:
    if not isinstance(grader, MultiGrader):
        return outcomes[grader.name].score
    return grader.formula.value({variable: outcomes[part.name].score for variable, part in grader.graders.items()})


def _usage(grader: Grader, outcomes: Outcomes) -> dict[str, TokenUsage]:
    usage: dict[str, TokenUsage] = {}
    for part in grader.parts:
        spent = outcomes[part.name].usage if part.name in outcomes else None
        if spent is not None and isinstance(part, MODEL_GRADERS):
            usage[part.model] = usage.get(part.model, TokenUsage()) + spent
    return usage
