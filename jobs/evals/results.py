"""The result of an eval, read from its answers for a person: variance study, comparison of its arms, worst items.

Everything here reads answers from file and computes: not for the event loop.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from heapq import nsmallest
from typing import Final

from charts.wording import grader_name
from jobs.core.errors import InvalidRequest, NotFound
from jobs.evals.answer_store import AnswerReader
from jobs.evals.records import Answer, Eval
from jobs.evals.stats.advice import Advice, advise
from jobs.evals.stats.before_after import before_after
from jobs.evals.stats.comparison import Comparison, compare, gather
from jobs.evals.stats.splits import OnTwoSplits, on_two_splits
from jobs.evals.stats.summary import cost_of, usable
from jobs.evals.stats.variance_study import MEANINGS, Readiness, VarianceReading, read_variance
from jobs.evals.verdict import Conclusion, conclude
from jobs.platforms.profiles import Price
from jobs.tasks.labels import reference_labels

MOST_WORST: Final = 10


@dataclass(slots=True)
class WorstItem:
    """An item with a low mean reward."""

    id: str
    worst: Answer
    """The scored answer with the lowest reward, the earliest of equals."""
    total: float = 0.0
    scored: int = 0
    expected: str = ""
    """Its reference answer, as text; "" where it has none."""
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
    before_after: str = ""
    """How the answers of the second of two models differ from those of the first, as a sentence."""
    advice: tuple[Advice, ...] = ()
    """What to use, where efforts or prompts are compared."""
    costs: Mapping[str, float] = field(default_factory=dict)
    """US dollars for 1,000 calls, by arm; one whose price is not known is absent."""


def read_results(evaluation: Eval, reader: AnswerReader, prices: Mapping[str, Price] | None = None) -> EvalResults:
    """Return the result of an eval; `prices` are those of models, where they are known."""
    known = prices or {}
    comparison, advice, changed = None, tuple[Advice, ...](), ""
    if len(evaluation.arms) > 1:
        arms = gather(evaluation, reader.answers(evaluation.id))
        with suppress(InvalidRequest):  # no two arms have items in common; the summaries say so
            comparison = compare([arm for arm in arms if arm.scores.get(evaluation.reward)])
            advice = advise(evaluation, arms, comparison, known)
        if len(arms) == 2:
            old, new = (arm.scores.get(evaluation.reward, {}) for arm in arms)
            changed = before_after(old, new, evaluation.split, evaluation.ranges.get(evaluation.reward))
    study = evaluation.request.purpose == "variance"
    return EvalResults(
        variance=read_variance(evaluation, reader.answers(evaluation.id)) if study else None,
        comparison=comparison,
        worst=_with_references(worst_items(evaluation, reader.answers(evaluation.id), MOST_WORST), evaluation, reader),
        before_after=changed,
        advice=advice,
        costs=_costs(evaluation, known),
    )


def conclusion_of(evaluation: Eval, results: EvalResults) -> Conclusion:
    """Return what an eval shows: the verdict of a variance study, of the comparison of its arms, or its one score."""
    if evaluation.failure:
        return failed_conclusion(evaluation)
    if (study := results.variance) is not None:
        # That there is something to learn is no reason to train yet: what costs less comes first.
        is_ready = study.verdict is Readiness.READY
        return Conclusion(f"{study.verdict}: {MEANINGS[study.verdict] if is_ready else study.next_step}")
    if results.comparison is not None:
        return results.comparison.conclusion
    scored = {arm.arm: figure.mean for arm in evaluation.summaries if (figure := arm.grader(evaluation.reward))}
    known = {arm: mean for arm, mean in scored.items() if mean is not None}
    return conclude(grader_name(evaluation.reward), known, ())


def failed_conclusion(evaluation: Eval) -> Conclusion:
    """Return what an eval without one answer shows: why it failed."""
    return Conclusion(f"Failed: {' '.join(evaluation.failure.split()).rstrip('.')}")


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


def read_two_splits(one: Eval, other: Eval, reader: AnswerReader) -> OnTwoSplits:
    """Return how the arms of two evals score on the split of each.

    Raises:
        InvalidRequest: they differ in more than the split, or have no arm in common.
    """
    return on_two_splits(*(gather(each, reader.answers(each.id)) for each in (one, other)))


def _with_references(worst: tuple[WorstItem, ...], evaluation: Eval, reader: AnswerReader) -> tuple[WorstItem, ...]:
    """Return the items with their reference answers; as they are where the items are gone."""
    wanted = {each.id: each for each in worst}
    with suppress(NotFound):
        for item in reader.items(evaluation.id):
            if item.id in wanted and item.reference is not None:
                wanted[item.id].expected = _as_text(item.reference)
    return worst


def _as_text(reference: object) -> str:
    labels = reference_labels(reference)
    if labels is not None:
        return ", ".join(sorted(labels)) or "no label"
    return reference if isinstance(reference, str) else json.dumps(reference, ensure_ascii=False)


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
