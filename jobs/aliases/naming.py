"""How aliases are called: `<task>@<label>`."""

import re
from typing import Final

from jobs.core.errors import InvalidRequest
from jobs.core.records import Job

LABEL: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,39}")
UNFIT: Final = re.compile(r"[^A-Za-z0-9_.-]+")
MOST_TASK: Final = 60


def task_part(task: str) -> str:
    """Return the part of an alias that names its task; characters that do not suit an address become dashes."""
    return UNFIT.sub("-", task).strip("-")[:MOST_TASK] or "task"


def alias_of(job: Job) -> str:
    """Return the alias that a job's approved checkpoint goes to, unless somebody chooses another."""
    return f"{task_part(job.task)}@{job.alias}"


def read_alias(typed: str, task: str) -> str:
    """Return the full name of the alias of a task that was typed, as `production` or `eurovoc@production`.

    Raises:
        InvalidRequest: it is another task's, or no name at all.
    """
    own = task_part(task)
    before, at, label = typed.strip().rpartition("@")
    if at and before != own:
        raise InvalidRequest(f"'{typed.strip()}' is not an alias of {own}; its aliases begin with '{own}@'.")
    if not LABEL.fullmatch(label):
        raise InvalidRequest(
            f"'{label}' cannot be the name of an alias: 1 to 40 lower-case letters, digits, dots, dashes or "
            "underscores, beginning with a letter or digit, such as 'production'."
        )
    return f"{own}@{label}"
