"""Evals of tasks without labels: asked without a format, with tools, shown by the task's own graders."""

import json

import pytest

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
    assert (summary.micro, summary.grader_errors) == (None, {})
    view = await read_eval(lab.evals, ended)
    assert view.evaluation.headline_graders == ("exact", "close")
    assert "precision" not in view.headline
