"""The turns of an eval: tried out before anything is spent, run until every answer is on file, and summed up.

A turn may end at any point and be taken again, by this bot or another: what is on file is not asked again.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from typing import Final

import structlog

from jobs.core.errors import BotError
from jobs.evals.checking import EvalChecker
from jobs.evals.grading import EvalGraders
from jobs.evals.items import SplitFile, item_of
from jobs.evals.lease import Lease, Timing
from jobs.evals.pipeline import Pipeline, Plan
from jobs.evals.progress import Budget, Cells, Tally
from jobs.evals.records import Eval, EvalState, Progress
from jobs.evals.rows import RowStore, Taken
from jobs.evals.writing import EvalWriter, Summarise
from jobs.graders import GraderRuntime
from jobs.platforms.gateway import PlatformOf
from jobs.platforms.sampling import Sampler
from jobs.state.change import Change
from jobs.state.store import Store, VersionConflict
from jobs.tasks import TaskCatalogue

MOST_STARTS: Final = 3
"""Turns in a row that may die without getting further: an eval that kills its worker must not do so for ever."""
MOST_AT_ONCE: Final = 4
"""Evals that one bot works on at the same time; its other work must find room too."""

log: Final = structlog.get_logger(__name__)

SamplerOf = Callable[[str], Sampler]
"""Returns the sampler of a platform by name; one for all who ask that platform."""


class End(Enum):
    """Why the work on an eval came to an end."""

    DONE = "done"
    CANCELLED = "cancelled"
    LEAVING = "leaving"
    """The bot stops; another goes on."""
    LOST = "lost"
    """The lease is another's."""


@dataclass(slots=True)
class _Work:
    """An eval in hand."""

    evaluation: Eval
    lease: Lease
    tally: Tally
    pipeline: Pipeline


