"""A model now against what was measured at its approval: on the same items, by the same graders, or not at all.

The checkpoint in production was chosen as the best of several by the very answers that it is compared with, so asked
again it falls a little even if nothing happened. How much is on record with the evidence (`Evidence.bias`), and a fall
counts only beyond that.
"""

import asyncio
from dataclasses import dataclass

from charts.wording import compared, counted, decimals_of, interval, number
from jobs.aliases.records import AliasMove
from jobs.core.errors import BotError
from jobs.core.records import Job
from jobs.evals.answer_store import AnswerReader
from jobs.evals.records import Eval
from jobs.evals.stats.pair import Side, pair_up
from jobs.evals.stats.variance_components import ItemScores
from jobs.evals.verdict import Verdict
from jobs.evidence.measure import SplitAnswers
from jobs.evidence.plan import ITEMS_OF, VALID, changed_parts, parts_of, said_changed
from jobs.evidence.records import Candidate, Evidence
from jobs.schedules.records import Finding
from jobs.state.store import Store
from jobs.tasks import TaskCatalogue


@dataclass(frozen=True, slots=True)
class Baseline:
    """What was measured of a model at its approval, that a new eval may be compared with."""

    evaluation: Eval
    """Of the round of evidence, on the split that the checkpoint was chosen on."""
    luck: float
    """How much less than that the model is expected to score when it is asked again, because it was chosen by it."""

    tokens: int
    """What asking it took then, input and output together."""
    dollars: float | None
    """What that cost; None where a price is not known."""


@dataclass(frozen=True, slots=True)
class Baselines:
    """Finds what was measured at approval, and compares with it."""

    store: Store
    tasks: TaskCatalogue
    answers: AnswerReader

    async def of(self, move: AliasMove, job: Job) -> Baseline | str:
        """Return what the model of a move was approved on; or why nothing can be compared with that, as a sentence."""
        held = await self.store.record(Evidence, job.id)
        evidence = held.value if held else None
        candidate = evidence.of(move.target.checkpoint) if evidence else None
        if evidence is None or candidate is None or candidate.digest != move.target.evidence:
            return f"The evidence for {job.id} was measured again since the approval of {move.place}."
        found = await self.store.record(Eval, evidence.valid_eval) if evidence.valid_eval else None
        if found is None or not candidate.valid:
            return f"Nothing was measured of {move.place} when it was approved."
        try:
            task = await asyncio.to_thread(self.tasks.load, job.task)
        except BotError as problem:
            return str(problem)
        now = parts_of(task, job)
        measured_by = (ITEMS_OF[VALID], "graders", "prompt", "schema", "scoring")
        changed = tuple(part for part in changed_parts(evidence.parts, now) if part in measured_by)
        if changed:
            return f"{said_changed(changed)[:-1]} since the approval of {move.place}."
        return _baseline(found.value, evidence, candidate)

    async def compare(self, baseline: Baseline, evaluation: Eval, model: str) -> tuple[Finding, str]:
        """Return whether a model is worse in an eval than at its approval, and the sentences that say so."""
        return await asyncio.to_thread(self._compare, baseline, evaluation, model)

    def _compare(self, baseline: Baseline, evaluation: Eval, model: str) -> tuple[Finding, str]:
        before, after = (
            SplitAnswers.read(each, self.answers).rewards(model) for each in (baseline.evaluation, evaluation)
        )
        reward = evaluation.reward
        return standing(before, after, reward, luck=baseline.luck, bounds=evaluation.ranges.get(reward))


def _baseline(evaluation: Eval, evidence: Evidence, candidate: Candidate) -> Baseline:
    arm = next(arm.name for arm in evaluation.arms if arm.model == candidate.model)
    summary = evaluation.summary(arm)
    return Baseline(
        evaluation,
        luck=evidence.bias[0] if evidence.bias else 0.0,
        tokens=summary.input_tokens + summary.output_tokens + summary.judge_tokens if summary else 0,
        dollars=None if candidate.cost is None else candidate.cost * candidate.answers / 1000,
    )


def standing(
    before: ItemScores,
    after: ItemScores,
    reward: str,
    *,
    luck: float = 0.0,
    bounds: tuple[float, float] | None = None,
) -> tuple[Finding, str]:
    """Return whether `after` is worse than `before` by more than `luck`, paired item by item, and what to say of it.

    Worse where p is at most .05 for a fall beyond `luck`; the means, and the interval that is told, are of the fall as
    it is.
    """
    if not before.keys() & after.keys():
        return Finding.NOT_COMPARED, "is not compared with its approval: no item has a reward from both."
    plain = pair_up(Side("approval", before), Side("now", after), reward, bounds=bounds)
    expected = {item: {run: score - luck for run, score in runs.items()} for item, runs in before.items()}
    beyond = pair_up(Side("approval", expected), Side("now", after), reward, bounds=bounds)
    was, now, change = compared(plain.before_mean, plain.after_mean)
    span = plain.difference.interval
    if span:
        change += f" (95% interval {interval(span.low, span.high, decimals_of(change))})"
    figures = f"{reward} {now} against {was}, {change}, {counted(plain.items, 'item')}."
    if beyond.verdict is Verdict.WORSE:
        more = f" Having been chosen as the best explains {number(luck, decimals_of(was))} of that." if luck else ""
        return Finding.WORSE, f"is worse than at its approval: {figures}{more}"
    if plain.verdict is Verdict.BETTER:
        return Finding.HOLDS, f"is better than at its approval: {figures}"
    if plain.verdict is Verdict.WORSE:
        return Finding.HOLDS, f"is no worse than expected of a model that was chosen as the best: {figures}"
    return Finding.HOLDS, f"is not shown to be worse than at its approval: {figures}"
