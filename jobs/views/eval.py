"""An eval with its result, read once for its message, picture and alt text."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from charts.wording import counted, decimals_apart, joined, number
from jobs.evals.answer_store import AnswerReader
from jobs.evals.records import Eval
from jobs.evals.results import EvalResults, WorstItem, read_results
from jobs.evals.reviews import Agreement, Grade, TaskReviews, grade_of
from jobs.evals.service import Evals
from jobs.views.wording import grader_name

USUAL_GRADERS: Final = ("precision", "recall", "f1")
MOST_GRADERS: Final = 4


@dataclass(frozen=True, slots=True)
class EvalView:
    """An eval and its result."""

    evaluation: Eval
    results: EvalResults
    agreements: tuple[Agreement, ...] = ()
    """How far people agree with its judges, and with its other graders that they checked."""
    grades: Mapping[str, Grade] = field(default_factory=dict)
    """The reward of each of the worst items' worst answer, by item."""

    @property
    def headline(self) -> str:
        """The result in one line: the verdict of a variance study or between two arms, else which arm is highest."""
        variance, comparison, reward = self.results.variance, self.results.comparison, self.evaluation.reward
        if variance is not None:
            return f"{variance.verdict}: {variance.next_step}"
        if comparison and len(comparison.pairs) == 1:
            return comparison.pairs[0].headline
        scored = {arm.arm: figure.mean for arm in self.evaluation.summaries if (figure := arm.grader(reward))}
        known = {arm: mean for arm, mean in scored.items() if mean is not None}
        if not known:
            return "No answer could be graded"
        top, name = max(known.values()), grader_name(reward)
        best = [arm for arm, mean in known.items() if mean == top]
        if len(known) == 1:
            return f"{best[0]}: {name} {number(top)}"
        told = number(top, decimals_apart(*known.values()))
        return f"{joined(best)} {'share' if len(best) > 1 else 'has'} the highest {name}, {told}"

    @property
    def graders(self) -> tuple[str, ...]:
        """The graders that are shown: precision, recall and F1 if the reward is one of them, else the reward first."""
        every, reward = self.evaluation.graders, self.evaluation.reward
        usual = tuple(grader for grader in USUAL_GRADERS if grader in every)
        return usual if reward in usual else tuple(dict.fromkeys((reward, *every)))[:MOST_GRADERS]


async def read_eval(evals: Evals, evaluation: Eval) -> EvalView:
    """Return an eval with its result, which is read from the answers on file."""
    reviews = await evals.reviews.of_task(evaluation.task)
    return await asyncio.to_thread(_read, evaluation, evals.answer_store, reviews)


def _read(evaluation: Eval, reader: AnswerReader, reviews: TaskReviews) -> EvalView:
    results = read_results(evaluation, reader)
    grades = _grades(evaluation, reader, {each.id: each for each in results.worst}, reviews)
    return EvalView(evaluation, results, reviews.agreements(evaluation), grades)


def _grades(
    evaluation: Eval, reader: AnswerReader, worst: Mapping[str, WorstItem], reviews: TaskReviews
) -> dict[str, Grade]:
    items = (item for item in reader.items(evaluation.id) if item.id in worst) if worst else ()
    found = (grade_of(evaluation, item, worst[item.id].worst, evaluation.reward, reviews) for item in items)
    return {grade.item.id: grade for grade in found if grade}


def size_of(evaluation: Eval) -> str:
    """Return how many answers of each arm there are to be: `60 items x 3 runs`."""
    return f"{counted(evaluation.items, 'item')} x {counted(evaluation.runs, 'run')}"
