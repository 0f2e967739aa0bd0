from typing import Any

import pytest

from jobs.core.records import Message
from jobs.platforms.errors import Failure, Refusal
from jobs.platforms.sampling import NotAnswered, Question, Remedy
from jobs.platforms.wire import body_of, read_answer, trouble_of
from tests.jobs.evals.model_endpoint import completion, response

SHAPE = {"type": "json_schema", "json_schema": {"name": "label", "strict": True, "schema": {"type": "object"}}}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}}
MESSAGES = (Message("developer", "Be brief."), Message("user", ({"type": "text", "text": "Look"}, IMAGE)))


def test_a_question_in_the_responses_api() -> None:
    question = Question("m", MESSAGES, effort="high", response_format=SHAPE, max_tokens=9, temperature=0.0, seed=1)
    assert body_of(question, "responses") == {
        "model": "m",
        "input": [
            {"role": "developer", "content": "Be brief."},
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "Look"},
                    {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "low"},
                ],
            },
        ],
        "text": {"format": {"type": "json_schema", "name": "label", "strict": True, "schema": {"type": "object"}}},
        "reasoning": {"effort": "high"},
        "max_output_tokens": 9,
        "temperature": 0.0,
        "store": False,
    }


def test_a_question_in_chat_completions() -> None:
    question = Question("m", MESSAGES, effort="high", response_format=SHAPE, max_tokens=9, top_p=0.5, seed=1)
    assert body_of(question, "chat") == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "Look"}, IMAGE]},
        ],
        "response_format": SHAPE,
        "reasoning_effort": "high",
        "max_completion_tokens": 9,
        "top_p": 0.5,
        "seed": 1,
    }


@pytest.mark.parametrize("api", ["responses", "chat"])
def test_what_is_left_to_the_platform_is_not_sent(api: Any) -> None:
    body = body_of(Question("m", (Message("user", "Hello"),), effort="default"), api)
    assert set(body) <= {"model", "input", "messages", "store"}


def test_what_an_assistant_said_before_is_output() -> None:
    said = Message("assistant", ({"type": "text", "text": "Yes"},))
    body = body_of(Question("m", (said, Message("user", "Why?"))), "responses")
    assert body["input"] == [
        {"role": "assistant", "content": [{"type": "output_text", "text": "Yes"}]},
        {"role": "user", "content": "Why?"},
    ]


CALL = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": "{}"}}
TURNS = (
    Message("user", "Where?"),
    Message("assistant", "", {"tool_calls": [CALL]}),
    Message("tool", "shelf 4", {"tool_call_id": "c1"}),
    Message("user", "So?"),
)
NESTED = {"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}
FLAT = {"type": "function", "name": "find", "parameters": {"type": "object"}}


@pytest.mark.parametrize("tool", [NESTED, FLAT])
def test_tools_and_what_they_returned_are_sent_in_each_apis_own_way(tool: dict[str, Any]) -> None:
    question = Question("m", TURNS, tools=(tool,), parallel_tool_calls=False)
    chat, responses = body_of(question, "chat"), body_of(question, "responses")
    assert chat["messages"] == [
        {"role": "user", "content": "Where?"},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "shelf 4"},
        {"role": "user", "content": "So?"},
    ]
    assert responses["input"] == [
        {"role": "user", "content": "Where?"},
        {"type": "function_call", "call_id": "c1", "name": "find", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "shelf 4"},
        {"role": "user", "content": "So?"},
    ]
    assert (chat["tools"], responses["tools"]) == ([NESTED], [FLAT])
    assert chat["parallel_tool_calls"] is responses["parallel_tool_calls"] is False


@pytest.mark.parametrize(
    ("api", "said"),
    [
        (
            "responses",
            response("")
            | {"output": [{"type": "function_call", "call_id": "c1", "name": "find", "arguments": "{}", "id": "fc_1"}]},
        ),
        ("chat", completion(None, "tool_calls", tool_calls=[CALL])),
    ],
)
def test_an_answer_that_only_calls_a_tool_is_an_answer_without_text(api: Any, said: dict[str, Any]) -> None:
    answer = read_answer(said, api, 0.0)
    assert (answer.text, answer.finish_reason, answer.tool_calls) == ("", "tool_calls", (CALL,))


def test_words_beside_a_call_and_a_call_that_was_cut_short_are_answers() -> None:
    both = response("I look.")
    both["output"].append({"type": "function_call", "call_id": "c1", "name": "find", "arguments": "{}"})
    answer = read_answer(both, "responses", 0.0)
    assert (answer.text, answer.finish_reason, answer.tool_calls) == ("I look.", "tool_calls", (CALL,))
    cut = read_answer(completion(None, "length", tool_calls=[CALL]), "chat", 0.0)
    assert (cut.text, cut.finish_reason, cut.tool_calls) == ("", "length", (CALL,))


