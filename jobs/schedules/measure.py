"""The work items of schedules: begin the eval that is due, follow it, and say what it showed.

    due ──> eval ──> holds, or cannot be compared ──> next
              └────> worse ──> eval again, at once ──> worse: alert ──> next
                                      └──────────────> holds ─────────> next

The second eval is left out, and no alert raised, where nobody wants it any more: the schedule was paused or ended, or
the alias has moved to another model meanwhile.

A single eval would call a model that has not changed worse every few weeks; two in a row hardly ever do. Each step is
one commit with the version that was read, and the ids of evals follow from the schedule and the time at which they were
due: bots that do the same at once, or one after a crash, start nothing twice. What was missed meanwhile is done once.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import structlog

from charts.wording import number
from jobs.aliases.move import alias_named
from jobs.aliases.records import Alias, AliasMove
from jobs.core.errors import BotError
from jobs.core.ids import subject_of_item
from jobs.core.records import Job
from jobs.evals.plan import EvalPlanner
from jobs.evals.records import Eval
from jobs.evals.trail_entries import eval_started
from jobs.evidence.measure import trouble
from jobs.evidence.plan import VALID, planned_as_trained, request_as_trained
from jobs.notifications.digests import NextDaily
from jobs.schedules.baseline import Baselines
from jobs.schedules.records import (
    Finding,
    Measurement,
    Schedule,
    ScheduleState,
    card_posting,
    measurement_posting,
    next_time,
)
from jobs.state.change import Change, Versioned
from jobs.state.store import Store, retry_on_conflict
from jobs.trail.entry import BOT

FOLLOW_SECONDS: Final = 5.0
"""Between two looks at an eval under way."""
MOST_KEPT: Final = 60
"""Measurements."""

log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ScheduleRunner:
    """Measures what is due."""

    store: Store
    planner: EvalPlanner
    baselines: Baselines
    next_daily: NextDaily
    clock: Callable[[], float]
    """Unix seconds."""

    async def turn(self, item: str) -> None:
        """Do the work item `schedule:<id>`; twice has one effect."""

        async def step() -> None:
            held = await self.store.record(Schedule, subject_of_item(item))
            change = await self._next(held) if held else Change(due_in=-1)
            await self.store.commit(replace(change, item=item))

        await retry_on_conflict(step)

    async def planned(self, schedule: Schedule, alias: Alias, *, again: bool = False) -> Eval:
        """Return the eval that measures what an alias points at, asked as its checkpoint was before its approval.

        Raises:
            BotError: it cannot be measured; says why.
        """
        target, job = alias.current.target, await self._job(alias)
        trigger = f"schedule:{schedule.id}:{schedule.begun_at:.0f}{':again' if again else ''}"
        request = replace(
            request_as_trained(job, (target.model,), VALID, trigger),
            requested_by=schedule.by,
            channel=schedule.channel,
            platform=target.platform,
            budget=schedule.budget,
            schedule=schedule.id,
        )
        return await planned_as_trained(self.store, self.planner, job, request)

    async def _next(self, held: Versioned[Schedule]) -> Change:
        schedule, now = held.value, self.clock()
        if schedule.pending:
            return await self._follow(held, schedule.pending)
        if schedule.state is not ScheduleState.ACTIVE:
            return Change(due_in=-1)
        if now < schedule.next_at:
            return Change(due_in=schedule.next_at - now)
        due = replace(schedule, begun_at=schedule.next_at, next_at=next_time(schedule, self.next_daily, now))
        return await self._begin(held, due)

    async def _begin(
        self, held: Versioned[Schedule], schedule: Schedule, suspicion: Measurement | None = None
    ) -> Change:
        """Start an eval: the one that is due, or the one that is to confirm a suspicion."""
        alias = (await alias_named(self.store, schedule.alias)).value
        try:
            evaluation = await self.planned(schedule, alias, again=suspicion is not None)
        except BotError as problem:
            failed = Measurement(
                due_at=schedule.begun_at,
                at=self.clock(),
                eval="",
                model=alias.model,
                place=alias.current.place,
                finding=Finding.NOT_MEASURED,
                text=_could_not(str(problem)),
            )
            return self._concluded(held, schedule, _unconfirmed(suspicion, str(problem)) if suspicion else failed)
        under_way = replace(schedule, pending=evaluation.id, suspicion=suspicion)
        entry = eval_started(evaluation)
        entry = replace(entry, who=BOT, details={**entry.details, "alias": alias.name, "schedule": schedule.id})
        log.info("schedule.begun", schedule=schedule.id, evaluation=evaluation.id, again=suspicion is not None)
        return Change(
            records=(Versioned(under_way, held.version), Versioned(evaluation, 0)),
            schedule={evaluation.id: 0.0},
            postings=(card_posting(under_way),),
            audit=(entry,),
            due_in=FOLLOW_SECONDS,
        )

    async def _follow(self, held: Versioned[Schedule], eval_id: str) -> Change:
        schedule, found = held.value, await self.store.record(Eval, eval_id)
        if found and not found.value.state.is_final:
            return Change(due_in=FOLLOW_SECONDS)
        assert found is not None, "an eval is written with the schedule that names it"
        measured = await self._measured(schedule, found.value)
        if measured.finding is Finding.WORSE and schedule.suspicion is None:
            if why := await self._not_again(schedule, measured):
                return self._concluded(held, schedule, _unconfirmed(measured, why))
            return await self._begin(held, schedule, measured)
        return self._concluded(held, schedule, _confirmed(schedule.suspicion, measured))

    async def _not_again(self, schedule: Schedule, suspicion: Measurement) -> str:
        """Return why a suspicion is not looked into, as a sentence; "" where it is."""
        if schedule.state is not ScheduleState.ACTIVE:
            return f"{schedule.id} {'is paused' if schedule.state is ScheduleState.PAUSED else 'has ended'}."
        alias = (await alias_named(self.store, schedule.alias)).value
        return f"{alias.name} points at {alias.current.place} now." if alias.model != suspicion.model else ""

    async def _measured(self, schedule: Schedule, evaluation: Eval) -> Measurement:
        """Return what an eval that has ended showed of the model that it asked."""
        alias, arm = (await alias_named(self.store, schedule.alias)).value, evaluation.arms[0]
        move = next((each for each in reversed(alias.moves) if each.target.model == arm.model), alias.current)
        summary = evaluation.summary(arm.name)
        figure = summary.grader(evaluation.reward) if summary else None
        here = Measurement(
            due_at=schedule.begun_at,
            at=evaluation.finished_at or self.clock(),
            eval=evaluation.id,
            model=arm.model,
            place=move.place,
            finding=Finding.NOT_MEASURED,
            text="",
            mean=figure.mean if figure else None,
        )
        if problem := trouble(evaluation):
            return replace(here, text=_could_not(problem))
        baseline = await self.baselines.of(move, await self._job(alias, move))
        if isinstance(baseline, str):
            said = f"has {evaluation.reward} {number(here.mean or 0.0)}, not compared with its approval. {baseline}"
            return replace(here, finding=Finding.NOT_COMPARED, text=said)
        finding, text = await self.baselines.compare(baseline, evaluation, arm.model)
        coverage = summary.coverage(evaluation.reward).remark if summary else ""
        said = " ".join(filter(None, (text, evaluation.note, coverage and f"Now {coverage}.")))
        if alias.model != arm.model:
            said += f" {alias.name} has moved to {alias.current.place} since; this is about {move.place}."
        return replace(here, finding=finding, text=said)

    def _concluded(self, held: Versioned[Schedule], schedule: Schedule, measured: Measurement) -> Change:
        """Return the end of a measurement: it is told, and the next one planned."""
        over = replace(
            schedule,
            pending=None,
            suspicion=None,
            measurements=(*schedule.measurements, measured)[-MOST_KEPT:],
        )
        goes_on = over.state is ScheduleState.ACTIVE
        log.info("schedule.measured", schedule=over.id, evaluation=measured.eval, finding=measured.finding.value)
        return Change(
            records=(Versioned(over, held.version),),
            postings=(
                card_posting(over),
                measurement_posting(over, measured, broadcast=is_news(measured, schedule.last)),
            ),
            due_in=max(0.0, over.next_at - self.clock()) if goes_on else -1,
        )

    async def _job(self, alias: Alias, move: AliasMove | None = None) -> Job:
        held = await self.store.record(Job, (move or alias.current).target.job)
        assert held is not None, "an alias points at models of jobs"
        return held.value


def is_news(new: Measurement, last: Measurement | None) -> bool:
    """Tell whether the channel is told of a measurement too: it is not well, as it was not before, or well again."""
    if last is None or new.finding is Finding.HOLDS:
        return new.finding is not Finding.HOLDS or (last is not None and last.finding is Finding.WORSE)
    return (new.finding, new.model) != (last.finding, last.model)


def _confirmed(suspicion: Measurement | None, measured: Measurement) -> Measurement:
    """Return a measurement, with what the one before it had made suspect."""
    if suspicion is None:
        return measured
    if measured.finding is Finding.WORSE:
        return replace(measured, text=f"{measured.text} Measured twice: {suspicion.eval} says the same.")
    return replace(
        measured, text=f"{measured.text} Measured twice: the first time, in {suspicion.eval}, it looked worse."
    )


def _unconfirmed(suspicion: Measurement, reason: str) -> Measurement:
    """Return what is told of a model that looked worse once and was not measured again: that is no alert."""
    text = f"looked worse in {suspicion.eval}, and that could not be confirmed by a second eval. {reason}"
    return replace(suspicion, finding=Finding.NOT_MEASURED, text=text)


def _could_not(reason: str) -> str:
    return f"could not be measured. {reason}"
