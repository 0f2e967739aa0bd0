"""The outbox_worker over a real Redis and a Slack that drops, delays, repeats and refuses."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field, replace

import pytest

from jobs.core.ids import DELIVERIES, card_id
from jobs.core.records import Posting, PostingKind
from jobs.outbox.postings import Delivery, Outbox
from jobs.outbox.worker import MOST_FAULTS, MaybeDelivered, NotDelivered, OutboxWorker, RateLimits, Undeliverable
from jobs.queue.due import MOST_DEATHS, DueItems
from jobs.state.change import Change
from jobs.state.store import LedgerEntry, Store
from tests.records import CHANNEL, a_posting
from tests.working import ended, held, make_due, taken

QUICK = RateLimits(settle=0.0, post_interval=0.0, edit_interval=0.0, pauses=dict.fromkeys(PostingKind, 0.0))


@dataclass
class SmallSlack:
    """Holds messages, and fails as it is told to: one fault a call, then none."""

    faults: list[str] = field(default_factory=list)
    posted: list[tuple[str, str | None]] = field(default_factory=list)
    edits: Counter[str] = field(default_factory=Counter)

    async def post(self, posting: Posting, thread: LedgerEntry | None) -> LedgerEntry:
        fault = self.faults.pop(0) if self.faults else "none"
        self._fail_before(fault)
        self.posted.append((posting.id, thread.ts if thread else None))
        self._fail_after(fault)
        return LedgerEntry(posting.channel, f"{len(self.posted)}.0")

    async def edit(self, posting: Posting, entry: LedgerEntry) -> LedgerEntry:
        fault = self.faults.pop(0) if self.faults else "none"
        self._fail_before(fault)
        self.edits[posting.id] += 1
        self._fail_after(fault)
        return entry

    async def find(
        self,
        posting: Posting,
        thread: LedgerEntry | None,  # noqa: ARG002 - the port's signature
        since: float,  # noqa: ARG002 - as above
    ) -> LedgerEntry | None:
        for number, (posting_id, _) in enumerate(self.posted, start=1):
            if posting_id == posting.id:
                return LedgerEntry(posting.channel, f"{number}.0")
        return None

    def _fail_before(self, fault: str) -> None:
        match fault:
            case "limited":
                raise NotDelivered("ratelimited", 0.01)
            case "lost before":
                raise MaybeDelivered("dropped")
            case "refused":
                raise Undeliverable("channel_not_found")
            case "killed before":
                raise KilledError

    def _fail_after(self, fault: str) -> None:
        match fault:
            case "lost after":
                raise MaybeDelivered("dropped")
            case "killed after":
                raise KilledError


class KilledError(BaseException):
    """Stands for the process that ends in mid-call."""


def a_worker(store: Store, slack: SmallSlack, limits: RateLimits = QUICK) -> OutboxWorker:
    return OutboxWorker(store, Outbox(store), slack, limits)


async def deliver(store: Store, worker: OutboxWorker) -> None:
    """Deliver each lane that is due; a process that is killed over one leaves it behind, and counts as gone."""
    table = DueItems(store.connection)
    for lane in await taken(store, DELIVERIES):
        try:
            again = await worker.deliver(held(lane))
        except KilledError:
            member = lane.token.partition("/")[0]
            await store.connection.redis.set(f"{{proctor}}:leaving:{member}", 1)  # there is no pause to wait for
            await table.take({}, dead=[member])
        else:
            await table.end(lane, *ended(again))


async def deliver_all(store: Store, worker: OutboxWorker, turns: int = 400) -> None:
    """Deliver until nothing waits."""
    for _ in range(turns):
        await deliver(store, worker)
        if not await store.connection.redis.zcard("{proctor}:due:deliveries"):
            return
        await asyncio.sleep(0.002)
    raise AssertionError("the outbox did not become empty")


@pytest.mark.parametrize("fault", ["none", "limited", "lost before", "lost after", "killed before", "killed after"])
async def test_a_posting_goes_out_once_whatever_happens_on_the_way(store: Store, fault: str) -> None:
    slack = SmallSlack([fault])
    outbox_worker = a_worker(store, slack, replace(QUICK, settle=0.01))
    await store.commit(Change(postings=(a_posting(1), a_posting(2))))
    await deliver_all(store, outbox_worker)
    assert [posting for posting, _ in slack.posted] == [a_posting(1).id, a_posting(2).id]


async def test_four_hundred_postings_through_faults_and_deaths_arrive_once_each(store: Store) -> None:
    chance = random.Random(7)
    kinds = ["none"] * 12 + ["limited", "lost before", "lost after", "killed before", "killed after"]
    slack = SmallSlack([chance.choice(kinds) for _ in range(1000)])
    outbox_worker = a_worker(store, slack, replace(QUICK, settle=0.005))
    postings = [a_posting(n, lane=f"lane {n % 7}") for n in range(400)]
    for start in range(0, 400, 50):
        await store.commit(Change(postings=tuple(postings[start : start + 50])))
    await deliver_all(store, outbox_worker, turns=5000)
    counts = Counter(posting for posting, _ in slack.posted)
    assert counts == Counter(posting.id for posting in postings)


async def test_a_refused_posting_does_not_hold_up_its_lane(store: Store) -> None:
    slack = SmallSlack(["refused"])
    await store.commit(Change(postings=(a_posting(1), a_posting(2))))
    await deliver_all(store, a_worker(store, slack, QUICK))
    assert [posting for posting, _ in slack.posted] == [a_posting(2).id]
    assert await Outbox(store).is_refused(a_posting(1).id)


async def test_a_thread_waits_for_its_card(store: Store) -> None:
    slack = SmallSlack()
    outbox_worker = a_worker(store, slack, QUICK)
    note = a_posting(1, kind=PostingKind.STATUS, user=None)
    card = a_posting(2, id=card_id("rft-abc234"), kind=PostingKind.CARD, lane="card", refreshed=True)
    await store.commit(Change(postings=(note,)))
    await deliver(store, outbox_worker)
    assert slack.posted == []
    await store.commit(Change(postings=(card,)))
    await deliver_all(store, outbox_worker)
    assert slack.posted == [(card.id, None), (note.id, "1.0")]


async def test_a_private_answer_does_not_make_the_ledger_forget_the_card(store: Store) -> None:
    card = a_posting(1, id=card_id("rft-abc234"), kind=PostingKind.CARD, refreshed=True)
    await store.commit(Change(postings=(card, a_posting(2, kind=PostingKind.ANSWER))))
    await deliver_all(store, a_worker(store, SmallSlack(), QUICK))
    assert await store._redis.hlen("{proctor}:ledger:rft-abc234") == 2
    assert await store._redis.pttl("{proctor}:ledger:rft-abc234") == -1


async def test_a_thread_whose_card_was_refused_is_looked_at_seldom(store: Store) -> None:
    slack = SmallSlack(["refused"])
    outbox_worker = a_worker(store, slack, QUICK)
    card = a_posting(1, id=card_id("rft-abc234"), kind=PostingKind.CARD, lane="card", refreshed=True)
    await store.commit(Change(postings=(card, a_posting(2, kind=PostingKind.STATUS, user=None, lane="thread"))))
    await deliver(store, outbox_worker)
    seconds, micros = await store._redis.time()
    (waiting,) = await store._redis.zrange("{proctor}:due:deliveries", 0, -1, withscores=True)
    assert waiting[0] == "deliver:thread"
    assert float(waiting[1]) / 1000 - (seconds + micros / 1e6) > 1800, "it is looked at once an hour"
    assert slack.posted == []


async def test_a_thread_whose_card_is_taken_after_all_goes_on_at_once(store: Store) -> None:
    slack = SmallSlack(["refused"])
    outbox_worker = a_worker(store, slack)
    card = a_posting(1, id=card_id("rft-abc234"), kind=PostingKind.CARD, lane="card", refreshed=True)
    note = a_posting(2, kind=PostingKind.STATUS, user=None, lane="thread")
    await store.commit(Change(postings=(card, note)))
    await deliver(store, outbox_worker)
    await store.commit(Change(postings=(card,)))  # the bot was invited back, and the job has news
    await deliver_all(store, outbox_worker)
    assert [posting for posting, _ in slack.posted] == [card.id, note.id]


async def test_a_card_that_was_refused_is_offered_again_with_what_waits_for_it(store: Store) -> None:
    slack = SmallSlack(["refused"])
    outbox_worker = a_worker(store, slack)
    card = a_posting(1, id=card_id("rft-abc234"), kind=PostingKind.CARD, lane="card", refreshed=True)
    note = a_posting(2, kind=PostingKind.STATUS, user=None, lane="thread")
    await store.commit(Change(postings=(card, note)))
    await deliver(store, outbox_worker)
    assert slack.posted == []
    await make_due(store, "deliver:thread")  # an hour later nothing else is new, and the bot may post
    await deliver_all(store, outbox_worker)
    assert [posting for posting, _ in slack.posted] == [card.id, note.id]


async def test_somebody_hears_of_a_thread_that_slack_does_not_let_begin(store: Store) -> None:
    heard: list[tuple[str, str]] = []

    async def hear(posting: Posting, reason: str) -> None:
        heard.append((posting.subject, reason))

    card = a_posting(1, id=card_id("rft-abc234"), kind=PostingKind.CARD, lane="card", refreshed=True)
    await store.commit(Change(postings=(card, a_posting(2))))
    outbox_worker = replace(a_worker(store, SmallSlack(["refused", "refused"])), on_refusal=hear)
    await deliver_all(store, outbox_worker)
    assert heard == [("rft-abc234", "channel_not_found")]


async def test_somebody_hears_of_a_thread_in_which_slack_takes_nothing_more_and_nobody_of_an_edit(store: Store) -> None:
    heard: list[str] = []

    async def hear(posting: Posting, _reason: str) -> None:
        heard.append(posting.id)

    card = a_posting(1, id=card_id("rft-abc234"), kind=PostingKind.CARD, lane="card", refreshed=True)
    note = a_posting(2, kind=PostingKind.STATUS, user=None, lane="thread")
    outbox_worker = replace(a_worker(store, SmallSlack(["none", "refused", "refused"])), on_refusal=hear)
    for posting in (card, note, card):
        await store.commit(Change(postings=(posting,)))
        await deliver_all(store, outbox_worker)
    assert heard == [note.id]


@pytest.mark.parametrize("at", ["before it says so", "after it said so"])
async def test_a_thread_that_begins_to_wait_as_its_card_is_taken_goes_on_at_once(
    store: Store, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    slack = SmallSlack(["refused"])
    outbox_worker = a_worker(store, slack)
    card = a_posting(1, id=card_id("rft-abc234"), kind=PostingKind.CARD, lane="card", refreshed=True)
    await store.commit(Change(postings=(card,)))
    await deliver(store, outbox_worker)
    note = a_posting(2, kind=PostingKind.STATUS, user=None, lane="thread")
    await store.commit(Change(postings=(note,)))
    wait = Outbox.wait_for_root

    async def overtaken(self: Outbox, delivery: Delivery) -> bool:
        if at == "after it said so":
            await wait(self, delivery)
        await store.commit(Change(postings=(card,)))
        await deliver(store, outbox_worker)
        if at == "before it says so":
            await wait(self, delivery)
        return True

    monkeypatch.setattr(Outbox, "wait_for_root", overtaken)
    await deliver_all(store, outbox_worker, turns=5)
    assert [posting for posting, _ in slack.posted] == [card.id, note.id]


async def test_a_refreshed_posting_is_posted_once_and_edited_from_then_on(store: Store) -> None:
    slack = SmallSlack()
    outbox_worker = a_worker(store, slack, QUICK)
    card = a_posting(1, id=card_id("rft-abc234"), kind=PostingKind.CARD, refreshed=True)
    for _ in range(3):
        await store.commit(Change(postings=(card,)))
        await deliver_all(store, outbox_worker)
    assert slack.posted == [(card.id, None)]
    assert slack.edits[card.id] == 2


@pytest.mark.parametrize("fault", ["lost after", "killed after"])
async def test_a_refreshed_posting_that_is_found_is_brought_up_to_date(store: Store, fault: str) -> None:
    slack = SmallSlack([fault])
    card = a_posting(1, id=card_id("rft-abc234"), kind=PostingKind.CARD, refreshed=True)
    await store.commit(Change(postings=(card,)))
    await deliver_all(store, a_worker(store, slack))
    assert slack.posted == [(card.id, None)]
    assert slack.edits[card.id] == 1


async def test_edits_wanted_during_a_pause_become_one(store: Store) -> None:
    slack = SmallSlack()
    outbox_worker = a_worker(store, slack, replace(QUICK, pauses={PostingKind.CARD: 600.0}))
    card = a_posting(1, id=card_id("rft-abc234"), kind=PostingKind.CARD, refreshed=True)
    await store.commit(Change(postings=(card,)))
    await deliver(store, outbox_worker)
    for _ in range(5):
        await store.commit(Change(postings=(card,)))
    assert await taken(store, DELIVERIES) == ()
    await store.commit(Change(postings=(replace(card, urgent=True),)))
    await deliver(store, outbox_worker)
    assert slack.edits[card.id] == 1


@dataclass
class ClickedSlack(SmallSlack):
    """Somebody clicks while the card is on its way."""

    store: Store | None = None
    urgent: bool = True

    async def post(self, posting: Posting, thread: LedgerEntry | None) -> LedgerEntry:
        assert self.store is not None
        await self.store.commit(Change(postings=(replace(posting, urgent=self.urgent),)))
        await self.store.commit(Change(postings=(posting,)))
        return await SmallSlack.post(self, posting, thread)


@pytest.mark.parametrize(("urgent", "edits"), [(True, 1), (False, 0)])
async def test_a_click_during_a_delivery_shows_without_a_pause(store: Store, urgent: bool, edits: int) -> None:
    slack = ClickedSlack(store=store, urgent=urgent)
    outbox_worker = a_worker(store, slack, replace(QUICK, pauses={PostingKind.CARD: 600.0}))
    card = a_posting(1, id=card_id("rft-abc234"), kind=PostingKind.CARD, refreshed=True)
    await store.commit(Change(postings=(card,)))
    await deliver(store, outbox_worker)
    assert slack.edits[card.id] == edits
    assert await taken(store, DELIVERIES) == ()


async def test_beyond_the_rate_the_lane_is_given_back(store: Store) -> None:
    slack = SmallSlack()
    outbox_worker = a_worker(store, slack, replace(QUICK, post_interval=600.0, post_burst=2))
    await store.commit(Change(postings=(a_posting(1), a_posting(2), a_posting(3))))
    await deliver(store, outbox_worker)
    assert len(slack.posted) == 2
    assert await taken(store, DELIVERIES) == ()
    assert a_posting(3).channel == CHANNEL


@pytest.mark.parametrize("failed", [(MOST_DEATHS, None), (None, MOST_FAULTS)])
async def test_a_posting_that_the_bot_cannot_deliver_does_not_hold_up_its_lane(
    store: Store, failed: tuple[int | None, int | None]
) -> None:
    slack = SmallSlack()
    await store.commit(Change(postings=(a_posting(1), a_posting(2))))
    (lane,) = await taken(store, DELIVERIES)
    again = await a_worker(store, slack).deliver(held(replace(lane, deaths=failed[0], raised=failed[1])))
    await DueItems(store.connection).end(lane, *ended(again))
    await deliver_all(store, a_worker(store, slack))
    assert await Outbox(store).is_refused(a_posting(1).id)
    assert [posting for posting, _ in slack.posted] == [a_posting(2).id]
