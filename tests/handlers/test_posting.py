"""Postings into the real local workspace, with its faults: what came of each attempt, and where the message stands."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from handlers.posting import PAGE
from handlers.slack.images import Pictures
from jobs.core.records import Job, JobState, Posting, PostingKind, RaisedAlert
from jobs.outbox.worker import MaybeDelivered, NotDelivered, Undeliverable
from jobs.state.change import Change, Versioned
from jobs.state.store import Store
from jobs.training.postings import card_posting, curve_posting, status, summary_posting
from tests.handlers.known_people import RFT
from tests.handlers.posting_desk import BOB, DAVE, GENERAL, Desk, open_desk, poster_of
from tests.records import a_checkpoint, a_job, a_posting, a_request, a_series, an_approval

JOB = a_job(request=a_request(channel=RFT, requested_by=BOB), last_step=20, total_steps=100, valid_reward=0.44)
CARD = card_posting(JOB)


@pytest.fixture
async def desk(store: Store, tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(store, tmp_path) as opened:
        await keep(opened, JOB)
        yield opened


async def keep(desk: Desk, job: Job, version: int = 0, change: Change | None = None) -> None:
    await desk.store.commit(replace(change or Change(), records=(Versioned(job, version),)))


def note(text: str = "A note.", user: str = BOB) -> Posting:
    return a_posting(channel=RFT, user=user, subject=JOB.id, text=text)


# -- what is shown -------------------------------------------------------------------------------------------------


async def test_a_card_is_posted_and_then_edited_in_place(desk: Desk) -> None:
    entry = await desk.poster.post(CARD, None)
    await keep(desk, replace(JOB, last_step=40, state=JobState.PAUSED, platform_status="paused"), version=1)
    edited = await desk.poster.edit(CARD, entry)
    assert (edited.channel, edited.ts) == (entry.channel, entry.ts)
    (message,) = await desk.history()
    assert message["ts"] == entry.ts
    assert "Paused" in str(message["blocks"])
    assert "step 40 of 100" in str(message["blocks"])
    assert message["metadata"]["event_payload"] == {"posting": CARD.id}


async def test_what_belongs_to_a_thread_stands_there_and_a_warning_in_the_channel_too(desk: Desk) -> None:
    alert = RaisedAlert("O1", "warn", 15, "The gap grew to 0.21.\nStop at step 10.")
    await keep(desk, replace(JOB, alerts=(alert,)), version=1)
    card = await desk.poster.post(CARD, None)
    warning = Posting("job:w", PostingKind.ALERT, "thread", JOB.id, RFT, alert=0, broadcast=True)
    for posting in (warning, status(JOB, "paused it <!here>", by=BOB)):
        await desk.poster.post(posting, card)
    said = await desk.thread(card.ts)
    assert [message["thread_ts"] for message in said] == [card.ts, card.ts]
    assert "The gap grew to 0.21" in str(said[0])
    assert f"<@{BOB}> paused it &lt;!here&gt;." in said[1]["text"]
    assert [message["ts"] for message in await desk.history()] == [card.ts, said[0]["ts"]]


async def test_an_answer_is_seen_by_its_reader_only_and_hides_no_markup(desk: Desk) -> None:
    await desk.poster.post(note("Write `task=<task>`, <!channel> & all."), None)
    assert desk.whispers(BOB) == ["Write `task=&lt;task&gt;`, &lt;!channel&gt; &amp; all."]
    assert desk.whispers(DAVE) == []
    assert await desk.history() == []


async def test_a_curve_has_its_picture_and_a_new_one_with_each_step(desk: Desk) -> None:
    card = await desk.poster.post(CARD, None)
    entry = await desk.poster.post(curve_posting(JOB), card)
    await keep(desk, replace(JOB, last_step=25), version=1)
    edited = await desk.poster.edit(curve_posting(JOB), entry)
    (message,) = await desk.thread(card.ts)
    (image,) = [block for block in message["blocks"] if block["type"] == "image"]
    assert image["slack_file"]["id"] == edited.file != entry.file
    assert len(desk.pool.drawn) == 2


async def test_without_its_picture_a_curve_says_its_numbers(desk: Desk) -> None:
    await keep(desk, replace(JOB, valid_reward=0.5), version=1, change=Change(steps=a_series(0.2, 0.5).steps))
    card = await desk.poster.post(CARD, None)
    desk.pool.fails = True
    entry = await desk.poster.post(curve_posting(JOB), card)
    assert entry.file is None
    (message,) = await desk.thread(card.ts)
    assert {block["type"] for block in message["blocks"]} == {"section"}
    assert "0.5" in message["text"]


async def test_a_summary_keeps_its_picture_while_decisions_come_in(desk: Desk) -> None:
    job = replace(JOB, state=JobState.SUCCEEDED, checkpoints=(a_checkpoint(20), a_checkpoint(40)))
    await keep(desk, job, version=1, change=Change(records=(Versioned(an_approval(subject=job.id), 0),)))
    card = await desk.poster.post(CARD, None)
    posting = summary_posting(job)
    entry = await desk.poster.post(posting, card)
    edited = await desk.poster.edit(posting, entry)
    assert edited.file == entry.file is not None
    assert len(desk.pool.drawn) == 1


# -- what goes wrong -----------------------------------------------------------------------------------------------


async def test_a_rate_limit_is_waited_out_for_as_long_as_slack_says(desk: Desk) -> None:
    desk.fault("chat.postMessage", "ratelimited", retry_after=7)
    with pytest.raises(NotDelivered) as delayed:
        await desk.poster.post(CARD, None)
    assert delayed.value.wait == 7.0
    assert await desk.history() == []


@pytest.mark.parametrize("kind", ["drop_before", "server_error", "error"])
async def test_an_attempt_that_may_have_gone_through_is_looked_for_and_not_found(desk: Desk, kind: str) -> None:
    desk.fault("chat.postMessage", kind)
    before = time.time()
    with pytest.raises(MaybeDelivered):
        await desk.poster.post(CARD, None)
    assert await desk.poster.find(CARD, None, before) is None


async def test_an_attempt_whose_answer_was_lost_is_found_behind_several_pages(desk: Desk) -> None:
    before = time.time()
    desk.fault("chat.postMessage", "drop_after")
    with pytest.raises(MaybeDelivered):
        await desk.poster.post(CARD, None)
    (message,) = await desk.history()
    others = (desk.client.chat_postMessage(channel=RFT, text=f"Message {n}.") for n in range(PAGE + 5))
    await asyncio.gather(*others)
    calls = desk.answered("conversations.history")
    found = await desk.poster.find(CARD, None, before)
    assert found is not None
    assert (found.channel, found.ts) == (RFT, message["ts"])
    assert desk.answered("conversations.history") - calls == 2


async def test_a_lost_reply_is_found_in_its_thread(desk: Desk) -> None:
    card = await desk.poster.post(CARD, None)
    posting = status(JOB, "Paused at step 20.")
    assert await desk.poster.find(posting, card, 0.0) is None
    desk.fault("chat.postMessage", "drop_after")
    with pytest.raises(MaybeDelivered):
        await desk.poster.post(posting, card)
    found = await desk.poster.find(posting, card, time.time())
    assert found is not None
    assert found.ts == (await desk.thread(card.ts))[0]["ts"]


async def test_an_answer_is_never_found_for_only_its_reader_has_it(desk: Desk) -> None:
    await desk.poster.post(note(), None)
    assert await desk.poster.find(note(), None, 0.0) is None


async def test_an_edit_whose_answer_was_lost_can_be_made_again(desk: Desk) -> None:
    entry = await desk.poster.post(CARD, None)
    desk.fault("chat.update", "drop_after")
    with pytest.raises(MaybeDelivered):
        await desk.poster.edit(CARD, entry)
    assert (await desk.poster.edit(CARD, entry)).ts == entry.ts


async def test_what_slack_refuses_for_good_comes_with_its_reason(desk: Desk) -> None:
    with pytest.raises(Undeliverable, match="channel_not_found"):
        await desk.poster.post(replace(CARD, channel="C0NOWHERE"), None)
    with pytest.raises(Undeliverable, match="user_not_found"):
        await desk.poster.post(note(user="U0NOBODY"), None)
    entry = await desk.poster.post(CARD, None)
    await desk.client.chat_delete(channel=RFT, ts=entry.ts)
    with pytest.raises(Undeliverable, match="message_not_found"):
        await desk.poster.edit(CARD, entry)


async def test_blocks_that_slack_refuses_are_named_by_their_place(desk: Desk) -> None:
    # A picture that the workspace does not know any more stands in the ledger.
    job = replace(JOB, state=JobState.SUCCEEDED, checkpoints=(a_checkpoint(20),))
    await keep(desk, job, version=1)
    entry = await desk.poster.post(CARD, None)
    with pytest.raises(Undeliverable, match=r"invalid_blocks .*slack_file"):
        await desk.poster.edit(summary_posting(job), replace(entry, file="F0GONE"))


async def test_without_a_connection_nothing_was_delivered(desk: Desk) -> None:
    nowhere = AsyncWebClient("xoxb-local-proctor", base_url="http://127.0.0.1:9/api/", retry_handlers=[])
    pictures = Pictures(desk.pool, nowhere, desk.store)
    poster = poster_of(nowhere, desk.views, desk.store, pictures, desk.folder)
    with pytest.raises(NotDelivered, match="no connection to Slack"):
        await poster.post(CARD, None)


async def test_an_answer_that_takes_too_long_may_have_been_delivered(store: Store, tmp_path: Path) -> None:
    async with open_desk(store, tmp_path, timeout=1) as desk:
        await keep(desk, JOB)
        desk.fault("chat.postMessage", "delay", seconds=1.2)
        with pytest.raises(MaybeDelivered):
            await desk.poster.post(CARD, None)


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "server_error", "ratelimited"])
async def test_the_courier_brings_a_message_into_slack_once(desk: Desk, kind: str) -> None:
    desk.fault("chat.postMessage", kind, retry_after=0)
    await desk.store.commit(Change(postings=(CARD,)))
    async with asyncio.timeout(20):
        while not await desk.store.ledger(JOB.id, CARD.id):
            await desk.deliver()
    (message,) = await desk.history()
    entry = await desk.store.ledger(JOB.id, CARD.id)
    assert entry is not None
    assert (entry.channel, entry.ts) == (RFT, message["ts"])
    assert await desk.history(GENERAL) == []
