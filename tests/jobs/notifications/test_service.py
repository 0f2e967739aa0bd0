import asyncio
import itertools
import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
from redis.asyncio import Redis

from bot.kinds import KINDS
from bot.schedule import next_daily
from jobs.core.errors import Conflict
from jobs.core.records import Job, JobState, Posting, PostingKind, RaisedAlert
from jobs.notifications.digests import LATEST, Digests
from jobs.notifications.records import Digest, HeldBack, Mute, QuietHours, Scope
from jobs.notifications.service import MOST_HELD, Quiet
from jobs.notifications.visibility import Visibility
from jobs.state.change import Change, Versioned
from jobs.state.connection import Connection
from jobs.state.store import Store
from tests.records import ALICE, BOB, CHANNEL, a_checkpoint, a_job, a_posting, a_request
from tests.working import planned_work, waiting_lanes

NIGHT = QuietHours(22 * 60, 7 * 60, "Europe/Berlin", ALICE)
NINE = 9 * 60


def at(utc: str) -> float:
    return datetime.fromisoformat(utc).replace(tzinfo=UTC).timestamp()


@dataclass
class Watch:
    """A clock that is set by hand."""

    now: float

    def __call__(self) -> float:
        return self.now


@dataclass
class Room:
    """The services on a real store, with a clock of their own."""

    store: Store
    redis: Redis
    clock: Watch
    quiet: Quiet
    digests: Digests

    async def add(self, job: Job) -> None:
        await self.store.commit(Change(records=(Versioned(job, 0),)))

    async def posted(self) -> list[str]:
        """Return the ids of what waits to be posted into the channel."""
        return [str(each) for each in await self.redis.zrange(f"{{proctor}}:lane:digest:{CHANNEL}", 0, -1)]

    async def due(self) -> dict[str, float]:
        """Return the planned work items, with the seconds until then on the server's clock."""
        return {item: round(seconds) for item, seconds in (await planned_work(self.store)).items()}


@pytest.fixture
def room(store: Store, redis: Redis) -> Room:
    clock = Watch(at("2026-01-10T12:00"))
    return Room(store, redis, clock, Quiet(store, clock), Digests(store, next_daily, clock))


WARNED = a_job(watchers=(BOB,), alerts=(RaisedAlert("O1", "warn", 20, "Overfitting: .1\nLook."),))
WARNING = a_posting(kind=PostingKind.ALERT, alert=0, broadcast=True)


async def test_a_mute_holds_until_it_ends_or_is_ended(room: Room) -> None:
    await room.add(WARNED)
    mute = Mute(Scope.JOB, WARNED.id, room.clock.now + 60, BOB)
    await room.quiet.mute(CHANNEL, mute)
    assert await room.quiet.mute_of(WARNED) == mute
    assert not (await room.quiet.visibility(WARNING)).broadcast
    room.clock.now += 60
    assert await room.quiet.mute_of(WARNED) is None
    assert (await room.quiet.visibility(WARNING)).mentions == (ALICE, BOB)

    longer = replace(mute, until=room.clock.now + 60)
    await room.quiet.mute(CHANNEL, longer)
    assert (await room.quiet.preferences(CHANNEL)).mutes == (longer,)
    assert await room.quiet.unmute(CHANNEL, Scope.JOB, WARNED.id) == longer
    assert await room.quiet.unmute(CHANNEL, Scope.JOB, WARNED.id) is None
    assert await room.quiet.mute_of(WARNED) is None


@pytest.mark.parametrize(
    ("mute", "cards"),
    [
        (Mute(Scope.CHANNEL, "", 4e9, BOB), {"rft-one222", "rft-two222"}),
        (Mute(Scope.TASK, "acts", 4e9, BOB), {"rft-one222"}),
        (Mute(Scope.JOB, "rft-two222", 4e9, BOB), {"rft-two222"}),
    ],
)
async def test_the_cards_of_what_is_muted_say_so_at_once(room: Room, mute: Mute, cards: set[str]) -> None:
    await room.add(a_job(id="rft-one222"))
    await room.add(a_job(id="rft-two222", task="other"))
    await room.add(a_job(id="rft-over22", state=JobState.SUCCEEDED))
    await room.add(a_job(id="rft-away22", request=a_request(channel="C0OTHER")))
    await room.quiet.mute(CHANNEL, mute)
    assert set(await waiting_lanes(room.store)) == {f"card:{each}" for each in cards}


