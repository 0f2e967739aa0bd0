"""An eval with its result, read once for its message, picture and alt text."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from charts.wording import counted
from jobs.core.errors import InvalidRequest, UserError
from jobs.evals.answer_store import AnswerReader
from jobs.evals.readiness import Alternative, alternatives
from jobs.evals.records import Eval, EvalState
from jobs.evals.results import EvalResults, WorstItem, conclusion_of, read_results, read_two_splits
from jobs.evals.reviews import Agreement, Grade, TaskReviews, grade_of
from jobs.evals.service import Evals
from jobs.evals.stats.splits import OnTwoSplits
from jobs.evals.verdict import Conclusion
from jobs.tasks.defaults import TaskDefaults, chosen_for
from jobs.tasks.records import NATURAL

NEWEST: Final = 50
"""Evals among which are looked for: one on the other validation split, and one of what costs less than training."""


@dataclass(frozen=True, slots=True)
class EvalView:
    """An eval and its result."""

    evaluation: Eval
    results: EvalResults
    alternatives: tuple[Alternative, ...] = ()
    """What costs less than training, of a variance study."""
    other_split: OnTwoSplits | None = None
    """Its arms on the other validation split as well, where a finished eval asked them the same there."""
    agreements: tuple[Agreement, ...] = ()
    """How far people agree with its judges, and with its other graders that they checked."""
    grades: Mapping[str, Grade] = field(default_factory=dict)
    """The reward of each of the worst items' worst answer, by item."""
    chosen: TaskDefaults | None = None
    """What people chose for its task, as it is now."""

    @property
    def headline(self) -> str:
        """The result in one line."""
        return self.conclusion.headline

    @property
    def conclusion(self) -> Conclusion:
        """The most that may be claimed of its arms."""
        return conclusion_of(self.evaluation, self.results)


async def read_eval(evals: Evals, evaluation: Eval) -> EvalView:
    """Return an eval with its result, which is read from the answers on file."""
    others = await evals.newest(NEWEST)
    results = await asyncio.to_thread(read_results, evaluation, evals.answer_store, evals.prices_of(evaluation))
    alternatives = await _alternatives(evals, evaluation, others) if evaluation.request.purpose == "variance" else ()
    other = next(filter(partial(_is_other_split, evaluation), others), None)
    two_splits = await asyncio.to_thread(_on_two_splits, evaluation, other, evals.answer_store) if other else None
    reviews, worst = await evals.reviews.of_task(evaluation.task), {each.id: each for each in results.worst}
    grades = await asyncio.to_thread(_grades, evaluation, evals.answer_store, worst, reviews)
    chosen = await chosen_for(evals.store, evaluation.task)
    return EvalView(evaluation, results, alternatives, two_splits, reviews.agreements(evaluation), grades, chosen)


def _grades(
    evaluation: Eval, reader: AnswerReader, worst: Mapping[str, WorstItem], reviews: TaskReviews
) -> dict[str, Grade]:
    items = (item for item in reader.items(evaluation.id) if item.id in worst) if worst else ()
    found = (grade_of(evaluation, item, worst[item.id].worst, evaluation.reward, reviews) for item in items)
    return {grade.item.id: grade for grade in found if grade}


def _is_other_split(evaluation: Eval, other: Eval) -> bool:
    """Tell whether another eval asked of the same task what this one asks, on the other validation split."""
    return (
        {evaluation.split, other.split} == {NATURAL, "valid"}
        and other.state is EvalState.FINISHED
        and not other.request.job
        and other.task == evaluation.task
    )


def _on_two_splits(evaluation: Eval, other: Eval, reader: AnswerReader) -> OnTwoSplits | None:
    """Return both evals side by side, the natural split second; None where more than the split differs."""
    pair = (evaluation, other) if evaluation.split != NATURAL else (other, evaluation)
    with suppress(InvalidRequest):
        return read_two_splits(*pair, reader)
    return None


async def _alternatives(evals: Evals, evaluation: Eval, others: Sequence[Eval]) -> tuple[Alternative, ...]:
    """Return what to try before training; nothing where the task or its platform is gone."""

    def read() -> tuple[Alternative, ...]:
        with suppress(UserError):
            task = evals.planner.tasks.load(evaluation.task)
            profile, _ = evals.planner.platform_of(evaluation.platform)
            return alternatives(evaluation, others, evals.answer_store, task, profile.prices)
        return ()

    return await asyncio.to_thread(read)


def size_of(evaluation: Eval) -> str:
    """Return how many answers of each arm there are to be: `60 items x 3 runs`."""
    return f"{counted(evaluation.items, 'item')} x {counted(evaluation.runs, 'run')}"
