"""The turns of an eval: tried out before anything is spent, run until every answer is on file, and summed up.

A turn may end at any point and be taken again, by this bot or another: what is on file is not asked again.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, Protocol

import structlog

from jobs.errors import BotError, Conflict, NotFound
from jobs.evals.grading import EvalGraders
from jobs.evals.items import SplitFile, item_of, look_through
from jobs.evals.lease import Lease, Timing
from jobs.evals.pipeline import Pipeline, Plan
from jobs.evals.progress import Budget, Cells, Tally
from jobs.evals.records import Answer, ArmSummary, Eval, EvalState, Progress
from jobs.evals.rows import RowFile, RowStore, Taken
from jobs.evals.sampling import Sampler
from jobs.evals.service import answer_posting, card_posting, report_posting, result_posting
from jobs.gateway import Gateway
from jobs.graders import GraderRuntime, check_grader
from jobs.planning import PlatformOf
from jobs.store import Change, Store, VersionConflict, Versioned
from jobs.tasks import Task, TaskCatalogue, nearest

MOST_STARTS: Final = 3
"""Turns in a row that may die without getting further: an eval that kills its worker must not do so for ever."""
MOST_AT_ONCE: Final = 4
"""Evals that one bot works on at the same time; its other work must find room too."""

log: Final = structlog.get_logger(__name__)

SamplerOf = Callable[[str], Sampler]
"""Returns the sampler of a platform by name; one for all who ask that platform."""


class Summarise(Protocol):
    """Says what answers come to; see `jobs.evals.statistics.summarise`."""

    def __call__(
        self, evaluation: Eval, answers: Iterable[Answer], references: Mapping[str, object]
    ) -> tuple[ArmSummary, ...]:
        """Return the summary of each arm."""
        ...


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
    task: Task
    split: SplitFile
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
        self._tasks = tasks
        self._platform_of = platform_of
        self._sampler_of = sampler_of
        self._runtime = runtime
        self._rows = rows
        self._summarise = summarise
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
        held = await self._store.evaluation(eval_id)
        if held is None or held.value.state.is_final:
            return
        if self._leaving.is_set() or self._at_work >= MOST_AT_ONCE:
            with suppress(VersionConflict):
                await self._store.commit(Change(evaluation=held, next_turn=self._timing.busy))
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
            await self._end(
                evaluation.id,
                EvalState.FAILED,
                f"A fault of mine stops me from going on with {evaluation.id} (reference {reference}).",
            )
        elif evaluation.state is EvalState.CHECKING:
            await self._check(evaluation)
        else:
            await self._run(evaluation, lease)

    # -- before it runs ------------------------------------------------------------------------------------------

    async def _check(self, evaluation: Eval) -> None:
        """Try what can be tried before tokens are spent; go on to running, or refuse in words."""
        try:
            problem = await self._problem(evaluation)
        except BotError as failure:
            problem = str(failure)
        if problem:
            await self._refuse(evaluation.id, problem)
            return

        def begin(now: Eval) -> Change | None:
            if now.state is not EvalState.CHECKING:
                return None
            running = replace(now, state=EvalState.RUNNING, started_at=self._clock())
            return Change(evaluation=Versioned(running, 0), next_turn=0, postings=(card_posting(running, urgent=True),))

        await self._commit(evaluation.id, begin)

    async def _problem(self, evaluation: Eval) -> str | None:
        """Return why the eval cannot begin, as sentences, or None."""
        if evaluation.cancelled_by:
            return None
        task = await self._task_of(evaluation)
        profile, gateway = self._platform_of(evaluation.platform)
        for model in dict.fromkeys(arm.model for arm in evaluation.arms):
            missing = None if profile.needs_deployment else await _missing(gateway, model)
            if missing:
                return f"{profile.title} has no model '{model}' that this key may ask; {missing}"
        _, first = await asyncio.to_thread(look_through, self._tasks, task, evaluation.split)
        for grader in EvalGraders(self._runtime, task).run:
            problems = await check_grader(self._runtime, grader, first.item, task.response_format)
            if problems:
                return " ".join(problems)
        return None

    async def _refuse(self, eval_id: str, reason: str) -> None:
        def refuse(now: Eval) -> Change | None:
            if now.state is not EvalState.CHECKING:
                return None
            refused = replace(now, state=EvalState.REFUSED, note=reason, finished_at=self._clock())
            text = f"{now.task} was not evaluated. {reason}"
            return Change(
                evaluation=Versioned(refused, 0),
                next_turn=-1,
                postings=(answer_posting(refused, text, "refused"),),
            )

        await self._commit(eval_id, refuse)
        log.info("eval.refused", reason=reason)

    async def _task_of(self, evaluation: Eval) -> Task:
        """Return the task as it was when the eval was started; raises UserError where it is another or gone."""
        task = await asyncio.to_thread(self._tasks.load, evaluation.task)
        if task.version != evaluation.task_version:
            raise Conflict(f"The files of {task.name} were changed since {evaluation.id} was started; start it again.")
        return task

    # -- while it runs -------------------------------------------------------------------------------------------

    async def _run(self, evaluation: Eval, lease: Lease) -> None:
        """Bring the missing answers onto the file, then sum up; or end as the person or the machine wants."""
        if evaluation.cancelled_by:
            await self._end(evaluation.id, EvalState.CANCELLED)
            return
        try:
            file = await asyncio.to_thread(self._rows.open, evaluation.id)
        except Taken:
            log.info("eval.file_taken")  # by a bot that has not noticed yet that it lost the lease
            return
        try:
            work = await self._take_up(evaluation, lease, file)
        except BotError as failure:
            file.close()
            await self._end(evaluation.id, EvalState.FAILED, str(failure))
            return
        try:
            end = await self._attend(work)
        finally:
            work.split.close()
            await asyncio.to_thread(file.close)
        await self._conclude(work, end)

    async def _take_up(self, evaluation: Eval, lease: Lease, file: RowFile) -> _Work:
        task = await self._task_of(evaluation)
        self._platform_of(evaluation.platform)
        graders = EvalGraders(self._runtime, task)
        tally, cells = Tally(evaluation.reward), Cells(evaluation)
        split = await asyncio.to_thread(SplitFile, task, evaluation.split, evaluation.items)
        await asyncio.to_thread(self._catch_up, evaluation.id, split, tally, cells)
        pipeline = Pipeline(
            Plan(evaluation, task, split, cells.missing()),
            self._sampler_of(evaluation.platform),
            graders,
            file,
            tally,
            Budget(evaluation.request.budget, tally.tokens, tally.answered),
            lambda: lease.is_valid,
            self._clock,
        )
        return _Work(evaluation, lease, task, split, tally, pipeline)

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
            held = await self._store.evaluation(work.evaluation.id)
            if held is None or held.value.state.is_final:
                return End.LOST
            if held.value.cancelled_by:
                return End.CANCELLED
            progress = work.tally.progress()
            if progress != written and self._clock() - at >= self._timing.progress:
                await self._write(work.evaluation.id, progress)
                written, at = progress, self._clock()

    async def _write(self, eval_id: str, progress: Progress) -> None:
        def note(now: Eval) -> Change | None:
            if now.state.is_final:
                return None
            further = replace(now, progress=progress)
            return Change(evaluation=Versioned(further, 0), postings=(card_posting(further),))

        await self._commit(eval_id, note)

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

    # -- when it ends --------------------------------------------------------------------------------------------

    async def _conclude(self, work: _Work, end: End) -> None:
        evaluation, pipeline = work.evaluation, work.pipeline
        match end:
            case _ if end is End.LOST or not work.lease.is_valid:
                log.warning("eval.lease_lost")
            case End.LEAVING:
                await self._hand_on(evaluation.id, work.tally.progress())
            case End.CANCELLED:
                await self._end(evaluation.id, EvalState.CANCELLED)
            case End.DONE if pipeline.failed:
                await self._end(evaluation.id, EvalState.FAILED, pipeline.failed)
            case End.DONE if pipeline.out_of_budget:
                budget = f"It stopped at its budget of {evaluation.request.budget:,} tokens."
                await self._end(evaluation.id, EvalState.FINISHED, budget)
            case End.DONE:
                await self._end(evaluation.id, EvalState.FINISHED)

    async def _hand_on(self, eval_id: str, progress: Progress) -> None:
        def hand_on(now: Eval) -> Change:
            return Change(evaluation=Versioned(replace(now, progress=progress), 0), next_turn=0)

        await self._commit(eval_id, hand_on)
        log.info("eval.left", answered=progress.answered)

    async def _end(self, eval_id: str, state: EvalState, reason: str | None = None) -> None:
        """Write down what an eval came to, and say so in its thread."""
        held = await self._store.evaluation(eval_id)
        assert held is not None, "an eval in hand exists"
        progress, summaries = await asyncio.to_thread(self._sum_up, held.value)
        note = reason
        if progress.answered < held.value.total:
            kept = f"{progress.answered:,} of {held.value.total:,} answers are on file."
            note = f"{reason} {kept}" if reason else kept

        def end(now: Eval) -> Change | None:
            if now.state.is_final:
                return None
            ended = replace(
                now, state=state, progress=progress, summaries=summaries, note=note, finished_at=self._clock()
            )
            card = card_posting(ended, urgent=True)
            postings = (card,) if state is EvalState.CANCELLED else (card, result_posting(ended), report_posting(ended))
            return Change(evaluation=Versioned(ended, 0), next_turn=-1, postings=postings)

        await self._commit(eval_id, end)
        log.info("eval.ended", state=state.value, answered=progress.answered, reason=reason)

    def _sum_up(self, evaluation: Eval) -> tuple[Progress, tuple[ArmSummary, ...]]:
        """Read the file once for both the progress and the summaries. Blocks."""
        tally = Tally(evaluation.reward)

        def counted() -> Iterator[Answer]:
            for answer in self._rows.answers(evaluation.id):
                tally.add(answer)
                yield answer

        try:
            references = {item.id: item.reference for item in self._rows.items(evaluation.id)}
        except NotFound:
            references = {}  # it ended before it began
        summaries = self._summarise(evaluation, counted(), references)
        return tally.progress(), summaries

    async def _commit(self, eval_id: str, change: Callable[[Eval], Change | None]) -> None:
        """Write what `change` makes of the newest record, so that a person's cancel in between is kept.

        Args:
            eval_id: the eval.
            change: returns the change with the new record, whose version is filled in here, or None for none.
        """
        while True:
            held = await self._store.evaluation(eval_id)
            assert held is not None, "an eval in hand exists"
            wanted = change(held.value)
            if wanted is None:
                return
            assert wanted.evaluation is not None, "the change is about the eval"
            try:
                await self._store.commit(replace(wanted, evaluation=Versioned(wanted.evaluation.value, held.version)))
            except VersionConflict:
                continue
            return


async def _missing(gateway: Gateway, model: str) -> str | None:
    """Say what was probably meant where the platform has no such model; None where it has, or cannot say."""
    try:
        known = await gateway.models()
        if not known or model in known or await gateway.has_model(model):
            return None
    except BotError:
        return None  # the first answer will tell
    return nearest(model, known)
