"""The turns of an eval: checked before anything is spent, run until every answer is on file, and summarised.

A turn may end at any point and be taken again, by this bot or another: what is on file is not asked for again.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Final

import structlog

from jobs.core.errors import BotError
from jobs.evals.answer_store import AlreadyOpen, AnswerStore
from jobs.evals.grade import EvalGraders
from jobs.evals.pipeline import Pipeline
from jobs.evals.plan import Preflight
from jobs.evals.progress import Budget, Cells, Tally
from jobs.evals.records import Eval, EvalState, Progress
from jobs.evals.split_file import SplitFile, item_of
from jobs.evals.transitions import Transitions
from jobs.graders import GraderRuntime
from jobs.platforms.gateway import PlatformOf
from jobs.platforms.patience import given_up, wait_for
from jobs.platforms.sampling import Sampler
from jobs.queue.pools import Held
from jobs.state.change import Change
from jobs.state.store import Store
from jobs.tasks import TaskCatalogue

log: Final = structlog.get_logger(__name__)

SamplerOf = Callable[[str], Sampler]
"""Returns the sampler of a platform by name; everybody who asks that platform shares one."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds between two things, or that something may take."""

    look: float = 0.5
    """Between two looks for a person's cancel; well below the two seconds they are promised."""
    progress: float = 2.0
    """Between two times that the progress is written down."""
    grace: float = 3.0
    """For the answers under way when the bot stops; with the line below, less than a bot is given to stop."""
    grading: float = 1.0
    """For grading the answers that have arrived when an eval is cancelled."""
    busy: float = 3.0
    """Until an eval whose file another bot still has open is taken up again."""


class End(Enum):
    """Why the work on an eval ended."""

    DONE = "done"
    CANCELLED = "cancelled"
    LEAVING = "leaving"
    """The bot stops; another goes on."""
    LOST = "lost"
    """Another bot has it."""


