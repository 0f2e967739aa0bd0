"""Evals of tasks without labels: asked without a format, with tools, shown by the task's own graders."""

import json
from dataclasses import replace
from typing import Literal

import pytest

from jobs.core.errors import InvalidRequest
from jobs.evals.records import EvalState
from jobs.views.eval import read_eval
from tests.jobs.evals.laboratory import Laboratory, valid_rows
from tests.jobs.tasks.folder import line

SAME = json.dumps(
    {
        "type": "string_check",
        "name": "exact",
        "input": "{{sample.output_text}}",
        "reference": "{{item.reference_answer}}",
        "operation": "eq",
    }
)
CLOSE = json.dumps(
    {
        "type": "text_similarity",
        "name": "close",
        "input": "{{sample.output_text}}",
        "reference": "{{item.reference_answer}}",
        "evaluation_metric": "fuzzy_match",
    }
)


async def test_what_a_row_offers_and_what_tools_said_is_sent(lab: Laboratory) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": "{}"}}
    function = {"name": "find", "parameters": {"type": "object", "properties": {}}}
    tool = {"type": "function", "function": function}
    turns = [
        {"role": "user", "content": "Where?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "shelf 4"},
        {"role": "user", "content": "So?"},
    ]
    lab.write_task({"valid.jsonl": line("a", messages=turns, tools=[tool], parallel_tool_calls=False)})
    started = await lab.start()

    await lab.run(started.id)

    (heard,) = lab.endpoint.heard
    assert heard.body["tools"] == [{"type": "function", **function}]
    assert [item.get("type", item.get("role")) for item in heard.body["input"]] == [
        "user",
        "function_call",
        "function_call_output",
        "user",
    ]
    assert heard.body["parallel_tool_calls"] is False
    (item,) = lab.evals.answer_store.items(started.id)
    assert "tool: shelf 4" in item.input
    assert '"name": "find"' in item.input


FIND = {
    "type": "function",
    "function": {"name": "find", "parameters": {"type": "object", "properties": {"shelf": {"type": "integer"}}}},
}
CALLS = """
import json
def grade(sample, item):
    (call,) = sample["output_tools"]
    assert sample["choices"][0]["message"]["tool_calls"] == sample["output_tools"]
    arguments = json.loads(call["function"]["arguments"])
    return 0.5 * (call["function"]["name"] == "find") + 0.5 * (arguments.get("shelf") == item["shelf"])
"""
NAMED = {
    "type": "string_check",
    "name": "named",
    "input": "{{sample.output_tools[0].function.name}}",
    "reference": "{{item.reference_answer}}",
    "operation": "eq",
}


def write_tool_task(lab: Laboratory) -> None:
    rows = "".join(line(f"i{n}", tools=[FIND], shelf=n, reference_answer="find") for n in range(2))
    exact = json.dumps({"type": "python", "name": "exact", "source": CALLS})
    lab.write_task({"graders/exact.json": exact, "graders/named.json": json.dumps(NAMED), "valid.jsonl": rows})
    (lab.folder / "tasks" / "small" / "response_format.json").unlink()


@pytest.mark.parametrize("api", ["responses", "chat"])
async def test_graders_see_what_an_answer_calls_in_either_api(
    lab: Laboratory, api: Literal["responses", "chat"]
) -> None:
    _, gateway = lab.platform_of("local")
    gateway.profile = replace(gateway.profile, api=api)
    write_tool_task(lab)
    lab.endpoint.calls = lambda _: ("find", '{"shelf": 1}')
    started = await lab.start()

    ended = await lab.run(started.id)

    (summary,) = ended.summaries
    assert {each.grader: each.mean for each in summary.graders} == {"exact": 0.75, "named": 1.0}
    assert summary.micro is None or summary.micro.f1 == 1.0, "the label of an answer that calls a tool is its name"
    assert summary.grader_errors == {}
    assert lab.answers(started.id)[0].shown == 'find({"shelf": 1})'


async def test_words_where_a_call_is_due_are_counted_and_score_as_in_training(lab: Laboratory) -> None:
    write_tool_task(lab)
    lab.endpoint.says = lambda _: "Shelf 1, I think."
    started = await lab.start()

    ended = await lab.run(started.id)

    assert ended.note is None
    (summary,) = ended.summaries
    for each in summary.graders:
        assert (each.mean, each.graded, each.ungradable) == (0.0, 2, 2)


@pytest.mark.parametrize("written", [None, '{"type": "text"}'])
async def test_a_task_without_a_response_format_is_evaluated_as_free_text(lab: Laboratory, written: str | None) -> None:
    lab.write_task(
        {
            "response_format.json": written,
            "graders/exact.json": SAME,
            "graders/close.json": CLOSE,
            "valid.jsonl": valid_rows(6),
        }
    )
    if written is None:
        (lab.folder / "tasks" / "small" / "response_format.json").unlink()
    lab.endpoint.says = lambda _: "fish"
    started = await lab.start()

    ended = await lab.run(started.id)

    assert ended.state is EvalState.FINISHED
    assert all("text" not in heard.body and "response_format" not in heard.body for heard in lab.endpoint.heard)
    (summary,) = ended.summaries
    means = {each.grader: each.mean for each in summary.graders}
    assert means["exact"] == pytest.approx(1 / 3)
    assert summary.grader_errors == {}
    assert summary.micro is not None, "references that come again and again are classes"
    assert summary.micro.f1 == pytest.approx(1 / 3)
    view = await read_eval(lab.evals, ended)
    assert view.evaluation.headline_graders == ("exact", "close")
    assert "precision" not in view.headline


async def test_a_grader_that_only_its_platform_runs_is_left_out_and_said(lab: Laboratory) -> None:
    far = {"type": "lambda", "name": "far", "lambda": {"function": "arn:aws:lambda:us-west-2:1:function:f"}}
    lab.write_task({"task.yaml": "reward: far\n", "graders/far.json": json.dumps(far), "valid.jsonl": valid_rows(3)})
    started = await lab.start()

    ended = await lab.run(started.id)

    assert (ended.reward, ended.progress.rewards) == ("exact", {"small": 1.0})
    assert "far is a grader of type 'lambda', which only Amazon Bedrock can run." in (ended.left_out_note or "")

    lab.write_task({"task.yaml": "reward: far\n", "graders/far.json": json.dumps(far)})
    (lab.folder / "tasks" / "small" / "graders" / "exact.json").unlink()
    with pytest.raises(InvalidRequest, match=r"Amazon Bedrock can run\. Add a grader that runs here to small; answers"):
        await lab.start()
