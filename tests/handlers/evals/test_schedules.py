"""How a schedule reads: its card in every state, its alert with the way back, and what was typed wrongly."""

from dataclasses import replace
from typing import cast

import pytest

from handlers.evals.commands import EVAL
from handlers.evals.schedules import answer_schedule, measurement_message, read_rhythm, schedule_card, schedule_list
from handlers.slack.blocks import Message
from handlers.slack.commands import Typed, parse
from handlers.slack.replies import Asker
from jobs.aliases.records import Alias, AliasMove, MoveKind, Target
from jobs.core.errors import InvalidRequest, UserError
from jobs.evals.reviews import NO_REVIEWS
from jobs.schedules.measure import ScheduleRunner
from jobs.schedules.records import Finding, Measurement, Schedule, ScheduleState
from jobs.schedules.service import Schedules
from jobs.state.store import Store
from local.slack.blocks import validate
from tests.handlers.evidence_shown import action_ids, text_of
from tests.permitted import EVERYBODY_MAY
from tests.records import ALICE, BOB, CHANNEL

SCHEDULE = Schedule(
    id="sched-abc234",
    trigger="trigger-1",
    task="acts",
    alias="acts@production",
    days=7,
    at=7 * 60,
    zone="Europe/Berlin",
    budget=61_000,
    channel=CHANNEL,
    by=ALICE,
    created_at=1_000.0,
    next_at=90_000.0,
)
WORSE = Measurement(
    due_at=80_000.0,
    at=80_100.0,
    eval="eval-abc234",
    model="tuned-20",
    place="step 20 of rft-second",
    finding=Finding.WORSE,
    text="is worse than at its approval: f1 <0.52> against 0.61, -0.09 (95% interval -0.12 to -0.06), 50 items.",
    mean=0.52,
)
HOLDS = replace(WORSE, finding=Finding.HOLDS, text="is not shown to be worse than at its approval: f1 0.60", mean=0.6)


def move(number: int, model: str, job: str) -> AliasMove:
    target = Target(model, "local", job, "ckpt", 10 * number, job)
    return AliasMove(number, target, MoveKind.APPROVED, BOB, 1.0, "because")


FIRST, SECOND = move(1, "tuned-10", "rft-first"), move(2, "tuned-20", "rft-second")
ALIAS = Alias("acts@production", "acts", (FIRST, SECOND))


def shown(message: Message | str) -> str:
    assert isinstance(message, Message)
    assert validate(list(message.blocks), "message") == []
    return text_of(message)


def test_the_card_says_what_when_and_what_was_found() -> None:
    new = shown(schedule_card(SCHEDULE))
    assert "acts@production is measured every week" in new
    assert "Not measured yet." in new
    assert "every week at 07:00, Europe/Berlin" in new
    under_way = replace(SCHEDULE, pending="eval-xyz234", suspicion=WORSE, measurements=(HOLDS, WORSE))
    told = shown(schedule_card(under_way))
    assert "acts@production is worse than at its approval: f1 &lt;0.52&gt;" in told
    assert "Being measured a second time now: `eval-xyz234`." in told
    assert told.index("0.52 · *worse*") < told.index("0.60 · holds"), "the newest comes first"


@pytest.mark.parametrize(
    ("state", "controls"),
    [
        (ScheduleState.ACTIVE, ["act_on_eval:schedule:pause", "act_on_eval:schedule:end"]),
        (ScheduleState.PAUSED, ["act_on_eval:schedule:resume", "act_on_eval:schedule:end"]),
        (ScheduleState.ENDED, []),
    ],
)
def test_its_controls_are_those_of_its_state(state: ScheduleState, controls: list[str]) -> None:
    message = schedule_card(replace(SCHEDULE, state=state))
    shown(message)
    assert action_ids(message) == controls


