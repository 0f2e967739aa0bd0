"""Kills, restarts and pauses: a job goes on from its last step, tells each step once, and its curve is the same."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from openai import AsyncOpenAI, ConflictError

from local.platform.job_runner import DEFAULT_LIMITS, Limits
from local.platform.job_store import EventLog, new_event
from local.platform.server import Platform, UnusableHome, serve
from tests.local.platform.small_task import curve, ended, events, launch, reaches, until, when

ROOT = Path(__file__).parents[3]


@asynccontextmanager
async def serving(
    home: Path,
    pace: float = 0.0,
    limits: Limits = DEFAULT_LIMITS,
) -> AsyncIterator[tuple[Platform, AsyncOpenAI]]:
    async with (
        serve(home, pace=pace, limits=limits) as platform,
        AsyncOpenAI(base_url=platform.url, api_key="local", max_retries=0) as client,
    ):
        yield platform, client


@dataclass
class Process:
    """The platform as a process of its own."""

    process: asyncio.subprocess.Process
    client: AsyncOpenAI

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def process(home: Path, pace: str) -> AsyncIterator[Process]:
    started = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "local.platform", "--home", str(home)),
        cwd=ROOT,
        env={"PATH": os.defpath, "PACE": pace},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert started.stdout is not None
        line = (await started.stdout.readline()).decode()
        assert line.startswith("platform ready http://127.0.0.1:")
        async with AsyncOpenAI(base_url=line.split()[-1], api_key="local", max_retries=0) as client:
            yield Process(started, client)
    finally:
        if started.returncode is None:
            started.kill()
        await started.wait()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[int, float, float | None]]:
    """The curve of the usual small job when nothing happens to it."""

    async def run() -> list[tuple[int, float, float | None]]:
        async with serving(tmp_path_factory.mktemp("undisturbed")) as (_, client):
            job = await ended(client, (await launch(client)).id)
            return await curve(client, job.id)

    return asyncio.run(run())


Curve = list[tuple[int, float, float | None]]


async def test_a_killed_trainer_is_started_again_and_goes_on(tmp_path: Path, undisturbed: Curve) -> None:
    async with serving(tmp_path, pace=0.05) as (platform, client):
        job = await launch(client)
        for step in (1, 6):
            await reaches(client, job.id, step)
            os.kill(platform.runner.trainers[job.id], signal.SIGKILL)
            await new_trainer(platform, job.id)

        assert (await ended(client, job.id)).status == "succeeded"
        assert await curve(client, job.id) == undisturbed
        messages = [event.message for event in await events(client, job.id)]
        assert len(messages) == len(set(messages))


async def new_trainer(platform: Platform, job_id: str) -> None:
    killed = platform.runner.trainers.get(job_id)
    await until(lambda: platform.runner.trainers.get(job_id, killed) != killed)


async def test_a_killed_platform_started_again_goes_on(tmp_path: Path, undisturbed: Curve) -> None:
    async with process(tmp_path, pace="0.05") as first:
        job = await launch(first.client)
        waiting = [await launch(first.client, seed=seed, n_epochs=1) for seed in (1, 2)]
        await reaches(first.client, job.id, 3)
        await first.kill()

    async with process(tmp_path, pace="0.05") as second:
        await reaches(second.client, job.id, 7)
        await second.kill()

    async with serving(tmp_path) as (_, client):
        assert [(await ended(client, one.id)).status for one in (job, *waiting)] == ["succeeded"] * 3
        assert await curve(client, job.id) == undisturbed
        told_ids = [event.id for event in await events(client, job.id)]
        assert len(told_ids) == len(set(told_ids))


async def test_trainers_end_with_the_platform(tmp_path: Path) -> None:
    async with process(tmp_path, pace="0.05") as platform:
        job = await launch(platform.client, n_epochs=50)
        await reaches(platform.client, job.id, 1)
        children = _descendants(platform.process.pid)
        assert len(children) >= 2
        await platform.kill()

    await until(lambda: not any(Path(f"/proc/{child}").exists() for child in children))


def _descendants(pid: int) -> list[int]:
    found = [int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in _children(task)]
    return [pid for child in found for pid in (child, *_descendants(child))]


def _children(task: Path) -> list[str]:
    return (task / "children").read_text().split()


async def test_a_platform_told_to_stop_stops_and_goes_on_later(tmp_path: Path, undisturbed: Curve) -> None:
    async with process(tmp_path, pace="0.05") as first:
        job = await launch(first.client)
        await reaches(first.client, job.id, 2)
        first.process.terminate()
        assert await first.process.wait() == 0

    async with serving(tmp_path) as (_, client):
        assert (await ended(client, job.id)).status == "succeeded"
        assert await curve(client, job.id) == undisturbed


async def test_a_paused_job_has_a_model_that_answers_and_resumes_where_it_was(
    tmp_path: Path, undisturbed: Curve
) -> None:
    async with serving(tmp_path, pace=0.05) as (platform, client):
        job = await launch(client)
        await reaches(client, job.id, 4)

        paused = await client.fine_tuning.jobs.pause(job.id)

        assert str(paused.status) == "paused"
        assert platform.runner.trainers == {}
        step = (await curve(client, job.id))[-1][0]
        message = (await events(client, job.id))[-1].message
        assert message.startswith(f"Job paused at step {step} with Snapshot ID: ft:local-policy-1:local:harbour:")
        snapshot = message.split()[-1]
        answer = await client.responses.create(model=snapshot, input="Ship 3 landed cod.", temperature=0)
        assert answer.output_text.startswith('{"labels"')

    async with serving(tmp_path) as (_, client):
        assert str((await client.fine_tuning.jobs.retrieve(job.id)).status) == "paused"
        resumed = await client.fine_tuning.jobs.resume(job.id)
        assert resumed.status == "queued"
        assert (await ended(client, job.id)).status == "succeeded"
        assert await curve(client, job.id) == undisturbed
        assert (await client.models.retrieve(snapshot)).id == snapshot
        with pytest.raises(ConflictError):
            await client.fine_tuning.jobs.resume(job.id)


async def test_a_waiting_job_can_be_paused_resumed_and_cancelled(tmp_path: Path) -> None:
    async with serving(tmp_path, pace=0.05, limits=Limits(trainers=1)) as (_, client):
        first, second = await launch(client), await launch(client)
        await reaches(client, first.id, 1)
        await when(client, second.id, "queued")

        assert str((await client.fine_tuning.jobs.pause(second.id)).status) == "paused"
        assert (await events(client, second.id))[-1].message == "Job paused before its first step"
        assert (await client.fine_tuning.jobs.resume(second.id)).status == "queued"
        assert str((await client.fine_tuning.jobs.pause(second.id)).status) == "paused"
        assert (await client.fine_tuning.jobs.cancel(second.id)).status == "cancelled"
        assert (await ended(client, first.id)).status == "succeeded"


async def test_a_trainer_that_dies_again_and_again_fails_its_job(tmp_path: Path) -> None:
    async with serving(tmp_path, limits=Limits(trainers=0)) as (platform, client):
        waiting = await launch(client)
        await when(client, waiting.id, "queued")
        platform.runner.jobs.folder(waiting.id).features.write_bytes(b"no archive")

    async with serving(tmp_path) as (_, client):
        job = await ended(client, waiting.id)

        assert job.status == "failed"
        assert job.error is not None
        assert job.error.code == "trainer_died"
        assert job.error.message is not None
        assert job.error.message.startswith("The trainer ended 4 times at step 1. ")


async def test_two_platforms_do_not_share_a_home(tmp_path: Path) -> None:
    async with serve(tmp_path):
        with pytest.raises(UnusableHome, match="stop it first"):
            async with serve(tmp_path):
                pass


async def test_a_home_of_another_version_is_refused_with_the_way_out(tmp_path: Path) -> None:
    job = tmp_path / "jobs" / "ftjob-old" / "job.json"
    job.parent.mkdir(parents=True)
    job.write_text('{"id": "ftjob-old", "order": {}}')

    with pytest.raises(UnusableHome, match="written by another version of the local platform; move them away"):
        async with serve(tmp_path):
            pass


def test_a_line_left_unfinished_is_not_an_event_and_is_cut_off_by_the_next(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    one, two = new_event("job", "one", "first"), new_event("job", "two", "second")
    EventLog(path).append(one)
    with path.open("ab") as file:
        file.write(b'{"id": "ftevent-torn", "mess')

    log = EventLog(path)
    assert log.events() == [one]
    log.append(one, two)
    assert EventLog(path).events() == [one, two]
    assert log.events() == [one, two]


async def test_a_bug_in_driving_a_job_fails_that_job_and_no_other(tmp_path: Path) -> None:
    async with serving(tmp_path, pace=0.05) as (platform, client):
        job = await launch(client)
        await reaches(client, job.id, 1)
        await client.fine_tuning.jobs.pause(job.id)
        platform.runner.jobs.folder(job.id).state.write_bytes(b"no archive")

        await client.fine_tuning.jobs.resume(job.id)

        failed = await ended(client, job.id)
        assert failed.error is not None
        assert failed.error.code == "server_error"
        assert (await ended(client, (await launch(client, n_epochs=1)).id)).status == "succeeded"
