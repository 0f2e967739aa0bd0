"""An eval with its result, read once for its message, picture and alt text."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from charts.wording import counted
from jobs.core.errors import UserError
from jobs.evals.readiness import Alternative, alternatives
from jobs.evals.records import Eval
from jobs.evals.results import EvalResults, conclusion_of, read_results
from jobs.evals.service import Evals
from jobs.evals.verdict import Conclusion

NEWEST: Final = 50
"""Evals among which one is looked for that has tried what costs less than training."""


@dataclass(frozen=True, slots=True)
class EvalView:
    """An eval and its result."""

    evaluation: Eval
    results: EvalResults
    alternatives: tuple[Alternative, ...] = ()
    """What costs less than training, of a variance study."""

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
    results = await asyncio.to_thread(read_results, evaluation, evals.answer_store, evals.prices_of(evaluation))
    alternatives = await _alternatives(evals, evaluation) if evaluation.request.purpose == "variance" else ()
    return EvalView(evaluation, results, alternatives)


async def _alternatives(evals: Evals, evaluation: Eval) -> tuple[Alternative, ...]:
    """Return what to try before training; nothing where the task or its platform is gone."""
    others = await evals.newest(NEWEST)

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