@pytest.mark.parametrize(("api", "said"), [("responses", response("Yes")), ("chat", completion("Yes"))])
def test_an_answer_is_read_with_its_tokens(api: Any, said: dict[str, Any]) -> None:
    answer = read_answer(said, api, 1.5)
    assert (answer.text, answer.finish_reason, answer.latency) == ("Yes", "stop", 1.5)
    assert (answer.input_tokens, answer.output_tokens, answer.reasoning_tokens, answer.tokens) == (100, 20, 5, 120)


@pytest.mark.parametrize(("api", "said"), [("responses", response("Yes")), ("chat", completion("Yes"))])
def test_tokens_that_are_not_reported_are_unknown(api: Any, said: dict[str, Any]) -> None:
    answer = read_answer(said | {"usage": None}, api, 1.5)
    assert (answer.input_tokens, answer.output_tokens, answer.reasoning_tokens, answer.tokens) == (None,) * 4


def test_an_answer_cut_short_after_some_words_is_an_answer() -> None:
    cut = response('{"lab', status="incomplete", incomplete_details={"reason": "max_output_tokens"})
    assert read_answer(cut, "responses", 0.0).finish_reason == "length"
    assert read_answer(completion('{"lab', "length"), "chat", 0.0).finish_reason == "length"
    filtered = response("some", status="incomplete", incomplete_details={"reason": "content_filter"})
    assert read_answer(filtered, "responses", 0.0).finish_reason == "content_filter"


def test_an_empty_answer_that_ended_by_itself_is_an_answer() -> None:
    assert read_answer(response(""), "responses", 0.0).text == ""
    assert read_answer(completion(None), "chat", 0.0).text == ""


REFUSED = response("") | {"output": [{"type": "message", "content": [{"type": "refusal", "refusal": "I will not"}]}]}


@pytest.mark.parametrize(
    ("api", "said", "reason", "remedy"),
    [
        ("responses", REFUSED, "refused by the model", Remedy.NOTHING),
        ("chat", completion(None, refusal="I will not"), "refused by the model", Remedy.NOTHING),
        (
            "responses",
            response("", status="incomplete", incomplete_details={"reason": "max_output_tokens"}),
            "no text (length)",
            Remedy.NOTHING,
        ),
        ("chat", completion("", "content_filter"), "no text (content_filter)", Remedy.NOTHING),
        (
            "responses",
            response("", status="failed", error={"code": "server_error", "message": "oh"}),
            "failed (server_error)",
            Remedy.AGAIN,
        ),
        ("responses", response("", status="queued"), "not the API's JSON", Remedy.AGAIN),
        ("responses", {"message": "Hello from a proxy"}, "not the API's JSON", Remedy.AGAIN),
        ("responses", response("") | {"output": None}, "not the API's JSON", Remedy.AGAIN),
        ("chat", {"choices": []}, "not the API's JSON", Remedy.AGAIN),
        ("chat", {"choices": ["no"]}, "not the API's JSON", Remedy.AGAIN),
    ],
)
def test_what_is_no_answer_says_why(api: Any, said: dict[str, Any], reason: str, remedy: Remedy) -> None:
    with pytest.raises(NotAnswered) as failure:
        read_answer(said, api, 0.0)
    assert (failure.value.trouble.reason, failure.value.trouble.remedy) == (reason, remedy)


@pytest.mark.parametrize(
    ("refusal", "reason", "remedy"),
    [
        (Refusal(429, retry_after=90.0), "429 rate limited", Remedy.WAIT),
        (Refusal(429, code="insufficient_quota"), "429 insufficient_quota", Remedy.STOP),
        (Refusal(429, kind="insufficient_quota"), "429 insufficient_quota", Remedy.STOP),
        (Refusal(500), "HTTP 500", Remedy.AGAIN),
        (Refusal(503, code="server_is_overloaded", retry_after=2.0), "HTTP 503", Remedy.AGAIN),
        (Refusal(408), "HTTP 408", Remedy.AGAIN),
        (Refusal(401, code="invalid_api_key"), "401 invalid_api_key", Remedy.STOP),
        (Refusal(404, code="model_not_found"), "404 model_not_found", Remedy.STOP),
        (Refusal(400, code="model_not_found"), "400 model_not_found", Remedy.STOP),
        (Refusal(400, param="model"), "HTTP 400", Remedy.STOP),
        (Refusal(302), "HTTP 302", Remedy.STOP),
        (Refusal(400, code="context_length_exceeded"), "400 context_length_exceeded", Remedy.NOTHING),
        (Refusal(422), "HTTP 422", Remedy.NOTHING),
    ],
)
def test_a_refusal_says_what_may_help(refusal: Refusal, reason: str, remedy: Remedy) -> None:
    trouble = trouble_of(Failure("refused", refusal), "sentence")
    assert (trouble.reason, trouble.remedy, trouble.sentence) == (reason, remedy, "sentence")
    assert trouble.retry_after == (refusal.retry_after if remedy in {Remedy.WAIT, Remedy.AGAIN} else None)