async def test_what_quiet_hours_keep_back_is_told_once_when_they_end(room: Room) -> None:
    await room.add(WARNED)
    await room.quiet.set_quiet(CHANNEL, NIGHT)
    room.clock.now = at("2026-01-10T23:00")
    ends = at("2026-01-11T06:00")
    for _ in range(3):  # a delivery that is tried again
        loud = await room.quiet.visibility(WARNING)
        assert (loud.broadcast, loud.mentions) == (False, ())
    subject = f"quiet:{CHANNEL}:{int(ends)}"
    assert await room.due() == {subject: 7 * 3600}
    held = await room.store.record(HeldBack, subject.partition(":")[2])
    assert held is not None
    (item,) = held.value.items
    assert (item.posting, item.text, item.people) == (WARNING.id, "Overfitting: .1", (ALICE, BOB))

    await room.digests.post_held_back(subject)  # too early: it comes back
    assert await room.posted() == []
    room.clock.now = ends
    await room.digests.post_held_back(subject)
    await room.digests.post_held_back(subject)
    assert await room.posted() == [subject]
    assert await room.due() == {}
    assert (await room.quiet.visibility(WARNING)).broadcast


async def test_of_very_much_the_newest_are_kept_and_the_rest_is_counted(room: Room) -> None:
    await room.add(WARNED)
    await room.quiet.set_quiet(CHANNEL, NIGHT)
    room.clock.now = at("2026-01-10T23:00")
    for number in range(MOST_HELD + 3):
        await room.quiet.visibility(replace(WARNING, id=f"warning {number}"))
    (held,) = await room.store.records(HeldBack)
    assert (len(held.items), held.earlier, held.items[-1].posting) == (MOST_HELD, 3, f"warning {MOST_HELD + 2}")


async def test_ending_quiet_hours_tells_at_once_and_what_comes_later_is_told_later(room: Room) -> None:
    await room.add(WARNED)
    await room.quiet.set_quiet(CHANNEL, NIGHT)
    room.clock.now = at("2026-01-10T23:00")
    await room.quiet.visibility(WARNING)
    subject = f"quiet:{CHANNEL}:{int(at('2026-01-11T06:00'))}"
    await room.quiet.set_quiet(CHANNEL, None)
    assert await room.due() == {subject: 0}
    await room.digests.post_held_back(subject)
    assert await room.posted() == [subject]

    await room.quiet.set_quiet(CHANNEL, NIGHT)
    await room.quiet.visibility(replace(WARNING, id="another"))
    assert await room.due() == {f"{subject}:more": 7 * 3600}
    room.clock.now = at("2026-01-11T06:00")
    await room.digests.post_held_back(f"{subject}:more")
    assert await room.posted() == [subject, f"{subject}:more"]


async def test_who_watches_is_mentioned_until_they_stop(room: Room) -> None:
    await room.add(a_job())
    await room.quiet.watch(WARNED.id, BOB)
    job = await room.quiet.watch(WARNED.id, BOB)
    assert job.watchers == (BOB,)
    finish = a_posting(kind=PostingKind.STATUS, broadcast=True)
    assert (await room.quiet.visibility(finish)).mentions == (ALICE, BOB)
    assert (await room.quiet.unwatch(WARNED.id, ALICE))[1] == (BOB,)
    assert (await room.quiet.visibility(finish)).mentions == (BOB,)
    assert (await room.quiet.unwatch(WARNED.id, BOB))[1] == ()
    assert (await room.quiet.visibility(finish)).mentions == ()
    assert (await room.quiet.watch(WARNED.id, ALICE)).watchers == ()
    assert (await room.quiet.visibility(finish)).mentions == (ALICE,)
    await room.quiet.set_mentions(ALICE, on=False)
    assert (await room.quiet.visibility(finish)).mentions == ()


async def test_a_job_that_is_over_cannot_be_watched(room: Room) -> None:
    await room.add(a_job(state=JobState.SUCCEEDED))
    with pytest.raises(Conflict, match="rft-abc234 is over"):
        await room.quiet.watch("rft-abc234", BOB)


# -- digests -------------------------------------------------------------------------------------------------------


