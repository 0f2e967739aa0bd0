"""A job launched elsewhere beside a task: the same grader, response format and prompt, or what differs."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jobs.platforms.parse import RemoteJob
from jobs.platforms.prompt_hash import prompt_hash
from jobs.tasks import Task, TaskCatalogue
from jobs.training.task_match import has_reward_of, matching_prompt_hash, prompt_in, remarks, tasks_like
from tests.jobs.tasks.folder import grader, write_folder


@pytest.fixture
def task(tmp_path: Path) -> Task:
    return TaskCatalogue(write_folder(tmp_path, {"prompts/v2.md": "Name it.\n"})).load("small")


def of(task: Task, **changes: Any) -> RemoteJob:
    """Return a job that trains on the task's reward and response format."""
    remote = RemoteJob(
        "ftjob-1", "running", reward="exact", grader=task.reward_grader, response_format=task.response_format or {}
    )
    return replace(remote, **changes)


def a_row(*contents: str) -> Mapping[str, object]:
    roles = ("developer", *["user"] * len(contents))
    return {"messages": [{"role": role, "content": text} for role, text in zip(roles, contents, strict=False)]}


ASKED = a_row("Name the label.", "text a")


def test_a_job_like_the_task_leaves_nothing_to_be_said(task: Task) -> None:
    assert remarks(task, of(task), ASKED) == ()
    assert prompt_in(task, ASKED) == "v1"
    assert prompt_in(task, a_row("Name it.", "text a")) == "v2"
    assert matching_prompt_hash(task, of(task), "v2") == prompt_hash("Name it.", task.response_format)


@pytest.mark.parametrize(
    ("definition", "like"),
    [
        ({"pass_threshold": 0.5}, True),
        ({"image_tag": None}, True),
        ({"source": "def grade(sample, item):\n    return 0.5\n"}, False),
        ({"name": "other"}, False),
    ],
)
def test_a_grader_is_the_same_but_for_what_training_does_not_take(
    task: Task, definition: Mapping[str, object], like: bool
) -> None:
    assert has_reward_of(task, of(task, grader={**task.reward_grader, **definition})) is like


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"grader": {}, "reward": None}, "The job's grader is not known; here exact of small counts."),
        (
            {"grader": {"name": "f1", "type": "python"}, "reward": "f1"},
            "The job's grader is f1; here exact of small counts.",
        ),
        (
            {"grader": {"name": "exact", "type": "python"}},
            "The job's grader is called exact too, and defined otherwise; here exact of small counts.",
        ),
        (
            {"response_format": {}},
            "The job's response format is not known; here that of small is asked for.",
        ),
        (
            {"response_format": {"type": "json_object"}},
            "The job's response format differs from that of small, which is asked for here.",
        ),
    ],
)
def test_what_differs_is_said(task: Task, changes: dict[str, Any], said: str) -> None:
    assert remarks(task, of(task, **changes), ASKED) == (said,)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (None, "The job's prompt is not known; its checkpoints are asked with v2 of small."),
        (
            a_row("Say something.", "text a"),
            "The job's prompt is none of those of small; its checkpoints are asked with v2 of small.",
        ),
    ],
)
def test_a_prompt_that_is_not_the_tasks_is_said(task: Task, row: Mapping[str, object] | None, said: str) -> None:
    assert remarks(task, of(task), row) == (said,)
    assert matching_prompt_hash(task, of(task), prompt_in(task, row)) == ""


@pytest.mark.parametrize("row", [{}, {"messages": "x"}, {"messages": ["x", "y"]}, a_row("Name the label.")])
def test_a_row_that_is_none_of_ours_names_no_prompt(task: Task, row: Mapping[str, object]) -> None:
    assert prompt_in(task, row) is None


def test_with_another_response_format_it_is_not_matching_prompt_hash(task: Task) -> None:
    assert matching_prompt_hash(task, of(task, response_format={}), "v1") == ""


def test_a_task_whose_rows_bring_their_messages_has_no_prompt_to_differ_in(tmp_path: Path) -> None:
    row = json.dumps({"item": {"id": "a", "messages": [{"role": "user", "content": "Hello"}]}}) + "\n"
    changes = {"prompts/v1.md": None, "train.jsonl": row, "valid.jsonl": row}
    task = TaskCatalogue(write_folder(tmp_path, changes)).load("small")
    assert remarks(task, of(task), None) == ()


def test_tasks_with_the_same_reward_are_found_and_broken_ones_passed_over(tmp_path: Path) -> None:
    for name, changes in {
        "first": {},
        "second": {},
        "third": {"graders/exact.json": grader("exact").replace("1.0", "0.5")},
        "broken": {"graders/exact.json": "{"},
    }.items():
        write_folder(tmp_path, changes, name)
    catalogue = TaskCatalogue(tmp_path)
    first = catalogue.load("first")
    assert tasks_like(catalogue, of(first)) == ("first", "second")
    assert tasks_like(catalogue, of(first, grader={})) == ()
