"""From an approved checkpoint to what production reads, and back again, end to end."""

import asyncio
import hashlib
import json
import os
import sys
from pathlib import Path

import aiohttp
import pytest
from redis.asyncio import Redis

from bot.app import Bot
from bot.kinds import KINDS
from jobs.state.connection import Connection
from jobs.state.store import Store
from jobs.trail.entry import Act
from jobs.trail.verify import verify
from tests.jobs.aliases.receiver import Receiver, received
from tests.story.colleagues import Json, Workspace, buttons, eventually, in_thread, said
from tests.story.conftest import House

pytestmark = pytest.mark.story
CLIENT = Path(__file__).parents[2] / "docs" / "client.py"
ALIAS, TOKEN, KEY = "eurovoc@production", "token-of-production", "key-of-the-trail"


def shortened(task: Path) -> None:
    """Leave a few items in the splits that checkpoints are evaluated on."""
    for split in ("valid", "test"):
        file = task / f"{split}.jsonl"
        file.write_text("".join(file.read_text("utf-8").splitlines(keepends=True)[:12]), "utf-8")


async def button_of(workspace: Workspace, action_id: str, job: str = "", but: str = "") -> tuple[Json, Json]:
    """Wait for a control in a thread, of this job where one is named; return its message and the control."""

    async def look() -> tuple[Json, Json] | None:
        for message in await workspace.thread():
            for control in buttons(message, action_id):
                of = str(control["value"]).partition("|")[0]
                if of != but and job in {"", of}:
                    return message, control
        return None

    return await eventually(look, f"{action_id} of {job or 'a job'}")


async def approve(workspace: Workspace, user: str, message: Json, control: Json, reason: str) -> None:
    """Click Approve, set aside what guardrails the few items may break, give the reason, and wait for the answer."""
    known = len(await workspace.whispers(user))
    await workspace.click(user, message, control)
    form = await eventually(lambda: workspace.form_of(user), f"the form for {user}")
    boxes = [block for block in form["blocks"] if str(block.get("block_id")).startswith("override:")]
    aside = {block["block_id"]: block["element"]["options"][0]["value"] for block in boxes}
    await workspace._post("view_submit", {"user": user, "values": {**aside, "reason": reason}})
    await workspace.told(user, "ecorded" if user == "bob" else "settled it", after=known)


async def approved(workspace: Workspace, seed: int, but: str = "") -> str:
    """Launch a job as alice, have bob and carol approve its first checkpoint, and return its id."""
    await workspace.type_command("alice", "/rft", f"launch task=eurovoc epochs=1 seed={seed}")
    _, first = await button_of(workspace, "approve_checkpoint", but=but)
    job = str(first["value"]).partition("|")[0]
    for user in ("bob", "carol"):
        message, control = await button_of(workspace, "approve_checkpoint", job)
        await approve(workspace, user, message, control, "looked at ten answers")
    return job


async def move(workspace: Workspace, user: str, job: str, reason: str) -> None:
    """Point the usual alias at what was approved."""
    message, control = await button_of(workspace, "move_alias", job)
    await workspace.click(user, message, control)
    await eventually(lambda: workspace.form_of(user), "the form")
    await workspace._post("view_submit", {"user": user, "values": {"reason": reason}})
    await workspace.told(user, f"of {job} now. The job's thread and the channel say so.")


async def read(bot: Bot, token: str = TOKEN, tag: str = "") -> tuple[int, Json, str]:
    """Read the alias as production does."""
    headers = {"Authorization": f"Bearer {token}", "If-None-Match": tag}
    url = f"http://127.0.0.1:{bot.health_port}/aliases/{ALIAS}"
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        text = await answer.text()
        return answer.status, json.loads(text) if text else {}, answer.headers.get("ETag", "")


