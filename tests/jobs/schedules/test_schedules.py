"""Production is measured on its schedule: once each time, against its approval, whoever dies or comes late."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.kinds import KINDS
from jobs.core.errors import Conflict, InvalidRequest, NotFound
from jobs.core.ids import schedule_item
from jobs.core.permissions import NotPermitted
from jobs.evals.records import EvalState
from jobs.evidence.records import Evidence
from jobs.schedules.records import Finding, ScheduleState, every
from jobs.state.change import Change, Versioned
from jobs.state.connection import Connection
from jobs.state.store import Store
from jobs.trail.entry import BOT
from tests.jobs.evidence.scene import grader
from tests.jobs.schedules.production import ALIAS, DAY, ITEMS, Production, in_production
from tests.records import ALICE, BOB, CAROL
from tests.working import planned_work


@pytest.fixture
async def production(store: Store, tmp_path: Path) -> AsyncIterator[Production]:
    async with in_production(store, tmp_path) as opened:
        yield opened


def local(at: float, zone: str = "Europe/Berlin") -> str:
    return datetime.fromtimestamp(at, ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")


# -- what a measurement shows ---------------------------------------------------------------------------------------


async def test_a_model_that_has_not_changed_is_measured_once_and_nobody_is_alarmed(production: Production) -> None:
    made = await production.make()
    assert isinstance(made.schedule.budget, int)
    schedule = await production.measured()

    (evaluation,) = await production.evals()
    assert (evaluation.state, evaluation.split, evaluation.runs) == (EvalState.FINISHED, "valid", 2)
    assert [arm.name for arm in evaluation.arms] == ["step 20 of rft-abc234"]
    assert (evaluation.request.budget, evaluation.request.thread) == (made.schedule.budget, schedule.id)
    # Twice what the same one took before the approval: 18 items, 2 runs, 120 tokens an answer.
    assert made.schedule.budget == 2 * ITEMS * 2 * 120
    last = schedule.last
    assert last is not None
    assert (last.finding, last.place, schedule.pending) == (Finding.HOLDS, "step 20 of rft-abc234", None)
    assert last.text.startswith("is not shown to be worse than at its approval: exact ")
    assert await production.said() == [(f"{ALIAS} {last.text}", False)]
    assert not await production.scene.lab.postings(f"card:{evaluation.id}"), "it has no card of its own"


async def test_one_that_has_become_worse_is_measured_twice_before_the_channel_hears_of_it(
    production: Production,
) -> None:
    await production.make()
    await production.measured()
    production.clock.now += DAY
    production.knows(3)
    schedule = await production.measured()

    _, first, second = await production.evals()
    last = schedule.last
    assert last is not None
    assert (last.finding, last.eval) == (Finding.WORSE, second.id)
    assert last.text.startswith("is worse than at its approval: exact 0.")
    assert last.text.endswith(f"18 items. Measured twice: {first.id} says the same.")
    assert [loud for _, loud in await production.said()] == [False, True]

    # The next day it is no news; once it is well again it is.
    production.clock.now += DAY
    await production.measured()
    production.clock.now += DAY
    production.knows(9)
    await production.measured()
    assert [loud for _, loud in await production.said()] == [False, True, False, True]


async def test_what_looks_worse_only_once_is_no_alert(production: Production) -> None:
    await production.make()
    production.knows(3)
    schedule = await production.turn()
    assert schedule.pending
    await production.scene.lab.run(schedule.pending)
    production.knows(9)
    schedule = await production.measured()
    last = schedule.last
    assert last is not None
    assert (last.finding, len(await production.evals())) == (Finding.HOLDS, 2)
    assert last.text.endswith("it looked worse.")
    assert [loud for _, loud in await production.said()] == [False]


async def test_what_looks_worse_is_not_measured_again_once_the_alias_has_moved(production: Production) -> None:
    await production.make()
    production.knows(3)
    schedule = await production.turn()
    assert schedule.pending
    await production.scene.lab.run(schedule.pending)
    await production.move("ckpt-10", "tuned-10", 10)
    last = (await production.measured()).last
    assert last is not None
    # A second eval would ask another model, and would say nothing about the suspicion.
    assert (last.finding, last.model, len(await production.evals())) == (Finding.NOT_MEASURED, "tuned-20", 1)
    assert last.text.endswith(f"{ALIAS} points at step 10 of rft-abc234 now.")


@pytest.mark.parametrize(("state", "why"), [(ScheduleState.PAUSED, "is paused."), (ScheduleState.ENDED, "has ended.")])
async def test_one_that_was_stopped_starts_no_second_eval(
    production: Production, state: ScheduleState, why: str
) -> None:
    made = (await production.make()).schedule
    production.knows(3)
    await production.turn()
    await production.schedules.become(state, made.id, ALICE)
    last = (await production.measured()).last
    assert last is not None
    assert (last.finding, len(await production.evals())) == (Finding.NOT_MEASURED, 1)
    assert last.text.endswith(f"{made.id} {why}")


async def test_what_the_choice_of_the_best_explains_is_no_fall(production: Production) -> None:
    held = await production.store.record(Evidence, "rft-abc234")
    assert held is not None
    lucky = replace(held.value, bias=(0.65, 0.7))
    await production.store.commit(Change(records=(Versioned(lucky, held.version),)))
    await production.make()
    production.knows(3)
    last = (await production.measured()).last
    assert last is not None
    assert last.finding is Finding.HOLDS
    assert last.text.startswith("is no worse than expected of a model that was chosen as the best: ")


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("graders/exact.json", grader("ilike"), "The graders changed since the approval of step 20 of rft-abc234."),
        ("prompts/v1.md", "Say it.\n", "The prompt changed since the approval of step 20 of rft-abc234."),
        ("task.yaml", "lenient_json: true\n", "The way answers are scored changed since the approval of"),
    ],
)
async def test_what_changed_since_the_approval_is_said_and_not_compared(
    production: Production, file: str, content: str, said: str
) -> None:
    await production.make()
    task = production.scene.lab.folder / "tasks" / "small" / file
    before = task.read_text("utf-8") if file == "task.yaml" else ""
    production.scene.edit(file, before + content)
    production.knows(2)
    last = (await production.measured()).last
    assert last is not None
    assert last.finding is Finding.NOT_COMPARED
    assert said in last.text
    assert (last.mean or 1) < 0.5, "the figure is there all the same"
    assert [loud for _, loud in await production.said()] == [True]


async def test_what_cannot_be_measured_is_said_once_to_the_channel(production: Production) -> None:
    await production.make()
    production.scene.edit("task.yaml", "reward: nothing\n")
    schedule = await production.measured()
    assert schedule.last is not None
    assert (schedule.last.finding, schedule.last.eval) == (Finding.NOT_MEASURED, "")
    production.clock.now += DAY
    await production.measured()
    assert [loud for _, loud in await production.said()] == [True, False]
    assert schedule.next_at > production.clock() - DAY


async def test_an_eval_that_was_cancelled_measured_nothing(production: Production) -> None:
    await production.make()
    schedule = await production.turn()
    assert schedule.pending
    await production.scene.lab.evals.cancel(schedule.pending, ALICE)
    last = (await production.measured()).last
    assert last is not None
    assert (last.finding, last.text) == (
        Finding.NOT_MEASURED,
        f"could not be measured. {schedule.pending} was cancelled.",
    )


async def test_it_follows_the_alias(production: Production) -> None:
    await production.make()
    await production.measured()
    await production.move("ckpt-10", "tuned-10", 10)
    production.clock.now += DAY
    last = (await production.measured()).last
    assert last is not None
    # Weaker than step 20, and just as good as it was itself when it was approved.
    assert (last.place, last.finding) == ("step 10 of rft-abc234", Finding.HOLDS)


async def test_an_alias_that_moves_meanwhile_is_said(production: Production) -> None:
    await production.make()
    schedule = await production.turn()
    assert schedule.pending
    await production.scene.lab.run(schedule.pending)
    await production.move("ckpt-10", "tuned-10", 10)
    last = (await production.turn()).last
    assert last is not None
    assert last.place == "step 20 of rft-abc234"
    assert last.text.endswith(f"{ALIAS} has moved to step 10 of rft-abc234 since; this is about step 20 of rft-abc234.")


# -- when ------------------------------------------------------------------------------------------------------------


async def test_it_keeps_its_time_of_day_over_a_change_of_the_clocks(production: Production) -> None:
    production.clock.now = datetime(2026, 3, 26, 12, 0, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()
    schedule = (await production.make(at=7 * 60)).schedule
    times = [local(schedule.next_at)]
    for _ in range(3):
        production.clock.now = schedule.next_at + 1
        schedule = await production.measured()
        times.append(local(schedule.next_at))
    assert times == ["2026-03-27 07:00", "2026-03-28 07:00", "2026-03-29 07:00", "2026-03-30 07:00"]


async def test_a_week_keeps_its_day_and_what_was_missed_is_done_once(production: Production) -> None:
    production.clock.now = datetime(2026, 5, 4, 9, 30, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()
    schedule = (await production.make(days=7)).schedule
    assert local(schedule.next_at) == "2026-05-04 09:30"
    production.clock.now += 24 * DAY  # the bots were down for more than three weeks
    schedule = await production.measured()
    assert len(await production.evals()) == 1
    assert local(schedule.next_at) == "2026-06-01 09:30"
    assert (await production.turn()).pending is None, "it is not due yet"


async def test_two_bots_and_a_crash_in_between_start_nothing_twice(production: Production) -> None:
    await production.make()
    item = schedule_item((await production.schedule()).id)
    others = [Store(Connection(production.store.connection.redis), KINDS) for _ in range(3)]
    await asyncio.gather(*(production.runner(each).turn(item) for each in others))
    (evaluation,) = await production.evals()
    schedule = await production.schedule()
    assert schedule.pending == evaluation.id
    assert evaluation.id in await planned_work(production.store)

    await production.scene.lab.run(evaluation.id)
    await asyncio.gather(*(production.runner(each).turn(item) for each in others))
    assert len((await production.schedule()).measurements) == 1
    assert len(await production.said()) == 1
    # Of one that dies after its commit nothing is left to do: the work item is done again, and finds it done.
    await production.turn()
    assert len(await production.evals()) == 1


# -- by whom ---------------------------------------------------------------------------------------------------------


async def test_it_is_paused_by_anybody_and_resumed_and_ended_by_those_who_may(production: Production) -> None:
    schedule = (await production.make()).schedule
    paused = await production.schedules.become(ScheduleState.PAUSED, schedule.id, CAROL)
    assert (await production.turn()).pending is None
    production.clock.now += 3 * DAY
    with pytest.raises(NotPermitted, match=r"Only <@U0ALICE>, who made it, and its approvers .* can resume"):
        await production.schedules.become(ScheduleState.ACTIVE, schedule.id, CAROL)
    resumed = await production.schedules.become(ScheduleState.ACTIVE, paused.id.removeprefix("sched-"), BOB)
    assert 0 < resumed.next_at - production.clock() <= DAY, "it goes on at its usual time"
    with pytest.raises(Conflict, match="is not paused already"):
        await production.schedules.become(ScheduleState.ACTIVE, schedule.id, BOB)
    await production.schedules.become(ScheduleState.ENDED, schedule.id, ALICE)
    with pytest.raises(Conflict, match="has ended already"):
        await production.schedules.become(ScheduleState.PAUSED, schedule.id, ALICE)
    assert await production.schedules.every() == ()
    trail = [(entry.entry.act.value, entry.entry.who) for entry in await production.store.trail()]
    assert trail[1:] == [("scheduled", ALICE), ("pause", CAROL), ("resume", BOB), ("cancel", ALICE)]


async def test_each_eval_is_in_the_trail_as_the_bots_own(production: Production) -> None:
    schedule = (await production.make()).schedule
    await production.measured()
    entry = (await production.store.trail())[-1].entry
    assert (entry.act.value, entry.who, entry.details["schedule"]) == ("launch", BOT, schedule.id)
    assert entry.details["alias"] == ALIAS


async def test_one_that_ends_in_the_middle_of_a_measurement_says_its_result_and_no_more(
    production: Production,
) -> None:
    schedule = (await production.make()).schedule
    await production.turn()
    await production.schedules.become(ScheduleState.ENDED, schedule.id, ALICE)
    ended = await production.measured()
    assert (ended.state, len(ended.measurements)) == (ScheduleState.ENDED, 1)
    assert schedule_item(schedule.id) not in await planned_work(production.store)


async def test_an_alias_has_one_schedule_and_a_command_delivered_twice_makes_one(production: Production) -> None:
    first = (await production.make()).schedule
    assert (await production.make()).schedule.id == first.id
    with pytest.raises(Conflict, match=f"{ALIAS} is measured every day already, by {first.id}"):
        await production.make(trigger="trigger-10", alias=ALIAS)
    assert len(await production.store.trail()) == 2


async def test_two_people_who_ask_at_once_make_one(production: Production) -> None:
    asked = await asyncio.gather(
        *(production.make(trigger=f"trigger-{number}") for number in range(4)), return_exceptions=True
    )
    assert sum(isinstance(each, Conflict) for each in asked) == 3, asked
    assert len(await production.schedules.every()) == 1


async def test_what_cannot_be_scheduled_is_said(production: Production) -> None:
    with pytest.raises(NotFound, match=r"There is no alias 'small@live'"):
        await production.make(alias="live")
    with pytest.raises(InvalidRequest, match="is not an alias of small"):
        await production.make(alias="other@production")
    production.scene.edit("prompts/v1.md", "Say it.\n")
    with pytest.raises(InvalidRequest, match=r"The prompt changed since .* Give the most tokens of one: `budget=`"):
        await production.make()
    made = await production.make(budget=50_000)
    assert isinstance(made.baseline, str)


def test_rhythms_are_said_as_people_do() -> None:
    assert [every(days) for days in (1, 3, 7, 14)] == ["every day", "every 3 days", "every week", "every 2 weeks"]
