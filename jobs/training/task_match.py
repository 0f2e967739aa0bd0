"""Whether a job launched elsewhere matches a task: its grader, response format and prompt compared with the task's.

A platform reports the grader, usually the response format, and the prompt only if it shows the training file.
"""

from collections.abc import Mapping
from contextlib import suppress

from jobs.core.errors import UserError
from jobs.core.series import JsonObject
from jobs.platforms.parse import RemoteJob, trainable
from jobs.platforms.prompt_hash import prompt_hash
from jobs.tasks import Task, TaskCatalogue


def tasks_like(tasks: TaskCatalogue, remote: RemoteJob) -> tuple[str, ...]:
    """Return the names of the tasks whose reward is the very grader that a job trains on. Blocks: reads every task."""
    found: list[str] = []
    for name in tasks.names():
        with suppress(UserError):  # a broken task says so when it is asked for
            if has_reward_of(tasks.load(name), remote):
                found.append(name)
    return tuple(found)


def has_reward_of(task: Task, remote: RemoteJob) -> bool:
    """Tell whether a job trains on the task's reward grader; False if its platform does not say."""
    return bool(remote.grader) and _plain(trainable(remote.grader)) == _plain(trainable(task.training_grader))


def prompt_in(task: Task, row: JsonObject | None) -> str | None:
    """Return the version of the task's prompt that a training row begins with; None if it begins with none of them.

    `row` is a line of the training file, or None if the platform does not show it.
    """
    messages = row.get("messages") if row else None
    if not isinstance(messages, list) or len(messages) < 2 or not isinstance(messages[0], Mapping):
        return None
    first = messages[0].get("content")
    return next((version for version in reversed(task.prompt_versions) if task.prompts[version] == first), None)


def matching_prompt_hash(task: Task, remote: RemoteJob, prompt: str | None) -> str:
    """Return the hash of what a job is trained with; empty unless prompt and response format are known to match.

    `prompt` is the version found in its training rows, if any.
    """
    is_known = prompt is not None and not _format_remark(task, remote)
    return prompt_hash(task.prompts[prompt], task.response_format) if is_known and prompt else ""


def remarks(task: Task, remote: RemoteJob, row: JsonObject | None) -> tuple[str, ...]:
    """Return how a job differs from the task, or may differ, as sentences; empty if it is known to match."""
    found: list[str] = []
    if not has_reward_of(task, remote):
        is_what = f"is {remote.reward}" if remote.reward else "is not known"
        if remote.reward == task.trained_by:
            is_what = f"is called {task.trained_by} too, and defined otherwise"
        found.append(f"The job's grader {is_what}; here {task.reward} of {task.name} counts.")
    if remark := _format_remark(task, remote):
        found.append(remark)
    if task.default_prompt and not prompt_in(task, row):
        what = "not known" if row is None else f"none of those of {task.name}"
        asked_with = f"its checkpoints are asked with {task.default_prompt} of {task.name}"
        found.append(f"The job's prompt is {what}; {asked_with}.")
    return tuple(found)


def _format_remark(task: Task, remote: RemoteJob) -> str:
    """Return how the response formats differ, as a sentence; "" if they are known to match.

    A platform says nothing of the format of a job that answers in free text, or `{"type": "text"}`.
    """
    if task.response_format is None:
        has_none = _plain(remote.response_format) in ({}, {"type": "text"})
        return "" if has_none else f"The job answers in a response format; {task.name} asks for free text."
    if not remote.response_format:
        return f"The job's response format is not known; here that of {task.name} is asked for."
    if _plain(remote.response_format) != _plain(task.response_format):
        return f"The job's response format differs from that of {task.name}, which is asked for here."
    return ""


def _plain(value: object) -> object:
    """Return a JSON value without the fields that are null: platforms add some of those."""
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items() if each is not None}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value