@dataclass(eq=False)
class EvalRunner:
    """Takes the turns of evals."""

    store: Store
    tasks: TaskCatalogue
    platform_of: PlatformOf
    sampler_of: SamplerOf
    runtime: GraderRuntime
    answers: AnswerStore
    clock: Callable[[], float]
    timing: Timing = Timing()

    def __post_init__(self) -> None:
        self._preflight = Preflight(self.tasks, self.platform_of, self.runtime)
        self._transitions = Transitions(self.store, self.answers, self.clock)

    async def turn(self, eval_id: str, held: Held, reference: str) -> None:
        """Take one turn of an eval; it lasts as long as there is something to do.

        Args:
            eval_id: whose turn it is.
            held: its work item.
            reference: finds this turn in the log, should it fail.
        """
        found = await self.store.record(Eval, eval_id)
        if found and not found.value.state.is_final:
            await self._step(found.value, held, reference)

    async def _step(self, evaluation: Eval, held: Held, reference: str) -> None:
        if held.is_exhausted:
            fault = f"A fault of mine stops me from going on with {evaluation.id} (reference {reference})."
            await self._transitions.end(evaluation, EvalState.FAILED, fault)
        elif evaluation.cancelled_by:
            await self._transitions.end(evaluation, EvalState.CANCELLED)
        elif evaluation.state is EvalState.RUNNING:
            await self._run(evaluation, held)
        else:
            await self._begin(evaluation)

    async def _begin(self, evaluation: Eval) -> None:
        """Let the eval run if nothing keeps it from that; wait for a platform that does not answer, else refuse."""
        try:
            left_out = await self._preflight.check(evaluation)
        except BotError as failure:
            if wait := wait_for(failure, evaluation.waiting_since, self.clock()):
                await self._transitions.wait(evaluation, wait)
            else:
                await self._transitions.refuse(evaluation, given_up(failure, evaluation.waiting_since, self.clock()))
        else:
            await self._transitions.begin(evaluation, left_out)

    async def _run(self, evaluation: Eval, held: Held) -> None:
        """Put the missing answers on file, then summarise; or end as the person or the machine wants."""
        try:
            async with self._pipeline(evaluation, held) as pipeline:
                end = await self._attend(pipeline, held)
        except AlreadyOpen:
            log.info("eval.file_taken")  # by a bot that has not noticed yet that it lost the eval
            await self.store.commit(Change(item=evaluation.id, due_in=self.timing.busy))
        except BotError as failure:
            await self._transitions.end(evaluation, EvalState.FAILED, str(failure))
        else:
            await self._conclude(pipeline, held, end)

    @asynccontextmanager
    async def _pipeline(self, evaluation: Eval, held: Held) -> AsyncIterator[Pipeline]:
        """Open what an eval needs, for as long as the context lasts.

        Raises:
            AlreadyOpen: another bot has the file.
            UserError: the task or the platform has changed.
        """
        task = await self._preflight.task_of(evaluation)
        tally, cells = Tally(evaluation.reward), Cells(evaluation)
        file = await asyncio.to_thread(self.answers.open, evaluation.id)
        try:
            with await asyncio.to_thread(SplitFile, task, evaluation.split, evaluation.items) as split:
                await asyncio.to_thread(self._catch_up, evaluation.id, split, tally, cells)
                graders = EvalGraders(self.runtime, task, evaluation.left_out, looks_at_gates=bool(evaluation.gates))
                yield Pipeline(
                    evaluation=evaluation,
                    task=task,
                    split=split,
                    missing=cells.missing(),
                    sampler=self.sampler_of(evaluation.platform),
                    graders=graders,
                    file=file,
                    tally=tally,
                    budget=Budget(
                        evaluation.request.budget,
                        tally.tokens,
                        tally.answered,
                        judges=graders.judges,
                        judged=tally.judge_tokens,
                    ),
                    may_write=lambda: held.is_valid,
                    clock=self.clock,
                )
        finally:
            await asyncio.to_thread(file.close)

    def _catch_up(self, eval_id: str, split: SplitFile, tally: Tally, cells: Cells) -> None:
        """Keep the items for later, and count what is on file. Blocks."""
        self.answers.keep_items(eval_id, map(item_of, split))
        places: dict[str, int] = {}
        for answer in tally.counting(self.answers.answers(eval_id)):
            places = places or {row.id: place for place, row in enumerate(split)}
            cells.mark(answer, places[answer.item])
        if places:
            log.info("eval.goes_on", on_file=tally.answered)

    async def _attend(self, pipeline: Pipeline, held: Held) -> End:
        """Run the pipeline and watch over it; returns when it has ended, or raises what it raised."""
        running = asyncio.create_task(pipeline.run(), name=f"eval {pipeline.evaluation.id}")
        try:
            end = await self._watch(pipeline, held, running)
            if end is End.LEAVING:
                pipeline.stop()
                await asyncio.wait({running}, timeout=self.timing.grace)
            if end in {End.LEAVING, End.CANCELLED}:
                pipeline.drop()
                await asyncio.wait({running}, timeout=self.timing.grading)
            if running.done():
                await running
            return end
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def _watch(self, pipeline: Pipeline, held: Held, running: asyncio.Task[None]) -> End:
        """Write the progress down, until the pipeline is done or has to end."""
        evaluation, tally = pipeline.evaluation, pipeline.tally
        began_with = tally.answered
        written, at = Progress(), self.clock()
        while True:
            await asyncio.wait({running}, timeout=self.timing.look)
            if running.done():
                return End.DONE
            if held.is_leaving:
                return End.LEAVING
            if tally.answered > began_with:
                held.advance()
            found = await self.store.record(Eval, evaluation.id)
            if not held.is_valid or found is None or found.value.state.is_final:
                return End.LOST
            if found.value.cancelled_by:
                return End.CANCELLED
            progress = tally.progress()
            if progress != written and self.clock() - at >= self.timing.progress:
                await self._transitions.advance(evaluation, progress)
                written, at = progress, self.clock()

    async def _conclude(self, pipeline: Pipeline, held: Held, end: End) -> None:
        evaluation = pipeline.evaluation
        if end is End.LOST or not held.is_valid:
            log.warning("eval.lost")
        elif end is End.LEAVING:
            await self._transitions.hand_on(evaluation, pipeline.tally.progress())
        elif end is End.CANCELLED:
            await self._transitions.end(evaluation, EvalState.CANCELLED)
        elif pipeline.tally.failed == pipeline.tally.answered and (pipeline.failed or pipeline.tally.failed):
            await self._transitions.fail_unanswered(evaluation, pipeline.first_failure or pipeline.failed)
        elif pipeline.failed:
            await self._transitions.end(evaluation, EvalState.FAILED, pipeline.failed)
        elif pipeline.out_of_budget:
            budget = f"It stopped at its budget of {evaluation.request.budget:,} tokens."
            await self._transitions.end(evaluation, EvalState.FINISHED, budget)
        else:
            await self._transitions.end(evaluation, EvalState.FINISHED, task=pipeline.task)
