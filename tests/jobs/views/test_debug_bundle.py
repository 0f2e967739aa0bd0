"""A debug bundle has what somebody needs who was not there, and neither rows nor secrets."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from bot.logs import Redactor
from jobs.core.records import JobState
from jobs.core.series import GraderFigures, Series
from jobs.platforms.parse import RemoteEvent
from jobs.platforms.profiles import PROFILES
from jobs.tasks import TaskCatalogue
from jobs.views.debug_bundle import debug_bundle, grader_errors
from jobs.views.job import JobView
from tests.jobs.tasks.folder import grader, write_folder
from tests.records import a_job, a_remote, a_step

KEY = "the-key-of-the-platform"
SECRETS = (
    KEY,
    "sk-proj-planted0123456789",
    "xoxb-1111-planted-token",
    "whsec_planted0123",
    "Bearer planted.bearer.token",
    "planted-in-the-source",
    "planted-password",
)
SOURCE = (
    "API_KEY = 'planted-in-the-source'\n"
    'headers = {"Authorization": "Bearer planted.bearer.token"}\n'
    'db_password = "planted-password"\n'
    "key = 'sk-proj-planted0123456789'\n"
)


def failing(number: int, share: float) -> Any:
    figures = GraderFigures("exact", train_errors={"python_grader_runtime_error": share, "sample_parse_error": 0.0})
    return a_step(number, graders=(figures,))


def made(tmp_path: Path, **changes: Any) -> dict[str, Any]:
    definition = json.loads(grader("exact"))
    definition["source"] = SOURCE + definition["source"]
    folder = write_folder(tmp_path, {"graders/exact.json": json.dumps(definition)})
    job = a_job(state=JobState.FAILED, task="small", prompt="v1", note=f"401 for {KEY}: xoxb-1111-planted-token")
    events = (
        RemoteEvent("ev-1", 1.0, "info", "created", "message"),
        RemoteEvent("ev-2", 2.0, "error", "grader failed with whsec_planted0123", "message", {"step": 3}),
    )
    given = {"remote": a_remote("failed", seed=42, grader=definition), "events": events, **changes}
    view = JobView(job, Series.of([failing(3, 0.25), failing(4, 1.0), a_step(5)]), None, None, PROFILES[0])
    task = TaskCatalogue(folder).load("small")
    text = debug_bundle(view, given["remote"], given["events"], given.get("task", task), now=9.0)
    hidden = Redactor([SecretStr(KEY)])(text)
    assert sum(secret in text for secret in SECRETS) >= 2, "they are planted"
    assert not [secret for secret in SECRETS if secret in hidden]
    found: dict[str, Any] = json.loads(hidden)
    return found


def test_everything_is_in_it_and_no_secret(tmp_path: Path) -> None:
    bundle = made(tmp_path)
    assert bundle["about"]["job"] == bundle["job"]["id"] == "rft-abc234"
    assert bundle["remote"]["seed"] == 42
    assert [event["id"] for event in bundle["troubled_events"]] == ["ev-2"]
    assert [event["id"] for event in bundle["events"]] == ["ev-1", "ev-2"]
    assert [step["step"] for step in bundle["curves"]] == [3, 4, 5]
    assert bundle["grader_errors"][0]["largest_share"] == 1.0
    assert bundle["task"]["prompt"] == "Name the label."
    assert "def grade(sample, item)" in bundle["task"]["graders"]["exact"]["source"]
    assert "API_KEY = '[hidden]" in bundle["task"]["graders"]["exact"]["source"]
    assert (bundle["platform"]["name"], bundle["platform"]["default_key"]) == ("local", None)
    assert "text a" not in json.dumps(bundle), "no row of the data set"


def test_what_could_not_be_had_says_why(tmp_path: Path) -> None:
    why = "Local platform cannot be reached."
    bundle = made(tmp_path, remote=why, events=why, task="There is no task 'small'.")
    assert (bundle["remote"], bundle["events"], bundle["task"]) == (why, why, "There is no task 'small'.")
    assert bundle["troubled_events"] == []
    assert len(bundle["curves"]) == 3


def test_grader_errors_are_summed_up_by_grader_and_kind() -> None:
    other = replace(failing(7, 0.5), graders=(GraderFigures("judge", valid_errors={"model_grader_server_error": 0.1}),))
    assert grader_errors(Series.of([failing(3, 0.25), failing(4, 0.5), other])) == [
        {
            "grader": "exact",
            "error": "python_grader_runtime_error",
            "steps": 2,
            "first": 3,
            "last": 4,
            "largest_share": 0.5,
        },
        {
            "grader": "judge",
            "error": "model_grader_server_error",
            "steps": 1,
            "first": 7,
            "last": 7,
            "largest_share": 0.1,
        },
    ]
