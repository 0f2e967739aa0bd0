"""What a person hears when something goes wrong, and that Slack never waits for us meanwhile."""

import asyncio
import re

import pytest
from redis.asyncio import Redis
from slack_bolt.async_app import AsyncBoltContext, AsyncRespond
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient
from structlog.testing import capture_logs

from bot.kinds import KINDS
from handlers.slack.boundary import Boundary, SteadyAck
from handlers.slack.replies import Answers, Asker
from jobs.state.connection import Connection
from jobs.state.store import Store
from tests.handlers.conftest import Scene
from tests.story.colleagues import buttons


@pytest.mark.own_bot
async def test_a_bug_gives_a_reference_that_finds_its_traceback_in_the_log(scene: Scene, redis: Redis) -> None:
    await redis.set("{proctor}:job:rft-broken", "of another type than a record")
    with capture_logs() as lines:
        await scene.workspace.type_command("alice", "/rft", "status rft-broken")
        said = await scene.workspace.told("alice", "Something broke on my side; reference ")
    match = re.search(r"reference (\w{8}) finds it in my log", said)
    assert match
    (line,) = [line for line in lines if line.get("reference") == match[1]]
    assert type(line["exc_info"]).__name__ == "ResponseError"
    assert await scene.workspace.messages() == []
    assert await scene.failures() == []


@pytest.mark.own_bot
async def test_slacks_own_limit_is_said_with_its_seconds(scene: Scene) -> None:
    await scene.workspace.fault(method="conversations.info", fault="ratelimited", retry_after=9)
    await scene.workspace.type_command("alice", "/rft", "launch task=anything")
    await scene.workspace.told("alice", "Slack asks me to slow down. Try again in 9 s.")


async def test_where_the_bot_may_not_speak_it_answers_what_was_typed(scene: Scene) -> None:
    await scene.workspace.fault(method="chat.postEphemeral", fault="error", error="user_not_in_channel")
    await scene.workspace.type_command("dave", "/rft", "status rft-nowhere")
    await scene.workspace.told("dave", "There is no job 'rft-nowhere'")
    assert await scene.workspace.messages() == []


async def test_a_form_that_fails_is_answered_in_the_channel_that_it_was_opened_from(scene: Scene, redis: Redis) -> None:
    _, summary = await scene.finished()
    await scene.form_for("bob", summary, buttons(summary, "approve_checkpoint")[0])
    await redis.delete("{proctor}:approval:rft-done22")
    await scene.workspace.submit("bob", "good enough")
    await scene.workspace.told("bob", "has no checkpoint waiting for approval")


async def test_many_handlers_that_fail_at_once_are_all_acknowledged(scene: Scene) -> None:
    await asyncio.gather(*(scene.workspace.type_command("bob", "/rft", f"stat{n}") for n in range(6)))
    for n in range(6):
        await scene.workspace.told("bob", f"`/rft` has no command 'stat{n}'")
    assert await scene.failures() == []
    assert not [text for text in await scene.workspace.whispers("bob") if "operation_timeout" in text]


async def test_what_names_nobody_is_answered_to_nobody(redis: Redis) -> None:
    told: list[BaseException] = []

    def reference(error: BaseException) -> str:
        told.append(error)
        return "abcdefgh"

    nowhere = AsyncWebClient("xoxb-local-proctor", base_url="http://127.0.0.1:9/api/")
    bug = ValueError("a bug")
    respond = AsyncRespond(response_url=None)
    answers = Answers(nowhere, Store(Connection(redis), KINDS))
    await Boundary(reference).handle(
        bug, {"type": "event_callback"}, AsyncBoltContext({"asker": Asker.of({})}), respond, answers
    )
    assert told == [bug]


async def test_an_acknowledgement_once_given_stays_given() -> None:
    ack = SteadyAck()
    ack.response = BoltResponse(status=500)
    assert not ack.given.is_set()
    given: BoltResponse = await ack()
    for later in (None, BoltResponse(status=500), BoltResponse(status=200)):
        ack.response = later
    assert ack.response is given
    assert ack.given.is_set()
