"""Inspect logs: their shape here, and their own loader where PROCTOR_INSPECT_PYTHON names a Python that has it."""

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jobs.evals.answer_store import Item
from jobs.evals.export import inspect_log_name, write_inspect_log
from jobs.evals.records import Answer, Arm, ArmSummary, Eval, EvalState, GraderSummary, Interval
from jobs.evals.report.cache import write_whole
from jobs.evals.reviews import NO_REVIEWS, Review, grade_of
from tests.jobs.evals.reported import an_answer, an_eval, some_answers, some_items

ARM = Arm("local-policy-1", "low")
ITEMS = (Item("a", "Aid for ports \U0001f9ea.", ["law", "transport"]), Item("b", "Why?", "Because."))
ANSWERS = (
    an_answer("a", 1, arm=ARM.name),
    an_answer("a", 2, arm=ARM.name, text="half \ud83d", scores={"f1": float("nan"), "recall": 0.0}),
    an_answer("a", 1, arm="another"),
    Answer("b", ARM.name, 1, failure="429 rate limited", latency=60.0),
    an_answer("b", 2, arm=ARM.name, scores={}, grader_errors={"f1": "time-out"}, finish_reason="max_output_tokens"),
    an_answer("gone", 1, arm=ARM.name),
)


def with_summary(evaluation: Eval, arm: Arm) -> Eval:
    f1 = GraderSummary("f1", 0.54, 0.02, Interval(0.5, 0.58), 3)
    summary = ArmSummary(arm.name, 3, {"429 rate limited": 1}, graders=(f1,), input_tokens=900, output_tokens=90)
    return replace(evaluation, summaries=(summary,))


def exported(folder: Path, evaluation: Eval | None = None) -> Path:
    evaluation = evaluation or with_summary(an_eval(arms=(ARM, Arm("another")), items=2), ARM)
    out = folder / inspect_log_name(evaluation, ARM)
    write_whole(out, lambda log: write_inspect_log(log, evaluation, ARM, ITEMS, ANSWERS))
    return out


def loaded(path: Path) -> dict[str, Any]:
    log: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return log


def test_each_answer_of_the_arm_is_a_sample_and_its_run_the_epoch(tmp_path: Path) -> None:
    log = loaded(exported(tmp_path))

    assert [(sample["id"], sample["epoch"]) for sample in log["samples"]] == [
        ("a", 1),
        ("a", 2),
        ("b", 1),
        ("b", 2),
        ("gone", 1),
    ]
    first = log["samples"][0]
    assert (first["input"], first["target"]) == ("Aid for ports \U0001f9ea.", ["law", "transport"])
    assert {name: score["value"] for name, score in first["scores"].items()} == {
        "precision": 1.0,
        "recall": 0.5,
        "f1": 0.67,
    }
    assert (log["eval"]["model"], log["eval"]["config"]) == ("local-policy-1", {"epochs": 2})
    assert log["results"]["scores"][0]["metrics"]["mean"] == {"name": "mean", "value": 0.54}
    assert (log["results"]["total_samples"], log["results"]["completed_samples"]) == (4, 3)


def test_what_people_say_of_a_score_stands_with_it_and_the_score_stays(tmp_path: Path) -> None:
    evaluation = an_eval(arms=(ARM,), fingerprints={"f1": "v1"}, judges=("f1",))
    grade = grade_of(evaluation, ITEMS[0], ANSWERS[0], "f1", NO_REVIEWS)
    assert grade is not None
    review = Review("U0ALICE", "alice", 1.0, 0.67, is_right=False, score=1.0, note="a synonym")
    reviews, out = NO_REVIEWS.with_grade(grade.reviewed.with_review(review)), tmp_path / "log.json"

    write_whole(out, lambda log: write_inspect_log(log, evaluation, ARM, ITEMS, ANSWERS, reviews))

    score = loaded(out)["samples"][0]["scores"]["f1"]
    assert score["value"] == 0.67
    (said,) = score["metadata"]["people"]
    assert (said["who"], said["right"], said["score"], said["why"]) == ("U0ALICE", False, 1.0, "a synonym")
    assert "0 of 1 (0%) that people picked" in loaded(out)["eval"]["metadata"]["checked_by_people"][0]
    assert "metadata" not in loaded(out)["samples"][0]["scores"]["recall"]


