"""Schedules as a person knows them: made, listed, paused, resumed, ended."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from jobs.aliases.move import alias_named
from jobs.aliases.records import Alias, read_alias
from jobs.core.errors import Conflict, InvalidRequest
from jobs.core.ids import SCHEDULE_PREFIX, schedule_item, short_id
from jobs.core.permissions import Permission, Permissions
from jobs.core.records import Job
from jobs.evals.records import Eval
from jobs.schedules.baseline import Baseline
from jobs.schedules.measure import ScheduleRunner
from jobs.schedules.records import Schedule, ScheduleState, card_posting, every, next_time, schedule_entry
from jobs.state.change import Change, Once, Versioned
from jobs.state.find import find
from jobs.state.store import AlreadyTaken, Store, retried_on_conflict
from jobs.trail.entry import Act

MOST: Final = 500
"""Schedules that are read for a list."""
ALLOWANCE: Final = 2
"""The usual budget of an eval, as a multiple of the tokens that the same one took before the approval."""
AT_ONCE: Final = 5.0
"""Seconds within which two people who ask at the same time would not see each other's schedule."""
DONE: Final = {
    ScheduleState.PAUSED: "is paused",
    ScheduleState.ACTIVE: "is not paused",
    ScheduleState.ENDED: "has ended",
}
ACTS: Final = {
    ScheduleState.PAUSED: Act.PAUSE,
    ScheduleState.ACTIVE: Act.RESUME,
    ScheduleState.ENDED: Act.CANCEL,
}
PERMISSIONS: Final = {
    ScheduleState.PAUSED: Permission.PAUSE,
    ScheduleState.ACTIVE: Permission.RESUME,
    ScheduleState.ENDED: Permission.END,
}


@dataclass(frozen=True, slots=True)
class ScheduleRequest:
    """What a person asked to have measured again and again."""

    task: str
    alias: str
    """As `production` or `eurovoc@production`."""
    days: int
    at: int | None
    """Minutes after midnight; None begins now, and goes on at this time of day."""
    zone: str
    budget: int | None
    channel: str
    by: str
    trigger: str


@dataclass(frozen=True, slots=True)
class Made:
    """A new schedule, and what each of its measurements takes."""

    schedule: Schedule
    evaluation: Eval
    """A measurement as it would be now."""
    baseline: Baseline | str
    """What it would be compared with; or why nothing can be compared as things stand, as a sentence."""


@dataclass(frozen=True, slots=True)
class Schedules:
    """The schedules of this bot."""

    store: Store
    runner: ScheduleRunner
    permissions: Permissions
    clock: Callable[[], float]

    async def every(self) -> tuple[Schedule, ...]:
        """Return the schedules that have not ended, newest first."""
        found = await self.store.records(Schedule, MOST)
        return tuple(each for each in found if each.state is not ScheduleState.ENDED)

    async def named(self, schedule_id: str) -> Schedule:
        """Return the schedule with this id; raises NotFound."""
        return (await self._find(schedule_id)).value

    async def alias_of(self, schedule: Schedule) -> Alias:
        """Return the alias that a schedule follows."""
        return (await alias_named(self.store, schedule.alias)).value

    async def make(self, request: ScheduleRequest) -> Made:
        """Have what an alias points at measured again and again; the same trigger makes one schedule.

        Raises:
            UserError: there is no such task or alias, its model cannot be measured, or it has a schedule already.
        """
        name = read_alias(request.alias, request.task)
        alias = (await alias_named(self.store, name)).value
        job = await self.store.record(Job, alias.current.target.job)
        assert job is not None, "an alias points at models of jobs"
        baseline = await self.runner.baselines.of(alias.current, job.value)
        schedule = self._schedule(request, name, baseline)
        evaluation = await self.runner.planned(schedule, alias)
        for each in await self.every():
            if each.alias == name and each.trigger != request.trigger:
                raise _taken(each)
        try:
            await self._write_down(schedule)
        except AlreadyTaken as taken:  # by somebody who asked at the same time
            raise _taken(await self.named(taken.holder)) from taken
        return Made(schedule, evaluation, baseline)

    def _schedule(self, request: ScheduleRequest, name: str, baseline: Baseline | str) -> Schedule:
        now, budget = self.clock(), request.budget
        if budget is None and (isinstance(baseline, str) or not baseline.tokens):
            why = f" {baseline}" if isinstance(baseline, str) else ""
            raise InvalidRequest(
                f"I cannot tell what a measurement takes.{why} Give the most tokens of one: `budget=`."
            )
        schedule = Schedule(
            id=short_id(SCHEDULE_PREFIX, request.trigger),
            trigger=request.trigger,
            task=request.task,
            alias=name,
            days=request.days,
            at=minutes_of(now, request.zone) if request.at is None else request.at,
            zone=request.zone,
            budget=budget or ALLOWANCE * (0 if isinstance(baseline, str) else baseline.tokens),
            channel=request.channel,
            by=request.by,
            created_at=now,
            next_at=now,
            begun_at=now,
        )
        if request.at is None:
            return schedule
        return replace(schedule, next_at=self.runner.next_daily(schedule.at, schedule.zone, now))

    async def _write_down(self, schedule: Schedule) -> None:
        """Write a new schedule down with its first work item; one that is there already was made by this trigger."""
        if await self.store.record(Schedule, schedule.id):
            return
        await self.store.commit(
            Change(
                records=(Versioned(schedule, 0),),
                schedule={schedule_item(schedule.id): max(0.0, schedule.next_at - self.clock())},
                postings=(card_posting(schedule),),
                audit=(schedule_entry(schedule, Act.SCHEDULED, schedule.by, schedule.created_at),),
                once=Once(f"scheduled:{schedule.alias}", schedule.id, AT_ONCE),
            )
        )

    @retried_on_conflict
    async def become(self, state: ScheduleState, reference: str, by: str) -> Schedule:
        """Pause a schedule, let it go on, or end it; an eval that is under way goes on.

        Raises:
            NotFound: no schedule, or more than one, matches.
            Conflict: it is so already.
            NotPermitted: this person may not; nothing was written.
        """
        held = await self._find(reference)
        schedule, now = held.value, self.clock()
        if schedule.state in {state, ScheduleState.ENDED}:
            raise Conflict(f"{schedule.id} {DONE[schedule.state]} already.")
        await self.permissions.require_for_schedule(
            PERMISSIONS[state], schedule.id, by, owner=schedule.by, task=schedule.task
        )
        changed = replace(schedule, state=state)
        if state is ScheduleState.ACTIVE:
            changed = replace(changed, next_at=next_time(changed, self.runner.next_daily, now))
        goes_on = state is ScheduleState.ACTIVE and not schedule.pending
        await self.store.commit(
            Change(
                records=(Versioned(changed, held.version),),
                schedule={schedule_item(schedule.id): changed.next_at - now} if goes_on else {},
                postings=(card_posting(changed),),
                audit=(schedule_entry(changed, ACTS[state], by, now),),
            )
        )
        return changed

    async def _find(self, reference: str) -> Versioned[Schedule]:
        return await find(self.store, Schedule, reference, prefix=SCHEDULE_PREFIX, noun="schedule")


def _taken(schedule: Schedule) -> Conflict:
    return Conflict(
        f"{schedule.alias} is measured {every(schedule.days)} already, by {schedule.id}; "
        f"`/eval schedule end {schedule.id}` ends that."
    )


def minutes_of(at: float, zone: str) -> int:
    """Return how many minutes after midnight a moment (unix seconds) is on the clocks of a zone."""
    there = datetime.fromtimestamp(at, ZoneInfo(zone))
    return there.hour * 60 + there.minute
