import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from openai import AsyncOpenAI, BadRequestError, ConflictError, NotFoundError, RateLimitError
from openai.types.fine_tuning import FineTuningJob

from local.platform.job_runner import Limits
from local.platform.server import serve
from tests.local.platform.small_task import (
    F1,
    RESPONSE_FORMAT,
    SCHEMA,
    curve,
    ended,
    events,
    jsonl,
    launch,
    method,
    python_grader,
    reaches,
    row,
    rows,
    step_data,
    upload,
    when,
)

JUDGE = {"type": "score_model", "name": "j", "model": "gpt-9", "input": [{"role": "user", "content": "Grade it."}]}
FIXTURES = Path(__file__).parents[3] / "fixtures"
UNMEASURED = {
    # This policy does not reason, always answers, and asks no model graders.
    "usage",
    "reasoning_tokens_mean",
    "valid_reasoning_tokens_mean",
    "mean_unresponsive_rewards",
    "model_graders_token_usage",
}


def captured(name: str) -> dict[str, Any]:
    capture: dict[str, Any] = json.loads((FIXTURES / name).read_text())
    return capture


def described(schema: Mapping[str, object]) -> dict[str, object]:
    return {"type": "json_schema", "json_schema": {"name": "n", "schema": dict(schema)}}


async def only_job(client: AsyncOpenAI) -> FineTuningJob:
    [job] = (await client.fine_tuning.jobs.list()).data
    return job


async def raw_job(client: AsyncOpenAI, job_id: str) -> dict[str, Any]:
    response = await client.fine_tuning.jobs.with_raw_response.retrieve(job_id)
    value: dict[str, Any] = json.loads(response.text)
    return value


async def test_a_job_goes_from_validation_to_a_model_that_answers(client: AsyncOpenAI) -> None:
    created = await launch(client)

    assert created.status == "validating_files"
    job = await ended(client, created.id)

    assert job.status == "succeeded"
    assert job.finished_at is not None
    assert job.finished_at >= job.created_at
    assert job.fine_tuned_model is not None
    messages = [event.message for event in await events(client, job.id) if event.type == "message"]
    assert messages[:4] == [
        f"Created fine-tuning job: {job.id}",
        f"Validating training file: {job.training_file} and validation file: {job.validation_file}",
        "Files validated, moving job to queued state",
        "Fine-tuning job started",
    ]
    assert messages[-2:] == [
        f"New fine-tuned model created: {job.fine_tuned_model}",
        "The job has successfully completed",
    ]
    assert job.fine_tuned_model in [model.id async for model in client.models.list()]


async def test_a_new_job_has_the_shape_of_the_real_capture(idle: AsyncOpenAI) -> None:
    job = await launch(idle, how=method())
    seen, real = await raw_job(idle, job.id), captured("rft_job_created.json")

    assert seen.keys() == real.keys()
    own, theirs = seen["method"]["reinforcement"], real["method"]["reinforcement"]
    assert own.keys() == theirs.keys()
    assert own["hyperparameters"].keys() == theirs["hyperparameters"].keys()
    assert own["grader"] == F1
    assert own["response_format"] == RESPONSE_FORMAT
    assert seen["error"] == {}


async def test_a_metrics_event_has_the_shape_of_the_real_capture(client: AsyncOpenAI) -> None:
    grader = python_grader("lengths", "def grade(sample, item): return 1 / (1 + len(sample['output_text']))")
    job = await ended(client, (await launch(client, how=method({"n_epochs": 1, "batch_size": 8}, grader))).id)
    real = captured("rft_metrics_event.json")

    metrics = [event for event in await events(client, job.id) if event.type == "metrics"]

    last = metrics[-1]
    assert last.to_dict(mode="json").keys() == real.keys()
    data: Any = last.data
    assert real["data"].keys() - data.keys() == UNMEASURED
    assert data["scores"].keys() == real["data"]["scores"].keys()
    assert data["scores"]["graders"][0].keys() == real["data"]["scores"]["graders"][0].keys()
    assert data["errors"]["graders"][0].keys() > real["data"]["errors"]["graders"][0].keys()
    assert data["timing"]["graders"][0].keys() == real["data"]["timing"]["graders"][0].keys()
    assert data["timing"]["step"].keys() == real["data"]["timing"]["step"].keys()
    assert last.message == (
        f"Step 4/4 , train mean reward={data['train_mean_reward']:.2f}, full validation mean reward="
        f"{data['full_valid_mean_reward']:.2f}, full validation mean parse error=0.00"
    )
    first: Any = metrics[0].data
    assert not [key for key in ("full_valid_mean_reward", "valid_completion_tokens_mean") if key in first]
    assert "valid_reward_mean" not in first["scores"]
    assert "eval" not in first["timing"]["step"]


