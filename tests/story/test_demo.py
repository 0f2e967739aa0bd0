"""`make demo` as a person meets it: parts are killed in the middle of a job, and the story goes on."""

import os
import signal
from pathlib import Path

import aiohttp
import pytest

from tests.reliability.running_demo import demo, postings, replaced, run_file
from tests.story.colleagues import Json, Workspace, buttons, eventually, in_thread, said

pytestmark = pytest.mark.story


@pytest.mark.thorough
async def test_parts_die_and_the_demo_is_stopped_and_nothing_is_lost_or_said_twice(tmp_path: Path) -> None:
    home = tmp_path / "home"
    async with aiohttp.ClientSession() as session:
        async with demo(home):
            workspace = Workspace((await run_file(home))["page"], session)
            await workspace.hears_the_bot()
            await workspace.type_command("alice", "/rft", "launch task=eurovoc seed=5")
            card = await workspace.card_with("Training")
            for part in ("platform", "redis", "slack"):
                pid = (await run_file(home))["pids"][part]
                os.kill(pid, signal.SIGKILL)
                await replaced(home, pid)
            for pid in (await run_file(home))["bot"]:
                os.kill(pid, signal.SIGKILL)
                await replaced(home, pid)
            await workspace.reply_with("Reward curve")

        async with demo(home, pace="0"):
            workspace = Workspace((await run_file(home))["page"], session)

            async def look() -> Json | None:
                return next((m for m in await workspace.thread() if buttons(m, "approve_checkpoint")), None)

            summary = await eventually(look, "the summary of checkpoints")
            await workspace.hears_the_bot()
            first = buttons(summary, "approve_checkpoint")[0]
            for user in ("bob", "carol"):
                await workspace.click(user, summary, first)

                async def form(user: str = user) -> Json | None:
                    return await workspace.form_of(user)

                await eventually(form, f"the form for {user}")
                await workspace.submit(user, f"{user} has looked at it")

            async def settled() -> Json | None:
                return next((m for m in await workspace.thread() if "is approved" in said(m)), None)

            approved = await eventually(settled, "the approved summary")
            assert approved["ts"] == summary["ts"]
            assert not buttons(approved, "approve_checkpoint")
            finished = await workspace.card_with("is approved")
            assert finished["ts"] == card["ts"]
            messages = await workspace.messages()

    assert len([m for m in messages if not in_thread(m)]) == 1
    assert set(postings(messages).values()) == {1}
