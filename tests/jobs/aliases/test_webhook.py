"""Each move reaches the address that wants to know of it, at least once, and can be told from a forgery."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from redis.asyncio import Redis

from jobs.aliases.records import WebhookCall
from jobs.aliases.webhook import GIVE_UP, LONGEST_PAUSE, HttpSender, Webhook, pause_after, signature
from jobs.core.ids import webhook_item
from jobs.state.store import Store
from tests.jobs.aliases.receiver import How, Receiver, received
from tests.jobs.aliases.team import NOTHING_KNOWN, PRODUCTION, Team
from tests.records import BOB
from tests.working import planned_work

SECRET = b"whsec"
CALL = f"{PRODUCTION}:1"


@dataclass
class Line:
    """A team whose moves go to a receiver."""

    team: Team
    receiver: Receiver
    url: str

    async def turn(self, call: str = CALL, *, timeout: float = 5.0) -> None:
        """Take a turn of a call, as a bot that was just started does."""
        sender = HttpSender(self.url, SECRET, timeout=timeout)
        await Webhook(self.team.store, sender, self.team.clock).turn(f"webhook:{call}")

    async def call(self, call: str = CALL) -> WebhookCall:
        held = await self.team.store.record(WebhookCall, call)
        assert held is not None
        return held.value


@pytest.fixture
async def line(store: Store) -> AsyncIterator[Line]:
    async with received() as (receiver, url):
        yield Line(Team(store, notifies=True), receiver, url)


async def wait_of(line: Line, call: str = CALL) -> float | None:
    """Return the seconds until a call's next turn, None where there is none."""
    return (await planned_work(line.team.store)).get(webhook_item(call))


async def test_a_move_is_sent_signed_and_once_where_it_is_taken(line: Line) -> None:
    await line.team.moved("rft-first")
    due = await wait_of(line)
    assert due is not None
    assert due <= 0.0
    await line.turn()
    await line.turn()

    ((headers, body),) = line.receiver.got
    assert json.loads(body) == {
        "alias": PRODUCTION,
        "model": "ft:rft-first:10",
        "platform": "local",
        "job": "rft-first",
        "step": 10,
        "since": "2025-11-22T08:26:40Z",
        "version": 1,
        **NOTHING_KNOWN,
        "was": None,
        "kind": "approved",
    }
    assert headers["X-Proctor-Delivery"] == CALL
    at = int(headers["X-Proctor-Timestamp"])
    assert at == 1_763_800_000
    assert headers["X-Proctor-Signature"] == f"v1={signature(SECRET, at, body)}"
    assert signature(b"another", at, body) != signature(SECRET, at, body) != signature(SECRET, at + 1, body)
    assert (await line.call()).delivered_at == line.team.clock.now
    assert await wait_of(line) is None


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("fail", "status 500"),
        ("drop", "no connection (ServerDisconnectedError)"),
        ("hang", "no answer within 0.2 s"),
        ("elsewhere", "status 307"),
    ],
)
async def test_what_was_not_taken_is_sent_again(line: Line, how: How, words: str) -> None:
    line.receiver.how = [how, how]
    await line.team.moved("rft-first")
    for attempt in (1, 2):
        await line.turn(timeout=0.2 if how == "hang" else 30.0)
        call = await line.call()
        assert (call.attempts, call.last_answer, call.delivered_at) == (attempt, words, None)
        wait = await wait_of(line)
        assert wait is not None
        assert attempt - 1 < wait <= 2.0 ** (attempt - 1)
    await line.turn()
    assert (await line.call()).delivered_at is not None
    assert len({body for _, body in line.receiver.got}) == 1, "the same bytes each time"
    assert line.receiver.elsewhere == 0


async def test_nobody_there_counts_as_not_taken(line: Line) -> None:
    await line.team.moved("rft-first")
    line.url = "http://127.0.0.1:1/hook"
    await line.turn()
    assert (await line.call()).last_answer == "no connection (ClientConnectorError)"


async def test_a_receiver_that_asks_for_time_gets_it(line: Line) -> None:
    line.receiver.how = ["busy"]
    await line.team.moved("rft-first")
    await line.turn()
    wait = await wait_of(line)
    assert wait is not None
    assert 115 < wait <= 120


async def test_an_answer_that_was_taken_but_not_noted_is_sent_again_under_the_same_id(line: Line) -> None:
    await line.team.moved("rft-first")
    sender = HttpSender(line.url, SECRET)
    assert (await sender.send(CALL, b"{}", 1)).taken  # a bot that died right after the answer
    await line.turn()
    assert [headers["X-Proctor-Delivery"] for headers, _ in line.receiver.got] == [CALL, CALL]


async def test_two_bots_at_once_note_it_once(line: Line) -> None:
    await line.team.moved("rft-first")
    await asyncio.gather(line.turn(), line.turn(), line.turn())
    assert (await line.call()).attempts == 1


async def test_after_a_day_the_channel_is_told(line: Line, redis: Redis) -> None:
    line.receiver.how = ["fail", "fail"]
    await line.team.moved("rft-first")
    await line.turn()
    line.team.clock.now += GIVE_UP
    await line.turn()
    call = await line.call()
    assert call.given_up_at == line.team.clock.now
    assert await wait_of(line) is None
    told = await redis.hget("{proctor}:posting:alias:acts@production:1:webhook", "value")
    assert told
    assert "did not take the move of acts@production to step 10 in 2 attempts" in told
    assert "status 500" in told
    assert "127.0.0.1" not in told, "an address may carry a secret"
    await line.turn()
    assert len(line.receiver.got) == 2


async def test_each_move_is_told_with_the_model_before(line: Line) -> None:
    await line.team.moved("rft-first", "rft-second")
    await line.turn(f"{PRODUCTION}:2")
    await line.turn(CALL)
    versions = [(json.loads(body)["version"], json.loads(body)["was"]) for _, body in line.receiver.got]
    assert versions == [(2, "ft:rft-first:10"), (1, None)]


async def test_without_a_webhook_nothing_is_planned(store: Store) -> None:
    team = Team(store)
    await team.moved("rft-first")
    assert await planned_work(store) == {}
    assert await store.record(WebhookCall, CALL) is None


async def test_a_webhook_that_was_switched_off_ends_its_turns(line: Line) -> None:
    await line.team.moved("rft-first")
    await Webhook(line.team.store, None, line.team.clock).turn(f"webhook:{CALL}")
    assert await wait_of(line) is None
    await line.team.aliases.move("rft-first", "canary", BOB, "more", seen={})


def test_pauses_double_up_to_a_quarter_of_an_hour() -> None:
    assert [pause_after(n) for n in (1, 2, 3, 10, 11, 500)] == [1, 2, 4, 512, LONGEST_PAUSE, LONGEST_PAUSE]
