"""A question as the Responses or the Chat Completions API takes it, and what their answers say."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final, Literal

from jobs.core.records import Message
from jobs.core.series import JsonObject
from jobs.platforms.errors import PERMANENT_LIMITS, Failure, Refusal
from jobs.platforms.metrics import child, whole
from jobs.platforms.parse import text
from jobs.platforms.sampling import ModelAnswer, NotAnswered, Question, Remedy, Trouble

Api = Literal["responses", "chat"]
PATHS: Final[Mapping[Api, str]] = {"responses": "/responses", "chat": "/chat/completions"}
ENDS: Final[Mapping[str, str]] = {"max_output_tokens": "length", "max_tokens": "length"}
"""The Responses API's reasons of an incomplete answer, in the words of chat completions."""
CALLS: Final = "tool_calls"
"""Why an answer ended that calls tools: it is an answer, with or without text."""
UNREADABLE: Final = Trouble(
    "not the API's JSON", "The endpoint answered with something that is not the API's JSON.", Remedy.AGAIN
)
"""Such as the page of a proxy."""


def body_of(question: Question, api: Api) -> dict[str, object]:
    """Return the body of the request that asks a question."""
    body = _responses(question) if api == "responses" else _chat(question)
    return {key: value for key, value in body.items() if value is not None}


def read_answer(answer: JsonObject, api: Api, latency: float) -> ModelAnswer:
    """Return what an answer says.

    Raises:
        NotAnswered: it says nothing: it was refused, filtered, cut short before its first word, or failed.
    """
    said = _read_response(answer, latency) if api == "responses" else _read_completion(answer, latency)
    if not said.text.isascii():
        said = replace(said, text=said.text.encode("utf-8", "replace").decode())  # half a surrogate pair is no text
    if said.finish_reason == "refusal":
        refused = "The model refused to answer."
        raise NotAnswered(Trouble("refused by the model", refused, Remedy.NOTHING, silence=replace(said, text="")))
    if not said.text and not said.tool_calls and said.finish_reason not in {"stop", CALLS, None}:
        words = f"no text ({said.finish_reason})"
        ended = f"The answer ended before its first word: {words}."
        raise NotAnswered(Trouble(words, ended, Remedy.NOTHING, silence=said))
    return said


def _responses(question: Question) -> dict[str, object]:
    wanted = question.response_format
    format_ = {"type": "json_schema", **child(wanted, "json_schema")} if wanted else None
    return {
        "model": question.model,
        "input": [item for each in question.messages for item in _items(each)],
        "tools": [_flat(tool) for tool in question.tools] or None,
        "parallel_tool_calls": question.parallel_tool_calls,
        "text": {"format": format_} if format_ else None,
        "reasoning": _effort(question) and {"effort": _effort(question)},
        "max_output_tokens": question.max_tokens,
        "temperature": question.temperature,
        "top_p": question.top_p,
        "store": False,
    }


def _chat(question: Question) -> dict[str, object]:
    return {
        "model": question.model,
        # servers that only speak chat completions rarely know the developer's role, and all know the system's
        "messages": [
            {**each.more, "role": "system" if each.role == "developer" else each.role, "content": _content(each)}
            for each in question.messages
        ],
        "tools": [_nested(tool) for tool in question.tools] or None,
        "parallel_tool_calls": question.parallel_tool_calls,
        "response_format": question.response_format,
        "reasoning_effort": _effort(question),
        "max_completion_tokens": question.max_tokens,
        "temperature": question.temperature,
        "top_p": question.top_p,
        "seed": question.seed,
    }


def _effort(question: Question) -> str | None:
    return None if question.effort == "default" else question.effort


def _items(message: Message) -> Iterator[dict[str, object]]:
    """Yield a turn as the items of the Responses API: what is said, each call of a tool, or what a call returned."""
    if message.role == "tool":
        yield {"type": "function_call_output", "call_id": message.more.get("tool_call_id"), "output": _output(message)}
        return
    if message.content:
        yield {"role": message.role, "content": _input(message)}
    calls = message.more.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        function = child(call, "function")
        said = {"name": function.get("name"), "arguments": function.get("arguments") or "{}"}
        yield {"type": "function_call", "call_id": call.get("id"), **said}


def _output(message: Message) -> str:
    if isinstance(message.content, str):
        return message.content
    return "\n".join(str(part["text"]) for part in message.content if "text" in part)


def _flat(tool: JsonObject) -> dict[str, object]:
    """Return a tool as the Responses API takes it: a function's fields beside its type."""
    function = child(tool, "function")
    return {"type": "function", **function} if function else dict(tool)


def _nested(tool: JsonObject) -> dict[str, object]:
    """Return a tool as chat completions take it: a function's fields in an object of their own."""
    if tool.get("type") != "function" or "function" in tool:
        return dict(tool)
    return {"type": "function", "function": {key: value for key, value in tool.items() if key != "type"}}


def _content(message: Message) -> object:
    if "tool_calls" in message.more and not message.content:
        return None
    return message.content if isinstance(message.content, str) else list(message.content)


