"""Exported evals: each log reaches its thread once, whatever goes wrong on the way."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from jobs.core.errors import InvalidRequest
from jobs.core.ids import card_id
from jobs.core.records import Posting
from jobs.evals.answer_store import Item, LocalAnswerStore
from jobs.evals.export import inspect_log_name
from jobs.evals.plan import EvalPlanner
from jobs.evals.postings import card_posting, export_postings
from jobs.evals.records import Arm, Eval, Progress
from jobs.evals.service import Evals
from jobs.state.change import Change, Versioned
from jobs.state.store import Store
from jobs.tasks import TaskCatalogue
from tests.handlers.known_people import RFT
from tests.handlers.posting_desk import Desk, no_platform, open_desk
from tests.jobs.evals.reported import an_answer, an_eval
from tests.permitted import EVERYBODY_MAY

ARMS = (Arm("local-policy-1"), Arm("another"))
EVAL = an_eval(arms=ARMS, request=replace(an_eval().request, channel=RFT), progress=Progress(answered=2))
NAMES = [inspect_log_name(EVAL, arm) for arm in ARMS]


@pytest.fixture
async def desk(store: Store, tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(store, tmp_path) as opened:
        rows = LocalAnswerStore(tmp_path / "evals")
        rows.keep_items(EVAL.id, [Item("a", "Aid for ports.", ["law"])])
        with closing(rows.open(EVAL.id)) as file:
            file.append([an_answer("a", arm=arm.name) for arm in ARMS])
        await store.commit(Change(records=(Versioned(EVAL, 0),)))
        yield opened


def evals_of(desk: Desk) -> Evals:
    planner = EvalPlanner(TaskCatalogue(desk.folder), no_platform, "local", lambda: 0.0)
    return Evals(desk.store, planner, LocalAnswerStore(desk.folder / "evals"), EVERYBODY_MAY)


async def deliver(desk: Desk, *postings: Posting) -> None:
    """Deliver until all of these stand in the ledger."""
    async with asyncio.timeout(30):
        while not all([await desk.store.ledger(posting.subject, posting.id) for posting in postings]):
            await desk.deliver()


async def exported(desk: Desk, trigger: str = "trigger-1") -> Eval:
    """Ask for the logs and have them delivered."""
    evaluation = await evals_of(desk).export(EVAL.id, trigger)
    await deliver(desk, *export_postings(EVAL, trigger))
    return evaluation


async def posted_card(desk: Desk) -> str:
    await desk.store.commit(Change(postings=(card_posting(EVAL),)))
    await deliver(desk, card_posting(EVAL))
    entry = await desk.store.ledger(EVAL.id, card_id(EVAL.id))
    assert entry is not None
    return entry.ts


async def files_in(desk: Desk, thread: str) -> list[str]:
    return [str(file["name"]) for message in await desk.thread(thread) for file in message.get("files") or []]


async def test_each_arm_becomes_a_log_in_the_thread(desk: Desk) -> None:
    thread = await posted_card(desk)

    assert await exported(desk) == EVAL

    first, second = await desk.thread(thread)
    assert [first["files"][0]["name"], second["files"][0]["name"]] == NAMES
    assert first["text"] == f"{EVAL.id}, local-policy-1: an Inspect log; `inspect view` opens it."
    log = json.loads((desk.folder / "reports" / EVAL.id / NAMES[0]).read_text())
    assert [sample["id"] for sample in log["samples"]] == ["a"]


async def test_the_same_command_delivered_twice_exports_once_and_a_new_one_again(desk: Desk) -> None:
    thread = await posted_card(desk)
    for trigger in ("trigger-1", "trigger-1"):
        await exported(desk, trigger)
    assert await files_in(desk, thread) == NAMES
    await exported(desk, "trigger-2")
    assert await files_in(desk, thread) == NAMES * 2


@pytest.mark.parametrize("method", ["files.getUploadURLExternal", "files.completeUploadExternal"])
@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "server_error", "ratelimited"])
async def test_no_log_is_lost_or_comes_twice_where_slack_does_not_answer(
    desk: Desk, method: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handlers.posting.PREPARE_AGAIN", 0.0)
    thread = await posted_card(desk)
    desk.fault(method, kind, retry_after=0)
    await exported(desk)
    assert sorted(await files_in(desk, thread)) == sorted(NAMES)


async def test_without_its_rows_the_thread_says_why(desk: Desk) -> None:
    thread = await posted_card(desk)
    (desk.folder / "evals" / EVAL.id / "items.jsonl").unlink()
    await exported(desk)
    assert {message["text"] for message in await desk.thread(thread)} == {
        f"The items of {EVAL.id} are not on this machine."
    }


@pytest.mark.parametrize("answered", [0, 2])
async def test_an_eval_without_answers_or_thread_is_refused(store: Store, desk: Desk, answered: int) -> None:
    other: Eval = replace(EVAL, id="eval-zzz222", progress=Progress(answered=answered))
    await store.commit(Change(records=(Versioned(other, 0),)))
    with pytest.raises(InvalidRequest, match="has no answers to export yet"):
        await evals_of(desk).export(other.id, "trigger-1")
