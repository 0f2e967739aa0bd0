"""An eval with its result, read once for its message, picture and alt text."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

from charts.wording import counted
from jobs.core.errors import InvalidRequest
from jobs.evals.answer_store import AnswerReader
from jobs.evals.records import Eval, EvalState
from jobs.evals.results import EvalResults, conclusion_of, read_results, read_two_splits
from jobs.evals.service import Evals
from jobs.evals.stats.splits import OnTwoSplits
from jobs.evals.verdict import Conclusion
from jobs.tasks.records import NATURAL

NEWEST: Final = 30
"""Evals among which that of the other validation split is looked for."""


@dataclass(frozen=True, slots=True)
class EvalView:
    """An eval and its result."""

    evaluation: Eval
    results: EvalResults
    other_split: OnTwoSplits | None = None
    """Its arms on the other validation split as well, where a finished eval asked them the same there."""

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
    other = next(filter(partial(_is_other_split, evaluation), await evals.newest(NEWEST)), None)
    return await asyncio.to_thread(_read, evaluation, other, evals.answer_store)


def _read(evaluation: Eval, other: Eval | None, reader: AnswerReader) -> EvalView:
    results, two_splits = read_results(evaluation, reader), None
    if other:
        with suppress(InvalidRequest):  # something else differs; each is shown by itself
            pair = (evaluation, other) if evaluation.split != NATURAL else (other, evaluation)
            two_splits = read_two_splits(*pair, reader)
    return EvalView(evaluation, results, two_splits)


def _is_other_split(evaluation: Eval, other: Eval) -> bool:
    """Tell whether another eval asked of the same task what this one asks, on the other validation split."""
    return (
        {evaluation.split, other.split} == {NATURAL, "valid"}
        and other.state is EvalState.FINISHED
        and not other.request.job
        and other.task == evaluation.task
    )


def size_of(evaluation: Eval) -> str:
    """Return how many answers of each arm there are to be: `60 items x 3 runs`."""
    return f"{counted(evaluation.items, 'item')} x {counted(evaluation.runs, 'run')}"
