"""An eval with its result, read once for its message, picture and alt text."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from charts.wording import counted, decimals_apart, joined, number
from jobs.core.errors import UserError
from jobs.evals.readiness import Alternative, alternatives
from jobs.evals.records import Eval
from jobs.evals.results import EvalResults, read_results
from jobs.evals.service import Evals
from jobs.views.wording import grader_name

NEWEST: Final = 50
"""Evals among which one is looked for that has tried what costs less than training."""
USUAL_GRADERS: Final = ("precision", "recall", "f1")
MOST_GRADERS: Final = 4


@dataclass(frozen=True, slots=True)
class EvalView:
    """An eval and its result."""

    evaluation: Eval
    results: EvalResults
    alternatives: tuple[Alternative, ...] = ()
    """What costs less than training, of a variance study."""

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
