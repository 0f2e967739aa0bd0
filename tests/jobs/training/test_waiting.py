"""A launch waits for a platform that cannot be used now, and goes on: once, with what it has uploaded, and in words."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from jobs.core.errors import PlatformRejected, PlatformUnavailable
from jobs.core.records import Action, Job, JobState
from jobs.graders import GraderRuntime, JudgeAnswer, JudgeQuestion
from jobs.platforms.gateway import Gateway
from jobs.platforms.patience import LONGEST_PAUSE, PATIENCE, SPREAD
from jobs.state.store import Store
from jobs.training.launch import Launcher
from local.platform.job_store import Status
from tests import working
from tests.jobs.tasks.folder import write_folder
from tests.jobs.training.launch_office import Fate, Office, ProcessEnded, open_office
from tests.lossy_way import Loss
from tests.records import BOB, CHANNEL

UPLOAD, CREATE, FILES, JOBS = "POST /files", "POST /fine_tuning/jobs", "GET /files", "GET /fine_tuning/jobs"
LOSSES: tuple[Loss, ...] = ("busy", "broken", "request lost", "answer lost")


@pytest.fixture
async def office(store: Store, tmp_path: Path) -> AsyncIterator[Office]:
    async with open_office(store, tmp_path) as opened:
        yield opened


async def due_in(office: Office, job_id: str) -> float:
    """Return the seconds until the job's next work item."""
    seconds = await working.due_in(office.store, job_id)
    assert seconds is not None, "nothing is planned"
    return seconds


async def assert_launched_once(office: Office, job: Job) -> None:
    assert job.state is JobState.WATCHING
    assert (job.waiting_since, job.note) == (None, None)
    assert office.remote_jobs() == [job.id]
    assert office.remote_files() == [f"{job.id}-{split}.jsonl" for split in ("train", "valid")]
    assert (office.way.passed.count(UPLOAD), office.way.passed.count(CREATE)) == (2, 1)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(("what", "before"), [(UPLOAD, 0), (UPLOAD, 1), (CREATE, 0)])
async def test_one_failure_of_any_kind_at_any_call_is_waited_for(
    office: Office, what: str, before: int, loss: Loss
) -> None:
    job = await office.launching()
    office.way.lose(what, *[None] * before, loss)
    waiting = await office.work(job.id)
    assert not waiting.state.is_final
    assert waiting.waiting_since is not None
    assert 0.5 < await due_in(office, job.id) < LONGEST_PAUSE
    (said,) = await office.told()
    assert said.startswith(f"{job.id} waits. ")
    assert " UTC" in said
    assert said.endswith(f"`/rft cancel {job.id}` ends it.")
    await assert_launched_once(office, await office.work(job.id))
    assert await office.told() == [said]


