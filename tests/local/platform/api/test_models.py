import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from openai import (
    AsyncOpenAI,
    AuthenticationError,
    BadRequestError,
    InternalServerError,
    NotFoundError,
    RateLimitError,
)
from openai.types.responses import Response

from local.platform.job_runner import Limits
from local.platform.server import Platform, serve
from tests.local.platform.small_task import LABELS, RESPONSE_FORMAT, SCHEMA, ended, launch, method, row, user_said

BASE = "local-policy-1"
FORMAT: Any = {"format": {"type": "json_schema", "name": "cargo", "strict": True, "schema": SCHEMA}}
NESTED: Any = RESPONSE_FORMAT


def shaped(schema: object) -> dict[str, object]:
    return {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}


async def said(client: AsyncOpenAI, model: str, text: str, **more: Any) -> str:
    answer: Response = await client.responses.create(model=model, input=text, text=FORMAT, **more)
    return answer.output_text


@pytest.fixture
def platform(trained_platform: Platform) -> Platform:
    return trained_platform


@pytest.fixture
async def tuned(client: AsyncOpenAI) -> str:
    job = (await client.fine_tuning.jobs.list()).data[-1]
    assert job.fine_tuned_model is not None
    return job.fine_tuned_model


def f1(answer: str, number: int) -> float:
    got, meant = set(json.loads(answer)["labels"]), set(_list(row(number)["reference_answer"]))
    return 2 * len(got & meant) / max(len(got) + len(meant), 1)


def _list(value: object) -> list[object]:
    assert isinstance(value, list)
    return value


async def test_a_tuned_model_answers_better_than_the_base_model(client: AsyncOpenAI, tuned: str) -> None:
    rewards = {
        model: [f1(await said(client, model, user_said(row(n)), temperature=0), n) for n in range(2000, 2040)]
        for model in (BASE, tuned)
    }

    assert sum(rewards[tuned]) > sum(rewards[BASE]) + 10


async def test_answers_obey_the_schema_and_are_counted(client: AsyncOpenAI, tuned: str) -> None:
    messages: Any = [{"role": "developer", "content": "What came in?"}, {"role": "user", "content": "Cod, at 3 pm."}]
    for model in (BASE, tuned):
        response = await client.responses.create(model=model, input=messages, text=FORMAT)
        completion = await client.chat.completions.create(model=model, messages=messages, response_format=NESTED, n=3)

        assert len(completion.choices) == 3
        texts = [choice.message.content or "" for choice in completion.choices]
        for text in (response.output_text, *texts):
            jsonschema.validate(json.loads(text), SCHEMA)
        assert response.usage is not None
        assert completion.usage is not None
        assert response.usage.input_tokens == completion.usage.prompt_tokens == 4 + 6
        assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens
        assert completion.usage.completion_tokens > response.usage.output_tokens / 2


async def test_a_tuned_model_falls_back_on_the_format_it_was_trained_with(client: AsyncOpenAI, tuned: str) -> None:
    answer = (await client.responses.create(model=tuned, input="Cod and oak.")).output_text

    jsonschema.validate(json.loads(answer), SCHEMA)


async def test_labels_are_known_by_name_in_another_order_and_strange_ones_are_left_to_the_base(
    client: AsyncOpenAI, tuned: str
) -> None:
    enum = ["whale oil", *reversed(LABELS)]
    schema = {**SCHEMA, "properties": {"labels": {"type": "array", "items": {"type": "string", "enum": enum}}}}
    text: Any = {"format": {"type": "json_schema", "name": "cargo", "schema": schema}}
    for number in (3000, 3001, 3002):
        question = user_said(row(number))

        shuffled = await client.responses.create(model=tuned, input=question, text=text, temperature=0)

        usual = await said(client, tuned, question, temperature=0)
        assert sorted(json.loads(shuffled.output_text)["labels"]) == sorted(json.loads(usual)["labels"])


async def test_a_seed_repeats_a_draw_and_temperature_nought_needs_none(client: AsyncOpenAI, tuned: str) -> None:
    async def draws(**more: Any) -> set[str]:
        return {await said(client, tuned, "Cod, oak and something else.", **more) for _ in range(6)}

    assert len(await draws(temperature=0)) == 1
    assert len(await draws(temperature=2, extra_body={"seed": 5})) == 1
    assert len(await draws(temperature=2, extra_body={"seed": -5})) == 1
    assert len(await draws(temperature=2)) > 1


async def test_content_may_come_in_parts(client: AsyncOpenAI) -> None:
    parts: Any = [{"role": "user", "content": [{"type": "input_text", "text": "Seafood and more seafood."}]}]

    answer = await client.responses.create(model=BASE, input=parts, text=FORMAT, temperature=0)

    assert json.loads(answer.output_text) == {"labels": ["seafood"]}


