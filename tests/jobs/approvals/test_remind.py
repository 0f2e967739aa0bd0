"""The turns of an approval that waits: reminded once, after quiet hours, and ended in time."""

import pytest
from redis.asyncio import Redis

from jobs.approvals.change import due_in, with_approval
from jobs.approvals.decide import Approvals
from jobs.approvals.records import DAY, Approval, Ending
from jobs.approvals.remind import Reminders
from jobs.core.ids import approval_item, kind_of_item
from jobs.core.records import PostingKind
from jobs.state.change import Change
from jobs.state.store import Delivery, Store
from tests.jobs.approvals.team import JOB, OPENED, Clock, Group, vote, waiting
from tests.records import BOB, CAROL

REMINDER = OPENED + 5 * DAY
END = OPENED + 7 * DAY
TURN = approval_item(JOB)


class Scene:
    """One approval, a clock, and a channel that may be quiet."""

    def __init__(self, store: Store, redis: Redis) -> None:
        self.store = store
        self.redis = redis
        self.clock = Clock(OPENED)
        self.quiet_until = 0.0
        self.approvals = Approvals(store, Group(BOB, CAROL), self.clock)
        self.reminders = Reminders(store, self.approvals, self.clock, self.next_allowed)

    async def next_allowed(self, channel: str, now: float) -> float:
        assert channel
        return max(now, self.quiet_until)

    async def turn(self, at: float) -> None:
        self.clock.now = at
        await self.reminders.turn(TURN)

    async def approval(self) -> Approval:
        held = await self.store.record(Approval, JOB)
        assert held is not None
        return held.value

    async def told(self) -> list[str]:
        """Return what the thread is told since the last look."""
        found: list[str] = []
        for claim in await self.store.claim("outbox", lease=60, limit=10):
            while delivery := await self.store.begin(claim.id, claim.token, lease=60):
                found += self._said(delivery)
                await self.store.refuse(delivery.posting, "read by the test")
            await self.store.release(claim.id, claim.token)
        return found

    def _said(self, delivery: Delivery) -> list[str]:
        is_notice = delivery.posting.kind is PostingKind.APPROVAL_NOTICE
        return [str(delivery.posting.text)] if is_notice else []

    async def planned(self) -> float | None:
        """Return the seconds until the next turn as it is planned; None where there is none."""
        due = await self.redis.zscore("{proctor}:due", TURN)
        if due is None:
            return None
        seconds, micros = await self.redis.time()
        return float(due) / 1000 - (seconds + micros / 1e6)


@pytest.fixture
async def scene(store: Store, redis: Redis) -> Scene:
    found = Scene(store, redis)
    await store.commit(with_approval(Change(), None, waiting(), OPENED))
    return found


async def test_the_turns_of_an_approval_are_a_kind_of_their_own(scene: Scene) -> None:
    assert kind_of_item(TURN) == "approval"
    assert await scene.planned() == pytest.approx(5 * DAY, abs=60)


async def test_it_is_reminded_of_once_and_then_ends(scene: Scene) -> None:
    await scene.turn(REMINDER - 1)
    assert await scene.told() == []
    await scene.turn(REMINDER)
    assert await scene.told() == ["reminder"]
    assert (await scene.approval()).reminded_at == REMINDER
    assert await scene.planned() == pytest.approx(2 * DAY, abs=60)
    await scene.turn(REMINDER)  # handed over twice
    assert await scene.told() == []
    await scene.turn(END)
    ended = (await scene.approval()).settled
    assert ended is not None
    assert (ended.ending, ended.at) == (Ending.EXPIRED, END)
    assert await scene.told() == ["expired"]
    assert await scene.planned() is None
    await scene.turn(END + 1)
    assert await scene.told() == []
    assert await scene.planned() is None


async def test_a_reminder_waits_for_the_end_of_quiet_hours(scene: Scene) -> None:
    scene.quiet_until = REMINDER + 8 * 3600
    await scene.turn(REMINDER)
    assert await scene.told() == []
    assert await scene.planned() == pytest.approx(8 * 3600, abs=60)
    await scene.turn(scene.quiet_until)
    assert await scene.told() == ["reminder"]


async def test_quiet_hours_do_not_put_off_the_end(scene: Scene) -> None:
    scene.quiet_until = END + DAY
    await scene.turn(REMINDER)
    assert await scene.planned() == pytest.approx(2 * DAY, abs=60)
    await scene.turn(END)
    assert await scene.told() == ["expired"]


async def test_what_was_settled_is_neither_reminded_of_nor_ended(scene: Scene) -> None:
    scene.clock.now = OPENED + 10
    for user in (BOB, CAROL):
        await scene.approvals.decide(vote(user))
    assert await scene.told() == ["approved"]
    assert await scene.planned() is None
    await scene.turn(END)
    assert await scene.told() == []
    settled = (await scene.approval()).settled
    assert settled is not None
    assert settled.ending is Ending.APPROVED


async def test_a_decision_while_it_is_reminded_of_is_kept(scene: Scene, store: Store) -> None:
    async def decided_meanwhile(_channel: str, now: float) -> float:
        await scene.approvals.decide(vote(BOB))
        return now

    overtaken = Reminders(store, scene.approvals, scene.clock, decided_meanwhile)
    scene.clock.now = REMINDER
    await overtaken.turn(TURN)
    approval = await scene.approval()
    assert ([each.user for each in approval.decisions], approval.reminded_at) == ([BOB], REMINDER)
    assert await scene.told() == ["reminder"]
    assert await scene.planned() == pytest.approx(2 * DAY, abs=60)


async def test_a_turn_of_nothing_ends(store: Store, redis: Redis) -> None:
    await Scene(store, redis).turn(OPENED)
    assert await store.claim("due", lease=60, limit=10) == ()


def test_what_gathers_evidence_anew_has_no_end() -> None:
    assert due_in(waiting(expires_at=None), OPENED) < 0
    assert due_in(waiting(), END + 5) == 0.0
