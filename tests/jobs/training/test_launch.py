"""Launching on the real local platform: once, whatever happens on the way, and nothing left behind."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from jobs.core.errors import InvalidRequest, NotFound
from jobs.core.records import Action, Hyperparameters, Job, JobState
from jobs.notifications.service import Quiet
from jobs.platforms.patience import PATIENCE
from jobs.queue.due import MOST_RAISED
from jobs.state.change import Change, Versioned
from jobs.state.store import AlreadyTaken, Store
from jobs.training.plan import job_id
from tests.jobs.tasks.folder import grader, line, write_folder
from tests.jobs.training.launch_office import SCHEMA, Fate, Office, ProcessEnded, open_office
from tests.lossy_way import Loss
from tests.records import BOB, CHANNEL, a_request
from tests.working import bury

MANY_BROKEN: tuple[Loss, ...] = ("broken",) * 8
BOTH_FILES = ("train", "valid")


@pytest.fixture
async def office(store: Store, tmp_path: Path) -> AsyncIterator[Office]:
    async with open_office(store, tmp_path) as opened:
        yield opened


def files_of(job: Job) -> list[str]:
    return [f"{job.id}-{split}.jsonl" for split in BOTH_FILES]


# -- the request ---------------------------------------------------------------------------------------------------


async def test_a_launch_ends_with_one_job_on_the_platform_and_a_card(office: Office) -> None:
    asked = office.request(seed=7, suffix="ours", hyperparameters=Hyperparameters(n_epochs=2))
    planned = await office.jobs.launch(asked)
    assert planned.state is JobState.CHECKING
    job = await office.until(planned.id, JobState.WATCHING)
    assert office.remote_jobs() == [job.id]
    assert office.remote_files() == files_of(job)
    assert await office.lanes() == {f"card:{job.id}"}
    (record,) = office.platform.runner.jobs.list()
    assert (record.id, record.request.seed, record.request.suffix) == (job.remote_id, 7, "ours")
    assert (job.train_items, job.valid_items, job.reward, job.model) == (2, 1, "exact", "local-policy-1")


async def test_the_same_trigger_launches_once_however_often_and_at_once_it_arrives(office: Office) -> None:
    jobs = await asyncio.gather(*(office.jobs.launch(office.request()) for _ in range(8)))
    assert {job.id for job in jobs} == {job_id("trigger-1")}
    assert len(await office.jobs.newest()) == 1
    job = await office.until(jobs[0].id, JobState.WATCHING)
    assert await office.jobs.launch(office.request()) == job


async def test_typed_again_within_seconds_names_the_job_that_is_on_its_way(office: Office) -> None:
    job = await office.jobs.launch(office.request("first"))
    with pytest.raises(AlreadyTaken) as taken:
        await office.jobs.launch(office.request("second"))
    assert taken.value.holder == job.id
    other = await office.jobs.launch(office.request("third", seed=1))
    assert other.id != job.id


async def test_after_a_refusal_the_same_may_be_asked_at_once_and_is_guarded_again(office: Office) -> None:
    office.way.lose("POST /files", "refused")
    first = await office.jobs.launch(office.request("first"))
    await office.until(first.id, JobState.NOT_LAUNCHED)
    second = await office.jobs.launch(office.request("second"))
    with pytest.raises(AlreadyTaken) as taken:
        await office.jobs.launch(office.request("third"))
    assert taken.value.holder == second.id
    await office.until(second.id, JobState.WATCHING)


@pytest.mark.parametrize(
    ("asked", "kind", "sentence"),
    [
        ({"task": "smal"}, NotFound, "There is no task 'smal'; did you mean 'small'?"),
        ({"platform": "lokal"}, NotFound, "There is no platform 'lokal'"),
        ({"model": "gpt-9"}, InvalidRequest, "local cannot tune 'gpt-9'; known: local-policy-1."),
        ({"prompt": "v2"}, InvalidRequest, "small has no prompt 'v2'; did you mean 'v1'?"),
    ],
)
async def test_what_does_not_exist_is_named_and_nothing_is_written(
    office: Office, asked: dict[str, str], kind: type[Exception], sentence: str
) -> None:
    with pytest.raises(kind) as problem:
        await office.jobs.launch(office.request(**asked))
    assert sentence in str(problem.value)
    assert await office.jobs.newest() == ()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"default_model": None}, "local has no default model; add model=<base model>."),
        ({"min_rows": 10}, "small has 2 training items; local takes no fewer than 10."),
        (
            {"grader_types": frozenset({"multi", "string_check"})},
            "small trains on a grader of type 'python'; local runs ",
        ),
        ({"accepts_new_jobs_until": date(2020, 1, 2)}, "accepts no new training jobs since 2020-01-02."),
    ],
)
async def test_what_a_platform_does_not_take_is_known_before_it_is_asked(
    office: Office, changes: dict[str, Any], sentence: str
) -> None:
    office.profiles["local"] = replace(office.profiles["local"], **changes)
    with pytest.raises(InvalidRequest) as problem:
        await office.jobs.launch(office.request())
    assert sentence in str(problem.value)


async def test_what_the_person_gives_counts_more_than_the_tasks_defaults(office: Office) -> None:
    defaults = "defaults:\n  model: local-policy-1\n  hyperparameters:\n    n_epochs: 4\n    batch_size: 8\n"
    write_folder(office.tasks, {"task.yaml": f"title: Small\nreward: exact\nquorum: 1\n{defaults}"})
    job = await office.jobs.launch(office.request(hyperparameters=Hyperparameters(n_epochs=9)))
    assert job.request.hyperparameters == Hyperparameters(n_epochs=9, batch_size=8)
    assert (job.quorum, job.approvers, job.prompt) == (1, ("model-approvers",), "v1")


async def test_what_is_left_to_the_platform_is_not_the_tasks_default(office: Office) -> None:
    defaults = "defaults:\n  hyperparameters:\n    n_epochs: 4\n    batch_size: 8\n"
    write_folder(office.tasks, {"task.yaml": f"reward: exact\n{defaults}"})
    job = await office.jobs.launch(office.request(auto=("n_epochs",)))
    assert job.request.hyperparameters == Hyperparameters(batch_size=8)


async def test_a_task_without_a_validation_split_is_refused(office: Office) -> None:
    (office.tasks / "small" / "valid.jsonl").unlink()
    with pytest.raises(InvalidRequest, match=r"small has no valid.jsonl; a job needs a train and a valid split"):
        await office.jobs.launch(office.request())


# -- a process that ends in mid-launch -----------------------------------------------------------------------------


async def test_a_process_that_ends_at_any_step_leaves_one_job_and_its_two_files(office: Office) -> None:
    end = 0
    while True:
        end += 1
        fate = Fate(end)
        office.store.fate = office.gateway.fate = fate
        request = office.request(f"trigger {end}", seed=end)
        try:
            job = await office.jobs.launch(request)
            await office.until(job.id, JobState.WATCHING)
        except ProcessEnded:
            office.store.fate = office.gateway.fate = Fate()
        else:
            break
        # The person's Slack delivers the command again, and another bot takes the work item.
        await bury(office.store)
        job = await office.jobs.launch(request)
        job = await office.until(job.id, JobState.WATCHING)
        assert office.remote_jobs().count(job.id) == 1, f"ended at step {end}"
        assert [name for name in office.remote_files() if name.startswith(job.id)] == files_of(job), f"step {end}"
    # commit of the request; check; two uploads; commit, create, commit: each may be the last thing before or after
    assert end == 2 * 7 + 1


async def test_two_bots_that_take_one_work_item_create_one_job(office: Office) -> None:
    job = await office.launching()
    await asyncio.gather(*(office.work_beside_others(job.id, raised=raised) for raised in (None, 0, 1)))
    job = await office.until(job.id, JobState.WATCHING)
    assert office.remote_jobs() == [job.id]
    assert office.remote_files() == files_of(job)


# -- answers that get lost -----------------------------------------------------------------------------------------


async def test_a_job_whose_creation_was_not_answered_is_found_and_adopted(office: Office) -> None:
    job = await office.launching()
    office.way.lose("POST /fine_tuning/jobs", "answer lost")
    unknown = await office.work(job.id)
    assert unknown.state is JobState.CREATING
    assert "Whether it was done is not known yet" in str(unknown.note)
    adopted = await office.work(job.id)
    assert adopted.state is JobState.WATCHING
    assert adopted.note is None
    assert office.remote_jobs() == [job.id]
    assert office.way.passed.count("POST /fine_tuning/jobs") == 1


@pytest.mark.parametrize("loss", ["request lost", "broken"])
async def test_a_job_that_the_platform_never_got_is_created_then(office: Office, loss: Loss) -> None:
    job = await office.launching()
    office.way.lose("POST /fine_tuning/jobs", loss)
    assert (await office.work(job.id)).state is JobState.CREATING
    assert office.remote_jobs() == []
    assert (await office.work(job.id)).state is JobState.WATCHING
    assert office.remote_jobs() == [job.id]


async def test_a_platform_that_cannot_be_asked_is_asked_again_later(office: Office) -> None:
    job = await office.launching()
    office.way.lose("POST /fine_tuning/jobs", "answer lost")
    await office.work(job.id)
    office.way.lose("GET /fine_tuning/jobs", "broken", "broken", "broken")
    waiting = await office.work(job.id)
    assert waiting.state is JobState.CREATING
    assert "has a problem of its own (HTTP 500) when asked to list its jobs" in str(waiting.note)
    assert (await office.work(job.id)).state is JobState.WATCHING


async def test_the_person_hears_once_that_the_platform_does_not_say(office: Office) -> None:
    job = await office.launching()
    office.way.lose("POST /fine_tuning/jobs", *MANY_BROKEN)
    for _ in range(6):
        job = await office.work(job.id)
    assert job.state is JobState.CREATING
    (said,) = await office.told()
    assert said.startswith(f"{job.id} waits. local has not said whether it took {job.id}: Local platform has a problem")
    assert f" UTC I launch it if it did not. `/rft cancel {job.id}` ends it." in said


async def test_a_launch_of_unknown_outcome_can_be_cancelled_and_leaves_nothing(office: Office) -> None:
    job = await office.launching()
    office.way.lose("POST /fine_tuning/jobs", "request lost")
    await office.work(job.id)
    await office.jobs.request(job.id, Action.CANCEL, by=BOB, channel=CHANNEL, trigger="t")
    ended = await office.work(job.id)
    assert (ended.state, ended.note) == (JobState.NOT_LAUNCHED, "It was cancelled before the launch.")
    await office.work(job.id)
    assert (office.remote_jobs(), office.remote_files()) == ([], [])


async def test_a_launch_that_was_cancelled_but_had_arrived_is_cancelled_on_the_platform(office: Office) -> None:
    job = await office.launching()
    office.way.lose("POST /fine_tuning/jobs", "answer lost")
    await office.work(job.id)
    await office.jobs.request(job.id, Action.CANCEL, by=BOB, channel=CHANNEL, trigger="t")
    assert (await office.work(job.id)).state is JobState.WATCHING
    ended = await office.until(job.id, JobState.CANCELLED)
    (record,) = office.platform.runner.jobs.list()
    assert (record.id, record.status) == (ended.remote_id, "cancelled")


# -- a platform that says no, or nothing ---------------------------------------------------------------------------


async def test_a_platform_that_refuses_the_job_is_quoted_and_keeps_no_file(office: Office) -> None:
    job = await office.launching()
    office.way.lose("POST /fine_tuning/jobs", "refused")
    refused = await office.work(job.id)
    assert refused.state is JobState.NOT_LAUNCHED
    (said,) = await office.told()
    assert said.startswith("small was not launched. Local platform refused to create the job (HTTP 400): ")
    assert "does not suit this model" in said
    tidied = await office.work(job.id)
    assert (tidied.files, office.remote_files()) == ((), [])
    assert not await office.is_due(job.id)


@pytest.mark.parametrize("losses", [("refused",), (None, "refused")])
async def test_an_upload_that_is_refused_is_said_and_leaves_no_file(
    office: Office, losses: tuple[Loss | None, ...]
) -> None:
    job = await office.launching()
    office.way.lose("POST /files", *losses)
    refused = await office.work(job.id)
    assert refused.state is JobState.NOT_LAUNCHED
    assert (await office.told())[0].startswith("small was not launched. Local platform ")
    await office.work(job.id)
    assert (office.remote_jobs(), office.remote_files()) == ([], [])


async def test_files_are_deleted_later_where_the_platform_does_not_answer_now(office: Office) -> None:
    job = await office.launching()
    office.way.lose("POST /fine_tuning/jobs", "refused")
    await office.work(job.id)
    office.way.lose("GET /files", "broken", "broken", "broken")
    waiting = await office.work(job.id)
    assert len(waiting.files) == 2
    assert await office.is_due(job.id)
    await office.work(job.id)
    assert office.remote_files() == []
    assert not await office.is_due(job.id)


async def test_the_files_that_are_known_are_deleted_though_the_platform_lists_none(office: Office) -> None:
    job = await office.launching()
    office.way.lose("POST /fine_tuning/jobs", "refused")
    await office.work(job.id)
    office.way.lose("GET /files", "refused")
    await office.work(job.id)
    assert office.remote_files() == []
    assert not await office.is_due(job.id)


async def test_tidying_is_given_up_after_a_while_and_that_is_said(office: Office) -> None:
    job = await office.launching()
    office.way.lose("POST /fine_tuning/jobs", "refused")
    await office.work(job.id)
    for passed in (0.0, PATIENCE / 2, PATIENCE):
        assert await office.is_due(job.id)
        office.clock.skipped = passed
        office.way.lose("GET /files", "broken", "broken", "broken")
        await office.work(job.id)
    assert not await office.is_due(job.id)
    _, left = sorted(await office.told(), key=lambda text: "may be left" in text)
    assert left.startswith(f"Files of {job.id} may be left on local; delete what is called {job.id}-*. Local platform")


async def test_a_launch_does_not_fail_over_files_that_cannot_be_deleted(office: Office) -> None:
    job = await office.launching()
    await office.gateway.upload(f"{job.id}-train.jsonl", b'{"messages": [{"role": "user", "content": "x"}]}\n')
    office.way.lose("GET /files", None, None, "broken", "broken", "broken")
    assert (await office.work(job.id, raised=1)).state is JobState.WATCHING
    assert len(office.remote_files()) == 3


async def test_an_interrupted_attempts_own_files_are_deleted_once_the_job_is_there(office: Office) -> None:
    job = await office.launching()
    await office.gateway.upload(f"{job.id}-train.jsonl", b'{"messages": [{"role": "user", "content": "x"}]}\n')
    launched = await office.work(job.id, raised=1)
    assert launched.state is JobState.WATCHING
    assert office.remote_files() == files_of(job)
    assert set(launched.files) == {file.id for file in office.platform.runner.files.list()}


# -- a task that changes, a grader that does not do ----------------------------------------------------------------


async def test_a_task_that_is_edited_while_it_is_launched_is_not_launched(office: Office) -> None:
    job = await office.launching()
    write_folder(office.tasks, {"train.jsonl": line("other")})
    refused = await office.work(job.id)
    assert refused.state is JobState.NOT_LAUNCHED
    assert "were changed while it was being launched; launch it again" in str(refused.note)


async def test_a_task_that_is_edited_before_it_is_checked_is_not_launched(office: Office) -> None:
    job = await office.jobs.launch(office.request())
    write_folder(office.tasks, {"train.jsonl": line("other")})
    assert "launch it again" in str((await office.work(job.id)).note)
    assert not await office.is_due(job.id)


async def test_a_task_that_is_gone_when_the_outcome_is_known_ends_the_launch(office: Office) -> None:
    job = await office.launching()
    office.way.lose("POST /fine_tuning/jobs", "request lost")
    await office.work(job.id)
    (office.tasks / "small" / "task.yaml").unlink()
    refused = await office.work(job.id)
    assert (refused.state, refused.note) == (JobState.NOT_LAUNCHED, "There is no task 'small'; there is none yet.")


async def test_a_grader_that_fails_is_found_before_anything_is_sent(office: Office) -> None:
    broken = grader("exact").replace("return 1.0", "return dict(item)['no_such_field']")
    write_folder(office.tasks, {"graders/exact.json": broken})
    job = await office.jobs.launch(office.request())
    refused = await office.work(job.id)
    assert refused.state is JobState.NOT_LAUNCHED
    assert "The grader exact fails" in str(refused.note)
    assert "no_such_field" in str(refused.note)
    assert office.way.passed == []
    assert not await office.is_due(job.id)


async def test_a_launch_that_kills_every_worker_is_ended_with_a_reference(office: Office) -> None:
    job = await office.launching()
    refused = await office.work(job.id, raised=MOST_RAISED)
    assert refused.state is JobState.NOT_LAUNCHED
    assert "reference" in str(refused.note)
    assert await office.told() == [f"small was not launched. {refused.note}"]


async def test_another_launchs_short_id_is_never_taken_for_ones_own(office: Office) -> None:
    first = await office.jobs.launch(a_request(task="small", trigger="mine"))
    stranger = replace(first, request=replace(first.request, trigger="theirs"))
    held = await office.store.record(Job, first.id)
    assert held is not None
    await office.store.commit(Change(records=(Versioned(stranger, held.version),)))
    again = await office.jobs.launch(a_request(task="small", trigger="mine", seed=3))
    assert again.id != first.id
    assert again.request.trigger == "mine"


# -- changes that have nothing to do with the launch ---------------------------------------------------------------


async def test_a_launch_that_somebody_watches_meanwhile_keeps_its_files_and_goes_on(office: Office) -> None:
    job = await office.launching()
    upload, uploaded = office.gateway.upload, []

    async def watched(name: str, content: bytes) -> str:
        uploaded.append(name)
        if len(uploaded) == 2:
            await Quiet(office.store, time.time).watch(job.id, BOB)
        return await upload(name, content)

    office.gateway.upload = watched  # type: ignore[method-assign] # a colleague acts while a file is on its way
    launched = await office.work(job.id)
    assert (launched.state, launched.watchers) == (JobState.WATCHING, (BOB,))
    assert uploaded == files_of(job)
    assert office.remote_files() == files_of(job)


async def test_a_cancel_while_files_are_uploaded_ends_the_launch_at_once_and_deletes_them(office: Office) -> None:
    job = await office.launching()
    upload = office.gateway.upload

    async def cancelled(name: str, content: bytes) -> str:
        if "valid" in name:
            await office.jobs.request(job.id, Action.CANCEL, by=BOB, channel=CHANNEL, trigger="t")
        return await upload(name, content)

    office.gateway.upload = cancelled  # type: ignore[method-assign] # a colleague acts while a file is on its way
    ended = await office.work(job.id)
    assert (ended.state, ended.note) == (JobState.NOT_LAUNCHED, "It was cancelled before the launch.")
    await office.work(job.id)
    assert (office.remote_jobs(), office.remote_files()) == ([], [])


# -- what evidence will need ------------------------------------------------------------------------------------------


async def test_a_test_split_that_cannot_be_read_is_refused_before_the_launch(office: Office) -> None:
    write_folder(office.tasks, {"test.jsonl": json.dumps({"item": {"wanted": 5}}) + "\n"})
    with pytest.raises(InvalidRequest, match=r"^small/test\.jsonl line 1 has neither 'text_input' nor 'messages'"):
        await office.jobs.launch(office.request())


READS = "def grade(sample, item):\n    return float(sample['output_text'] == item.get('reference_answer'))\n"
STALE = "def grade(sample, item):\n    return float(item['reference_answer']['name'] == 'a')\n"


async def test_a_grader_beside_the_reward_that_fails_is_refused_before_the_launch(office: Office) -> None:
    stale = json.dumps({"type": "python", "name": "stale", "source": STALE})
    write_folder(office.tasks, {"task.yaml": "reward: exact\n", "graders/stale.json": stale})
    job = await office.jobs.launch(office.request())
    refused = await office.work(job.id)
    assert refused.state is JobState.NOT_LAUNCHED
    assert "the grader stale reads item.reference_answer.name, which is not there" in (refused.note or "")


async def test_a_row_without_its_reference_is_refused_with_its_line(office: Office) -> None:
    reads = json.dumps({"type": "python", "name": "exact", "source": READS})
    rows = line("c") + line("d", reference_answer=None)
    write_folder(office.tasks, {"graders/exact.json": reads, "valid.jsonl": rows})
    job = await office.jobs.launch(office.request())
    refused = await office.work(job.id)
    assert refused.state is JobState.NOT_LAUNCHED
    assert refused.note == "small/valid.jsonl line 2: the grader exact reads item.reference_answer, which is null."


async def test_graders_are_tried_on_the_test_split_too(office: Office) -> None:
    write_folder(office.tasks, {"test.jsonl": json.dumps({"item": {"text_input": "x", "reference_answer": 7}}) + "\n"})
    source = "def grade(sample, item):\n    return float(item['reference_answer'].lower() == 'a')\n"
    lower = json.dumps({"type": "python", "name": "lower", "source": source})
    write_folder(office.tasks, {"task.yaml": "reward: exact\n", "graders/lower.json": lower, "test.jsonl": None})
    job = await office.jobs.launch(office.request())
    refused = await office.work(job.id)
    assert "It was tried on small/test.jsonl, row test-1." in (refused.note or "")


async def test_tools_that_the_platform_makes_nothing_of_are_remarked_on_the_job(office: Office) -> None:
    tool = {"type": "function", "function": {"name": "find", "parameters": {"type": "object", "properties": {}}}}
    turns = [
        {"role": "user", "content": "Where?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "find", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "c", "content": "shelf 4"},
        {"role": "user", "content": "So?"},
    ]
    rows = "".join(line(name, messages=turns, tools=[tool], reference_answer=name) for name in "ab")
    write_folder(office.tasks, {"train.jsonl": rows, "response_format.json": json.dumps(SCHEMA)})
    job = await office.jobs.launch(office.request())
    (remark,) = job.remarks
    assert remark.startswith("2 rows offer tools and 2 rows have turns that call tools: Local platform takes them, but")
    await office.work(job.id)
    await office.work(job.id)
    assert (await office.job(job.id)).state is JobState.WATCHING


async def test_rows_with_a_last_turn_that_the_platform_does_not_train_on_are_refused(office: Office) -> None:
    turns = [{"role": "user", "content": "Where?"}, {"role": "assistant", "content": "Let me see."}]
    rows = "".join(line(name, messages=turns, reference_answer=name) for name in "ab")
    write_folder(office.tasks, {"train.jsonl": rows})
    office.profiles["local"] = replace(office.profiles["local"], last_roles=("user",))
    with pytest.raises(InvalidRequest, match="the first is train/a, with role 'assistant'"):
        await office.jobs.launch(office.request())


FAR = {"type": "lambda", "name": "far", "lambda": {"function": "arn:aws:lambda:us-west-2:1:function:f"}}


async def test_a_reward_that_only_another_platform_runs_is_refused_by_its_name(office: Office) -> None:
    write_folder(office.tasks, {"task.yaml": "reward: far\n", "graders/far.json": json.dumps(FAR)})
    with pytest.raises(InvalidRequest, match=r"trains on a grader of type 'lambda'; local runs .* only Amazon Bedrock"):
        await office.jobs.launch(office.request())


async def test_such_a_reward_is_sent_as_it_is_to_a_platform_that_runs_it(office: Office) -> None:
    write_folder(office.tasks, {"task.yaml": "reward: far\n", "graders/far.json": json.dumps(FAR)})
    profile = office.profiles["local"]
    office.profiles["local"] = replace(profile, grader_types=profile.grader_types | {"lambda"})
    job = await office.jobs.launch(office.request())
    assert (job.reward, job.training_reward) == ("exact", "far")
    assert job.remarks == (
        "far is a grader of type 'lambda', which only Amazon Bedrock can run. Answers here are measured by exact.",
    )
    await office.work(job.id)
    refused = await office.work(job.id)  # by the platform: the bot had no doubts
    assert "far is a grader of type 'lambda'" in (refused.note or "")


async def test_a_reward_that_grades_calls_is_refused_where_models_call_no_tool(office: Office) -> None:
    called = "{{sample.output_tools[0].function.name}}"
    named = {"type": "string_check", "name": "exact", "operation": "eq", "input": called, "reference": "find"}
    write_folder(office.tasks, {"graders/exact.json": json.dumps(named)})
    with pytest.raises(
        InvalidRequest, match=r"small: exact grades what an answer calls .* call no tool; set platform="
    ):
        await office.jobs.launch(office.request())