async def test_every_figure_of_a_step_is_told_for_every_child_of_a_multi_grader(trained: AsyncOpenAI) -> None:
    data = await step_data(trained, (await only_job(trained)).id)

    assert [one["step"] for one in data] == list(range(1, 49))
    for one in data:
        scores = {entry["name"]: entry for entry in one["scores"]["graders"]}
        assert scores.keys() == {"precision", "recall"}
        assert one["scores"]["train_reward_mean"] == one["train_mean_reward"]
        assert 0 < one["completion_tokens_mean"] < 60
        assert ("full_valid_mean_reward" in one) == (one["step"] % 3 == 0)
        assert all(0 <= entry["train_reward_mean"] <= 1 for entry in scores.values())
        timing = one["timing"]["step"]
        assert timing["full_iteration"] >= timing["sampling"] + timing["training"] + timing.get("eval", 0.0)
        assert all(entry["train_execution_latency_mean"] > 0 for entry in one["timing"]["graders"])


async def test_auto_becomes_about_a_hundred_steps(idle: AsyncOpenAI) -> None:
    job = await launch(idle, how=method({"n_epochs": "auto", "batch_size": "auto"}))
    await when(idle, job.id, "queued")
    hyperparameters = (await raw_job(idle, job.id))["method"]["reinforcement"]["hyperparameters"]

    assert hyperparameters == {
        "batch_size": 16,
        "n_epochs": 50,
        "eval_interval": 5,
        "eval_samples": 3,
        "learning_rate_multiplier": 1.0,
        "compute_multiplier": 1.0,
        "reasoning_effort": "default",
    }


async def test_the_three_best_validations_are_kept_as_checkpoints(trained: AsyncOpenAI) -> None:
    job = await only_job(trained)

    kept = [checkpoint async for checkpoint in trained.fine_tuning.jobs.checkpoints.list(job.id)]

    rewards = {
        one["step"]: one["full_valid_mean_reward"] for one in await step_data(trained, job.id) if not one["step"] % 3
    }
    best = sorted(rewards, key=lambda step: (-rewards[step], step))[:3]
    assert [checkpoint.step_number for checkpoint in kept] == sorted(best, reverse=True)
    served = [model.id async for model in trained.models.list()]
    for checkpoint in kept:
        metrics = checkpoint.metrics.to_dict()
        assert metrics["full_valid_mean_reward"] == rewards[checkpoint.step_number]
        assert checkpoint.fine_tuned_model_checkpoint.startswith("ft:local-policy-1:local:harbour:")
        assert checkpoint.fine_tuned_model_checkpoint.endswith(f":ckpt-step-{checkpoint.step_number}")
    assert {c.fine_tuned_model_checkpoint for c in kept} | {job.fine_tuned_model} == set(served) - {"local-policy-1"}


