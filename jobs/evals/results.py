"""The result of an eval, read from its answers for a person: variance study, comparison of its arms, worst items.

Everything here reads answers from file and computes: not for the event loop.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from heapq import nsmallest
from typing import Final

from jobs.core.errors import InvalidRequest
from jobs.evals.answer_store import AnswerReader
from jobs.evals.records import Answer, Eval
from jobs.evals.stats.advice import Advice, advise
from jobs.evals.stats.comparison import Comparison, compare, gather
from jobs.evals.stats.summary import cost_of, usable
from jobs.evals.stats.variance_study import VarianceReading, read_variance
from jobs.platforms.profiles import Price

MOST_WORST: Final = 10


@dataclass(slots=True)
class WorstItem:
    """An item with a low mean reward."""

    id: str
    worst: Answer
    """The scored answer with the lowest reward, the earliest of equals."""
    total: float = 0.0
    scored: int = 0
    """Answers with a reward, of all arms."""

    @property
    def mean(self) -> float:
        """Mean reward over its scored answers."""
        return self.total / self.scored


@dataclass(frozen=True, slots=True)
class EvalResults:
    """The result of an eval."""

    variance: VarianceReading | None
    """Only of a variance study."""
    comparison: Comparison | None
    """None unless several arms have items in common."""
    worst: tuple[WorstItem, ...]
    advice: tuple[Advice, ...] = ()
    """What to use, where efforts or prompts are compared."""
    costs: Mapping[str, float] = field(default_factory=dict)
    """US dollars for 1,000 calls, by arm; one whose price is not known is absent."""


def read_results(evaluation: Eval, reader: AnswerReader, prices: Mapping[str, Price] | None = None) -> EvalResults:
    """Return the result of an eval; `prices` are those of models, where they are known."""
    known = prices or {}
    comparison, advice = None, tuple[Advice, ...]()
    if len(evaluation.arms) > 1:
        with suppress(InvalidRequest):  # an arm without a single graded answer; the summaries say so
            arms = gather(evaluation, reader.answers(evaluation.id))
            comparison = compare(arms)
            advice = advise(evaluation, arms, comparison, known)
    study = evaluation.request.purpose == "variance"
    return EvalResults(
        variance=read_variance(evaluation, reader.answers(evaluation.id)) if study else None,
        comparison=comparison,
        worst=worst_items(evaluation, reader.answers(evaluation.id), MOST_WORST),
        advice=advice,
        costs=_costs(evaluation, known),
    )


def _costs(evaluation: Eval, prices: Mapping[str, Price]) -> dict[str, float]:
    costs = {
        arm.name: cost_of(summary, prices.get(arm.model))
        for arm in evaluation.arms
        if (summary := evaluation.summary(arm.name))
    }
    return {name: cost for name, cost in costs.items() if cost}


def read_comparison(evaluations: Sequence[Eval], reader: AnswerReader) -> Comparison:
    """Return how the arms of one or several evals compare, item by item.

    Raises:
        InvalidRequest: they do not compare; the sentence says what differs.
    """
    return compare([arm for each in evaluations for arm in gather(each, reader.answers(each.id))])


def worst_items(evaluation: Eval, answers: Iterable[Answer], most: int = 10) -> tuple[WorstItem, ...]:
    """Return the items with the lowest mean reward, the lowest first; equal ones by id.

    Items without a rewarded answer are left out: those are failures, and counted as such.
    """
    items: dict[str, WorstItem] = {}
    for answer in answers:
        reward = answer.scores.get(evaluation.reward)
        if not usable(reward):
            continue
        item = items.setdefault(answer.item, WorstItem(answer.item, answer))
        item.total += reward
        item.scored += 1
        if reward < item.worst.scores[evaluation.reward]:
            item.worst = answer
    return tuple(nsmallest(most, items.values(), key=lambda item: (item.mean, item.id)))