async def test_a_platform_that_asks_for_minutes_at_the_last_call_is_left_alone_for_as_long(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await office.launching()

    async def busy(*_: object) -> None:
        raise PlatformUnavailable("Local platform is busy.", retry_after=300.0)

    monkeypatch.setattr(Gateway, "create", busy)
    assert (await office.work(job.id)).state is JobState.LAUNCHING
    assert await due_in(office, job.id) >= 299


async def test_a_platform_that_refuses_connections_for_a_while_is_waited_for(office: Office) -> None:
    job = await office.launching()
    await office.way.close()
    for _ in range(3):
        waiting = await office.work(job.id)
        assert waiting.state is JobState.LAUNCHING
        assert "cannot be reached" in str(waiting.note)
    await office.way.open()
    await assert_launched_once(office, await office.work(job.id))
    assert len(await office.told()) == 1


@pytest.mark.parametrize("loss", ["busy", "broken"])
@pytest.mark.parametrize(("first", "then"), [((UPLOAD, "answer lost"), FILES), ((CREATE, "answer lost"), JOBS)])
async def test_looking_for_what_an_unanswered_call_left_is_waited_for_too(
    office: Office, first: tuple[str, Loss], then: str, loss: Loss
) -> None:
    job = await office.launching()
    office.way.lose(*first)
    await office.work(job.id)
    office.way.lose(then, loss, loss, loss)
    assert not (await office.work(job.id)).state.is_final
    await assert_launched_once(office, await office.work(job.id))
    assert len(await office.told()) == 1


async def test_a_platform_that_lists_no_files_is_sent_the_file_again(office: Office) -> None:
    job = await office.launching()
    office.way.lose(UPLOAD, "answer lost")
    await office.work(job.id)
    office.way.lose(FILES, "refused")
    assert (await office.work(job.id)).state is JobState.WATCHING
    assert office.remote_files() == [f"{job.id}-{split}.jsonl" for split in ("train", "valid")]


async def test_a_platform_that_stays_away_is_given_up_in_words_and_keeps_no_file(office: Office) -> None:
    job = await office.launching()
    office.way.lose(UPLOAD, None)
    busy: tuple[Loss, ...] = ("busy",) * 9
    office.way.lose(CREATE, *busy)
    for passed in (0.0, PATIENCE / 2, PATIENCE - 5):
        office.clock.skipped = passed
        assert (await office.work(job.id)).state is JobState.LAUNCHING
        assert len(office.remote_files()) == 2
    assert await due_in(office, job.id) < 6.0, "the last attempt is made when patience runs out"
    office.clock.skipped = PATIENCE
    given_up = await office.work(job.id)
    assert given_up.state is JobState.NOT_LAUNCHED
    assert given_up.note == (
        "Local platform is receiving too many requests; it asks to wait 1 s. I tried for 6 h 00 min; ask again when "
        "the platform answers."
    )
    told = await office.told()
    assert f"small was not launched. {given_up.note}" in told
    assert len(told) == 2
    await office.work(job.id)
    assert (office.remote_jobs(), office.remote_files()) == ([], [])


async def test_a_job_of_unknown_outcome_is_looked_for_after_that_and_no_longer_created(office: Office) -> None:
    job = await office.launching()
    office.way.lose(CREATE, "request lost")
    await office.work(job.id)
    office.clock.skipped = PATIENCE + 60
    await office.way.close()
    assert (await office.work(job.id)).state is JobState.CREATING
    await office.way.open()
    ended = await office.work(job.id)
    assert ended.state is JobState.NOT_LAUNCHED
    assert "I tried for 6 h " in str(ended.note)
    await office.work(job.id)
    assert (office.remote_jobs(), office.remote_files()) == ([], [])


async def test_a_job_that_the_platform_had_taken_after_all_is_watched_however_late(office: Office) -> None:
    job = await office.launching()
    office.way.lose(CREATE, "answer lost")
    await office.work(job.id)
    office.clock.skipped = 2 * PATIENCE
    await assert_launched_once(office, await office.work(job.id))


@pytest.mark.parametrize("what", [UPLOAD, CREATE])
async def test_a_cancel_ends_the_wait_at_once(office: Office, what: str) -> None:
    job = await office.launching()
    office.way.lose(what, "busy", "busy")
    await office.work(job.id)
    await office.jobs.request(job.id, Action.CANCEL, by=BOB, channel=CHANNEL, trigger="t")
    assert await due_in(office, job.id) < 0.1
    ended = await office.work(job.id)
    assert (ended.state, ended.note) == (JobState.NOT_LAUNCHED, "It was cancelled before the launch.")
    await office.work(job.id)
    assert (office.remote_jobs(), office.remote_files()) == ([], [])


@pytest.mark.thorough
async def test_a_process_that_ends_at_any_step_of_a_launch_that_waits_leaves_one_job_and_two_files(
    office: Office,
) -> None:
    end, ended = 0, True
    while ended:
        end, ended = end + 1, False
        office.store.fate = office.gateway.fate = Fate(end)
        office.way.lose(UPLOAD, "answer lost", "busy")
        office.way.lose(CREATE, "busy", "request lost")
        request = office.request(f"trigger {end}", seed=end)
        try:
            job = await office.jobs.launch(request)
            await office.until(job.id, JobState.WATCHING)
        except ProcessEnded:
            ended, office.store.fate = True, Fate()
            office.gateway.fate = office.store.fate
            await working.bury(office.store)
            job = await office.jobs.launch(request)
            await office.until(job.id, JobState.WATCHING)
        assert office.remote_jobs().count(job.id) == 1, f"ended at step {end}"
        assert sum(name.startswith(job.id) for name in office.remote_files()) == 2, f"ended at step {end}"
    assert end > 2 * 10, "each commit, upload and creation may be the last thing before or after"


async def test_a_refusal_while_it_waits_ends_it(office: Office) -> None:
    job = await office.launching()
    office.way.lose(CREATE, "busy", "refused")
    await office.work(job.id)
    refused = await office.work(job.id)
    assert refused.state is JobState.NOT_LAUNCHED
    assert str(refused.note).endswith("(HTTP 400): The training file does not suit this model.")


class Away:
    """A judge on a platform that fails as it is told, one question each, and then answers."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)

    async def judge(self, question: JudgeQuestion) -> JudgeAnswer:
        del question
        if self.failures:
            raise self.failures.pop(0)
        return JudgeAnswer('{"steps": [], "result": 1.0}')


def judged_launcher(office: Office, graders: GraderRuntime) -> Launcher:
    """Let the task's reward ask a judge, and return what launches its jobs."""
    message = {"role": "user", "content": "Is {{sample.output_text}} right?"}
    judge = {"type": "score_model", "name": "exact", "model": "judge-1", "input": [message], "range": [0, 1]}
    write_folder(office.tasks, {"graders/exact.json": json.dumps(judge)})
    local = office.profiles["local"]
    office.profiles["local"] = replace(local, grader_types=local.grader_types | {"score_model"})
    return replace(office.jobs.launcher, graders=graders)


async def test_a_judge_that_cannot_be_asked_now_holds_up_the_check(office: Office) -> None:
    away = Away(*[PlatformUnavailable("Judges are away.", retry_after=1.0)] * 2)
    async with GraderRuntime(judge=away) as graders:
        launcher = judged_launcher(office, graders)
        job = await launcher.launch(office.request())
        await launcher.check(await office.held(job.id))
        waiting = await office.job(job.id)
        assert (waiting.state, waiting.waiting_since is not None) == (JobState.CHECKING, True)
        assert "Judges are away." in (await office.told())[0]
        away.failures.clear()
        await launcher.check(await office.held(job.id))
        assert (await office.job(job.id)).state is JobState.LAUNCHING


async def test_a_judge_that_refuses_ends_the_launch(office: Office) -> None:
    async with GraderRuntime(judge=Away(*[PlatformRejected("There is no judge-1.")] * 9)) as graders:
        launcher = judged_launcher(office, graders)
        job = await launcher.launch(office.request())
        await launcher.check(await office.held(job.id))
        assert (await office.job(job.id)).state is JobState.NOT_LAUNCHED


# -- many at once ----------------------------------------------------------------------------------------------------


async def launched(office: Office, count: int) -> list[Job]:
    """Launch so many jobs at once and work until each has ended or is on the platform; time passes in pauses alone."""
    asked = [office.request(f"trigger {number}", seed=number) for number in range(count)]
    ids = [job.id for job in await asyncio.gather(*map(office.jobs.launch, asked))]
    for _ in range(50):
        jobs = await asyncio.gather(*map(office.job, ids))
        pending = [job.id for job in jobs if not job.state.is_final and not job.state.is_on_platform]
        if not pending:
            return jobs
        await asyncio.gather(*map(office.work, pending))
        end_some(office)
        office.clock.skipped += LONGEST_PAUSE * SPREAD
    raise AssertionError("some still wait")


def end_some(office: Office) -> None:
    """Let half of the platform's jobs end, as training would, so that as many others find a place."""
    runner = office.platform.runner
    unfinished = [record for record in runner.jobs.list() if not record.status.over]
    for record in unfinished[::2]:
        runner._put(record, status=Status.SUCCEEDED)


async def assert_each_once(office: Office, jobs: list[Job]) -> None:
    assert Counter(job.state for job in jobs) == {JobState.WATCHING: len(jobs)}
    assert Counter(office.remote_jobs()) == Counter({job.id: 1 for job in jobs})
    assert len(office.remote_files()) == 2 * len(jobs)
    assert office.way.passed.count(UPLOAD) == 2 * len(jobs)


async def test_launches_beyond_what_a_platform_takes_wait_for_a_place(store: Store, tmp_path: Path) -> None:
    async with open_office(store, tmp_path, unfinished_jobs=4) as office:
        jobs = await launched(office, 12)
        await assert_each_once(office, jobs)
        told = Counter(text.split()[0] for text in await office.told())
        assert set(told.values()) == {1}, "each that waited heard of it once"


@pytest.mark.thorough
@pytest.mark.parametrize("unfinished_jobs", [32, 1_000])
async def test_a_hundred_launches_at_once_are_a_hundred_jobs(
    store: Store, tmp_path: Path, unfinished_jobs: int
) -> None:
    async with open_office(store, tmp_path, unfinished_jobs=unfinished_jobs) as office:
        await assert_each_once(office, await launched(office, 100))
