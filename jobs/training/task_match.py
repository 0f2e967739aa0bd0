"""Whether a job launched elsewhere is one of a task's: its grader, response format and prompt compared with the task's.

A platform tells the grader, mostly the response format, and the prompt only where it shows the training file.
"""

from collections.abc import Iterator, Mapping

from jobs.core.errors import UserError
from jobs.core.series import JsonObject
from jobs.platforms.parse import RemoteJob, trainable
from jobs.platforms.prompt_hash import prompt_hash
from jobs.tasks import Task, TaskCatalogue


def tasks_like(tasks: TaskCatalogue, remote: RemoteJob) -> tuple[str, ...]:
    """Return the names of the tasks whose reward is the very grader that a job trains on. Blocks: reads every task."""
    return tuple(task.name for task in _readable(tasks) if has_reward_of(task, remote))


def has_reward_of(task: Task, remote: RemoteJob) -> bool:
    """Tell whether a job trains on the task's reward grader; False where its platform does not say."""
    return bool(remote.grader) and _plain(trainable(remote.grader)) == _plain(trainable(task.reward_grader))


def prompt_in(task: Task, row: JsonObject | None) -> str | None:
    """Return the version of the task's prompt that a training row begins with; None where it begins with none of them.

    `row` is a line of the training file, or None if the platform does not show it.
    """
    messages = row.get("messages") if row else None
    if not isinstance(messages, list) or len(messages) < 2 or not isinstance(messages[0], Mapping):
        return None
    first = messages[0].get("content")
    return next((version for version in reversed(task.prompt_versions) if task.prompts[version] == first), None)


def asked_alike(task: Task, remote: RemoteJob, prompt: str | None) -> str:
    """Return the hash of what a job is trained with; empty where prompt or response format are not known to be these.

    `prompt` is the version found in its training rows, if any.
    """
    is_known = prompt is not None and _plain(remote.response_format) == _plain(task.response_format)
    return prompt_hash(task.prompts[prompt], task.response_format) if is_known and prompt else ""


def remarks(task: Task, remote: RemoteJob, row: JsonObject | None) -> tuple[str, ...]:
    """Return in what a job differs from the task, or may, as sentences; nothing where it is known to be alike."""
    return tuple(filter(None, (_on_grader(task, remote), _on_format(task, remote), _on_prompt(task, row))))


def _on_grader(task: Task, remote: RemoteJob) -> str:
    if has_reward_of(task, remote):
        return ""
    is_what = f"is {remote.reward}" if remote.reward else "is not known"
    if remote.reward == task.reward:
        is_what = f"is called {task.reward} too, and defined otherwise"
    return f"The job's grader {is_what}; here {task.reward} of {task.name} counts."


def _on_format(task: Task, remote: RemoteJob) -> str:
    if not remote.response_format:
        return f"The job's response format is not known; here that of {task.name} is asked for."
    if _plain(remote.response_format) == _plain(task.response_format):
        return ""
    return f"The job's response format differs from that of {task.name}, which is asked for here."


def _on_prompt(task: Task, row: JsonObject | None) -> str:
    if not task.default_prompt or prompt_in(task, row):
        return ""
    what = "not known" if row is None else f"none of those of {task.name}"
    return f"The job's prompt is {what}; its checkpoints are asked with {task.default_prompt} of {task.name}."


def _readable(tasks: TaskCatalogue) -> Iterator[Task]:
    """Yield every task that can be read; a broken one says so where it is asked for."""
    for name in tasks.names():
        try:
            yield tasks.load(name)
        except UserError:
            continue


def _plain(value: object) -> object:
    """Return a JSON value without the fields that are null: platforms add some of those."""
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items() if each is not None}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value
