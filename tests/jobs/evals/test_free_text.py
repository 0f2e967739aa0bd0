"""Evals of tasks that answer in free text: asked without a format, graded as text, shown by the task's own graders."""

import json

import pytest

from jobs.evals.records import EvalState
from jobs.views.eval import read_eval
from tests.jobs.evals.laboratory import Laboratory, valid_rows

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
    assert view.graders == ("exact", "close")
    assert "precision" not in view.headline
