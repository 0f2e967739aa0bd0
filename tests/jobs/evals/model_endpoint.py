"""A small OpenAI-compatible endpoint on loopback: answers with the label named in the text, and fails as it is told."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Json = dict[str, Any]
Fault = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Heard:
    """One question as it arrived."""

    path: str
    body: Json

    @property
    def text(self) -> str:
        """What the user said."""
        said: str = (self.body.get("input") or self.body["messages"])[-1]["content"]
        return said


@dataclass
class Endpoint:
    """What the endpoint does, and what it was asked.

    `says` makes the text of an answer, and `uses` its usage in the Responses API; `calls`, where tools are offered, the
    name and arguments of a call; `faults` are taken one a question, and when they are used up, `always`;
    `hold` keeps every answer back until it is set; `seconds` is how long an answer takes; of `listing_faults`, each
    question about its models takes one.
    """

    url: str = ""
    models: list[str] = field(default_factory=lambda: ["small", "large"])
    says: Callable[[Heard], str] = lambda heard: json.dumps({"label": heard.text.split()[-1]})
    calls: Callable[[Heard], tuple[str, str]] | None = None
    uses: Callable[[Heard], Json] | None = None
    faults: list[Fault] = field(default_factory=list)
    always: Fault | None = None
    listing_faults: list[Fault] = field(default_factory=list)
    seconds: float = 0.0
    hold: asyncio.Event | None = None
    heard: list[Heard] = field(default_factory=list)
    under_way: int = 0
    most_under_way: int = 0
    answered: Counter[str] = field(default_factory=Counter)
    """Answers given, by the text they answer."""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one question, or fail."""
        heard = Heard(request.path.removeprefix("/v1"), await request.json())
        self.heard.append(heard)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            fault = self.faults.pop(0) if self.faults else self.always
            if fault:
                return await fault(request)
            if self.hold:
                await self.hold.wait()
            if self.seconds:
                await asyncio.sleep(self.seconds)
            self.answered[heard.text] += 1
            is_chat = heard.path.endswith("completions")
            if self.calls and heard.body.get("tools"):
                return web.json_response((calling_chat if is_chat else calling)(*self.calls(heard)))
            if is_chat:
                return web.json_response(completion(self.says(heard)))
            usage = {"usage": self.uses(heard)} if self.uses else {}
            return web.json_response(response(self.says(heard), **usage))
        finally:
            self.under_way -= 1

    async def list_models(self, request: web.Request) -> web.StreamResponse:
        """List the models, or fail."""
        if self.listing_faults:
            return await self.listing_faults.pop(0)(request)
        return web.json_response({"object": "list", "data": [{"id": name, "object": "model"} for name in self.models]})

    async def show_model(self, request: web.Request) -> web.StreamResponse:
        """Describe one model, or say that there is none, or fail."""
        if self.listing_faults:
            return await self.listing_faults.pop(0)(request)
        name = request.match_info["name"]
        if name in self.models:
            return web.json_response({"id": name, "object": "model"})
        return refusal(404, "no such model", code="model_not_found")


def response(text: str, **changes: Any) -> Json:
    """Return an answer in the shape of the Responses API."""
    content = {"type": "output_text", "text": text, "annotations": []}
    usage = {"input_tokens": 100, "output_tokens": 20, "output_tokens_details": {"reasoning_tokens": 5}}
    return {
        "id": "resp_1",
        "object": "response",
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "output": [
            {"type": "reasoning", "id": "rs_1", "summary": []},
            {"type": "message", "role": "assistant", "status": "completed", "content": [content]},
        ],
        "usage": usage,
    } | changes


def completion(text: str | None, finish_reason: str = "stop", **message: Any) -> Json:
    """Return an answer in the shape of the Chat Completions API."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text} | message,
                "finish_reason": finish_reason,
            }
        ],
        "usage": {
            "prompt_tokens": 100,
            "completion_tokens": 20,
            "completion_tokens_details": {"reasoning_tokens": 5},
        },
    }


def calling(name: str, arguments: str) -> Json:
    """Return an answer of the Responses API that calls a tool."""
    return response("", output=[{"type": "function_call", "call_id": "c1", "name": name, "arguments": arguments}])


def calling_chat(name: str, arguments: str) -> Json:
    """Return an answer of the Chat Completions API that calls a tool."""
    call = {"id": "c1", "type": "function", "function": {"name": name, "arguments": arguments}}
    return completion(None, "tool_calls", tool_calls=[call])


def refusal(status: int, message: str = "no", **more: Any) -> web.Response:
    """Return a failure in the API's shape; `headers` among `more` are the answer's."""
    headers = more.pop("headers", {})
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": None} | more
    return web.json_response({"error": error}, status=status, headers=headers)


def refusing(status: int, message: str = "no", **more: Any) -> Fault:
    """Return the fault of being refused."""

    async def fault(_request: web.Request) -> web.StreamResponse:
        return refusal(status, message, **dict(more))

    return fault


def saying_nothing(*, refused: bool) -> Fault:
    """Return the answer of a model that refuses, or that runs out of tokens before its first word."""
    cut_short = response("", status="incomplete", incomplete_details={"reason": "max_output_tokens"})
    refusing_content = {"type": "refusal", "refusal": "I would rather not."}
    refusal_message = {"type": "message", "role": "assistant", "status": "completed", "content": [refusing_content]}

    async def answer(request: web.Request) -> web.StreamResponse:
        chat = completion(None, refusal="I would rather not.") if refused else completion("", "length")
        other = response("", output=[refusal_message]) if refused else cut_short
        return web.json_response(chat if request.path.endswith("completions") else other)

    return answer


async def page(_request: web.Request) -> web.StreamResponse:
    """Answer with the page of a proxy."""
    return web.Response(text="<html><body>Sign in</body></html>", content_type="text/html")


async def drop(request: web.Request) -> web.StreamResponse:
    """Cut the connection."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def hang(_request: web.Request) -> web.StreamResponse:
    """Never answer."""
    await asyncio.Event().wait()
    return web.Response()


@asynccontextmanager
async def serving_models(port: int = 0) -> AsyncIterator[Endpoint]:
    """Serve an Endpoint."""
    endpoint = Endpoint()
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_get("/v1/models", endpoint.list_models)
    app.router.add_get("/v1/models/{name}", endpoint.show_model)
    app.router.add_post("/v1/responses", endpoint.answer)
    app.router.add_post("/v1/chat/completions", endpoint.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    host, found = runner.addresses[0][:2]
    endpoint.url = f"http://{host}:{found}/v1"
    try:
        yield endpoint
    finally:
        await runner.cleanup()
