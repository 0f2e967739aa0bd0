"""Jobs and models whose answers are plain text, through the real SDK."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from openai import AsyncOpenAI, BadRequestError

from tests.local.platform.small_task import curve, ended, jsonl, launch, python_grader
from tests.local.platform.text_tasks import (
    BY_REGEX,
    EXACT,
    feet,
    looked_up,
    offices,
    reinforcement,
    rooms,
    written,
)

BASE = "local-policy-1"
MOST_QUOTED = 300
"""The bot quotes so many characters of a platform's refusal."""
CANNOT = "cannot write prose: give a response format with an enum, name the few possible answers in the prompt, or set"
MOOD = {
    "type": "object",
    "properties": {"mood": {"type": "string"}, "why": {"type": "string"}},
    "required": ["mood", "why"],
    "additionalProperties": False,
}
SHORT = {"n_epochs": 12, "batch_size": 16, "eval_interval": 2, "compute_multiplier": 0.5}


def shaped(schema: object) -> dict[str, object]:
    return {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}


def rows_of(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in data.splitlines()]


def how(
    grader: Mapping[str, object], response_format: Mapping[str, object] | None = None, **hyperparameters: object
) -> Any:
    method = reinforcement(grader, response_format)
    method["reinforcement"]["hyperparameters"] = {**SHORT, **hyperparameters}
    return method


async def validation_rewards(client: AsyncOpenAI, job_id: str) -> list[float]:
    return [valid for _, _, valid in await curve(client, job_id) if valid is not None]