def test_a_measurement_that_a_judge_graded_says_how_far_people_agree_with_it() -> None:
    unchecked = NO_REVIEWS.agreement("helpful", "v1")
    message = measurement_message(SCHEDULE, WORSE, ALIAS, (unchecked,), mentions=False)
    assert "No grades of this judge (helpful) have been checked by a person." in shown(message)


def test_an_alert_has_the_way_back_as_long_as_the_alias_points_at_that_model() -> None:
    alert = measurement_message(SCHEDULE, WORSE, ALIAS, mentions=True)
    said = shown(alert)
    assert f"<@{ALICE}> *acts@production (step 20 of rft-second) is worse than at its approval" in said
    assert "Before it, `acts@production` pointed at step 10 of rft-first." in said
    assert action_ids(alert) == ["roll_back_alias"]
    assert f"<@{ALICE}>" not in shown(measurement_message(SCHEDULE, WORSE, ALIAS, mentions=False))

    moved = replace(ALIAS, moves=(*ALIAS.moves, move(3, "tuned-30", "rft-third")))
    assert action_ids(measurement_message(SCHEDULE, WORSE, moved, mentions=True)) == []
    only = measurement_message(
        SCHEDULE, replace(WORSE, model="tuned-10"), replace(ALIAS, moves=(FIRST,)), mentions=True
    )
    assert action_ids(only) == []
    assert "No approved model came before it, so `acts@production` cannot be rolled back." in shown(only)


def test_what_holds_is_one_plain_line() -> None:
    message = measurement_message(SCHEDULE, HOLDS, ALIAS, mentions=True)
    assert action_ids(message) == []
    assert "acts@production (step 20 of rft-second) is not shown to be worse" in shown(message)


def test_the_list_has_a_line_each() -> None:
    paused = replace(SCHEDULE, state=ScheduleState.PAUSED, measurements=(WORSE,))
    listed = shown(schedule_list((SCHEDULE, paused)))
    assert listed.count("`sched-abc234`") == 2
    assert "not measured yet" in listed
    assert "every week at 07:00, Europe/Berlin, paused" in listed
    assert "Nothing is measured again and again." in str(schedule_list(()))


@pytest.mark.parametrize(("typed", "days"), [("1d", 1), ("1w", 7), ("2W", 14), ("13w", 91)])
def test_rhythms_are_read(typed: str, days: int) -> None:
    assert read_rhythm(typed) == days


@pytest.mark.parametrize("typed", ["", "1", "0d", "d", "1h", "14w", "-1d", "1.5d", "daily"])
def test_what_is_no_rhythm_is_said(typed: str) -> None:
    with pytest.raises(InvalidRequest, match="write days or weeks"):
        read_rhythm(typed)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("schedule task=acts", r"needs `model=` and `every=`"),
        ("schedule task=acts model=production every=1h", "write days or weeks"),
        ("schedule task=acts model=production every=1d at=7am", "is not a time of day"),
        ("schedule task=acts model=production every=1d budget=lots", "`budget=lots` does not work"),
        ("schedule stop sched-abc234", r"cannot 'stop'"),
        ("schedule pause", "Say which, and nothing else"),
        ("schedule pause sched-abc234 every=1d", "Say which, and nothing else"),
        ("schedule pause sched-none22", "There is no schedule 'sched-none22'"),
    ],
)
async def test_what_is_typed_wrongly_is_said(store: Store, typed: str, said: str) -> None:
    asked = parse("/eval", typed, EVAL)
    schedules = Schedules(store, cast("ScheduleRunner", None), EVERYBODY_MAY, lambda: 1_000.0)
    with pytest.raises(UserError, match=said):
        await answer_schedule(asked, Asker(ALICE, CHANNEL, "t"), schedules, Everywhere(), Zones())  # type: ignore[arg-type] # all that is asked of them


class Everywhere:
    """People of a channel that the bot is in."""

    async def require_membership(self, channel: str) -> None:
        del channel


class Zones:
    """Knows everybody's time zone."""

    async def zone(self, typed: Typed, user: str) -> tuple[str, str]:
        del typed, user
        return "Europe/Berlin", ""
