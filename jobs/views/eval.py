"""An eval with its result, read once for its message, picture and alt text."""

import asyncio
from dataclasses import dataclass

from charts.wording import counted
from jobs.evals.records import Eval
from jobs.evals.results import EvalResults, conclusion_of, read_results
from jobs.evals.service import Evals
from jobs.evals.verdict import Conclusion


@dataclass(frozen=True, slots=True)
class EvalView:
    """An eval and its result."""

    evaluation: Eval
    results: EvalResults

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
    return EvalView(evaluation, await asyncio.to_thread(read_results, evaluation, evals.answer_store))


def size_of(evaluation: Eval) -> str:
    """Return how many answers of each arm there are to be: `60 items x 3 runs`."""
    return f"{counted(evaluation.items, 'item')} x {counted(evaluation.runs, 'run')}"
