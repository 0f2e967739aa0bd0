"""What production is told about asking a model: what training used, or that it is not known."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jobs.aliases.call import Call, calls_of
from jobs.core.errors import NotFound
from jobs.core.records import Hyperparameters, Job
from jobs.platforms.profiles import PROFILES, Profile
from jobs.platforms.prompt_hash import prompt_hash
from jobs.tasks import TaskCatalogue
from tests.jobs.tasks.folder import SCHEMA, write_folder
from tests.records import a_job

FORMAT = {"type": "json_schema", "json_schema": {"name": "small", "strict": True, "schema": SCHEMA}}


def profile_of(name: str) -> Profile:
    if name != "local":
        raise NotFound(f"There is no platform '{name}'.")
    return replace(PROFILES[0], base_url="http://127.0.0.1:9/v1", api="chat")


def trained(**changes: Any) -> Job:
    asked = prompt_hash("Name the label.", FORMAT)
    job = a_job(task="small", platform="local", prompt="v1", prompt_hash=asked)
    effort = replace(job.request, hyperparameters=Hyperparameters(reasoning_effort="low"))
    return replace(job, request=effort, **changes)


async def test_everything_that_training_used_is_said(tmp_path: Path) -> None:
    call = await calls_of(TaskCatalogue(write_folder(tmp_path)), profile_of)(trained())
    said = call.as_json()
    assert said == {
        "address": "http://127.0.0.1:9/v1",
        "api": "chat",
        "effort": "low",
        "prompt": "v1",
        "prompt_sha256": hashlib.sha256(b"Name the label.").hexdigest(),
        "prompt_text": "Name the label.",
        "response_format_sha256": said["response_format_sha256"],
        "response_format": FORMAT,
        "matches_training": True,
    }
    text = json.dumps(FORMAT, sort_keys=True, separators=(",", ":"))
    assert said["response_format_sha256"] == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    "changes",
    [
        {"prompts/v1.md": "Name it.\n"},
        {"prompts/v1.md": None, "prompts/v2.md": "Name the label.\n"},
        {"response_format.json": None},
    ],
)
async def test_what_was_changed_since_is_not_said(tmp_path: Path, changes: dict[str, str | None]) -> None:
    call = await calls_of(TaskCatalogue(write_folder(tmp_path, changes)), profile_of)(trained())
    assert call == Call("http://127.0.0.1:9/v1", "chat", "low", "v1")


async def test_a_task_or_a_platform_that_is_gone_leaves_the_rest_unknown(tmp_path: Path) -> None:
    call_of = calls_of(TaskCatalogue(write_folder(tmp_path)), profile_of)
    assert await call_of(trained(task="gone")) == Call("http://127.0.0.1:9/v1", "chat", "low", "v1")
    assert await call_of(trained(platform="gone")) == Call(effort="low", prompt="v1")


async def test_free_text_asked_with_the_rows_own_messages_matches_with_nothing_around_it(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, {"prompts/v1.md": None, "response_format.json": None})
    call = await calls_of(TaskCatalogue(folder), profile_of)(trained(prompt="", prompt_hash=prompt_hash("", None)))
    assert (call.is_unchanged, call.prompt, call.prompt_text, call.response_format) == (True, None, None, None)
