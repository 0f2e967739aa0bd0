"""The turns of an approval that waits: reminded once, after quiet hours, and ended in time."""

import pytest

from jobs.approvals.change import due_in, with_approval
from jobs.approvals.decide import Approvals
from jobs.approvals.records import DAY, Approval, Ending
from jobs.approvals.remind import Reminders
from jobs.core.ids import DELIVER, DELIVERIES, approval_item, kind_of_item
from jobs.core.records import PostingKind
from jobs.outbox.postings import Delivery, Outbox
from jobs.queue.pools import Held
from jobs.state.change import Change
from jobs.state.store import Store
from tests.jobs.approvals.team import JOB, OPENED, Clock, Group, vote, waiting
from tests.records import BOB, CAROL
from tests.working import planned_work, worked_off

REMINDER = OPENED + 5 * DAY
END = OPENED + 7 * DAY
TURN = approval_item(JOB)


class Scene:
    """One approval, a clock, and a channel that may be quiet."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.outbox = Outbox(store)
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

        async def read(held: Held) -> None:
            while delivery := await self.outbox.begin(held.taken):
                found.extend(self._said(delivery))
                await self.outbox.refuse(delivery, "read by the test")

        await worked_off(self.store, {DELIVER: read}, DELIVERIES)
        return found

    def _said(self, delivery: Delivery) -> list[str]:
        is_notice = delivery.posting.kind is PostingKind.APPROVAL_NOTICE
        return [str(delivery.posting.text)] if is_notice else []

    async def planned(self) -> float | None:
        """Return the seconds until the next turn as it is planned; None where there is none."""
        return (await planned_work(self.store)).get(TURN)


@pytest.fixture
async def scene(store: Store) -> Scene:
    found = Scene(store)
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


async def test_a_turn_of_nothing_ends(store: Store) -> None:
    await Scene(store).turn(OPENED)
    assert await planned_work(store) == {}


def test_what_gathers_evidence_anew_has_no_end() -> None:
    assert due_in(waiting(expires_at=None), OPENED) < 0
    assert due_in(waiting(), END + 5) == 0.0
