"""A platform that is slow to show a job it took is not asked for a second one."""

from pathlib import Path
from typing import cast

from jobs.core.records import Job, JobState
from jobs.graders import GraderRuntime
from jobs.platforms.gateway import Gateway
from jobs.platforms.parse import JobSpec, RemoteJob
from jobs.platforms.profiles import Profile
from jobs.state.change import Change, Versioned
from jobs.state.store import Store
from jobs.tasks import TaskCatalogue
from jobs.training.launch import Launcher
from tests.records import PROFILE, a_job, a_remote
from tests.story.conftest import BUNDLED


class SlowList:
    """Takes jobs, and lists none of them yet."""

    def __init__(self) -> None:
        self.created: list[str] = []

    async def find(self, key: str) -> RemoteJob | None:  # noqa: ARG002 - the gateway's signature
        return None

    async def create(self, spec: JobSpec) -> RemoteJob:
        self.created.append(spec.key)
        return a_remote()


async def test_a_job_that_was_asked_for_gets_time_to_appear(store: Store) -> None:
    now, platform = 1_000.0, SlowList()

    def platform_of(_name: str) -> tuple[Profile, Gateway]:
        return PROFILE, cast("Gateway", platform)

    tasks = TaskCatalogue(Path(BUNDLED).parent)
    launcher = Launcher(
        store,
        tasks,
        platform_of,
        GraderRuntime(),
        default_platform="local",
        default_approvers=(),
        clock=lambda: now,
        appearance=60.0,
    )
    job = a_job(
        state=JobState.CREATING,
        task="eurovoc",
        task_version=tasks.load("eurovoc").version,
        files=("file-1", "file-2"),
        create_asked_at=990.0,
    )
    await store.commit(Change(records=(Versioned(job, 0),)))
    held = await store.record(Job, job.id)
    assert held is not None
    await launcher.recover(held)
    assert platform.created == []
    now = 1_051.0
    held = await store.record(Job, job.id)
    assert held is not None
    await launcher.recover(held)
    assert platform.created == [job.id]
    held = await store.record(Job, job.id)
    assert held is not None
    assert held.value.state is JobState.WATCHING
