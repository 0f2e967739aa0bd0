"""What a team uses every week: production measured on a schedule, and a gate for changes, while bots are killed."""

import asyncio
import json
import os
import shutil
import signal
import sys
from pathlib import Path

import aiohttp
import numpy as np
import pytest
from redis.asyncio import Redis

from bot.kinds import KINDS
from jobs.aliases.records import Alias
from jobs.evals.records import Eval
from jobs.gates.records import GateRun
from jobs.schedules.records import Schedule
from jobs.state.connection import Connection
from jobs.state.store import Store
from tests.reliability.running_demo import demo, postings, replaced, run_file
from tests.story.colleagues import Json, Workspace, buttons, eventually, in_thread, said
from tests.story.conftest import BUNDLED
from tests.story.test_alias import approve, approved, move
from tests.working import all_is_said

pytestmark = [pytest.mark.story, pytest.mark.thorough]
ALIAS = "eurovoc@production"
ROOT = Path(__file__).parents[2]


def single_runs(tasks: Path) -> None:
    """Take the bundled task, whose checkpoints answer each item once."""
    manifest = shutil.copytree(BUNDLED, tasks / "eurovoc") / "task.yaml"
    manifest.write_text(manifest.read_text("utf-8").replace("\n  runs: 3 ", "\n  runs: 1 "), "utf-8")


def spoil(home: Path) -> None:
    """Let every checkpoint have unlearned its task: the platform serves other weights under the same name."""
    for file in (home / "platform" / "jobs").glob("*/weights-*.npz"):
        weights = dict(np.load(file))
        weights["linear"] = np.random.default_rng(1).normal(0, 3, weights["linear"].shape)
        np.savez(file, **weights)


async def kill(home: Path, *parts: str) -> None:
    """Kill these parts, a bot where it says so, and wait until others have taken their place."""
    run = await run_file(home)
    for pid in [run["bot"][0] if part == "bot" else run["pids"][part] for part in parts]:
        os.kill(pid, signal.SIGKILL)
        await replaced(home, pid)


async def pending(store: Store) -> str | None:
    """Return the eval of a schedule that is under way."""
    found = await store.records(Schedule, 1)
    return found[0].pending if found else None


async def running(store: Store) -> str | None:
    """Return the eval of a gate that is under way."""
    found = await store.records(GateRun, 1)
    return found[0].eval if found else None


async def test_a_model_that_became_worse_is_found_told_once_and_rolled_back(tmp_path: Path) -> None:
    home, tasks = tmp_path / "home", tmp_path / "tasks"
    single_runs(tasks)
    async with aiohttp.ClientSession() as session, demo(home, pace="0", bots="1", PROCTOR_TASKS=str(tasks)):
        run: Json = await run_file(home)
        workspace = Workspace(run["page"], session)
        await workspace.hears_the_bot()
        async with Redis.from_url(run["redis"], decode_responses=True) as redis:
            store = Store(Connection(redis), KINDS)
            first = await approved(workspace, seed=1)
            await move(workspace, "bob", first, "the first one we trust")
            second = await approved(workspace, seed=2, but=first)
            await move(workspace, "carol", second, "better by a little")
            await measured_and_rolled_back(workspace, store, redis, home, first)
            await gated(store, redis, home)


async def measured_and_rolled_back(workspace: Workspace, store: Store, redis: Redis, home: Path, first: str) -> None:
    """Have the alias's model measured after the platform broke it; go back from the alert to the first job's."""
    spoil(home)
    await kill(home, "platform")
    await workspace.type_command("alice", "/eval", "schedule task=eurovoc model=production every=1w")
    await workspace.told("alice", "What looks worse is measured a second time")
    await eventually(lambda: pending(store), "a measurement under way")
    await kill(home, "bot", "redis")

    async def alert() -> Json | None:
        return next((m for m in await workspace.channel() if in_thread(m) and buttons(m, "roll_back_alias")), None)

    found = await eventually(alert, "the alert in the channel")
    assert "is worse than at its approval" in said(found)
    (schedule,) = await store.records(Schedule)
    evals = [each for each in await store.records(Eval) if each.request.schedule]
    assert (len(evals), len(schedule.measurements)) == (2, 1), "measured twice, and no more"

    await workspace.click("dave", found, buttons(found, "roll_back_alias")[0])
    form = await eventually(lambda: workspace.form_of("dave"), "the form")
    (reason,) = [b["element"]["initial_value"] for b in form["blocks"] if b.get("block_id") == "reason"]
    assert schedule.measurements[0].eval in reason
    await workspace.fill("dave", {"reason": reason, "how": "propose"})
    await workspace.told("dave", f"`{ALIAS}` moves automatically once 2 of")

    async def proposed() -> Json | None:
        roots = [m for m in await workspace.channel() if not in_thread(m)]
        return next((m for m in roots if f"Roll back {ALIAS}?" in said(m)), None)

    proposal = await eventually(proposed, "the proposal")
    for user in ("bob", "carol"):
        await approve(workspace, user, proposal, buttons(proposal, "approve_checkpoint")[0], "so it does")

    async def back() -> bool:
        held = await store.record(Alias, ALIAS)
        return held is not None and held.value.current.target.job == first

    await eventually(back, "the alias back at the first job's model")
    await eventually(lambda: all_is_said(redis), "an empty outbox")
    assert set(postings(await workspace.messages()).values()) == {1}


async def gated(store: Store, redis: Redis, home: Path) -> None:
    """Ask the gate whether the base is better than what is left in production, and kill the bot meanwhile."""
    words = ("task=eurovoc", "model=local-policy-1", "runs=20", "by=ci", "--wait")
    environment = os.environ | {"PROCTOR_HOME": str(home)}
    shell = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bot.cli", "eval", "run", *words),
        cwd=ROOT,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    await eventually(lambda: running(store), "the gate's eval")
    await kill(home, "bot")
    out, err = await shell.communicate()
    printed = json.loads(out)
    assert (shell.returncode, printed["verdict"], printed["baseline"]) == (0, "better", ALIAS)
    assert printed["link"] in err.decode()
    own = [each for each in await store.records(Eval) if each.request.requested_by == "shell:ci"]
    assert [each.id for each in own] == [printed["eval"]]
    await eventually(lambda: all_is_said(redis), "an empty outbox")