async def test_the_answers_of_each_validation_are_kept_next_to_their_rows(trained: AsyncOpenAI) -> None:
    job = await only_job(trained)
    data = {one["step"]: one for one in await step_data(trained, job.id)}
    path = f"/fine_tuning/jobs/{job.id}/evaluations"
    for step in (3, max(data) // 3 * 3):
        kept = await trained.get(f"{path}/{step}", cast_to=dict[str, Any])
        rewards = [answer["reward"] for row in kept["data"] for answer in row["answers"]]
        assert fmean(rewards) == pytest.approx(data[step]["full_valid_mean_reward"])
        assert all(row["input"] and row["item"]["reference_answer"] for row in kept["data"])
        assert all(json.loads(answer["text"]) for row in kept["data"] for answer in row["answers"])
    with pytest.raises(NotFoundError, match="no validation after step 4"):
        await trained.get(f"{path}/4", cast_to=dict[str, Any])


async def test_the_result_file_is_a_table_of_the_steps(trained: AsyncOpenAI) -> None:
    [result] = (await only_job(trained)).result_files
    lines = (await trained.files.content(result)).text.splitlines()

    header = lines[0].split(",")
    assert header[:3] == ["step", "train_mean_reward", "full_valid_mean_reward"]
    assert "scores/graders/python/precision/valid_reward_mean" in header
    assert "errors/graders/python/recall/errors/train_sample_parse_error_mean" in header
    assert len(lines) == 49
    assert lines[1].split(",")[2] == ""
    assert float(lines[3].split(",")[2]) > 0
    assert (await trained.files.retrieve(result)).purpose == "fine-tune-results"


async def test_events_are_paged_newest_first(trained: AsyncOpenAI) -> None:
    job = await only_job(trained)

    first = await trained.fine_tuning.jobs.list_events(job.id, limit=3)
    second = await trained.fine_tuning.jobs.list_events(job.id, limit=3, after=first.data[-1].id)

    everything = await events(trained, job.id)
    assert [event.id for event in (*first.data, *second.data)] == [event.id for event in everything[::-1][:6]]
    assert first.has_more
    assert len({event.id for event in everything}) == len(everything)


async def test_jobs_are_listed_by_metadata(idle: AsyncOpenAI) -> None:
    ours = await launch(idle, metadata={"bot_run": "a", "who": "alice"})
    other = await launch(idle, metadata={"bot_run": "b"})
    plain = await launch(idle)

    found = [job.id async for job in idle.fine_tuning.jobs.list(metadata={"bot_run": "a"}, limit=1)]
    everything = [job.id async for job in idle.fine_tuning.jobs.list(limit=2)]
    bare = [job.id async for job in idle.fine_tuning.jobs.list(extra_query={"metadata": "null"})]

    assert found == [ours.id]
    assert everything == [plain.id, other.id, ours.id]
    assert bare == [plain.id]


async def test_at_most_two_jobs_train_at_once_and_the_third_waits_its_turn(tmp_path: Path) -> None:
    async with serve(tmp_path, pace=0.05) as platform, AsyncOpenAI(base_url=platform.url, api_key="local") as client:
        jobs = [await launch(client, n_epochs=2) for _ in range(3)]
        await reaches(client, jobs[0].id, 1)
        await reaches(client, jobs[1].id, 1)
        assert len(platform.runner.trainers) == 2
        assert (await client.fine_tuning.jobs.retrieve(jobs[2].id)).status == "queued"
        assert [(await ended(client, job.id)).status for job in jobs] == ["succeeded"] * 3


async def test_a_running_job_says_when_it_will_end(tmp_path: Path) -> None:
    async with serve(tmp_path, pace=2.0) as platform, AsyncOpenAI(base_url=platform.url, api_key="local") as client:
        job = await launch(client, n_epochs=50)
        await reaches(client, job.id, 1)

        estimate = (await client.fine_tuning.jobs.retrieve(job.id)).estimated_finish

        first = (await events(client, job.id))[-1]
        assert estimate is not None
        assert estimate - first.created_at >= 2 * 199
        await client.fine_tuning.jobs.cancel(job.id)
        assert (await client.fine_tuning.jobs.retrieve(job.id)).estimated_finish is None


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"training_file": "file-nowhere"}, "training_file"),
        ({"validation_file": "file-nowhere"}, "validation_file"),
        ({"validation_file": None}, "validation_file"),
        ({"suffix": "x" * 65}, "suffix"),
        ({"seed": -1}, "seed"),
        ({"seed": "one"}, "seed"),
        ({"metadata": {"k": "v" * 513}}, "metadata.k"),
        ({"metadata": {"k": 1}}, "metadata.k"),
        ({"learning": "fast"}, "learning"),
        ({"integrations": [{"type": "wandb"}]}, "integrations"),
        ({"method": None}, "method"),
        ({"method": {"type": "supervised"}}, "method.type"),
        ({"method": method({"batch_size": 257})}, "method.reinforcement.hyperparameters.batch_size"),
        ({"method": method({"n_epochs": "many"})}, "method.reinforcement.hyperparameters.n_epochs"),
        ({"method": method({"n_epochs": True})}, "method.reinforcement.hyperparameters.n_epochs"),
        ({"method": method({"compute_multiplier": 11})}, "method.reinforcement.hyperparameters.compute_multiplier"),
        (
            {"method": method({"learning_rate_multiplier": 0})},
            "method.reinforcement.hyperparameters.learning_rate_multiplier",
        ),
        ({"method": method({"reasoning_effort": "none"})}, "method.reinforcement.hyperparameters.reasoning_effort"),
        ({"method": method({"momentum": 1})}, "method.reinforcement.hyperparameters.momentum"),
        ({"method": method(grader={"type": "python", "name": "p"})}, "method.reinforcement.grader.source"),
        ({"method": method(response_format={"type": "xml"})}, "method.reinforcement.response_format.type"),
        (
            {
                "method": method(
                    response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": 3}}}
                )
            },
            "method.reinforcement.response_format.json_schema.schema",
        ),
        (
            {"method": method(response_format={"type": "json_schema", "json_schema": {"schema": SCHEMA}})},
            "method.reinforcement.response_format.json_schema.name",
        ),
        (
            {"method": method(response_format={"type": "json_schema"})},
            "method.reinforcement.response_format.json_schema",
        ),
        ({"method": method(grader=JUDGE)}, "method.reinforcement.grader"),
        ({"metadata": {str(number): "" for number in range(17)}}, "metadata"),
        (
            {"method": method(response_format=described({}))},
            "method.reinforcement.response_format.json_schema.schema.type",
        ),
    ],
)
async def test_a_bad_parameter_is_a_400_that_names_it(client: AsyncOpenAI, changes: dict[str, Any], param: str) -> None:
    file = await upload(client, rows(4))
    order = {"model": "local-policy-1", "training_file": file, "validation_file": file, "method": method(), **changes}

    with pytest.raises(BadRequestError) as refused:
        await client.post("/fine_tuning/jobs", body=order, cast_to=object)

    assert refused.value.param == param
    assert refused.value.type == "invalid_request_error"
    assert [job async for job in client.fine_tuning.jobs.list()] == []


