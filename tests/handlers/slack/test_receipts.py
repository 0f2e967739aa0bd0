"""Nobody is left without an answer: neither where a bot dies over it, nor where Slack does not take it."""

import asyncio
import json
from typing import Any

import pytest
from redis.asyncio import Redis
from slack_bolt.request.async_request import AsyncBoltRequest

from handlers.slack.receipts import Receipts, receipt_for
from jobs.state.store import Store
from tests.handlers.conftest import Scene
from tests.handlers.known_people import ALICE, BOB, RFT
from tests.story.colleagues import Json, buttons, eventually

COMMAND = {"command": "/rft", "text": "launch task=eurovoc", "user_id": ALICE, "channel_id": RFT, "trigger_id": "7.7.7"}
CLICK = {
    "type": "block_actions",
    "user": {"id": BOB},
    "channel": {"id": RFT},
    "trigger_id": "8.8.8",
    "actions": [{"text": {"text": "Approve"}}],
}
SENT_FORM = {
    "type": "view_submission",
    "user": {"id": BOB},
    "trigger_id": "9.9.9",
    "view": {"title": {"text": "Approve step 5"}, "private_metadata": json.dumps({"channel": RFT})},
}


@pytest.mark.parametrize(
    ("body", "where", "what"),
    [
        (COMMAND, RFT, "on `/rft launch task=eurovoc`,"),
        ({**COMMAND, "text": "launch task=<b>`x`"}, RFT, "on `/rft launch task=&lt;b&gt;x`,"),
        (CLICK, RFT, "on your click on *Approve*,"),
        (SENT_FORM, RFT, "on the form *Approve step 5*,"),
        ({**SENT_FORM, "view": {"private_metadata": "what?"}}, BOB, "on the form **,"),
    ],
)
def test_what_was_asked_is_named_where_it_was_asked(body: Json, where: str, what: str) -> None:
    posting = receipt_for(body)
    assert posting is not None
    assert (posting.channel, posting.user) == (where, ALICE if "command" in body else BOB)
    assert what in (posting.text or "")


@pytest.mark.parametrize("body", [{"type": "event_callback"}, {"type": "view_closed", "user": {"id": BOB}}])
def test_who_waits_for_nothing_is_told_nothing(body: Json) -> None:
    assert receipt_for(body) is None


def a_request(body: Json) -> AsyncBoltRequest:
    return AsyncBoltRequest(body=body, mode="socket_mode")


async def in_the_outbox(redis: Redis) -> list[tuple[str, float]]:
    found: Any = await redis.zrange("{proctor}:outbox", 0, -1, withscores=True)
    return [(str(lane), float(at)) for lane, at in found]


async def test_who_has_answered_takes_the_sentence_back(store: Store, redis: Redis) -> None:
    receipts, request = Receipts(store), a_request(COMMAND)
    await receipts.issue(request)
    assert [lane for lane, _ in await in_the_outbox(redis)] == ["answer:7.7.7"]
    await receipts.withdraw(request)
    left = [str(key) for key in await redis.keys("*7.7.7*")]
    assert (await in_the_outbox(redis), left) == ([], [])


async def test_long_work_puts_the_sentence_off(store: Store, redis: Redis) -> None:
    receipts, request = Receipts(store, ready_after=0.4), a_request(COMMAND)
    await receipts.issue(request)
    ((_, first),) = await in_the_outbox(redis)

    async def put_off() -> bool:
        ((_, at),) = await in_the_outbox(redis)
        return at > first

    await eventually(put_off, "a later time")
    await receipts.withdraw(request)


async def test_a_bot_that_dies_over_it_leaves_the_sentence_to_another(scene: Scene, redis: Redis) -> None:
    receipts, request = Receipts(scene.store, ready_after=0.2), a_request(SENT_FORM)

    async def die() -> None:
        await receipts.issue(request)
        try:
            await asyncio.Event().wait()
        finally:
            await receipts.withdraw(request)

    work = asyncio.create_task(die())
    await eventually(lambda: in_the_outbox(redis), "the sentence kept ready")
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    await scene.workspace.told("bob", "I was interrupted while I worked on the form *Approve step 5*, and cannot tell")
    await eventually(lambda: _nothing_waits(redis), "an empty outbox")


async def _nothing_waits(redis: Redis) -> bool:
    return not await in_the_outbox(redis)


async def test_every_handler_of_an_app_has_a_receipt_while_it_works(scene: Scene, redis: Redis) -> None:
    await scene.workspace.fault(method="conversations.info", fault="delay", seconds=0.3)
    typing = asyncio.create_task(scene.workspace.type_command("alice", "/rft", "launch task=anything"))

    async def receipts() -> bool:
        return any(lane.startswith("answer:") for lane, _ in await in_the_outbox(redis))

    await eventually(receipts, "a receipt")
    await typing
    await scene.workspace.told("alice", "There is no task 'anything'")
    await eventually(lambda: _nothing_waits(redis), "an empty outbox")


# -- what Slack does not take ----------------------------------------------------------------------------------------


async def test_a_decision_is_answered_though_slack_does_not_take_the_answer_at_once(scene: Scene) -> None:
    _, summary = await scene.finished()
    approve = buttons(summary, "approve_checkpoint")[0]
    await scene.form_for("bob", summary, approve)
    await scene.workspace.fault(method="chat.postEphemeral", fault="server_error")
    await scene.workspace.submit("bob", "good enough")
    await scene.workspace.told("bob", "Recorded. Approved so far by <@U0BOB0001>; 1 more approval needed.")
    for kind in ("ratelimited", "drop_before"):
        known = len(await scene.workspace.whispers("dave"))
        await scene.workspace.fault(method="chat.postEphemeral", fault=kind)
        await scene.workspace.click("dave", summary, approve)
        await scene.workspace.told("dave", "@model-approvers", after=known)


async def test_a_command_is_answered_though_its_address_does_not_take_the_answer(scene: Scene) -> None:
    for kind in ("server_error", "drop_before"):
        known = len(await scene.workspace.whispers("dave"))
        await scene.workspace.fault(method="response_url", fault=kind)
        await scene.workspace.type_command("dave", "/rft", "list")
        await scene.workspace.told("dave", "No job yet.", after=known)


async def test_a_failure_of_slack_is_not_called_a_fault_of_mine(scene: Scene) -> None:
    _, summary = await scene.finished()
    await scene.workspace.fault(method="views.open", fault="server_error")
    await scene.workspace.click("bob", summary, buttons(summary, "approve_checkpoint")[0])
    await scene.workspace.told("bob", "Slack failed at what I asked of it. Look whether it is done all the same")
