"""`make demo` as a person meets it: parts are killed in the middle of a job, and the story goes on."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.story.colleagues import Json, Workspace, buttons, eventually, in_thread, said

pytestmark = pytest.mark.story
ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def demo(
    home: Path, *, pace: str = "0.05", bots: str = "2", **more: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the demo until the context ends, then stop it as Ctrl-C does; `more` are variables of its environment."""
    environment = os.environ | {"PROCTOR_HOME": str(home), "PORT": "0", "PACE": pace, "BOTS": bots, **more}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot.demo", cwd=ROOT, env=environment, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(process.wait(), 60) in {0, 130}


async def run_file(home: Path) -> Json:
    """Wait until the demo says that everything runs."""

    async def look() -> Json | None:
        with contextlib.suppress(OSError, ValueError):
            found: Json = json.loads((home / "run.json").read_text())
            return found if found.get("bot") else None
        return None

    return await eventually(look, "run.json")


async def replaced(home: Path, old: int) -> None:
    """Wait until a killed part runs again under another process id."""

    async def look() -> bool:
        with contextlib.suppress(OSError, ValueError):
            now = json.loads((home / "run.json").read_text())
            return old not in {*now["bot"], *now["pids"].values()} and all(now["pids"].values()) and bool(now["bot"])
        return False

    await eventually(look, "a new process for the killed one")


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
    postings = Counter(str(m["metadata"]["event_payload"]["posting"]) for m in messages if "metadata" in m)
    assert set(postings.values()) == {1}
