"""Between the end of a job and production everything breaks at its worst moment, and each thing still happens once."""

import asyncio
import json
import os
import shutil
import signal
from collections import Counter
from pathlib import Path

import aiohttp
import pytest
from redis.asyncio import Redis

from bot.kinds import KINDS
from jobs.aliases.records import Alias
from jobs.approvals.records import Approval
from jobs.evidence.records import Evidence
from jobs.outbox.postings import Outbox
from jobs.state.connection import Connection
from jobs.state.store import Store
from jobs.trail.entry import Act
from jobs.trail.verify import verify
from tests.jobs.aliases.receiver import Receiver, received
from tests.reliability.running_demo import demo, replaced, run_file
from tests.story.colleagues import Json, Workspace, eventually
from tests.story.conftest import BUNDLED
from tests.story.test_alias import button_of, shortened
from tests.working import all_is_said

pytestmark = pytest.mark.story
ALIAS, KEY = "eurovoc@production", "key-of-the-trail"
VOTERS = ("bob", "carol")


async def killed(home: Path, *parts: str, bots: bool = False) -> None:
    """Kill these parts, and all bots where that is wanted, at once; wait until each runs again."""
    run = await run_file(home)
    pids = [*(run["bot"] if bots else ()), *(run["pids"][part] for part in parts)]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    for pid in pids:
        await replaced(home, pid)


async def gathering(store: Store) -> Evidence | None:
    found = await store.records(Evidence, 1)
    return found[0] if found else None


async def settled(store: Store, job: str) -> Approval | None:
    held = await store.record(Approval, job)
    return held.value if held and held.value.settled else None


async def form_for(workspace: Workspace, user: str) -> Json:
    return await eventually(lambda: workspace.form_of(user), f"the form for {user}")


async def forms(workspace: Workspace, action_id: str, job: str) -> None:
    """Let both open the form behind a button."""
    message, control = await button_of(workspace, action_id, job)
    for user in VOTERS:
        await workspace.click(user, message, control)
        await form_for(workspace, user)


async def approved(workspace: Workspace, store: Store, home: Path) -> str:
    """Have both approve at once, and everything die before they are answered; return the job's id."""
    message, control = await button_of(workspace, "approve_checkpoint")
    job = str(control["value"]).partition("|")[0]
    await forms(workspace, "approve_checkpoint", job)
    await workspace.fault(fault="repeat_envelopes", times=2)
    await workspace.fault(method="chat.postEphemeral", fault="server_error", times=40)
    await asyncio.gather(*(vote(workspace, user) for user in VOTERS))
    await eventually(lambda: settled(store, job), "the settlement")
    await eventually(lambda: both_wait(store), "answers that Slack does not take")
    await killed(home, "redis", bots=True)
    await workspace.fault(fault="clear")
    await workspace.hears_the_bot()
    for user in VOTERS:
        await workspace.told(user, "by <@")

    async def settler() -> bool:
        # The same form delivered twice is answered twice, in any order.
        heard = [text for user in VOTERS for text in await workspace.whispers(user)]
        return sum("Your decision settled it" in text for text in heard) == 1

    await eventually(settler, "the answer to the one who settled it")
    # A click on what is shown no more is answered all the same.
    await workspace.click("carol", message, control)
    await workspace.told("carol", "This is settled already.")
    return job


async def both_wait(store: Store) -> bool:
    """Tell whether the answers to both votes wait in the outbox."""
    waiting = await Outbox(store).lanes(offset=0, limit=100)
    return len({each.user for each in waiting.oldest if "by <@" in (each.text or "")}) == len(VOTERS)


async def vote(workspace: Workspace, user: str) -> None:
    """Send the form, with the guardrails set aside that so few items may break."""
    form = await form_for(workspace, user)
    boxes = [block for block in form["blocks"] if str(block.get("block_id")).startswith("override:")]
    aside = {block["block_id"]: block["element"]["options"][0]["value"] for block in boxes}
    await workspace.fill(user, {**aside, "reason": f"{user} has looked at it"})


async def moved(workspace: Workspace, store: Store, job: str) -> None:
    """Have both point the alias at once: one moves it, and the other hears so."""
    await forms(workspace, "move_alias", job)
    await asyncio.gather(*(workspace.fill(user, {"reason": f"{user} moves it"}) for user in VOTERS))

    async def points() -> bool:
        held = await store.record(Alias, ALIAS)
        return held is not None and held.value.current.target.job == job

    await eventually(points, "the move")
    heard = " ".join([await workspace.told(user, "points at step") for user in VOTERS])
    assert heard.count("Done: ") == heard.count("Nothing was changed: ") == 1


async def once(workspace: Workspace, store: Store, redis: Redis, hook: Receiver) -> None:
    """Wait until all is said, and see that nothing was said or done twice, or not at all."""

    async def quiet() -> bool:
        return await all_is_said(redis)

    async def called() -> bool:
        return len(hook.got) >= 3

    await eventually(called, "the webhook's third call")
    await eventually(quiet, "an empty outbox")
    assert {json.loads(body)["version"] for _, body in hook.got} == {1}
    messages = await workspace.messages()
    postings = Counter(str(m["metadata"]["event_payload"]["posting"]) for m in messages if "metadata" in m)
    assert set(postings.values()) == {1}
    assert await redis.hkeys("{proctor}:refused") == []
    assert (await verify(store, KEY.encode())).flaw is None
    acts = Counter(entry.entry.act for entry in await store.trail())
    expected = {Act.LAUNCH: 1, Act.REQUESTED: 1, Act.APPROVE: 2, Act.SETTLED: 1, Act.ALIAS_MOVED: 1}
    assert {act: acts[act] for act in expected} == expected


async def test_everything_breaks_and_each_thing_happens_once(tmp_path: Path) -> None:
    home, tasks = tmp_path / "home", tmp_path / "tasks"
    shortened(shutil.copytree(BUNDLED, tasks / "eurovoc"))
    async with received() as (hook, url), aiohttp.ClientSession() as session:
        hook.how = ["drop", "fail"]
        secrets = {"AUDIT_KEY": KEY, "ALIAS_WEBHOOK": url, "ALIAS_WEBHOOK_SECRET": "whsec"}
        async with demo(home, pace="0", bots="2", PROCTOR_TASKS=str(tasks), **secrets):
            run: Json = await run_file(home)
            workspace = Workspace(run["page"], session)
            await workspace.hears_the_bot()
            async with Redis.from_url(run["redis"], decode_responses=True) as redis:
                store = Store(Connection(redis), KINDS, KEY.encode())
                await workspace.fault(method="chat.postMessage", fault="drop_after", times=2)
                await workspace.fault(method="chat.update", fault="server_error", times=2)
                await workspace.type_command("alice", "/rft", "launch task=eurovoc epochs=1 seed=5")
                await eventually(lambda: gathering(store), "the evidence under way")
                await killed(home, "platform")
                job = await approved(workspace, store, home)
                await moved(workspace, store, job)
                await once(workspace, store, redis, hook)