class EvalRunner:
    """Takes the turns of evals.

    Args:
        store: where evals are kept.
        tasks: the tasks they are about.
        platform_of: profile and gateway by name.
        sampler_of: asks a platform's models.
        runtime: runs graders.
        rows: where the answers go.
        summarise: says what they come to.
        clock: unix seconds.
        timing: how often it looks up from the work.
    """

    def __init__(
        self,
        store: Store,
        tasks: TaskCatalogue,
        platform_of: PlatformOf,
        sampler_of: SamplerOf,
        runtime: GraderRuntime,
        rows: RowStore,
        summarise: Summarise,
        *,
        clock: Callable[[], float],
        timing: Timing | None = None,
    ) -> None:
        self._store = store
        self._sampler_of = sampler_of
        self._runtime = runtime
        self._rows = rows
        self._checker = EvalChecker(tasks, platform_of, runtime)
        self._writer = EvalWriter(store, rows, summarise, clock)
        self._clock = clock
        self._timing = timing or Timing()
        self._leaving = asyncio.Event()
        self._at_work = 0
        self._all_left = asyncio.Event()
        self._all_left.set()

    async def leave(self) -> None:
        """Take no more turns, bring those in hand to a clean end, and hand their evals on."""
        self._leaving.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._timing.longest_end):
                await self._all_left.wait()

    async def turn(self, eval_id: str, token: str, starts: int, reference: str) -> None:
        """Take one turn of an eval; it lasts as long as there is something to do.

        Args:
            eval_id: whose turn it is.
            token: of the claim that the turn was handed over under.
            starts: turns begun since one that finished or got further, this one included.
            reference: finds this turn in the log, should it fail.
        """
        held = await self._store.record(Eval, eval_id)
        if held is None or held.value.state.is_final:
            return
        if self._leaving.is_set() or self._at_work >= MOST_AT_ONCE:
            with suppress(VersionConflict):
                await self._store.commit(Change(records=(held,), next_turn=self._timing.busy))
            return
        lease = Lease(self._store, eval_id, token, self._timing)
        if not await lease.take():
            log.info("eval.taken")
            return
        self._at_work += 1
        self._all_left.clear()
        try:
            await self._step(held.value, lease, starts, reference)
        finally:
            self._at_work -= 1
            if not self._at_work:
                self._all_left.set()

    async def _step(self, evaluation: Eval, lease: Lease, starts: int, reference: str) -> None:
        if starts > MOST_STARTS:
            fault = f"A fault of mine stops me from going on with {evaluation.id} (reference {reference})."
            await self._writer.end(evaluation.id, EvalState.FAILED, fault)
        elif evaluation.cancelled_by:
            await self._writer.end(evaluation.id, EvalState.CANCELLED)
        elif evaluation.state is EvalState.RUNNING:
            await self._run(evaluation, lease)
        elif problem := await self._checker.problem(evaluation):
            await self._writer.refuse(evaluation.id, problem)
        else:
            await self._writer.begin(evaluation.id)

    async def _run(self, evaluation: Eval, lease: Lease) -> None:
        """Bring the missing answers onto the file, then sum up; or end as the person or the machine wants."""
        try:
            async with self._taken_up(evaluation, lease) as work:
                end = await self._attend(work)
        except Taken:
            log.info("eval.file_taken")  # by a bot that has not noticed yet that it lost the lease
        except BotError as failure:
            await self._writer.end(evaluation.id, EvalState.FAILED, str(failure))
        else:
            await self._conclude(work, end)

    @asynccontextmanager
    async def _taken_up(self, evaluation: Eval, lease: Lease) -> AsyncIterator[_Work]:
        """Open what an eval needs, for as long as the context lasts.

        Raises:
            Taken: another bot has the file.
            UserError: the task or the platform is not what it was.
        """
        task = await self._checker.task_of(evaluation)
        sampler, graders = self._sampler_of(evaluation.platform), EvalGraders(self._runtime, task)
        tally, cells = Tally(evaluation.reward), Cells(evaluation)
        file = await asyncio.to_thread(self._rows.open, evaluation.id)
        try:
            with await asyncio.to_thread(SplitFile, task, evaluation.split, evaluation.items) as split:
                await asyncio.to_thread(self._catch_up, evaluation.id, split, tally, cells)
                plan = Plan(evaluation, task, split, cells.missing())
                budget = Budget(evaluation.request.budget, tally.tokens, tally.answered)
                pipeline = Pipeline(plan, sampler, graders, file, tally, budget, lambda: lease.is_valid, self._clock)
                yield _Work(evaluation, lease, tally, pipeline)
        finally:
            await asyncio.to_thread(file.close)

    def _catch_up(self, eval_id: str, split: SplitFile, tally: Tally, cells: Cells) -> None:
        """Keep the items for later, and read what is on file already. Blocks."""
        self._rows.keep_items(eval_id, map(item_of, split))
        places: dict[str, int] = {}
        for answer in self._rows.answers(eval_id):
            places = places or {row.id: place for place, row in enumerate(split)}
            cells.mark(answer, places[answer.item])
            tally.add(answer)
        if places:
            log.info("eval.goes_on", on_file=tally.answered)

    async def _attend(self, work: _Work) -> End:
        """Run the pipeline, and look up from it now and then; returns when it has come to rest."""
        running = asyncio.create_task(work.pipeline.run(), name=f"eval {work.evaluation.id}")
        try:
            end = await self._watch(work, running)
            await self._wind_down(work.pipeline, running, end)
            return end
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def _watch(self, work: _Work, running: asyncio.Task[None]) -> End:
        """Give signs of life and write the progress down, until the pipeline is done or has to end."""
        began_with = work.tally.answered
        written, at = Progress(), self._clock()
        while True:
            await asyncio.wait({running}, timeout=self._timing.look)
            if running.done():
                return End.DONE
            if self._leaving.is_set():
                return End.LEAVING
            if not await work.lease.keep(further=work.tally.answered > began_with):
                return End.LOST
            held = await self._store.record(Eval, work.evaluation.id)
            if held is None or held.value.state.is_final:
                return End.LOST
            if held.value.cancelled_by:
                return End.CANCELLED
            progress = work.tally.progress()
            if progress != written and self._clock() - at >= self._timing.progress:
                await self._writer.further(work.evaluation.id, progress)
                written, at = progress, self._clock()

    async def _wind_down(self, pipeline: Pipeline, running: asyncio.Task[None], end: End) -> None:
        """Let come in what may, and stop the rest; raises what the pipeline raised."""
        if end is End.LEAVING:
            pipeline.stop()
            await asyncio.wait({running}, timeout=self._timing.grace)
        if end in {End.LEAVING, End.CANCELLED}:
            pipeline.drop()
            await asyncio.wait({running}, timeout=self._timing.grading)
        if running.done():
            await running

    async def _conclude(self, work: _Work, end: End) -> None:
        eval_id, pipeline = work.evaluation.id, work.pipeline
        if end is End.LOST or not work.lease.is_valid:
            log.warning("eval.lease_lost")
        elif end is End.LEAVING:
            await self._writer.hand_on(eval_id, work.tally.progress())
        elif end is End.CANCELLED:
            await self._writer.end(eval_id, EvalState.CANCELLED)
        elif pipeline.failed:
            await self._writer.end(eval_id, EvalState.FAILED, pipeline.failed)
        elif pipeline.out_of_budget:
            budget = f"It stopped at its budget of {work.evaluation.request.budget:,} tokens."
            await self._writer.end(eval_id, EvalState.FINISHED, budget)
        else:
            await self._writer.end(eval_id, EvalState.FINISHED)