def response_items(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A message of chat completions as the items of the Responses API."""
    if message["role"] == "tool":
        return [{"type": "function_call_output", "call_id": message["tool_call_id"], "output": message["content"]}]
    calls = [
        {"type": "function_call", "call_id": call["id"], **call["function"]} for call in message.get("tool_calls", ())
    ]
    return calls or [dict(message)]


async def asked(client: AsyncOpenAI, model: str, messages: Any, **more: Any) -> tuple[str, str]:
    """What a model answers to a prompt through both APIs."""
    items: Any = [item for message in messages for item in response_items(message)]
    response = await client.responses.create(model=model, input=items, extra_body={"seed": 3}, **more)
    completion = await client.chat.completions.create(model=model, messages=messages, seed=3, **more)
    return response.output_text, str(completion.choices[0].message.content)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("rows", "grader", "answer"),
    [
        (rooms, BY_REGEX, lambda row: f"Answer: {row['solution']}"),
        (offices, EXACT, lambda row: row["reference_answer"]),
        (feet, EXACT, lambda row: str(row["reference_answer"])),
        (looked_up, EXACT, lambda row: str(row["reference_answer"])),
    ],
    ids=["a letter in prose", "Chinese labels", "a short number", "what a tool returned"],
)
async def test_a_policy_learns_to_answer_in_plain_text(
    client: AsyncOpenAI,
    rows: Callable[[int, int], bytes],
    grader: Mapping[str, object],
    answer: Callable[[Mapping[str, Any]], str],
) -> None:
    created = await launch(client, train=rows(64, 0), valid=rows(24, 1000), how=how(grader))
    job = await ended(client, created.id)

    assert job.status == "succeeded"
    rewards = await validation_rewards(client, job.id)
    assert max(rewards[-3:]) > rewards[0] + 0.2
    assert max(rewards[-3:]) > 0.75
    kept = [one.step_number async for one in client.fine_tuning.jobs.checkpoints.list(job.id)]
    best = sorted(range(len(rewards)), key=lambda place: (-rewards[place], place))[:3]
    assert sorted(kept) == sorted(2 * (place + 1) for place in best)
    right = dict.fromkeys((BASE, str(job.fine_tuned_model)), 0)
    for row in rows_of(rows(20, 5000)):
        for model in right:
            one, same = await asked(client, model, row["messages"])
            assert one == same
            right[model] += one == answer(row)
    assert right[str(job.fine_tuned_model)] >= 14
    assert 0 < right[BASE] + 1 < right[str(job.fine_tuned_model)] - 4


async def test_text_as_the_type_is_the_same_as_no_response_format_and_a_seed_repeats_the_curve(
    client: AsyncOpenAI,
) -> None:
    curves = []
    for response_format in (None, {"type": "text"}):
        method = how(EXACT, response_format, n_epochs=2)
        job = await ended(client, (await launch(client, train=feet(24), valid=feet(6, 1000), how=method)).id)
        assert job.status == "succeeded"
        curves.append(await curve(client, job.id))

    assert curves[0] == curves[1]


def prose(count: int) -> bytes:
    made = (written("Sum it up.", f"Text {n}.", reference_answer=f"The {n}th thing was done.") for n in range(count))
    return jsonl(list(made))


LONG = jsonl([written("Go on.", f"Text {n}.", reference_answer="word " * (50 + n % 2)) for n in range(12)])
NO_REFERENCE = jsonl([written("Write a poem.", f"About {n}.") for n in range(12)])
COUNTDOWN = jsonl([written("Reach it.", f"{n % 5} from [3, {n}].", target=n % 5, numbers=[3, n]) for n in range(20)])
EVERY_NUMBER_ONCE = python_grader(
    "expression",
    "import re\n\ndef grade(sample, item):\n"
    "    used = sorted(map(int, re.findall(r'[0-9]+', sample['output_text'])))\n"
    "    return float(used == sorted(item['numbers']) and item['target'] > -1)\n",
)
ALL_THE_SAME = jsonl([written("Is it?", f"Text {n}.", reference_answer="yes") for n in range(12)])


@pytest.mark.parametrize(
    ("train", "response_format", "why"),
    [
        (COUNTDOWN, None, "No answer that the policy can choose earns a reward on the training rows"),
        (prose(12), None, r"long or do not repeat \(12 different ones in 12 rows\)"),
        (prose(12), shaped(MOOD), r"long or do not repeat \(12 different ones in 12 rows\)"),
        (LONG, None, "long or do not repeat"),
        (NO_REFERENCE, None, "No training row has a reference answer"),
        (ALL_THE_SAME, {"type": "text"}, "All training rows have the same reference answer"),
        (feet(24), shaped({"type": "object", "properties": {"on": {"const": 1}}}), "leaves nothing to choose"),
    ],
    ids=["countdown", "prose", "a field of prose", "long answers", "no reference", "one answer", "nothing open"],
)
async def test_what_would_have_to_be_written_is_refused_when_the_job_is_created(
    idle: AsyncOpenAI, train: bytes, response_format: Mapping[str, object] | None, why: str
) -> None:
    grader = EVERY_NUMBER_ONCE if train is COUNTDOWN else EXACT
    with pytest.raises(BadRequestError, match=f"{why}.*{CANNOT} platform= to another one") as refused:
        await launch(idle, train=train, valid=train, how=how(grader, response_format))

    assert len(json.loads(refused.value.response.text)["error"]["message"]) < MOST_QUOTED
    assert (refused.value.code, refused.value.param) == ("nothing_to_learn", "method.reinforcement.response_format")
    assert (await idle.fine_tuning.jobs.list()).data == []


@pytest.mark.parametrize("response_format", [None, shaped(MOOD)])
async def test_the_base_model_refuses_to_write_with_the_same_sentence(
    idle: AsyncOpenAI, response_format: Mapping[str, object] | None
) -> None:
    shape: Any = {} if response_format is None else {"response_format": response_format}

    with pytest.raises(BadRequestError, match=f"{CANNOT} platform= to another one"):
        await idle.chat.completions.create(model=BASE, messages=rows_of(prose(1))[0]["messages"], **shape)


async def test_the_base_model_chooses_among_what_the_prompt_names(idle: AsyncOpenAI) -> None:
    messages: Any = written("Answer with yes, no or maybe.", "The roof was mended.")["messages"]
    said = await idle.chat.completions.create(model=BASE, messages=messages, n=60, seed=1)
    shape: Any = shaped(MOOD)
    moods = await idle.chat.completions.create(model=BASE, messages=messages, n=60, seed=1, response_format=shape)

    assert {"yes", "no", "maybe"} <= {choice.message.content for choice in said.choices}
    fields = [json.loads(str(choice.message.content)) for choice in moods.choices]
    assert {field["mood"] for field in fields} == {"yes", "no", "maybe"}


async def test_the_base_model_chooses_among_the_answers_of_a_job_with_the_same_instructions(
    client: AsyncOpenAI,
) -> None:
    row, stranger = rows_of(feet(1))[0], written("Count the wings.", "Pen 1: hens and geese.")
    with pytest.raises(BadRequestError, match=CANNOT):
        await asked(client, BASE, row["messages"])
    await ended(client, (await launch(client, train=feet(24), valid=feet(6, 1000), how=how(EXACT, n_epochs=1))).id)

    completion = await client.chat.completions.create(model=BASE, messages=row["messages"], n=60, seed=1)

    assert {"2", "4", "6", "8"} <= {choice.message.content for choice in completion.choices}
    with pytest.raises(BadRequestError, match=CANNOT):
        await asked(client, BASE, stranger["messages"])


async def test_answers_are_those_of_the_training_rows_alone(client: AsyncOpenAI) -> None:
    valid = jsonl([written("How many feet has each?", "Pen 1: crabs.", reference_answer=10)] * 4)
    job = await ended(client, (await launch(client, train=feet(24), valid=valid, how=how(EXACT, n_epochs=1))).id)

    messages = rows_of(valid)[0]["messages"]
    said = await client.chat.completions.create(model=str(job.fine_tuned_model), messages=messages, n=128)

    assert not [choice for choice in said.choices if "10" in str(choice.message.content)]
    assert set(await validation_rewards(client, job.id)) == {0.0}
