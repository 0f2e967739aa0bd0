"""A small task for the platform's tests: a ship's cargo, under label names that the sentence itself does not use."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import numpy as np
from openai import AsyncOpenAI
from openai.types.fine_tuning import FineTuningJob, FineTuningJobEvent

LABELS = ("seafood", "cereals", "drinks", "timber")
CARGO = {
    "seafood": ("cod", "herring", "mackerel", "shrimp"),
    "cereals": ("wheat", "barley", "oats", "rye"),
    "drinks": ("cider", "port", "sherry", "stout"),
    "timber": ("oak", "pine", "spruce", "larch"),
}
SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {"labels": {"type": "array", "items": {"type": "string", "enum": list(LABELS)}}},
    "required": ["labels"],
    "additionalProperties": False,
}
RESPONSE_FORMAT: dict[str, object] = {
    "type": "json_schema",
    "json_schema": {"name": "cargo", "strict": True, "schema": SCHEMA},
}
SHARE = """
def grade(sample, item):
    said = set((sample["output_json"] or {{}}).get("labels") or [])
    meant = set(item["reference_answer"])
    return len(said & meant) / max(len({of}), 1)
"""


def python_grader(name: str, source: str) -> dict[str, object]:
    return {"type": "python", "name": name, "source": source}


F1: dict[str, object] = {
    "type": "multi",
    "name": "f1",
    "graders": {
        "p": python_grader("precision", SHARE.format(of="said")),
        "r": python_grader("recall", SHARE.format(of="meant")),
    },
    "calculate_output": "2 * p * r / max(p + r, 1e-9)",
}


def row(number: int) -> dict[str, object]:
    rng = np.random.default_rng(number)
    labels = sorted(rng.choice(LABELS, size=rng.integers(1, 3), replace=False).tolist())
    cargo = " and ".join(str(rng.choice(CARGO[label])) for label in labels)
    said = {"role": "user", "content": f"Ship number {number} landed {cargo} this morning."}
    return {"messages": [{"role": "developer", "content": "What came in?"}, said], "reference_answer": labels}


def jsonl(rows: Sequence[Mapping[str, object]]) -> bytes:
    return "".join(json.dumps(one) + "\n" for one in rows).encode()


def rows(count: int, start: int = 0) -> bytes:
    return jsonl([row(number) for number in range(start, start + count)])


async def upload(client: AsyncOpenAI, content: bytes) -> str:
    return (await client.files.create(file=("rows.jsonl", content), purpose="fine-tune")).id


def method(
    hyperparameters: Mapping[str, object] | None = None,
    grader: Mapping[str, object] | None = None,
    response_format: Mapping[str, object] | None = None,
) -> Any:
    """The request's `method`; Any because the SDK's types do not know `response_format`."""
    return {
        "type": "reinforcement",
        "reinforcement": {
            "grader": dict(grader or F1),
            "response_format": dict(response_format or RESPONSE_FORMAT),
            "hyperparameters": dict(hyperparameters or {}),
        },
    }


async def launch(
    client: AsyncOpenAI,
    *,
    train: bytes | None = None,
    valid: bytes | None = None,
    how: Any = None,
    seed: int = 7,
    suffix: str = "harbour",
    metadata: dict[str, str] | None = None,
    **hyperparameters: object,
) -> FineTuningJob:
    chosen = {"n_epochs": 3, "batch_size": 8, "eval_interval": 3, **hyperparameters}
    return await client.fine_tuning.jobs.create(
        model="local-policy-1",
        training_file=await upload(client, rows(32) if train is None else train),
        validation_file=await upload(client, rows(12, start=1000) if valid is None else valid),
        seed=seed,
        suffix=suffix,
        metadata=metadata,
        method=how or method(chosen),
    )


async def until(reached: Callable[[], bool]) -> None:
    """Returns once `reached()` holds."""
    while not reached():  # noqa: ASYNC110 - what is waited for happens in other processes
        await asyncio.sleep(0.005)


async def when(client: AsyncOpenAI, job_id: str, *statuses: str) -> FineTuningJob:
    """The job, once it is in one of `statuses`."""
    while True:
        job = await client.fine_tuning.jobs.retrieve(job_id)
        if job.status in statuses:
            return job
        await asyncio.sleep(0.05)


async def ended(client: AsyncOpenAI, job_id: str) -> FineTuningJob:
    return await when(client, job_id, "succeeded", "failed", "cancelled")


async def events(client: AsyncOpenAI, job_id: str) -> list[FineTuningJobEvent]:
    """All of a job's events, oldest first."""
    newest_first = [event async for event in client.fine_tuning.jobs.list_events(job_id, limit=7)]
    return newest_first[::-1]


async def step_data(client: AsyncOpenAI, job_id: str) -> list[dict[str, Any]]:
    """The data of a job's metrics events, oldest first."""
    every = await events(client, job_id)
    return [cast(dict[str, Any], event.data) for event in every if event.type == "metrics"]


async def reaches(client: AsyncOpenAI, job_id: str, step: int) -> None:
    """Returns once a job has an event of `step`."""
    while True:
        newest = await client.fine_tuning.jobs.list_events(job_id, limit=5)
        if any(cast(dict[str, Any], e.data)["step"] >= step for e in newest.data if e.type == "metrics"):
            return
        await asyncio.sleep(0.03)


async def curve(client: AsyncOpenAI, job_id: str) -> list[tuple[int, float, float | None]]:
    """(step, train reward, validation reward or None) of every step."""
    data = await step_data(client, job_id)
    return [(d["step"], d["train_mean_reward"], d.get("full_valid_mean_reward")) for d in data]


def user_said(one: Mapping[str, object]) -> str:
    """What the user says in a row."""
    messages = cast(list[dict[str, str]], one["messages"])
    return messages[-1]["content"]
