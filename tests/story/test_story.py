"""The main job, end to end: from a slash command to an approved checkpoint, on the bundled task and on real EU acts."""

import socket
import time
from pathlib import Path

import pytest
from redis.asyncio import Redis

from tests.story.colleagues import Json, Workspace, buttons, eventually, in_thread, pictures, said
from tests.story.conftest import House, furnished

pytestmark = [pytest.mark.story, pytest.mark.shared_bot]


async def summary_of(workspace: Workspace) -> Json:
    """Wait for the summary with its controls, which comes when the job has finished."""

    async def look() -> Json | None:
        return next((m for m in await workspace.thread() if buttons(m, "approve_checkpoint")), None)

    return await eventually(look, "the summary of checkpoints")


async def approve(workspace: Workspace, user: str, message: Json, action: Json, reason: str) -> None:
    """Click Approve, and give the reason in the form that opens."""
    await workspace.click(user, message, action)

    async def look() -> Json | None:
        return await workspace.form_of(user)

    await eventually(look, f"the form for {user}")
    await workspace.submit(user, reason)


@pytest.mark.parametrize(
    ("task", "items"), [("eurovoc", (180, 60)), pytest.param("acts", (100, 50), marks=pytest.mark.thorough)]
)
async def test_from_a_command_to_an_approved_checkpoint(house: House, task: str, items: tuple[int, int]) -> None:
    if task == "acts":
        house.write_acts(train=100)
    else:
        house.copy_eurovoc(runs=2)
    workspace = house.workspace
    async with house.bot():
        await workspace.type_command("alice", "/rft", f"launch task={task} seed=1")

        # An ephemeral line confirms at once; the card appears and stays one message.
        confirmation = await workspace.told("alice", f"Launching *{task}*")
        assert "{} train and {} validation items".format(*items) in confirmation
        card = await workspace.card_with("Training")

        # The curve appears in its thread.
        curve = await workspace.reply_with("Reward curve")
        assert curve["thread_ts"] == card["ts"]
        assert pictures(curve)

        # At the end: the kept checkpoints, compared.
        summary = await summary_of(workspace)
        assert summary["thread_ts"] == card["ts"]
        assert 1 <= len(buttons(summary, "approve_checkpoint")) <= 3
        assert pictures(summary)
        for word in ("precision", "recall", "F1", "ckpt-step-", "the base model"):
            assert word in said(summary)
        finished = await workspace.card_with("wait for approval")
        assert finished["ts"] == card["ts"]

        # The card and its thread show one picture, that of the last step.
        (last,) = posted(await workspace.thread(), "curve")
        assert pictures(finished)[0]["slack_file"] == pictures(last)[0]["slack_file"]
        assert "step 1" not in said(finished).split("of")[0]

        # Who launched it is refused, and who has no role.
        first = buttons(summary, "approve_checkpoint")[0]
        await workspace.click("alice", summary, first)
        await workspace.told("alice", "You launched this job")
        await workspace.click("dave", summary, first)
        await workspace.told("dave", "You are not among them")

        # Two approvals settle it.
        await approve(workspace, "bob", summary, first, "precision is what we need")
        await workspace.told("bob", "1 more approval needed")
        await approve(workspace, "carol", summary, first, "agreed, checked ten answers by hand")
        await workspace.told("carol", "Your decision settled it")

        async def settled() -> Json | None:
            shown = next(m for m in await workspace.thread() if m["ts"] == summary["ts"])
            return shown if "is approved" in said(shown) else None

        approved = await eventually(settled, "the approved summary")
        assert not buttons(approved, "approve_checkpoint")
        for word in ("precision is what we need", "agreed, checked ten answers by hand", "<!date"):
            assert word in said(approved)

        # A later click, on the copy that somebody still has on their screen, is answered in words.
        await workspace.click("bob", summary, first)
        await workspace.told("bob", "This is settled already")

    roots = [m for m in await workspace.messages() if not in_thread(m)]
    assert len(roots) == 1


