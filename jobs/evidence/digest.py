"""What an approval of a checkpoint rests on, as short digests: equal ones mean that nothing of it has changed."""

import hashlib
import json
from collections.abc import Mapping
from typing import Final

from jobs.tasks import Task

DIGITS: Final = 16
UNDER_TEST: Final = ("dataset", "test", "graders", "prompt", "schema")
"""The parts that come from the task; the others are the evals."""


def parts_of(
    task: Task, prompt: str, *, valid: str, test: str | None, valid_eval: str | None, test_eval: str | None
) -> dict[str, str]:
    """Return what the evidence for every checkpoint of a job rests on, each part as a digest or an id.

    Args:
        task: as its files are now.
        prompt: the version that the job was trained with.
        valid: the split that chooses.
        test: the held-out split; None where the task has none.
        valid_eval: the eval on the one.
        test_eval: the eval on the other.
    """
    return {
        "dataset": task.digests[task.splits[valid].name],
        "test": task.digests[task.splits[test].name] if test else "",
        "graders": hash_of({"graders": task.graders, "reward": task.reward}),
        "prompt": hash_of(task.prompts.get(prompt, "")),
        "schema": hash_of(task.response_format),
        "valid_eval": valid_eval or "",
        "test_eval": test_eval or "",
    }


def digest_of(checkpoint: str, model: str, parts: Mapping[str, str]) -> str:
    """Return 16 hex digits over a checkpoint's id, its model's id and the parts; see `parts_of`."""
    return hash_of({"checkpoint": checkpoint, "model": model, "parts": parts})


def changed_parts(before: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of the task's parts that are others now, in the order of `UNDER_TEST`."""
    return tuple(part for part in UNDER_TEST if before.get(part, "") != now.get(part, ""))


def hash_of(value: object) -> str:
    """Return 16 hex digits over a JSON value. The order of keys does not count."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]
