"""`/v1/models`, `/v1/responses` and `/v1/chat/completions`."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from aiohttp import web
from pydantic import BeforeValidator, ConfigDict, Field

from local.platform.api.http import read_body
from local.platform.errors import ApiError
from local.platform.file_store import texts_of
from local.platform.ids import new_id
from local.platform.numpy_policy.models import Models
from local.platform.numpy_policy.policy import count_tokens
from local.platform.request_models import (
    JsonObject,
    Metadata,
    RequestModel,
    ResponseFormat,
    checked_schema,
    missing,
    schema_of,
)

MOST_DRAWS = 128

Messages = Annotated[list[object], Field(min_length=1)]


def _as_messages(value: object) -> object:
    return [{"role": "user", "content": value}] if isinstance(value, str) else value


def _refuse_streaming(value: object) -> object:
    if value:
        raise ApiError("Streaming is not available here.", "stream", "unsupported_value")
    return value


class SamplingRequest(RequestModel):
    """What both ways of asking a model have in common."""

    model: Annotated[str, Field(min_length=1)]
    temperature: Annotated[float, Field(ge=0, le=2)] = 1.0
    seed: Annotated[int | None, Field(ge=-(2**63), lt=2**63)] = None
    stream: Annotated[object, BeforeValidator(_refuse_streaming)] = None


class TextFormat(RequestModel):
    """The wanted answer in the flat nesting of the Responses API; keys that are not read are sent back."""

    model_config = ConfigDict(extra="allow")

    type: Literal["text", "json_schema"] = "text"
    schema_: Annotated[JsonObject | None, Field(alias="schema")] = None


class TextSettings(RequestModel):
    """The `text` of the Responses API."""

    model_config = ConfigDict(extra="allow")

    format: TextFormat = TextFormat()


class ResponseRequest(SamplingRequest):
    """A request of the Responses API."""

    input: Annotated[Messages, BeforeValidator(_as_messages)]
    instructions: str | None = None
    metadata: Metadata | None = None
    text: TextSettings = TextSettings()


class CompletionRequest(SamplingRequest):
    """A request of the Chat Completions API."""

    messages: Messages
    response_format: ResponseFormat | None = None
    n: Annotated[int, Field(ge=1, le=MOST_DRAWS)] = 1


@dataclass(frozen=True, slots=True)
class ModelsApi:
    """The routes of models and their answers."""

    models: Models

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/v1/models", self._list),
            web.get("/v1/models/{id}", self._retrieve),
            web.post("/v1/responses", self._respond),
            web.post("/v1/chat/completions", self._complete),
        ]

    async def _list(self, _request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [model.view() for model in self.models.list()]})

    async def _retrieve(self, request: web.Request) -> web.Response:
        return web.json_response(self.models.get(request.match_info["id"]).view())

    async def _respond(self, request: web.Request) -> web.Response:
        body = await read_body(request, ResponseRequest)
        model = self.models.get(body.model)
        messages = [{"role": "developer", "content": body.instructions}, *body.input]
        schema = _flat_schema(body.text.format)
        [text] = model.answer(
            messages, schema, schema_param="text.format.schema", temperature=body.temperature, seed=body.seed
        )
        return web.json_response(_response(body, text, _count(messages), count_tokens(text)))

    async def _complete(self, request: web.Request) -> web.Response:
        body = await read_body(request, CompletionRequest)
        texts = self.models.get(body.model).answer(
            body.messages,
            schema_of(body.response_format, "response_format"),
            schema_param="response_format.json_schema.schema",
            temperature=body.temperature,
            seed=body.seed,
            draws=body.n,
        )
        return web.json_response(_completion(body, texts, _count(body.messages), sum(map(count_tokens, texts))))


def _count(messages: Sequence[object]) -> int:
    return sum(map(count_tokens, texts_of(messages)))


def _flat_schema(text_format: TextFormat) -> JsonObject | None:
    if text_format.type == "text":
        return None
    if text_format.schema_ is None:
        raise missing("text.format.schema")
    return checked_schema(text_format.schema_, "text.format.schema")


def _response(body: ResponseRequest, text: str, prompt_tokens: int, answer_tokens: int) -> dict[str, object]:
    content = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    message = {
        "type": "message",
        "id": new_id("msg_"),
        "status": "completed",
        "role": "assistant",
        "content": [content],
    }
    return {
        "id": new_id("resp_"),
        "object": "response",
        "created_at": int(time.time()),
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "instructions": body.instructions,
        "metadata": body.metadata or {},
        "model": body.model,
        "output": [message],
        "parallel_tool_calls": True,
        "temperature": body.temperature,
        "text": body.text.model_dump(by_alias=True, exclude_none=True),
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": {
            "input_tokens": prompt_tokens,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": answer_tokens,
            "total_tokens": prompt_tokens + answer_tokens,
        },
    }


def _completion(
    body: CompletionRequest, texts: Sequence[str], prompt_tokens: int, answer_tokens: int
) -> dict[str, object]:
    return {
        "id": new_id("chatcmpl-"),
        "object": "chat.completion",
        "created": int(time.time()),
        "model": body.model,
        "choices": [
            {
                "index": index,
                "message": {"role": "assistant", "content": text, "refusal": None, "annotations": []},
                "logprobs": None,
                "finish_reason": "stop",
            }
            for index, text in enumerate(texts)
        ],
        "usage": {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": answer_tokens,
            "total_tokens": prompt_tokens + answer_tokens,
        },
    }