def test_what_has_no_score_has_none_there_either(tmp_path: Path) -> None:
    _, odd, failed, ungraded, gone = loaded(exported(tmp_path))["samples"]

    assert list(odd["scores"]) == ["recall"]
    assert (failed["scores"], failed["error"]["message"]) == ({}, "429 rate limited")
    assert (ungraded["scores"], ungraded["metadata"]) == ({}, {"grader_errors": {"f1": "time-out"}})
    assert ungraded["output"]["choices"][0]["stop_reason"] == "max_tokens"
    assert gone["target"] == ""


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (EvalState.FINISHED, "success"),
        (EvalState.CANCELLED, "cancelled"),
        (EvalState.RUNNING, "started"),
        (EvalState.FAILED, "error"),
    ],
)
def test_the_state_is_said_in_their_words(tmp_path: Path, state: EvalState, status: str) -> None:
    log = loaded(exported(tmp_path, an_eval(arms=(ARM,), state=state, note="Why it is so.")))

    assert log["status"] == status
    assert ("error" in log) == (status == "error")
    assert log["results"] is None


def test_exported_again_it_is_the_same_file(tmp_path: Path) -> None:
    first = exported(tmp_path).read_bytes()

    assert exported(tmp_path).read_bytes() == first
    assert [path.name for path in tmp_path.iterdir()] == [inspect_log_name(an_eval(), ARM)]


LOADER = """
import sys
from inspect_ai.log import list_eval_logs, read_eval_log, read_eval_log_sample_summaries
(info,) = list_eval_logs(sys.argv[1])
log, head = read_eval_log(info), read_eval_log(info, header_only=True)
assert head.samples is None and head.eval == log.eval and head.results == log.results
assert len(read_eval_log_sample_summaries(info)) == len(log.samples)
scored = [sample.scores["f1"].as_float() for sample in log.samples if "f1" in sample.scores]
failed = sum(1 for sample in log.samples if sample.error)
print(log.status, log.eval.model, len(log.samples), failed, len(scored), log.results.scores[0].metrics["mean"].value)
"""


def test_their_own_loader_reads_it(tmp_path: Path) -> None:
    python = os.environ.get("PROCTOR_INSPECT_PYTHON")
    if python is None:
        pytest.skip("set PROCTOR_INSPECT_PYTHON to a Python with inspect-ai to load the log with its own loader")
    exported(tmp_path)
    big = tmp_path / "big"
    big.mkdir()
    evaluation = with_summary(an_eval(arms=(ARM,), items=100, runs=9), ARM)
    items = list(some_items(100))
    name = inspect_log_name(evaluation, ARM)
    answers = some_answers(evaluation, items)
    write_whole(big / name, lambda log: write_inspect_log(log, evaluation, ARM, items, answers))

    assert _said(python, big).startswith("success local-policy-1 900 ")
    (big / name).unlink()
    big.rmdir()
    assert _said(python, tmp_path) == "success local-policy-1 5 1 2 0.54"


def _said(python: str, folder: Path) -> str:
    done = subprocess.run([python, "-c", LOADER, str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2_000:]
    return done.stdout.strip()


def test_what_an_answer_calls_goes_out_as_inspect_has_it(tmp_path: Path) -> None:
    calls = tuple(
        {"id": f"c{n}", "type": "function", "function": {"name": "find", "arguments": arguments}}
        for n, arguments in enumerate(['{"shelf": 4}', '{"cut sho'])
    )
    evaluation = an_eval(arms=(ARM,), items=1)
    out = tmp_path / "log.json"
    answer = replace(an_answer("a", 1, arm=ARM.name), text="", tool_calls=calls)
    write_whole(out, lambda log: write_inspect_log(log, evaluation, ARM, ITEMS, [answer]))
    (sample,) = loaded(out)["samples"]
    (choice,) = sample["output"]["choices"]
    assert choice["message"]["tool_calls"] == sample["messages"][-1]["tool_calls"]
    assert choice["message"]["tool_calls"] == [
        {"id": "c0", "type": "function", "function": "find", "arguments": {"shelf": 4}},
        {"id": "c1", "type": "function", "function": "find", "arguments": {"raw": '{"cut sho'}},
    ]
    assert sample["scores"]["f1"]["answer"] == 'find({"shelf": 4})\nfind({"cut sho)'