def posted(messages: list[Json], what: str) -> list[Json]:
    """Return the messages whose posting id has this part, as `alert` in `job:rft-abc234:alert:O1:35`."""
    return [m for m in messages if f":{what}" in m.get("metadata", {}).get("event_payload", {}).get("posting", "")]


@pytest.mark.parametrize("train", [24, pytest.param(400, marks=pytest.mark.thorough)])
async def test_the_channel_hears_of_overfitting_once_and_of_a_healthy_job_nothing_but_its_end(
    house: House, train: int
) -> None:
    house.write_acts(train=train)
    workspace, warns = house.workspace, train == 24
    async with house.bot():
        await workspace.type_command("alice", "/rft", "launch task=acts seed=3")
        await summary_of(workspace)
        overfitting = posted(await workspace.thread(), "alert:O")
        channel = await workspace.channel()

        # The warning has the picture of what its rule looks at, and says why.
        if warns:
            warning = overfitting[0]
            assert "overfitting: " in said(warning)
            assert pictures(warning)
            await workspace.click("dave", warning, buttons(warning, "explain_alert")[0])

            async def explained() -> Json | None:
                form = await workspace.form_of("dave")
                return form if form and pictures(form) else None

            assert "evaluations in a row" in said(await eventually(explained, "why it warns"))

    # What grows worse is told in the thread; the channel has heard of it.
    assert len(posted(channel, "alert:")) == warns
    assert bool(overfitting) is warns
    (finish,) = posted(channel, "finish")
    assert "Finished at step 100: validation reward" in said(finish)
    assert len(channel) == 3 + warns


@pytest.mark.thorough
@pytest.mark.own_bot
async def test_a_bot_that_is_stopped_in_the_middle_goes_on_where_it_was(house: House) -> None:
    house.write_acts(train=100)
    workspace = house.workspace
    async with house.bot():
        await workspace.type_command("alice", "/rft", "launch task=acts seed=2")
        await workspace.reply_with("Reward curve")
    async with house.bot():
        summary = await summary_of(workspace)
    async with house.bot():
        first = buttons(summary, "approve_checkpoint")[0]
        await approve(workspace, "bob", summary, first, "an old button still works")
        await workspace.told("bob", "1 more approval needed")
    messages = await workspace.messages()
    assert len([m for m in messages if not in_thread(m)]) == 1
    postings = [str(m["metadata"]["event_payload"]["posting"]) for m in messages if "metadata" in m]
    assert len(postings) == len(set(postings))


@pytest.mark.own_bot
async def test_the_same_over_signed_requests(tmp_path: Path, redis_server: str, redis: Redis) -> None:
    """HTTP mode: Slack's requests come in signed, and one with a wrong signature is refused."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    async with furnished(tmp_path, redis_server, redis, http_port=port) as house:
        house.copy_eurovoc(runs=1)
        async with house.bot() as bot:
            assert bot.http_port == port
            await house.workspace.type_command("alice", "/rft", "launch task=eurovoc epochs=1")
            await house.workspace.told("alice", "Launching *eurovoc*")
            summary = await summary_of(house.workspace)
            await approve(house.workspace, "bob", summary, buttons(summary, "approve_checkpoint")[0], "over requests")
            await house.workspace.told("bob", "1 more approval needed")
            forged = {"X-Slack-Signature": "v0=00", "X-Slack-Request-Timestamp": str(int(time.time()))}
            async with house.workspace.session.post(
                f"http://127.0.0.1:{port}/slack/events", data=b"command=/rft", headers=forged
            ) as refused:
                assert refused.status == 401


async def test_a_dead_socket_address_does_not_lock_the_bot_out(house: House) -> None:
    """Slack asks to reconnect and then refuses the address it gave: the watchdog has a new one fetched."""
    house.copy_eurovoc()
    async with house.bot():
        await house.workspace.fault(fault="refuse_sockets", times=2)
        await house.workspace.fault(fault="disconnect")
        await house.workspace.hears_the_bot()
        await house.workspace.type_command("alice", "/proctor", "tasks")
        await house.workspace.told("alice", "`eurovoc`")