async def asked_as_training_did(house: House, bot: Bot, shown: Json) -> None:
    """Run the client of the docs, which knows nothing but the alias; the model answers in its schema."""
    prompt = (house.tasks / "eurovoc" / "prompts" / f"{shown['prompt']}.md").read_text("utf-8").strip()
    assert hashlib.sha256(prompt.encode()).hexdigest() == shown["prompt_sha256"]
    known = {"PROCTOR_URL": f"http://127.0.0.1:{bot.health_port}", "ALIAS_TOKEN": TOKEN, "PLATFORM_KEY": "local"}
    client = await asyncio.create_subprocess_exec(
        *(sys.executable, str(CLIENT), ALIAS, "Act on milk quotas and the price of butter."),
        env={**os.environ, **known},
        stdout=asyncio.subprocess.PIPE,
    )
    answer, _ = await client.communicate()
    assert client.returncode == 0
    assert list(json.loads(answer)) == ["domains"]
    assert shown["effort"] is None


async def test_from_an_approval_to_production_and_back(house: House, redis: Redis) -> None:
    shortened(house.copy_eurovoc(runs=1))
    async with received() as (hook, url):
        secrets = {"ALIAS_TOKEN": TOKEN, "AUDIT_KEY": KEY, "ALIAS_WEBHOOK_SECRET": "whsec"}
        house.environment |= {**secrets, "ALIAS_WEBHOOK": url}
        hook.how = ["fail"]
        await to_production_and_back(house, redis, hook)

    # Everything is in the trail, in one chain.
    store = Store(Connection(redis), KINDS, KEY.encode())
    assert (await verify(store, KEY.encode())).flaw is None
    acts = [entry.entry.act for entry in await store.trail()]
    assert acts.count(Act.LAUNCH) == 2
    assert acts.count(Act.APPROVE) == 6
    assert acts.count(Act.SETTLED) == 3
    assert acts.count(Act.ALIAS_MOVED) == 3
    assert acts.count(Act.ROLLBACK_PROPOSED) == 1


async def to_production_and_back(house: House, redis: Redis, hook: Receiver) -> None:
    """Point the alias at one job's model, at another's, and back at the first."""

    async def told() -> list[int] | None:
        versions = [int(json.loads(body)["version"]) for _, body in hook.got]
        return versions if {1, 2, 3} <= set(versions) else None

    workspace = house.workspace
    async with house.bot() as bot:
        assert (await read(bot))[0] == 404
        first = await approved(workspace, seed=1)
        await move(workspace, "bob", first, "the first one we trust")
        status, shown, tag = await read(bot)
        assert (status, shown["job"], shown["version"]) == (200, first, 1)
        assert await redis.get(f"{{proctor}}:model:{ALIAS}") == shown["model"]
        assert json.loads(str(await redis.get(f"{{proctor}}:call:{ALIAS}"))) == shown
        await asked_as_training_did(house, bot, shown)
        assert (await read(bot, tag=tag))[0] == 304
        assert (await read(bot, token="wrong"))[0] == 401

        # The next job is compared with what the alias points at, and takes its place.
        second = await approved(workspace, seed=2, but=first)
        await move(workspace, "carol", second, "better by a little")
        await workspace.reply_with(f"of {second} (was step {shown['step']} of {first})")
        assert (await read(bot, tag=tag))[1]["version"] == 2

        # Back again: proposed by dave, approved by two, done by itself.
        command = f'alias rollback {ALIAS} reason="it calls recipes law"'
        await workspace.type_command("dave", "/proctor", command)

        async def proposed() -> Json | None:
            roots = [m for m in await workspace.channel() if not in_thread(m)]
            return next((m for m in roots if "Roll back eurovoc@production?" in said(m)), None)

        proposal = await eventually(proposed, "the proposal")
        for user in ("bob", "carol"):
            await approve(workspace, user, proposal, buttons(proposal, "approve_checkpoint")[0], "so it does")
        await workspace.reply_with("Rolled back, as approved: eurovoc@production now points at")
        status, shown, _ = await read(bot)
        assert (status, shown["job"], shown["version"]) == (200, first, 3)
        # The webhook's first call was not taken, so that it came again.
        assert (await eventually(told, "all three moves at the webhook")).count(1) == 2