async def test_what_does_not_exist_is_a_404(client: AsyncOpenAI) -> None:
    file = await upload(client, rows(4))

    with pytest.raises(NotFoundError) as refused:
        await client.fine_tuning.jobs.create(model="gpt-9", training_file=file, validation_file=file, method=method())
    assert (refused.value.code, refused.value.param) == ("model_not_found", "model")
    for ask in (client.fine_tuning.jobs.retrieve, client.fine_tuning.jobs.cancel, client.fine_tuning.jobs.list_events):
        with pytest.raises(NotFoundError):
            await ask("ftjob-nowhere")


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "x"}, {"after": "ftevent-nowhere"}])
async def test_a_bad_page_is_a_400(trained: AsyncOpenAI, query: dict[str, str]) -> None:
    job = await only_job(trained)

    with pytest.raises(BadRequestError):
        await trained.fine_tuning.jobs.list_events(job.id, extra_query=query)


async def test_too_many_unfinished_jobs_are_a_429_that_says_when_to_try_again(tmp_path: Path) -> None:
    limits = Limits(trainers=0, unfinished_jobs=1)
    async with (
        serve(tmp_path, limits=limits) as platform,
        AsyncOpenAI(base_url=platform.url, api_key="local", max_retries=0) as client,
    ):
        first = await launch(client)

        with pytest.raises(RateLimitError) as refused:
            await launch(client)

        assert refused.value.code == "rate_limit_exceeded"
        assert refused.value.response.headers["retry-after"] == "1"
        await client.fine_tuning.jobs.cancel(first.id)
        await launch(client)


