"""The gateway and the local platform: one real job, from its files to its checkpoints."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from jobs.core.errors import PlatformRejected
from jobs.core.records import Hyperparameters
from jobs.core.series import Series
from jobs.platforms.gateway import Gateway
from jobs.platforms.metrics import step_of
from jobs.platforms.parse import JobSpec, RemoteJob
from jobs.platforms.profiles import load_profiles
from local.platform.server import serve

LABELS = ("fish", "grain", "wine")
SOURCE = """
def grade(sample, item):
    said = set((sample.get("output_json") or {}).get("labels") or [])
    return 1.0 if said == set(item["reference_answer"]) else 0.0
"""
SCHEMA = {
    "type": "object",
    "properties": {"labels": {"type": "array", "items": {"type": "string", "enum": list(LABELS)}}},
    "required": ["labels"],
    "additionalProperties": False,
}


def rows(count: int) -> bytes:
    lines = (
        {
            "messages": [{"role": "user", "content": f"Regulation {n} on the market in {LABELS[n % 3]}."}],
            "reference_answer": [LABELS[n % 3]],
        }
        for n in range(count)
    )
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


@pytest.fixture
async def local(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with (
        serve(tmp_path, port=0, pace=0.0) as platform,
        Gateway(load_profiles(None, platform.url)["local"], "local") as gateway,
    ):
        yield gateway


async def spec_of(gateway: Gateway) -> JobSpec:
    return JobSpec(
        key="rft-local",
        model="local-policy-1",
        training_file=await gateway.upload("rft-local-train.jsonl", rows(12)),
        validation_file=await gateway.upload("rft-local-valid.jsonl", rows(6)),
        grader={"type": "python", "name": "exact", "source": SOURCE, "pass_threshold": 0.5},
        response_format={"type": "json_schema", "json_schema": {"name": "labels", "strict": True, "schema": SCHEMA}},
        suffix="fish",
        seed=1,
        hyperparameters=Hyperparameters(n_epochs=4, batch_size=4, eval_interval=3, eval_samples=1),
    )


async def finished(gateway: Gateway, remote_id: str) -> RemoteJob:
    async with asyncio.timeout(60):
        while True:
            job = await gateway.job(remote_id)
            if job.is_finished:
                return job
            await asyncio.sleep(0.05)


async def test_a_job_is_created_found_followed_and_read_to_its_checkpoints(local: Gateway) -> None:
    created = await local.create(await spec_of(local))
    found = await local.find("rft-local")
    assert found is not None
    assert found.id == created.id

    job = await finished(local, created.id)

    assert (job.status, job.error_message) == ("succeeded", None)
    assert (job.batch_size, job.hyperparameters.n_epochs) == (4, 4)
    events = await local.events_since(job.id, None)
    steps = (step_of(event.data, kind=event.kind, message=event.message, at=event.at) for event in events)
    series = Series.of(step for step in steps if step)
    assert [step for step, _ in series.train] == list(range(1, 13))
    assert {3, 6, 9, 12} <= {step for step, _ in series.valid}
    assert series.last is not None
    assert series.last.total_steps == 12
    assert series.last.grader("exact") is not None
    assert await local.events_since(job.id, events[-1].id) == ()
    assert await local.events_since(job.id, events[-4].id) == events[-3:]
    checkpoints = await local.checkpoints(job.id)
    assert 1 <= len(checkpoints) <= 3
    assert all(checkpoint.valid_reward is not None for checkpoint in checkpoints)
    models = await local.models()
    assert {checkpoint.model_id for checkpoint in checkpoints} <= set(models)
    assert job.fine_tuned_model in models
    with pytest.raises(PlatformRejected, match="refused to pause the job"):
        await local.pause(job.id)


async def test_what_the_platform_refuses_is_said_and_nothing_is_left(local: Gateway) -> None:
    spec = await spec_of(local)

    with pytest.raises(PlatformRejected, match="Local platform does not have gpt-unknown"):
        await local.create(replace(spec, model="gpt-unknown"))
    with pytest.raises(PlatformRejected, match=r"refused to create the job \(HTTP 400\) \(field method"):
        await local.create(replace(spec, grader={"type": "python", "name": "p"}))
    with pytest.raises(PlatformRejected, match=r"refused to take the file broken\.jsonl"):
        await local.upload("broken.jsonl", b"{not json\n")

    await local.delete_file(spec.training_file)
    await local.delete_file(spec.training_file)
    assert await local.files_named("rft-local-train.jsonl") == ()
    assert await local.files_named("rft-local-valid.jsonl") == (spec.validation_file,)
    assert await local.find("rft-local") is None