def _input(message: Message) -> object:
    """Return a message's content in the nesting of the Responses API."""
    if isinstance(message.content, str):
        return message.content
    kind = "output_text" if message.role == "assistant" else "input_text"
    return [_part(part, kind) for part in message.content]


def _part(part: Mapping[str, object], kind: str) -> dict[str, object]:
    if part.get("type") == "text":
        return {"type": kind, "text": part.get("text")}
    image = part.get("image_url")
    shown = dict(image) if isinstance(image, Mapping) else {"url": image}
    return {"type": "input_image", "image_url": shown.get("url"), "detail": shown.get("detail", "auto")}


def _read_response(answer: JsonObject, latency: float) -> ModelAnswer:
    status = text(answer, "status")
    if status == "failed":
        error = child(answer, "error")
        words = text(error, "message") or "it gives no reason"
        code = text(error, "code") or "no code"
        raise NotAnswered(Trouble(f"failed ({code})", f"The platform failed to answer: {words}.", Remedy.AGAIN))
    if status not in {"completed", "incomplete"} or not isinstance(answer.get("output"), list):
        raise NotAnswered(UNREADABLE)
    parts = list(_parts(answer))
    refused = any(part.get("type") == "refusal" for part in parts)
    ended = text(child(answer, "incomplete_details"), "reason") if status == "incomplete" else "stop"
    calls = tuple(_calls(answer))
    usage = child(answer, "usage")
    return ModelAnswer(
        text="".join(str(part["text"]) for part in parts if isinstance(part.get("text"), str)),
        finish_reason="refusal" if refused else CALLS if calls and ended == "stop" else ENDS.get(ended or "", ended),
        tool_calls=calls,
        input_tokens=whole(usage.get("input_tokens")),
        output_tokens=whole(usage.get("output_tokens")),
        reasoning_tokens=whole(child(usage, "output_tokens_details").get("reasoning_tokens")),
        latency=latency,
    )


def _calls(answer: JsonObject) -> Iterator[JsonObject]:
    """Yield the calls of tools in a response, as chat completions have them."""
    output = answer["output"]
    assert isinstance(output, list)
    for each in output:
        if isinstance(each, dict) and each.get("type") == "function_call":
            function = {"name": each.get("name"), "arguments": each.get("arguments") or "{}"}
            yield {"id": each.get("call_id"), "type": "function", "function": function}


def _parts(answer: JsonObject) -> Iterator[JsonObject]:
    """Yield the content parts of the messages of a response; its reasoning is no part of them."""
    output = answer["output"]
    assert isinstance(output, list)
    for each in output:
        content = each.get("content") if isinstance(each, dict) and each.get("type") == "message" else None
        yield from (part for part in content if isinstance(part, dict)) if isinstance(content, list) else ()


def _read_completion(answer: JsonObject, latency: float) -> ModelAnswer:
    choices = answer.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    message = child(choice, "message")
    if not message:
        raise NotAnswered(UNREADABLE)
    usage = child(answer, "usage")
    said, calls = text(message, "content") or "", message.get("tool_calls")
    return ModelAnswer(
        text=said,
        finish_reason="refusal" if text(message, "refusal") and not said else text(choice, "finish_reason"),
        tool_calls=tuple(call for call in calls if isinstance(call, dict)) if isinstance(calls, list) else (),
        input_tokens=whole(usage.get("prompt_tokens")),
        output_tokens=whole(usage.get("completion_tokens")),
        reasoning_tokens=whole(child(usage, "completion_tokens_details").get("reasoning_tokens")),
        latency=latency,
    )


def trouble_of(failure: Failure, sentence: str) -> Trouble:
    """Return what a failed request means for the question and for those after it.

    Args:
        failure: of the request.
        sentence: for the person.
    """
    if failure.refusal:
        return _refused(failure.refusal, sentence)
    if failure.meaning != "no_answer":
        return UNREADABLE
    if not failure.reached:
        return Trouble("cannot be reached", sentence, Remedy.WAIT)
    return Trouble("time-out" if failure.timed_out else "connection dropped", sentence, Remedy.AGAIN)


def _refused(refusal: Refusal, sentence: str) -> Trouble:
    status, code = refusal.status, refusal.code or refusal.kind
    said = f"{status} {code}" if code else f"HTTP {status}"
    if status == 429:
        if {refusal.code, refusal.kind} & PERMANENT_LIMITS:
            return Trouble(said, sentence, Remedy.STOP)
        return Trouble("429 rate limited", sentence, Remedy.WAIT, refusal.retry_after)
    if status in {408, 409} or status >= 500:
        return Trouble(f"HTTP {status}", sentence, Remedy.AGAIN, refusal.retry_after)
    if status in {401, 403, 404, 405} or status < 400:
        return Trouble(said, sentence, Remedy.STOP)
    about_model = refusal.param == "model" or refusal.code == "model_not_found"
    return Trouble(said, sentence, Remedy.STOP if about_model else Remedy.NOTHING)
