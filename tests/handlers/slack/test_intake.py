"""What people send arrives in the real workspace: in order, never behind what is slow, and not at all or for good."""

import asyncio
import os
import signal
import sys

import pytest
from redis.asyncio import Redis
from slack_bolt.async_app import AsyncApp

import handlers
from bot.redis_server.subprocesses import tethered
from handlers.slack.boundary import Boundary
from handlers.slack.forms import SOON
from handlers.slack.intake import NOT_SAVED
from handlers.slack.listeners import Handling, Listeners
from handlers.slack.replies import DONE_BEFORE
from jobs.approvals.records import Approval
from jobs.core.records import Job
from jobs.notifications.records import PersonPreferences
from jobs.state.store import Store
from tests.handlers.conftest import Scene, opened
from tests.handlers.known_people import ALICE
from tests.story.colleagues import Json, buttons, eventually
from tests.story.conftest import House


@pytest.fixture(scope="module")
def listeners() -> Listeners:
    """Return what the bot listens to."""
    app = AsyncApp(token="xoxb-t", process_before_response=True)
    return handlers.register(app, Boundary(lambda _: ""), {"store": None})


@pytest.mark.parametrize(
    ("command", "handling"),
    [
        ("/rft launch task=eurovoc", Handling.CHANGES),
        ("/rft  LIST", Handling.READS),
        ("/rft", Handling.OPENS_FORM),
        ("/rft launch epochs=3", Handling.OPENS_FORM),
        ("/rft launch eurovoc", Handling.CHANGES),
        ("/eval", Handling.OPENS_FORM),
        ("/rft help", Handling.READS),
        ("/rft lanch", Handling.READS),
        ("/rft curve rft-1 reward", Handling.READS),
        ("/rft checkpoints rft-1 prefer=f1", Handling.READS),
        ("/rft checkpoints rft-1 again=yes", Handling.CHANGES),
        ("/rft cancel rft-1", Handling.CHANGES),
        ("/rft watch ftjob-1 task=eurovoc", Handling.CHANGES_FOR_LONG),
        ("/rft events rft-1", Handling.READS_FOR_LONG),
        ("/eval run task=eurovoc", Handling.CHANGES),
        ("/eval show eval-1", Handling.READS),
        ("/eval export eval-1", Handling.CHANGES),
        ("/proctor check eurovoc", Handling.READS_FOR_LONG),
        ("/proctor dataset balance task=eurovoc", Handling.CHANGES_FOR_LONG),
        ("/proctor alias eurovoc@production", Handling.READS),
        ('/proctor alias rollback eurovoc@production reason="worse"', Handling.CHANGES),
        ("/proctor audit since=7d", Handling.READS),
        ("/proctor audit verify", Handling.READS_FOR_LONG),
        ("/proctor mute", Handling.CHANGES),
        ("/other list", None),
    ],
)
def test_each_command_is_worked_off_as_it_is_declared(
    listeners: Listeners, command: str, handling: Handling | None
) -> None:
    slash, _, text = command.partition(" ")
    assert listeners.handling_of({"command": slash, "text": text}) is handling


@pytest.mark.parametrize(
    ("action", "handling"),
    [
        ({"action_id": "act_on_job:cancel", "value": "cancel|rft-1"}, Handling.CHANGES),
        ({"action_id": "approve_checkpoint", "value": "rft-1|cp|digest"}, Handling.OPENS_FORM),
        ({"action_id": "explain_alert", "value": "rft-1|O|5"}, Handling.OPENS_FORM),
        ({"action_id": "of_another_app"}, None),
    ],
)
def test_each_control_is_worked_off_as_it_is_declared(
    listeners: Listeners, action: Json, handling: Handling | None
) -> None:
    assert listeners.handling_of({"type": "block_actions", "actions": [action]}) is handling


# -- in order ---------------------------------------------------------------------------------------------------------


async def test_what_a_person_changes_takes_effect_in_the_order_typed(scene: Scene) -> None:
    words = ["off", "on"] * 5 + ["off"]
    for word in words:
        await scene.workspace.type_command("alice", "/proctor", f"mentions {word}")

    async def told() -> list[str] | None:
        said = await scene.workspace.whispers("alice")
        return said if len(said) == len(words) else None

    said = await eventually(told, "all answers")
    assert ["off" if "no longer" in each else "on" for each in said] == words
    held = await scene.store.record(PersonPreferences, ALICE)
    assert held is not None
    assert held.value.mentions is False


async def test_a_read_waits_for_nothing_that_the_same_person_changes(scene: Scene) -> None:
    await scene.workspace.fault(method="response_url", fault="delay", seconds=2)
    await scene.workspace.type_command("alice", "/proctor", "mentions off")

    async def struck() -> bool:
        return any(entry["name"] == "response_url" for entry in await scene.workspace.log())

    await eventually(struck, "an answer that takes long")
    await scene.workspace.type_command("alice", "/rft", "list")
    assert "No job yet." in await scene.workspace.told("alice", "")
    await scene.workspace.told("alice", "You will no longer be mentioned")