async def planned(room: Room, *, even_if_empty: bool = False) -> str:
    """Plan a digest for nine in Berlin; return the work item that posts it."""
    plan = await room.digests.plan(CHANNEL, NINE, "Europe/Berlin", by=ALICE, even_if_empty=even_if_empty)
    assert plan.next_at == at("2026-01-11T08:00")
    assert await room.due() == {f"digest:{CHANNEL}": 20 * 3600}
    return f"digest:{CHANNEL}"


async def test_a_digest_comes_once_a_day(room: Room) -> None:
    await room.add(WARNED)
    subject = await planned(room)
    for hour in ("2026-01-11T07:59", "2026-01-11T08:00", "2026-01-11T08:00", "2026-01-11T09:00", "2026-01-12T08:00"):
        room.clock.now = at(hour)
        await room.digests.post_due(subject)
    assert await room.posted() == [f"digest:{CHANNEL}:2026-01-11", f"digest:{CHANNEL}:2026-01-12"]
    assert await room.due() == {subject: 24 * 3600}
    second = await room.store.record(Digest, f"{CHANNEL}:2026-01-12")
    assert second is not None
    assert (second.value.since, second.value.until) == (at("2026-01-11T08:00"), at("2026-01-12T08:00"))
    assert second.value.running == (WARNED.id,)


async def test_another_hour_on_the_same_day_posts_no_second_one(room: Room) -> None:
    await room.add(WARNED)
    subject = await planned(room)
    room.clock.now = at("2026-01-11T08:00")
    await room.digests.post_due(subject)
    plan = await room.digests.plan(CHANNEL, 18 * 60, "Europe/Berlin", by=ALICE, even_if_empty=False)
    assert plan.next_at == at("2026-01-12T17:00")


async def test_a_planned_hour_may_be_deferred_and_the_work_item_that_comes_early_waits(room: Room) -> None:
    await room.add(WARNED)
    subject = await planned(room)
    await room.digests.plan(CHANNEL, 18 * 60, "Europe/Berlin", by=ALICE, even_if_empty=False)
    assert await room.due() == {subject: 5 * 3600}  # 18:00 of the same day is earlier than 9:00 of the next
    room.clock.now = at("2026-01-10T16:00")
    await room.digests.post_due(subject)
    assert await room.posted() == []
    assert await room.due() == {subject: 3600}


@pytest.mark.parametrize(("late", "posted"), [(LATEST - 60, 1), (LATEST + 60, 0)])
async def test_after_a_stop_it_comes_late_or_where_that_is_too_late_not(room: Room, late: float, posted: int) -> None:
    await room.add(WARNED)
    subject = await planned(room)
    room.clock.now = at("2026-01-11T08:00") + late
    await room.digests.post_due(subject)
    assert len(await room.posted()) == posted
    room.clock.now = at("2026-01-12T08:00")
    await room.digests.post_due(subject)
    told = await room.store.record(Digest, f"{CHANNEL}:2026-01-12")
    assert told is not None
    since = at("2026-01-11T08:00") + late if posted else room.clock.now - 86_400
    assert told.value.since == since


@pytest.mark.parametrize(("even_if_empty", "posted"), [(False, 0), (True, 1)])
async def test_where_nothing_happened_the_plan_says(room: Room, even_if_empty: bool, posted: int) -> None:
    subject = await planned(room, even_if_empty=even_if_empty)
    room.clock.now = at("2026-01-11T08:00")
    await room.digests.post_due(subject)
    assert len(await room.posted()) == posted
    assert await room.due() == {subject: 24 * 3600}


async def test_a_digest_that_is_ended_comes_no_more(room: Room) -> None:
    await room.add(WARNED)
    subject = await planned(room)
    assert await room.digests.stop(CHANNEL)
    assert await room.digests.stop(CHANNEL) is None
    assert await room.due() == {}
    room.clock.now = at("2026-01-11T08:00")
    await room.digests.post_due(subject)
    assert await room.posted() == []


async def test_one_that_is_asked_for_comes_once_and_leaves_the_daily_one_alone(room: Room) -> None:
    await room.add(WARNED)
    subject = await planned(room)
    for _ in range(2):
        await room.digests.post_now(CHANNEL, "trigger-9", BOB)
    assert await room.posted() == [f"digest:{CHANNEL}:now:trigger-9"]
    room.clock.now = at("2026-01-11T08:00")
    await room.digests.post_due(subject)
    daily = await room.store.record(Digest, f"{CHANNEL}:2026-01-11")
    assert daily is not None
    assert daily.value.since == room.clock.now - 86_400


