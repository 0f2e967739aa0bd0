"""What people are answered when they ask to be told less, typed as they type it."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.schedule import next_daily
from handlers.notifications.commands import NotificationCommands, with_mute, zones_of
from handlers.proctor import PROCTOR
from handlers.slack.blocks import Message
from handlers.slack.commands import parse
from handlers.slack.replies import Asker
from jobs.core.errors import Conflict, UserError
from jobs.core.records import JobState
from jobs.notifications.digests import Digests
from jobs.notifications.records import Mute, Scope
from jobs.notifications.service import Quiet
from jobs.state.change import Change, Versioned
from jobs.state.store import Store
from jobs.tasks import TaskCatalogue
from tests.handlers.posting_desk import jobs_of, open_desk
from tests.records import ALICE, BOB, CHANNEL, DAVE, a_job

NOON = datetime(2026, 3, 28, 12, tzinfo=UTC).timestamp()
Say = Callable[..., Awaitable[str]]


async def zone_of(user: str) -> str | None:
    """Return where people are: dave keeps it to himself."""
    return None if user == DAVE else "Europe/Berlin"


@pytest.fixture
async def notifications(store: Store, tmp_path: Path) -> NotificationCommands:
    over = a_job(id="rft-over22", state=JobState.SUCCEEDED, remote_id="ftjob-2")
    for job in (a_job(), over, a_job(id="rft-other2", task="other", remote_id="ftjob-3")):
        await store.commit(Change(records=(Versioned(job, 0),)))

    def clock() -> float:
        return NOON

    digests = Digests(store, next_daily, clock)
    tasks = TaskCatalogue(tmp_path)
    return NotificationCommands(
        Quiet(store, clock), digests, jobs_of(store, tmp_path), tasks, zone_of=zone_of, clock=clock
    )


@pytest.fixture
def say(notifications: NotificationCommands) -> Say:
    """Type something after /proctor; returns the answer."""

    async def typed(text: str, user: str = ALICE) -> str:
        try:
            return await notifications.do(parse("/proctor", text, PROCTOR), Asker(user, CHANNEL, f"trigger {text}"))
        except UserError as error:
            return str(error)

    return typed


def moment(utc: str) -> str:
    return f"<!date^{int(datetime.fromisoformat(utc).replace(tzinfo=UTC).timestamp())}^"


@pytest.mark.parametrize(
    ("text", "covers", "until"),
    [
        ("mute", "this channel", "2026-03-28T16:00"),
        ("mute channel for=2h", "this channel", "2026-03-28T14:00"),
        ("mute acts for=30m", "task *acts* in this channel", "2026-03-28T12:30"),
        ("mute rft-abc until=18:00", "job `rft-abc234`", "2026-03-28T17:00"),
        ("mute abc234 until=09:00", "job `rft-abc234`", "2026-03-29T07:00"),
    ],
)
async def test_a_mute_says_what_it_covers_and_until_when(say: Say, text: str, covers: str, until: str) -> None:
    answer = await say(text)
    assert answer.startswith(f"Muted until {moment(until)}")
    assert f": {covers}. Alerts, status and ends go on in the threads" in answer
    assert "ends it." in answer


async def test_unmuting(say: Say) -> None:
    assert await say("unmute") == "Nothing to end: this channel is not muted."
    await say("mute", BOB)
    await say("mute acts")
    answer = await say("unmute")
    assert answer.startswith(f"No longer muted: this channel. <@{BOB}> had muted it until")
    assert answer.endswith("Still muted: task *acts* in this channel.")
    assert (await say("unmute acts")).startswith("No longer muted: task *acts* in this channel.")
    assert await say("unmute rft-over22") == "Nothing to end: job `rft-over22` is not muted."


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("mute for=2 hours", "`for=2` has no unit. Write it without a space: `for=2h`"),
        ("mute for=forever", "I cannot read `for=forever` as a span of time"),
        ("mute for=60d", "out of range: from one minute to 30 days"),
        ("mute for=2h until=18:00", "Give `for=` or `until=`, not both."),
        ("mute until=25:00", "'25:00' is not a time of day: hours go from 00 to 23"),
        ("mute until=6pm", "'6pm' is not a time of day"),
        ("mute act", "There is no job or task 'act'; did you mean 'acts'?"),
        ("mute rft-over22", "rft-over22 is over: it has nothing left to mute."),
        ("mute a b", "`/proctor mute` takes at most 1 word; 2 words are given: a b."),
        ("mute untl=18:00", "`/proctor mute` takes no 'untl='; did you mean 'until'?"),
        ("mentions maybe", "`/proctor mentions` takes `on` or `off`, not 'maybe'."),
        ("mentions", "`/proctor mentions` needs one on|off; none is given."),
        ("quiet", "This channel has no quiet hours. `/proctor quiet 22:00-07:00` sets some."),
        ("quiet 22:00", "'22:00' are no hours"),
        ("quiet 25:00-07:00", "'25:00' is not a time of day"),
        ("quiet 22:00-07:00 zone=Berlin", "There is no time zone 'Berlin'; did you mean 'Europe/Berlin'?"),
        ("quiet on", "'on' are no hours. Write from when to when"),
        ("digest", "This channel has no daily digest. `/proctor digest at=09:00` plans one."),
        ("digest zone=UTC", "This channel has no daily digest. `/proctor digest at=09:00` plans one."),
        ("digest at=9", "'9' is not a time of day"),
        ("digest 09:00", "`/proctor digest` takes `now` or `off`, or `at=09:00`; not '09:00'."),
        ("digest at=09:00 empty=yes", "`empty=yes` is neither `skip`"),
        ("digest at=09:00 zone=Mars", "There is no time zone 'Mars'"),
        ("digest off", "This channel has no daily digest."),
        ("quiet off", "This channel has no quiet hours."),
    ],
)
async def test_what_is_wrong_is_said_in_a_sentence(say: Say, text: str, answer: str) -> None:
    assert answer in await say(text)


async def test_quiet_hours_are_those_of_who_sets_them_unless_they_say(say: Say) -> None:
    answer = await say("quiet 22:00-07:00")
    assert answer.startswith("Quiet hours of this channel: 22:00 to 07:00, Europe/Berlin (your time zone in Slack;")
    assert "They do not hold now." in answer
    assert "At 07:00 one message sums them up." in answer
    held = await say("quiet", BOB)
    assert held.endswith(f"Set by <@{ALICE}>; `/proctor quiet off` ends them.")
    assert ", Asia/Kolkata. They hold now, until <!date^" in await say("quiet 17:00 - 18:00 zone=asia/kolkata")
    assert "17:00 to 18:00, UTC. They do not hold now." in await say("quiet zone=UTC")
    assert await say("quiet off") == "No quiet hours in this channel any more."


async def test_a_zone_that_slack_does_not_tell_is_said(say: Say) -> None:
    answer = await say("digest at=09:00", DAVE)
    assert "at 09:00, UTC (Slack does not tell me your time zone; `zone=Europe/Berlin` sets it)" in answer
    assert f", unless nothing happened; next {moment('2026-03-29T09:00')}" in answer


async def test_a_digest_is_planned_changed_and_ended(say: Say) -> None:
    answer = await say("digest at=09:00")
    assert "each day at 09:00, Europe/Berlin (your time zone in Slack; `zone=` sets another)" in answer
    assert f", unless nothing happened; next {moment('2026-03-29T07:00')}" in answer
    assert "each day at 09:00, Europe/Berlin, even if nothing happened" in await say("digest empty=say")
    assert "each day at 18:00, Europe/Berlin, even if nothing happened" in await say("digest at=18:00", DAVE)
    assert (await say("digest")).endswith(f"Set by <@{DAVE}>; `/proctor digest off` ends it.")
    assert await say("digest now") == "A digest comes here in a moment."
    assert await say("digest off") == "No daily digest in this channel any more."


async def test_mentions(say: Say, notifications: NotificationCommands) -> None:
    assert "You will no longer be mentioned, about any job." in await say("mentions off", BOB)
    told = await notifications.watch("abc234", BOB)
    assert told is not None
    assert told.startswith("`rft-abc234`: you are told of it from now on. I mention you when it raises a warning")
    assert "`/proctor mentions on` first: yours are off." in told
    assert "when a job that you launched or watch raises a warning" in await say("mentions on", BOB)
    assert "you are its launcher" in (await notifications.watch("abc234", ALICE) or "")
    assert "ftjob-1 is rft-abc234, which I watch already; you are told of it" in (
        await notifications.watch("ftjob-1", BOB) or ""
    )
    assert await notifications.watch("ftjob-unknown", BOB) is None
    with pytest.raises(Conflict, match="ftjob-2 is rft-over22, which is over; `/rft status rft-over22`"):
        await notifications.watch("ftjob-2", BOB)
    with pytest.raises(Conflict, match="rft-over22 is over: nothing more comes of it"):
        await notifications.watch("over22", BOB)


async def test_unwatching_says_who_is_left(notifications: NotificationCommands) -> None:
    await notifications.watch("abc234", BOB)
    assert await notifications.unwatch("abc234", ALICE) == (
        f"You will no longer be mentioned about `rft-abc234`. I still mention <@{BOB}>."
    )
    assert (await notifications.unwatch("abc234", BOB)).endswith("Nobody is mentioned about it now.")


async def test_a_person_is_where_slack_says(store: Store, tmp_path: Path) -> None:
    async with open_desk(store, tmp_path) as desk:
        where = zones_of(desk.client)
        assert await where("U0BOB0001") == "Etc/UTC"
        assert await where("U0NOBODY") is None
        desk.fault("users.info", "error")
        assert await where("U0BOB0001") is None


@pytest.mark.parametrize(
    ("mute", "says"),
    [
        (Mute(Scope.CHANNEL, "", NOON, BOB), "Channel muted until"),
        (Mute(Scope.TASK, "acts", NOON, BOB), "Task muted until"),
        (Mute(Scope.JOB, "rft-abc234", NOON, BOB), "Muted until"),
    ],
)
def test_a_card_says_that_it_is_muted_until_when_and_by_whom(mute: Mute, says: str) -> None:
    card = Message("card")
    assert with_mute(card, None) == card
    (line,) = with_mute(card, mute).blocks
    assert says in str(line)
    assert f"by <@{BOB}>" in str(line)
