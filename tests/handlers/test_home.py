"""The Home tab counts what there is, shows the newest of it, and asks Slack for a link once."""

from dataclasses import replace
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from handlers.home import MOST_LINES, Homes
from handlers.slack.people import People
from jobs.approvals.decide import Approvals
from jobs.core.ids import card_id
from jobs.core.records import JobState
from jobs.evals.records import EvalState
from jobs.state.change import Change, Versioned
from jobs.state.store import LEDGER_ENTRY, LedgerEntry, Store
from tests.jobs.evals.answers import an_eval
from tests.records import ALICE, BOB, CHANNEL, a_job, a_request


class Published(AsyncWebClient):
    """Keeps the Home that was published last, and counts the links that it was asked for."""

    def __init__(self) -> None:
        super().__init__(token="none")
        self.home: list[dict[str, Any]] = []
        self.links = 0

    async def views_publish(self, **asked: Any) -> Any:
        """Keep the blocks."""
        self.home = asked["view"]["blocks"]

    async def chat_getPermalink(self, **asked: Any) -> Any:  # noqa: N802 - the name that it has in the client
        """Return a link to a message."""
        self.links += 1
        return {"permalink": f"https://slack/{asked['message_ts']}"}

    @property
    def text(self) -> str:
        """All that is said in sections."""
        return "\n".join(block["text"]["text"] for block in self.home if block["type"] == "section")


@pytest.fixture
def client() -> Published:
    return Published()


@pytest.fixture
def homes(store: Store, client: Published) -> Homes:
    people = People(client)
    return Homes(store, client, Approvals(store, people, lambda: 5_000.0), people, lambda: 5_000.0)


async def put(store: Store, *records: object) -> None:
    await store.commit(Change(records=tuple(Versioned(each, 0) for each in records)))
    for each in records:
        subject = str(getattr(each, "id", ""))
        entry = LEDGER_ENTRY.dump_json(LedgerEntry(CHANNEL, f"{subject}.0"))
        await store.connection.redis.hset(f"{{proctor}}:ledger:{subject}", card_id(subject), entry)


def my_jobs(count: int) -> list[object]:
    mine = a_request(requested_by=ALICE)
    return [a_job(id=f"rft-mine{n}", request=mine, created_at=1_000.0 + n) for n in range(count)]


async def test_what_is_not_shown_is_counted_as_ones_own_and_said_to_be_more(
    homes: Homes, store: Store, client: Published
) -> None:
    theirs = a_job(id="rft-theirs", request=a_request(requested_by=BOB))
    await put(store, *my_jobs(MOST_LINES + 3), theirs)
    await homes.visit(ALICE)
    assert client.text.startswith(f"*{MOST_LINES + 3} of yours run and 1 of others runs.*")
    assert "There is more in `/rft list` and `/eval list`." in client.text
    shown = [line for line in client.text.splitlines() if "rft-mine" in line]
    assert [f"rft-mine{n}" in line for n, line in zip((7, 6, 5, 4, 3), shown, strict=True)] == [True] * MOST_LINES


async def test_the_evals_of_a_jobs_checkpoints_are_no_work_of_others(
    homes: Homes, store: Store, client: Published
) -> None:
    job = a_job(id="rft-mine", request=a_request(requested_by=ALICE), state=JobState.SUCCEEDED, finished_at=4_000.0)
    own = an_eval(state=EvalState.RUNNING)
    await put(store, job, replace(own, request=replace(own.request, requested_by=BOB, job="rft-mine")))
    await homes.visit(ALICE)
    assert "of others" not in client.text
    assert "*Ended in the last day*" in client.text


async def test_a_link_is_asked_for_once_however_often_a_home_is_looked_at(
    homes: Homes, store: Store, client: Published
) -> None:
    await put(store, *my_jobs(3))
    for _ in range(4):
        await homes.visit(ALICE)
        await homes.refresh(ALICE)
    assert client.links == 3
    assert "<https://slack/rft-mine2.0|Open>" in client.text