async def test_many_commands_at_once_are_acknowledged_and_answered(scene: Scene) -> None:
    await asyncio.gather(*(scene.workspace.type_command("bob", "/rft", "list") for _ in range(100)))

    async def told() -> bool:
        return len(await scene.workspace.whispers("bob")) == 100

    await eventually(told, "all answers")
    assert {text.split(".")[0] for text in await scene.workspace.whispers("bob")} == {"No job yet"}
    assert await scene.failures() == []


# -- forms ------------------------------------------------------------------------------------------------------------


@pytest.mark.own_bot
async def test_a_form_that_takes_long_is_announced_at_once(scene: Scene) -> None:
    _, summary = await scene.finished()
    await scene.workspace.fault(method="usergroups.list", fault="delay", seconds=SOON + 1)
    form = await scene.form_for("bob", summary, buttons(summary, "approve_checkpoint")[0])
    assert form["callback_id"] == "decision"
    opened = [entry["args"]["view"] for entry in await scene.workspace.log() if entry["name"] == "views.open"]
    assert ["loading" in str(each) for each in opened] == [True]
    assert await scene.failures() == []


# -- Redis away, and a bot killed -------------------------------------------------------------------------------------


@pytest.mark.own_bot
async def test_while_redis_is_frozen_everything_is_refused_in_words_and_not_done_later(
    scene: Scene, redis: Redis
) -> None:
    _, summary = await scene.finished()
    await scene.form_for("bob", summary, buttons(summary, "approve_checkpoint")[0])
    pid = int((await redis.info("server"))["process_id"])
    os.kill(pid, signal.SIGSTOP)
    try:
        await scene.workspace.type_command("alice", "/proctor", "mentions off")
        await scene.workspace.told("alice", NOT_SAVED)
        refused = await scene.workspace.submit("bob", "good enough")
        await scene.workspace.click("carol", summary, buttons(summary, "approve_checkpoint")[0])
        await scene.workspace.told("carol", NOT_SAVED)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert NOT_SAVED in str(refused)
    await scene.workspace.type_command("alice", "/rft", "list")
    await scene.workspace.told("alice", "1 newest job")
    assert await scene.store.record(PersonPreferences, ALICE) is None
    assert [text for text in await scene.workspace.whispers("alice") if "mention" in text] == []
    assert await scene.workspace.form_of("carol") is None
    await scene.workspace.submit("bob", "good enough")
    await scene.workspace.told("bob", "Recorded.")
    assert await scene.failures() == []


@pytest.mark.own_bot
@pytest.mark.thorough
async def test_what_a_form_did_before_the_bot_stopped_is_done_once_and_said(house: House, redis: Redis) -> None:
    async with opened(house, redis) as scene:
        job, summary = await scene.finished()
        await scene.form_for("bob", summary, buttons(summary, "approve_checkpoint")[0])
        await scene.workspace.fault(method="chat.postEphemeral", fault="delay", seconds=60)
        await scene.workspace.submit("bob", "good enough")

        async def struck() -> bool:
            return any(entry["name"] == "chat.postEphemeral" for entry in await scene.workspace.log())

        await eventually(struck, "an answer on its way")
    async with opened(house, redis) as scene:
        await scene.workspace.told("bob", f"{DONE_BEFORE} You had already decided so")
    held = await scene.store.record(Approval, job.id)
    assert held is not None
    assert len(held.value.decisions) == 1
    assert held.version == 2


@pytest.mark.own_bot
@pytest.mark.thorough
async def test_after_a_kill_there_is_nothing_to_retype_and_nothing_launched_twice(house: House, store: Store) -> None:
    house.copy_eurovoc()
    # Before the launch is written, and while its answer is on the way.
    for seed, method in enumerate(("conversations.info", "response_url")):
        await house.workspace.fault(method=method, fault="delay", seconds=60)
        command = tethered((sys.executable, "-m", "bot"))
        killed = await asyncio.create_subprocess_exec(
            *command, env=os.environ | house.environment, stderr=asyncio.subprocess.DEVNULL
        )
        await house.workspace.hears_the_bot()
        known = len(await house.workspace.whispers("alice"))
        await house.workspace.type_command("alice", "/rft", f"launch task=eurovoc seed={seed}")

        async def struck(method: str = method) -> bool:
            return any(e["kind"] == "fault" and e["name"] == method for e in await house.workspace.log())

        await eventually(struck, "the point of its death")
        killed.kill()
        await killed.wait()
        async with house.bot():
            await house.workspace.told("alice", "Launching *eurovoc*", after=known)
            await house.workspace.type_command("alice", "/rft", "list")
            await house.workspace.told("alice", "newest job", after=known + 1)
        assert len(await house.workspace.whispers("alice")) == known + 2
    assert len(await store.records(Job)) == 2
