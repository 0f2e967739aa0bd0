"""The whole team of the stories, for handlers that are worth trying from a click to its answer."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from bot.kinds import KINDS
from jobs.approvals.records import Approval
from jobs.core.records import Job, JobState
from jobs.state.change import Change, Versioned
from jobs.state.connection import Connection
from jobs.state.store import Store
from jobs.training.postings import card_posting, summary_posting
from tests.handlers.known_people import ALICE, RFT
from tests.records import a_checkpoint, a_job, a_request, an_approval
from tests.story.colleagues import Json, Workspace, buttons, eventually, in_thread
from tests.story.conftest import House, house, house_redis_url, redis, shared_house

__all__ = ["house", "house_redis_url", "redis", "shared_house"]


class Scene:
    """A bot that runs, and jobs put before it in the state a test wants."""

    def __init__(self, workspace: Workspace, store: Store) -> None:
        self.workspace = workspace
        self.store = store

    async def add(self, job: Job, approval: Approval | None = None) -> None:
        """Put a job into the store, and post its card and, where it is up for approval, its summary."""
        shown = (card_posting(job), summary_posting(job)) if approval else (card_posting(job),)
        await self.store.commit(
            Change(records=(Versioned(job, 0), *([Versioned(approval, 0)] if approval else [])), postings=shown)
        )

    async def change(self, job: Job) -> None:
        """Change a job behind the back of what is shown."""
        held = await self.store.record(Job, job.id)
        assert held is not None
        await self.store.commit(Change(records=(Versioned(job, held.version),)))

    async def finished(self) -> tuple[Job, Json]:
        """Return a job of alice's whose two checkpoints wait for approval, and its summary."""
        checkpoints = (a_checkpoint(5, 0.8, 0.4, 0.5), a_checkpoint(10, 0.6, 0.6, 0.6))
        job = a_job(
            id="rft-done22",
            request=a_request(requested_by=ALICE, channel=RFT),
            state=JobState.SUCCEEDED,
            platform_status="succeeded",
            checkpoints=checkpoints,
            last_step=10,
            total_steps=10,
        )
        evidence = {each.id: f"digest-{each.step}" for each in checkpoints}
        names = {each.id: f"step {each.step}" for each in checkpoints}
        models = {each.id: each.model_id for each in checkpoints}
        waiting = an_approval(subject=job.id, launched_by=ALICE, task=job.task, channel=RFT)
        await self.add(job, replace(waiting, evidence=evidence, names=names, models=models))
        return job, await self.summary()

    async def running(self, **changes: object) -> Job:
        """Return a job of alice's that trains; nobody polls it."""
        job = replace(a_job(request=a_request(requested_by=ALICE, channel=RFT), last_step=3), **changes)  # type: ignore[arg-type] # a test's shorthand
        await self.add(job)
        return job

    async def summary(self) -> Json:
        """Wait for the summary with its controls."""

        async def look() -> Json | None:
            replies = [m for m in await self.workspace.messages() if in_thread(m)]
            return next((m for m in replies if buttons(m, "approve_checkpoint")), None)

        return await eventually(look, "the summary")

    async def form_for(self, user: str, message: Json, action: Json) -> Json:
        """Click, and wait for the form that opens."""
        await self.workspace.click(user, message, action)

        async def look() -> Json | None:
            return await self.workspace.form_of(user)

        return await eventually(look, f"a form for {user}")

    async def failures(self) -> list[Json]:
        """Return what Slack had to complain of: clicks without an acknowledgement, refused calls of ours."""
        return [entry for entry in await self.workspace.log() if entry["kind"] == "failure"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let scenes share one bot, unless they say that they need one of their own."""
    for item in items:
        if "scene" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.shared_bot)


@pytest.fixture
async def scene(house: House, redis: Redis) -> AsyncIterator[Scene]:
    async with opened(house, redis) as found:
        yield found


@asynccontextmanager
async def opened(house: House, redis: Redis) -> AsyncIterator[Scene]:
    async with house.bot():
        yield Scene(house.workspace, Store(Connection(redis), KINDS))