async def test_two_bots_at_once_post_one(room: Room) -> None:
    await room.add(WARNED)
    subject = await planned(room)
    room.clock.now = at("2026-01-11T08:00")
    other = Digests(Store(Connection(room.redis), KINDS), next_daily, room.clock)
    for post_due in (room.digests.post_due, other.post_due):
        await post_due(subject)
    assert len(await room.posted()) == 1


@pytest.mark.parametrize("seed", range(2))
async def test_whatever_people_plan_and_however_work_items_fall_no_day_has_two(room: Room, seed: int) -> None:
    await room.add(WARNED)
    chance, subject = random.Random(seed), f"digest:{CHANNEL}"
    for _ in range(300):
        room.clock.now += chance.choice((60, 3600, 5 * 3600, 14 * 3600))
        if chance.random() < 0.05:
            zone = chance.choice(("Asia/Kolkata", "America/New_York", "Europe/Berlin"))
            await room.digests.plan(CHANNEL, chance.randrange(1440), zone, by=ALICE, even_if_empty=True)
        for _ in range(chance.randrange(3)):
            await room.digests.post_due(subject)
    posted = await room.posted()
    assert len(posted) > 20
    assert posted == sorted(posted)
    found = [await room.store.record(Digest, each.partition(":")[2]) for each in posted]
    told = [digest.value for digest in found if digest]
    assert len(told) == len(posted)
    assert all(after.since == before.until for before, after in itertools.pairwise(told))


async def test_many_at_once_lose_nothing(room: Room) -> None:
    await room.add(WARNED)
    users = [f"U{number:03}" for number in range(6)]
    mutes = [Mute(Scope.TASK, f"task {number}", 4e9, BOB) for number in range(6)]
    await asyncio.gather(
        room.quiet.set_quiet(CHANNEL, NIGHT),
        *(room.quiet.mute(CHANNEL, mute) for mute in mutes),
        *(room.quiet.watch(WARNED.id, user) for user in users),
        *(room.quiet.unwatch(each, ALICE) for each in (WARNED.id, WARNED.id)),
    )
    preferences = await room.quiet.preferences(CHANNEL)
    assert (set(preferences.mutes), preferences.quiet) == (set(mutes), NIGHT)
    held = await room.store.record(Job, WARNED.id)
    assert held is not None
    assert set(held.value.watchers) == {BOB, *users}

    room.clock.now = at("2026-01-10T23:00")
    await asyncio.gather(*(room.quiet.visibility(replace(WARNING, id=f"warning {number}")) for number in range(6)))
    (kept,) = await room.store.records(HeldBack)
    assert len(kept.items) == 6


@pytest.mark.parametrize(
    ("posting", "line"),
    [
        (a_posting(kind=PostingKind.SUMMARY, broadcast=True, text=None), "2 checkpoints wait for approval."),
        (a_posting(kind=PostingKind.STATUS, broadcast=True, text="Failed.\nWhy."), "Failed."),
        (
            a_posting(kind=PostingKind.APPROVAL, broadcast=True, text=None, subject="move-1"),
            "A request waits for approval.",
        ),
    ],
)
async def test_what_is_kept_back_is_told_in_a_line(room: Room, posting: Posting, line: str) -> None:
    await room.add(a_job(checkpoints=(a_checkpoint(5), a_checkpoint(10))))
    await room.quiet.set_quiet(CHANNEL, NIGHT)
    room.clock.now = at("2026-01-10T23:00")
    assert await room.quiet.visibility(replace(posting, kind=PostingKind.CURVE)) == Visibility(broadcast=True)
    await room.quiet.visibility(posting)
    (held,) = await room.store.records(HeldBack)
    assert [item.text for item in held.items] == [line]


async def test_a_reminder_waits_for_the_end_of_quiet_hours_and_for_nothing_else(room: Room) -> None:
    await room.quiet.set_quiet(CHANNEL, NIGHT)
    assert await room.quiet.next_allowed(CHANNEL, at("2026-01-11T03:00")) == at("2026-01-11T06:00")
    assert await room.quiet.next_allowed(CHANNEL, at("2026-01-11T12:00")) == at("2026-01-11T12:00")
    assert await room.quiet.next_allowed("C0OTHER", 5.0) == 5.0