async def test_a_cancelled_job_stops_at_once_and_stays_cancelled(tmp_path: Path) -> None:
    async with serve(tmp_path, pace=0.05) as platform, AsyncOpenAI(base_url=platform.url, api_key="local") as client:
        job = await launch(client, n_epochs=50, eval_interval=1)
        await reaches(client, job.id, 2)

        cancelled = await client.fine_tuning.jobs.cancel(job.id)

        assert cancelled.status == "cancelled"
        assert platform.runner.trainers == {}
        assert (await events(client, job.id))[-1].message == "The job was cancelled"
        kept = [checkpoint async for checkpoint in client.fine_tuning.jobs.checkpoints.list(job.id)]
        assert kept[0].fine_tuned_model_checkpoint in [model.id async for model in client.models.list()]
        for again in (client.fine_tuning.jobs.cancel, client.fine_tuning.jobs.pause, client.fine_tuning.jobs.resume):
            with pytest.raises(ConflictError, match="is cancelled and cannot be"):
                await again(job.id)


async def test_files_that_cannot_be_trained_on_fail_the_job_with_a_sentence(client: AsyncOpenAI) -> None:
    job = await ended(client, (await launch(client, train=rows(4), valid=rows(1001))).id)

    assert job.status == "failed"
    assert job.error is not None
    assert job.error.code == "invalid_validation_file"
    assert job.error.message is not None
    assert "has 1,001 examples; at most 1,000" in job.error.message
    assert (await events(client, job.id))[-1].level == "error"


async def test_a_row_without_what_the_grader_reads_fails_the_job_with_its_line(client: AsyncOpenAI) -> None:
    lines = jsonl([row(1), {key: value for key, value in row(2).items() if key == "messages"}])
    job = await ended(client, (await launch(client, valid=lines)).id)

    assert job.status == "failed"
    assert job.error is not None
    assert (job.error.code, job.error.param) == ("invalid_validation_file", "validation_file")
    assert "Line 2: the grader precision reads item.reference_answer, which is not there" in (job.error.message or "")


async def test_an_item_next_to_its_messages_is_trained_on_as_a_bare_row(client: AsyncOpenAI) -> None:
    bare = [row(number) for number in range(32)]
    nested = [{"item": {"reference_answer": each["reference_answer"]}, "messages": each["messages"]} for each in bare]
    jobs = [await ended(client, (await launch(client, train=jsonl(each))).id) for each in (bare, nested)]

    first, second = [await curve(client, job.id) for job in jobs]
    assert first == second
    assert first[-1][1] > 0


async def test_a_grader_that_breaks_fails_the_job_with_its_traceback_line(client: AsyncOpenAI) -> None:
    how = method(grader=python_grader("broken", "def grade(sample, item):\n    return dict(item)['nothing']"))

    job = await ended(client, (await launch(client, how=how)).id)

    assert job.status == "failed"
    assert job.error is not None
    assert job.error.code == "grader_error"
    assert job.error.message is not None
    assert "failed on 100% of a step's samples" in job.error.message
    assert "KeyError" in job.error.message


async def test_a_grader_that_breaks_now_and_then_is_counted_and_forgiven(client: AsyncOpenAI) -> None:
    source = "def grade(sample, item):\n    return [0.0, 0.5, 1.0][len(sample['output_json']['labels'])]"
    how = method({"n_epochs": 2, "batch_size": 8}, python_grader("fussy", source))

    job = await ended(client, (await launch(client, how=how)).id)

    assert job.status == "succeeded"
    counts = [one["errors"]["graders"][0] for one in await step_data(client, job.id)]
    assert sum(one["train_python_grader_runtime_error_count"] for one in counts) > 0
    assert all(0 <= one["train_python_grader_runtime_error_mean"] < 0.5 for one in counts)


async def test_the_server_answers_while_jobs_train(client: AsyncOpenAI) -> None:
    job = await launch(client, n_epochs=50)
    await reaches(client, job.id, 1)

    answers = await asyncio.gather(*(client.fine_tuning.jobs.retrieve(job.id) for _ in range(20)))

    assert {(answer.id, answer.status) for answer in answers} == {(job.id, "running")}
    assert (await client.fine_tuning.jobs.cancel(job.id)).status == "cancelled"


async def test_a_file_deleted_after_the_launch_is_not_missed(client: AsyncOpenAI) -> None:
    job = await launch(client, n_epochs=1)
    await client.files.delete(job.training_file)

    assert (await ended(client, job.id)).status == "succeeded"


def test_rows_of_the_small_task_differ() -> None:
    assert len({json.dumps(row(number)) for number in range(40)}) == 40
