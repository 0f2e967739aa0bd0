"""Launching for real: a store, the local platform at the end of a lossy way, and programs that end in mid-launch."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bot.kinds import KINDS
from jobs.core.errors import NotFound
from jobs.core.records import Job, JobState, LaunchRequest
from jobs.graders import GraderRuntime
from jobs.platforms.gateway import Gateway
from jobs.platforms.parse import KEY, JobSpec, RemoteJob
from jobs.platforms.profiles import Profile, load_profiles
from jobs.state.change import Change, Versioned
from jobs.state.connection import Connection
from jobs.state.store import Store
from jobs.tasks import TaskCatalogue
from jobs.training.launch import Launcher
from jobs.training.poll import Poller
from jobs.training.service import RftJobs
from jobs.training.sweep_state import SweepState
from local.platform.job_runner import Limits
from local.platform.server import Platform, serve
from tests.jobs.tasks.folder import write_folder
from tests.lossy_way import LossyWay, lossy_way
from tests.permitted import EVERYBODY_MAY
from tests.records import ALICE, CHANNEL
from tests.working import due_in, held, step, waiting_lanes

SCHEMA = {
    "type": "object",
    "properties": {"label": {"type": "string", "enum": ["a", "b"]}},
    "required": ["label"],
    "additionalProperties": False,
}


class ProcessEnded(BaseException):
    """Stands for the process that ends in mid-call."""


@dataclass
class Fate:
    """Ends the process at the step with number `end`, counted from 1; never at 0."""

    end: int = 0
    steps: int = 0

    def step(self) -> None:
        """Take one step, perhaps the last."""
        self.steps += 1
        if self.steps == self.end:
            raise ProcessEnded


class MortalStore(Store):
    """A store in a process that may end before or after a commit."""

    fate = Fate()

    async def commit(self, change: Change) -> None:
        self.fate.step()
        await super().commit(change)
        self.fate.step()


class MortalGateway(Gateway):
    """A gateway in a process that may end before or after a call that changes something."""

    fate = Fate()

    async def upload(self, name: str, content: bytes) -> str:
        self.fate.step()
        file = await super().upload(name, content)
        self.fate.step()
        return file

    async def create(self, spec: JobSpec) -> RemoteJob:
        self.fate.step()
        job = await super().create(spec)
        self.fate.step()
        return job


@dataclass
class SkippedTime:
    """The time of day, and whatever was skipped."""

    skipped: float = 0.0

    def __call__(self) -> float:
        """Return the time in unix seconds."""
        return time.time() + self.skipped


async def no_wait(seconds: float) -> None:
    """Stands for the pauses within one question."""
    del seconds


@dataclass
class Office:
    """Takes launches and their work items; what the platform really holds is seen past the lossy way."""

    store: MortalStore
    gateway: MortalGateway
    way: LossyWay
    platform: Platform
    profiles: dict[str, Profile]
    tasks: Path
    jobs: RftJobs
    clock: SkippedTime

    def request(self, trigger: str = "trigger-1", **changes: Any) -> LaunchRequest:
        """Return what alice asks for."""
        return replace(LaunchRequest("small", requested_by=ALICE, channel=CHANNEL, trigger=trigger), **changes)

    async def job(self, job_id: str) -> Job:
        """Return the job as it is written down."""
        return (await self.held(job_id)).value

    async def held(self, job_id: str) -> Versioned[Job]:
        """Return the job and its version."""
        held = await self.store.record(Job, job_id)
        assert held is not None
        return held

    async def work(self, job_id: str, *, raised: int | None = None) -> Job:
        """Do the job's next work item although it may not be due yet, and return the job after it."""
        if raised is not None:
            await self.store.connection.redis.hset("{proctor}:raised", job_id, raised)
        await step(self.store, job_id, lambda item: self.jobs.work(job_id, item, "reference"))
        return await self.job(job_id)

    async def work_beside_others(self, job_id: str, *, raised: int | None = None) -> None:
        """Do a work item that others may be doing too, without having noticed that they lost it."""
        await self.jobs.work(job_id, held(job_id, raised=raised), "reference")

    async def until(self, job_id: str, *states: JobState) -> Job:
        """Do work items until the job is in one of the states."""
        job = await self.job(job_id)
        for _ in range(8):
            if job.state in states:
                return job
            job = await self.work(job_id)
        raise AssertionError(f"{job_id} is {job.state}, not in {states}")

    async def launching(self, **changes: Any) -> Job:
        """Return a job whose next work item sends it to the platform."""
        job = await self.jobs.launch(self.request(**changes))
        return await self.until(job.id, JobState.LAUNCHING)

    async def is_due(self, job_id: str) -> bool:
        """Tell whether the job has another work item planned."""
        return await due_in(self.store, job_id) is not None

    async def told(self) -> list[str]:
        """Return every sentence that waits to be told to one person, oldest first."""
        names = [str(name) async for name in self.store.connection.redis.scan_iter("{proctor}:lane:answer:*")]
        lanes = [name.removeprefix("{proctor}:lane:") for name in sorted(names)]
        return [text for lane in lanes for text in await self._texts(lane)]

    async def _texts(self, lane: str) -> list[str]:
        texts = []
        for posting_id in await self.store.connection.redis.zrange(f"{{proctor}}:lane:{lane}", 0, -1):
            value = await self.store.connection.redis.hget(f"{{proctor}}:posting:{posting_id!s}", "value")
            texts.append(str(json.loads(value or "{}")["text"]))
        return texts

    async def lanes(self) -> set[str]:
        """Return the lanes in which something waits."""
        return set(await waiting_lanes(self.store))

    def remote_jobs(self) -> list[str]:
        """Return the key of every job the platform has."""
        return [str((record.request.metadata or {}).get(KEY)) for record in self.platform.runner.jobs.list()]

    def remote_files(self) -> list[str]:
        """Return the name of every uploaded file the platform has."""
        return sorted(file.filename for file in self.platform.runner.files.list())


@asynccontextmanager
async def open_office(store: Store, folder: Path, unfinished_jobs: int = 1_000) -> AsyncIterator[Office]:
    """Open an office on an empty store; the platform takes jobs and trains none, so that nothing moves by itself."""
    limits, clock = Limits(trainers=0, unfinished_jobs=unfinished_jobs), SkippedTime()
    async with (
        serve(folder / "platform", limits=limits) as platform,
        lossy_way(platform.url) as way,
        MortalGateway(load_profiles(None, way.url)["local"], "local", sleep=no_wait) as gateway,
        GraderRuntime() as graders,
    ):
        profiles = {"local": gateway.profile}
        tasks = write_folder(folder / "tasks", {"response_format.json": json.dumps(SCHEMA)})
        mortal = MortalStore(Connection(store.connection.redis), KINDS)

        def profile_of(name: str) -> Profile:
            if name not in profiles:
                raise NotFound(f"There is no platform '{name}'; known: local.")
            return profiles[name]

        def platform_of(name: str) -> tuple[Profile, Gateway]:
            return profile_of(name), gateway

        launcher = Launcher(
            mortal,
            TaskCatalogue(tasks),
            platform_of,
            graders,
            default_platform="local",
            default_approvers=("model-approvers",),
            appearance=0.0,
            clock=clock,
        )
        poller = Poller(mortal, SweepState(mortal.connection), platform_of, clock)
        jobs = RftJobs(mortal, launcher, poller, profile_of, EVERYBODY_MAY)
        yield Office(mortal, gateway, way, platform, profiles, tasks, jobs, clock)
