"""The bot's side of the gate: starts the eval that a shell asked for, follows it, and writes down the verdict.

The shell only writes down what it asks and reads what became of it. A work item may run twice: the eval's id follows
from that of the gate's run, and each step is one commit with the version that was read.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final

import structlog

from jobs.aliases.move import alias_named
from jobs.aliases.records import Alias, task_part
from jobs.core.errors import BotError, InvalidRequest
from jobs.core.ids import EVAL_PREFIX
from jobs.core.records import Job
from jobs.evals.records import Eval, EvalRequest, EvalState
from jobs.evals.service import Evals
from jobs.evals.stats.advice import non_inferiority
from jobs.evals.stats.comparison import compare, gather
from jobs.evals.stats.variance_components import item_means
from jobs.evidence.measure import trouble
from jobs.gates.records import GateRun, GateState, GateVerdict, verdict_of
from jobs.state.change import Change, Versioned
from jobs.state.store import AlreadyTaken, Store, retry_on_conflict
from jobs.tasks import Task, TaskCatalogue

FOLLOW_SECONDS: Final = 1.0
LEAST_COVERED: Final = 0.9
"""Share of the items that both models must have been graded on for a verdict."""
LINK_SECONDS: Final = 15.0
"""For which a verdict waits for the link to the thread, after the end of the eval."""

log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Gate:
    """Does what shells ask."""

    store: Store
    evals: Evals
    tasks: TaskCatalogue
    require_membership: Callable[[str], Awaitable[None]]
    """Raises UserError if the bot cannot post into a channel."""
    link_of: Callable[[str], Awaitable[str | None]]
    """Returns the link to an eval's thread, or None while there is none."""
    clock: Callable[[], float]
    """Unix seconds."""

    async def turn(self, run_id: str) -> float | None:
        """Take the next step of a run; return in how many seconds the one after is due, None if it is over."""

        async def step() -> float | None:
            held = await self.store.record(GateRun, run_id)
            if held is None or held.value.state.is_final:
                return None
            new = await self._next(held.value)
            if new != held.value:
                await self.store.commit(Change(records=(Versioned(new, held.version),)))
            if new.state.is_final:
                return None
            return FOLLOW_SECONDS if new.eval else 0.0

        return await retry_on_conflict(step)

    async def _next(self, run: GateRun) -> GateRun:
        if run.state is GateState.ASKED:
            return replace(run, state=GateState.RUNNING)  # from here on the shell cannot take it back
        if run.eval is None:
            return await self._begin(run)
        found = await self.evals.find(run.eval)
        if found is None:
            return replace(run, state=GateState.DONE, note=f"{run.eval} is no longer kept.")
        run = replace(run, link=run.link or await self.link_of(run.eval))
        if not found.state.is_final:
            return run
        if run.link is None and self.clock() - (found.finished_at or 0.0) < LINK_SECONDS and found.started_at:
            return run
        return await self._concluded(run, found)

    async def _begin(self, run: GateRun) -> GateRun:
        try:
            task = await asyncio.to_thread(self.tasks.load, run.request.task)
            run = run if run.baseline else replace(run, baseline=await self._in_production(task))
            request, compared_with = await self._resolved(run)
            evaluation = await self._started(request)
        except BotError as problem:
            return replace(run, state=GateState.REFUSED, note=str(problem))
        log.info("gate.begun", gate=run.id, evaluation=evaluation)
        return replace(run, eval=evaluation, compared_with=compared_with)

    async def _started(self, request: EvalRequest) -> str:
        """Return the id of the eval that was started, or of the one that a shell asked for in the same seconds."""
        try:
            return (await self.evals.start(request)).id
        except AlreadyTaken as taken:
            return taken.holder

    async def _concluded(self, run: GateRun, evaluation: Eval) -> GateRun:
        refused = evaluation.state is EvalState.REFUSED  # a model that there is not, or a grader that fails
        done = replace(run, state=GateState.REFUSED if refused else GateState.DONE)
        if problem := trouble(evaluation):
            return replace(done, note=problem)
        try:
            earlier = [await self.evals.view(run.compared_with)] if run.compared_with else []
            verdict = await asyncio.to_thread(self._verdict, [*earlier, evaluation])
            judged = [each.sentence for each in await self.evals.reviews.agreements(evaluation)]
            return replace(done, verdict=replace(verdict, text=" ".join((verdict.text, *judged))))
        except BotError as problem:
            return replace(done, note=str(problem))

    def _verdict(self, evaluations: list[Eval]) -> GateVerdict:
        file, newest = self.evals.answer_store, evaluations[-1]
        arms = [arm for each in evaluations for arm in gather(each, file.answers(each.id))]
        comparison = compare(arms)
        (pair,), margin = comparison.pairs, newest.request.margin
        if pair.items < LEAST_COVERED * newest.items:
            raise InvalidRequest(
                f"Only {pair.items:,} of {newest.items:,} items were graded for both models. What failed may be what "
                f"is hard, so {newest.id} concludes nothing."
            )
        if margin is None:
            return verdict_of(pair, comparison.notes, None)
        before, after = (item_means(arm.scores[newest.reward]) for arm in arms)
        low, high = newest.ranges.get(newest.reward, (0.0, 1.0))
        differences = [after[item] - before[item] for item in sorted(before.keys() & after.keys())]
        return verdict_of(pair, comparison.notes, non_inferiority(differences, margin * (high - low), width=high - low))

    # -- what was asked -------------------------------------------------------------------------------------------

    async def _resolved(self, run: GateRun) -> tuple[EvalRequest, str | None]:
        """Return the eval to start, and the earlier one to compare it with; raises UserError."""
        channel = run.request.channel or await self._channel(run.request.task)
        await self.require_membership(channel)
        request, (model,) = replace(run.request, channel=channel), run.request.models
        model, request = await self._model(model, request)
        if run.baseline.startswith(EVAL_PREFIX):
            earlier = await self.evals.view(run.baseline)
            if len(earlier.arms) != 1:
                names = ", ".join(arm.name for arm in earlier.arms)
                raise InvalidRequest(f"{earlier.id} asked {names}; a baseline has one model. Name that: `baseline=`.")
            return replace(request, models=(model,)), earlier.id
        baseline, request = await self._model(run.baseline, request)
        if baseline == model:
            raise InvalidRequest(f"Model and baseline are the same: {model}.")
        return replace(request, models=(baseline, model)), None

    async def _model(self, name: str, request: EvalRequest) -> tuple[str, EvalRequest]:
        """Return the model that a name stands for, and the request on the platform that has it."""
        if "@" not in name:
            return name, request
        target = (await alias_named(self.store, name)).value.current.target
        if request.platform not in {None, target.platform}:
            raise InvalidRequest(f"{name} points at a model of {target.platform}, not of {request.platform}.")
        return target.model, replace(request, platform=target.platform)

    async def _in_production(self, task: Task) -> str:
        name = f"{task_part(task.name)}@{task.alias}"
        if await self.store.record(Alias, name) is None:
            raise InvalidRequest(f"{name} points at nothing yet. Say what to compare with: `baseline=<model or eval>`.")
        return name

    async def _channel(self, task: str) -> str:
        """Return where the task's newest eval or job was asked for."""
        newest: list[Eval | Job] = [*await self.store.records(Eval), *await self.store.records(Job)]
        found = max((each for each in newest if each.task == task), key=lambda each: each.created_at, default=None)
        if found is None:
            raise InvalidRequest(f"{task} has no eval or job yet, so its channel is not known: `channel=<id>`.")
        return found.request.channel
