"""An approval over restarts and replicas: forms that outlive their bot, several bots at once, clicks that come late."""

import asyncio
import time
from dataclasses import replace
from pathlib import Path

import pytest
from redis.asyncio import Redis

from bot.kinds import KINDS
from jobs.approvals.change import with_approval
from jobs.approvals.records import Approval
from jobs.core.records import Job
from jobs.state.change import Change, Versioned
from jobs.state.connection import Connection
from jobs.state.store import Store
from tests.handlers.conftest import Scene
from tests.story.colleagues import Json, buttons, eventually, said
from tests.story.conftest import House

pytestmark = pytest.mark.story
STEP_5, STEP_10 = 0, 1


def control(summary: Json, number: int = STEP_5) -> Json:
    return buttons(summary, "approve_checkpoint")[number]


async def held(scene: Scene, job: str) -> Versioned[Approval]:
    found = await scene.store.record(Approval, job)
    assert found is not None
    return found


async def test_a_form_outlives_the_bot_that_opened_it_and_a_click_the_next_one(house: House, redis: Redis) -> None:
    workspace, scene = house.workspace, Scene(house.workspace, Store(Connection(redis), KINDS))
    async with house.bot():
        job, summary = await scene.finished()
        await scene.form_for("bob", summary, control(summary))
    async with house.bot():
        await workspace.submit("bob", "precision is what we need")
        await workspace.told("bob", "1 more approval needed")
    async with house.bot(), house.bot():
        await scene.form_for("carol", summary, control(summary))
        await workspace.submit("carol", "agreed, checked ten answers")
        await workspace.told("carol", "Your decision settled it. *Step 5 is approved*")
        for user in ("alice", "bob", "dave"):
            await workspace.click(user, summary, control(summary, STEP_10))
            await workspace.told(user, "This is settled already. *Step 5 is approved*")
        await workspace.reply_with("*Step 5 is approved*")
    approval = (await held(scene, job.id)).value
    assert [d.reason for d in approval.settling] == ["precision is what we need", "agreed, checked ten answers"]
    told = [m for m in await workspace.thread() if "approval:" in str(m.get("metadata"))]
    assert len(told) == 1
    assert await scene.failures() == []


async def test_forms_that_are_sent_at_once_to_several_bots_settle_it_once(house: House, redis: Redis) -> None:
    workspace, scene = house.workspace, Scene(house.workspace, Store(Connection(redis), KINDS))
    async with house.bot(), house.bot(), house.bot():
        job, summary = await scene.finished()
        before = await held(scene, job.id)
        everybody = replace(before.value, approvers=("model-approvers", "U0DAVE001"))
        await scene.store.commit(with_approval(Change(), before, everybody, time.time()))
        people = ("bob", "carol", "dave")
        for user in people:
            await scene.form_for(user, summary, control(summary))
        await asyncio.gather(*(workspace.submit(user, f"{user} says so") for user in people))

        async def answered() -> list[str] | None:
            heard = [" ".join(await workspace.whispers(user)) for user in people]
            return heard if all(heard) else None

        heard = await eventually(answered, "an answer for everybody")
    assert sum("Your decision settled it" in each for each in heard) == 1
    assert sum("1 more approval needed" in each for each in heard) == 1
    assert sum("This is settled already" in each for each in heard) == 1
    assert len((await held(scene, job.id)).value.settling) == 2


async def test_what_lapses_while_no_bot_runs_is_ended_by_the_next(house: House, redis: Redis) -> None:
    workspace, scene = house.workspace, Scene(house.workspace, Store(Connection(redis), KINDS))
    async with house.bot():
        job, summary = await scene.finished()
        await scene.form_for("bob", summary, control(summary))
        await workspace.submit("bob", "precision is what we need")
        await workspace.told("bob", "1 more approval needed")
    before = await held(scene, job.id)
    over = replace(before.value, expires_at=time.time() - 60)
    await scene.store.commit(with_approval(Change(), before, over, time.time()))
    async with house.bot():
        told = await workspace.reply_with("again=yes` gathers the evidence anew")
        assert told["thread_ts"] == summary["thread_ts"]
        await workspace.click("carol", summary, control(summary))
        await workspace.told("carol", "Nothing was counted: this lapsed")

        async def shown() -> Json | None:
            messages = await workspace.messages()
            return next((m for m in messages if m["ts"] == summary["ts"] and "settled it in time" in said(m)), None)

        assert not buttons(await eventually(shown, "the summary without buttons"), "approve_checkpoint")


@pytest.mark.shared_bot
async def test_a_test_split_that_changes_between_two_votes_begins_the_approval_anew(house: House, redis: Redis) -> None:
    workspace, scene = house.workspace, Scene(house.workspace, Store(Connection(redis), KINDS))
    folder = house.copy_eurovoc(runs=1)
    shorten(folder / "valid.jsonl", 20)
    shorten(folder / "test.jsonl", 20)
    async with house.bot():
        await workspace.type_command("alice", "/rft", "launch task=eurovoc seed=2")
        summary = await scene.summary()
        await scene.form_for("bob", summary, control(summary))
        await workspace.submit("bob", "precision is what we need")
        await workspace.told("bob", "1 more approval needed")
        job = (await scene.store.records(Job, 1))[0]
        first = (await held(scene, job.id)).value

        # Nobody has looked at the files again since; the vote that would settle it does.
        shorten(folder / "test.jsonl", 15)
        await scene.form_for("carol", summary, control(summary))
        await workspace.submit("carol", "agreed, checked ten answers")
        await workspace.told("carol", "Nothing was counted: the evidence is being gathered anew.")
        await workspace.reply_with("Decisions made until now do not count")

        async def renewed() -> Approval | None:
            found = (await held(scene, job.id)).value
            return found if found.evidence and found.evidence != first.evidence else None

        again = await eventually(renewed, "an approval on the new evidence")
        assert (again.round, again.decisions, again.settled) == (2, (), None)

        async def new_buttons() -> Json | None:
            found = next(m for m in await workspace.messages() if m["ts"] == summary["ts"])
            values = [each["value"] for each in buttons(found, "approve_checkpoint")]
            return found if values and set(values) & set(_values(again)) else None

        summary = await eventually(new_buttons, "buttons for the new evidence")
        for user in ("bob", "carol"):
            await scene.form_for(user, summary, control(summary))
            await workspace.submit(user, "looked at it anew")
        await workspace.told("carol", "Your decision settled it.")
    assert await scene.failures() == []


def _values(approval: Approval) -> list[str]:
    return [f"{approval.subject}|{choice}|{digest}" for choice, digest in approval.evidence.items()]


def shorten(file: Path, rows: int) -> None:
    """Keep the first rows of a split."""
    file.write_text("".join(file.read_text("utf-8").splitlines(keepends=True)[:rows]), "utf-8")
