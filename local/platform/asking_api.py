"""`/v1/models`, `/v1/responses` and `/v1/chat/completions`."""

import time
from dataclasses import dataclass

from aiohttp import web

from local.platform.answering import Answers, Question, answer, read_sampling
from local.platform.body import Body
from local.platform.gate import read_body
from local.platform.names import fresh
from local.platform.refusal import bad_request
from local.platform.rows import all_texts, user_text
from local.platform.shelf import Shelf

MOST_DRAWS = 128


@dataclass(frozen=True, slots=True)
class AskingApi:
    """The routes that call models.

    Args:
        shelf: the models there are.
    """

    shelf: Shelf

    def register(self, app: web.Application) -> None:
        """Add the routes to `app`."""
        app.router.add_get("/v1/models", self.models)
        app.router.add_get("/v1/models/{id}", self.model)
        app.router.add_post("/v1/responses", self.respond)
        app.router.add_post("/v1/chat/completions", self.complete)

    async def models(self, _request: web.Request) -> web.Response:
        """List the models that can be called now."""
        return web.json_response({"object": "list", "data": [model.view() for model in self.shelf.models()]})

    async def model(self, request: web.Request) -> web.Response:
        """Describe one model."""
        return web.json_response(self.shelf.get(request.match_info["id"]).view())

    async def respond(self, request: web.Request) -> web.Response:
        """Answer in the shape of the Responses API."""
        body = await read_body(request)
        model = self.shelf.get(body.needed_text("model"))
        temperature, seed = read_sampling(body)
        messages = _input_messages(body)
        text = body.inner("text")
        question = Question(
            prompt=[body.text("instructions") or "", *all_texts(messages)],
            user_text=user_text(messages),
            schema=None if text is None else _schema(text.inner("format")),
            temperature=temperature,
            seed=seed,
        )
        return web.json_response(_response(body, model.id, temperature, answer(model, question)))

    async def complete(self, request: web.Request) -> web.Response:
        """Answer in the shape of the Chat Completions API."""
        body = await read_body(request)
        model = self.shelf.get(body.needed_text("model"))
        temperature, seed = read_sampling(body)
        messages = _messages(body.values("messages"), "messages")
        response_format = body.inner("response_format")
        question = Question(
            prompt=all_texts(messages),
            user_text=user_text(messages),
            schema=None if response_format is None else _nested_schema(response_format),
            temperature=temperature,
            seed=seed,
            draws=body.integer("n", 1, MOST_DRAWS) or 1,
        )
        return web.json_response(_completion(model.id, answer(model, question)))


def _input_messages(body: Body) -> list[object]:
    said = body.get("input")
    if isinstance(said, str):
        return [{"role": "user", "content": said}]
    return _messages(body.values("input"), "input")


def _messages(messages: list[object] | None, name: str) -> list[object]:
    if not messages:
        raise bad_request(f"Missing required parameter: '{name}'.", name, "missing_required_parameter")
    return messages


def _schema(described: Body | None) -> Body | None:
    """The schema in the flat nesting of the Responses API; None for plain text."""
    match None if described is None else described.get("type"):
        case None | "text":
            return None
        case "json_schema" if described is not None:
            return described.needed_inner("schema")
        case _:
            raise bad_request("The format must be json_schema or text.", "text.format.type", "invalid_value")


def _nested_schema(response_format: Body) -> Body | None:
    """The schema in the nesting of the Chat Completions API; None for plain text."""
    match response_format.get("type"):
        case "text":
            return None
        case "json_schema":
            return response_format.needed_inner("json_schema").needed_inner("schema")
        case _:
            raise bad_request("The format must be json_schema or text.", "response_format.type", "invalid_value")


def _response(body: Body, model: str, temperature: float, given: Answers) -> dict[str, object]:
    content = {"type": "output_text", "text": given.texts[0], "annotations": [], "logprobs": []}
    message = {"type": "message", "id": fresh("msg_"), "status": "completed", "role": "assistant", "content": [content]}
    return {
        "id": fresh("resp_"),
        "object": "response",
        "created_at": int(time.time()),
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "instructions": body.get("instructions"),
        "metadata": body.metadata() or {},
        "model": model,
        "output": [message],
        "parallel_tool_calls": True,
        "temperature": temperature,
        "text": body.get("text") or {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": {
            "input_tokens": given.prompt_tokens,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": given.answer_tokens,
            "total_tokens": given.prompt_tokens + given.answer_tokens,
        },
    }


def _completion(model: str, given: Answers) -> dict[str, object]:
    return {
        "id": fresh("chatcmpl-"),
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": [
            {
                "index": index,
                "message": {"role": "assistant", "content": text, "refusal": None, "annotations": []},
                "logprobs": None,
                "finish_reason": "stop",
            }
            for index, text in enumerate(given.texts)
        ],
        "usage": {
            "prompt_tokens": given.prompt_tokens,
            "completion_tokens": given.answer_tokens,
            "total_tokens": given.prompt_tokens + given.answer_tokens,
        },
    }
