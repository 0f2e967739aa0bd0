"""What an eval came to, read from its answers for a person: the variance study, the comparison of its arms, the worst.

Everything here reads answers from file and computes: not for the event loop.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from jobs.core.errors import InvalidRequest
from jobs.evals.comparing import Comparison, compare, gather
from jobs.evals.records import Answer, Eval
from jobs.evals.report import WorstItem, worst_items
from jobs.evals.variance import VarianceReading, read_variance

MOST_WORST = 10


class AnswerFile(Protocol):
    """Has the answers of evals."""

    def answers(self, eval_id: str) -> Iterable[Answer]:
        """Yield every answer of an eval; each call begins anew."""
        ...


@dataclass(frozen=True, slots=True)
class EvalResults:
    """What an eval came to."""

    variance: VarianceReading | None
    """Where a variance study was asked for."""
    comparison: Comparison | None
    """Where there are several arms with items in common."""
    worst: tuple[WorstItem, ...]


def read_results(evaluation: Eval, file: AnswerFile) -> EvalResults:
    """Return what an eval came to."""
    study = evaluation.request.purpose == "variance"
    return EvalResults(
        variance=read_variance(evaluation, file.answers(evaluation.id)) if study else None,
        comparison=_between_arms(evaluation, file),
        worst=worst_items(evaluation, file.answers(evaluation.id), MOST_WORST),
    )


def read_comparison(evaluations: Sequence[Eval], file: AnswerFile) -> Comparison:
    """Return how the arms of one or several evals compare, item by item.

    Raises:
        InvalidRequest: they do not compare; the sentence says what differs.
    """
    return compare([arm for each in evaluations for arm in gather(each, file.answers(each.id))])


def _between_arms(evaluation: Eval, file: AnswerFile) -> Comparison | None:
    if len(evaluation.arms) < 2:
        return None
    try:
        return read_comparison((evaluation,), file)
    except InvalidRequest:
        return None  # an arm without a single graded answer; the summaries say so
