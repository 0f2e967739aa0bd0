"""The outbox in Redis: order, wishes, and who may write what became of a delivery."""

from dataclasses import replace

import pytest
from redis.asyncio import Redis

from jobs.core.ids import DELIVERIES, card_id
from jobs.core.records import Posting, PostingKind
from jobs.outbox.postings import Delivery, Outbox
from jobs.queue.due import DueItems, Outcome, Taken
from jobs.state.change import Change
from jobs.state.connection import Connection
from jobs.state.store import LedgerEntry, Store
from tests.records import CHANNEL, a_posting
from tests.working import taken

SAID = LedgerEntry(CHANNEL, "1.0")
CARD = a_posting(kind=PostingKind.CARD, refreshed=True)


async def post(store: Store, *postings: Posting) -> None:
    await store.commit(Change(postings=postings))


async def lane_of(store: Store) -> Taken:
    (lane,) = await taken(store, DELIVERIES)
    return lane


async def begun(store: Store, lane: Taken) -> Delivery:
    delivery = await Outbox(store).begin(lane)
    assert delivery is not None
    return delivery


async def waits(store: Store) -> list[str]:
    return [lane.item for lane in await taken(store, DELIVERIES)]


async def test_postings_of_a_lane_come_in_order_and_leave_it_when_settled(store: Store) -> None:
    await post(store, a_posting(1), a_posting(2))
    lane, outbox, seen = await lane_of(store), Outbox(store), []
    while delivery := await outbox.begin(lane):
        seen.append(delivery.posting.text)
        await outbox.settle(delivery, SAID)
    assert seen == ["note 1", "note 2"]
    await DueItems(store.connection).end(lane)
    assert await waits(store) == []
    assert await store.ledger("rft-abc234", a_posting(2).id) == SAID


async def test_a_posting_that_was_delivered_is_not_taken_up_again(store: Store) -> None:
    await post(store, a_posting())
    lane = await lane_of(store)
    await Outbox(store).settle(await begun(store, lane), SAID)
    await DueItems(store.connection).end(lane)
    await post(store, a_posting())
    assert await waits(store) == []


async def test_a_refreshed_posting_wanted_during_its_delivery_is_delivered_again(store: Store) -> None:
    await post(store, CARD)
    lane, outbox = await lane_of(store), Outbox(store)
    first = await begun(store, lane)
    await post(store, CARD)
    await outbox.settle(first, SAID)
    second = await begun(store, lane)
    assert (second.entry, second.attempt) == (SAID, 1)
    await outbox.settle(second, SAID)
    assert await outbox.begin(lane) is None


async def test_an_attempt_whose_answer_was_lost_counts_once(store: Store) -> None:
    await post(store, a_posting())
    lane = await lane_of(store)
    begin = store.connection.script("outbox", "begin")
    answers = [await begin(lane.item, lane.token, "lane", "one attempt") for _ in range(2)]
    assert answers[0] == answers[1]
    assert (await begun(store, lane)).attempt == 2


@pytest.mark.parametrize("what", ["settle", "refuse", "forget_attempt", "begin"])
async def test_who_lost_the_lane_changes_nothing(store: Store, redis: Redis, what: str) -> None:
    """B2: a bot that stood still settled, and took the newest state of a card that another was to show."""
    await post(store, CARD)
    outbox = Outbox(store)
    (late_lane,) = (await DueItems(Connection(redis)).take({DELIVERIES: 1}, lease=0.001)).taken
    late = await begun(store, late_lane)
    found: tuple[Taken, ...] = ()
    while not found:
        found = await taken(store, DELIVERIES)
    await outbox.settle(await begun(store, found[0]), SAID)
    await DueItems(store.connection).end(found[0])
    await post(store, CARD)
    match what:
        case "settle":
            await outbox.settle(late, LedgerEntry(CHANNEL, "9.9"))
        case "refuse":
            await outbox.refuse(late, "channel_not_found")
        case "forget_attempt":
            await outbox.forget_attempt(late)
        case _:
            assert await outbox.begin(late_lane) is None
    assert not await DueItems(store.connection).end(late_lane)
    assert (await begun(store, await lane_of(store))).entry == SAID, "the newest state is still to be shown"


async def test_an_urgent_posting_ends_the_pause_of_its_lane(store: Store) -> None:
    await post(store, CARD)
    lane = await lane_of(store)
    await Outbox(store).settle(await begun(store, lane), SAID)
    await DueItems(store.connection).end(lane, Outcome.PAUSED, 600)
    await post(store, CARD)
    assert await waits(store) == []
    await post(store, replace(CARD, urgent=True))
    assert await waits(store) == ["deliver:lane"]


async def test_a_refused_posting_is_set_aside_with_its_reason(store: Store, redis: Redis) -> None:
    await post(store, a_posting())
    lane, outbox = await lane_of(store), Outbox(store)
    await outbox.refuse(await begun(store, lane), "channel_not_found")
    assert await outbox.begin(lane) is None
    assert await outbox.is_refused(a_posting().id)
    assert "channel_not_found" in str(await redis.hget("{proctor}:refused", a_posting().id))
    _, (refused,) = await outbox.refused_since(0, 10)
    assert refused.posting == a_posting()


async def test_what_slack_takes_after_all_is_not_known_as_refused(store: Store) -> None:
    outbox = Outbox(store)
    await post(store, CARD)
    lane = await lane_of(store)
    await outbox.refuse(await begun(store, lane), "not_in_channel")
    await post(store, CARD)
    await outbox.settle(await begun(store, lane), SAID)
    assert not await outbox.is_refused(CARD.id)


async def test_a_posting_in_hand_is_not_dropped_by_somebody_else(store: Store) -> None:
    await post(store, a_posting())
    lane, outbox = await lane_of(store), Outbox(store)
    await outbox.drop(a_posting(), "too old")
    assert (await begun(store, lane)).posting == a_posting()
    await DueItems(store.connection).end(lane, Outcome.PAUSED, 60)
    await outbox.drop(a_posting(), "too old")
    assert await outbox.is_refused(a_posting().id)


async def test_a_page_of_empty_lanes_does_not_end_the_outbox(store: Store, redis: Redis) -> None:
    await redis.zadd("{proctor}:due:deliveries", {f"deliver:card:{n:03}": n for n in range(5)})
    await post(store, a_posting())
    outbox = Outbox(store)
    first, second, third = [await outbox.lanes(offset=offset, limit=5) for offset in (0, 5, 10)]
    assert [(each.count, len(each.oldest)) for each in (first, second, third)] == [(5, 0), (1, 1), (0, 0)]


async def test_the_age_of_the_outbox_is_that_of_what_waits_longest(store: Store, redis: Redis) -> None:
    table = DueItems(store.connection)
    assert await table.oldest(DELIVERIES) == 0
    await post(store, replace(a_posting(), subject=card_id("rft-abc234")))
    seconds, _ = await redis.time()
    await redis.zadd("{proctor}:due:deliveries", {"deliver:lane": 1000 * (seconds - 90)})
    assert 89 < await table.oldest(DELIVERIES) < 600