async def test_an_unknown_model_is_a_404(client: AsyncOpenAI) -> None:
    with pytest.raises(NotFoundError) as refused:
        await said(client, "ft:local-policy-1:local:x:nowhere", "Cod.")
    assert refused.value.code == "model_not_found"
    with pytest.raises(NotFoundError):
        await client.models.retrieve("gpt-9")
    assert (await client.models.retrieve(BASE)).id == BASE


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "developer", "content": "Be brief."}]}, "messages"),
        ({"temperature": 3}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"seed": 0.5}, "seed"),
        ({"n": 0}, "n"),
        ({"stream": True}, "stream"),
        ({"response_format": None}, "response_format"),
        ({"response_format": {"type": "json_object"}}, "response_format.type"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": 1}}},
            "response_format.json_schema.schema",
        ),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}}},
            "response_format.json_schema.schema",
        ),
    ],
)
async def test_a_bad_question_is_a_400_that_names_the_parameter(
    client: AsyncOpenAI, changes: Mapping[str, object], param: str
) -> None:
    asked = {"model": BASE, "messages": [{"role": "user", "content": "Cod."}], "response_format": NESTED, **changes}

    with pytest.raises(BadRequestError) as refused:
        await client.post("/chat/completions", body=asked, cast_to=object)

    assert refused.value.param == param


@pytest.mark.parametrize(
    ("text_format", "param"),
    [
        ({"type": "json_object"}, "text.format.type"),
        ({"type": "json_schema"}, "text.format.schema"),
        ({"type": "json_schema", "schema": {"type": "array"}}, "text.format.schema.type"),
        ({"type": "text"}, "response_format"),
    ],
)
async def test_a_bad_format_of_a_response_is_a_400_that_names_the_parameter(
    client: AsyncOpenAI, text_format: Mapping[str, object], param: str
) -> None:
    with pytest.raises(BadRequestError) as refused:
        await client.post(
            "/responses", body={"model": BASE, "input": "Cod.", "text": {"format": text_format}}, cast_to=object
        )

    assert refused.value.param == param


async def test_a_request_that_is_no_json_object_is_a_400(client: AsyncOpenAI) -> None:
    for content in (b"{", b"[1]", b"\xff"):
        with pytest.raises(BadRequestError):
            await client.post("/responses", content=content, cast_to=object)


async def test_what_is_no_route_is_a_404_in_the_same_shape(client: AsyncOpenAI) -> None:
    with pytest.raises(NotFoundError, match=r"Invalid URL \(GET /v1/embeddings\)"):
        await client.get("/embeddings", cast_to=object)


async def test_no_key_is_a_401(platform_url: str) -> None:
    async with AsyncOpenAI(base_url=platform_url, api_key="local", max_retries=0) as client:
        for header in ("", "Bearer", "Basic abc"):
            with pytest.raises(AuthenticationError) as refused:
                await client.models.list(extra_headers={"Authorization": header})
            assert refused.value.code == "invalid_api_key"


async def test_too_much_at_once_is_a_429(tmp_path: Path) -> None:
    async with (
        serve(tmp_path, limits=Limits(requests_at_once=0)) as platform,
        AsyncOpenAI(base_url=platform.url, api_key="local", max_retries=0) as client,
    ):
        with pytest.raises(RateLimitError):
            await client.models.list()


async def test_labels_that_only_the_rows_named_are_still_known_when_asked(client: AsyncOpenAI) -> None:
    schema = {"type": "object", "properties": {"labels": {"type": "array", "items": {"type": "string"}}}}
    other = {"type": "object", "properties": {"cargo": {"type": "array", "items": {"type": "string"}}}}
    job = await ended(client, (await launch(client, how=method({"n_epochs": 1}, response_format=shaped(schema)))).id)
    assert job.status == "succeeded"
    open_format: Any = shaped(schema)

    for asked, key in ((schema, "labels"), (other, "cargo")):
        text: Any = {"format": {"type": "json_schema", "name": "n", "schema": asked}}
        answer = await client.responses.create(model=str(job.fine_tuned_model), input="Cod.", text=text, temperature=2)
        assert set(json.loads(answer.output_text)[key]) <= set(LABELS)
    with pytest.raises(BadRequestError, match="cannot write prose: give a response format"):
        await client.chat.completions.create(
            model=BASE, messages=[{"role": "user", "content": "Cod."}], response_format=open_format
        )


async def test_a_bug_is_a_500_in_the_same_shape(platform: Platform, client: AsyncOpenAI) -> None:
    [job] = (await client.fine_tuning.jobs.list()).data
    platform.runner.jobs.folder(job.id).checkpoints_file.write_text("nonsense")

    with pytest.raises(InternalServerError) as failed:
        await client.fine_tuning.jobs.checkpoints.list(job.id)

    assert failed.value.type == "server_error"
    assert str(failed.value.request_id).startswith("req_")
