"""From which job a new one was launched again, and what was changed: read from what both were asked for."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Final

from jobs.core.hyperparameters import AUTO, TYPED_KEYS
from jobs.core.records import Job

MOST_CHANGES: Final = 2
"""A job with more changes is an experiment of its own."""
NEWEST: Final = 100
"""Jobs among which the earlier one is looked for."""
_WORDS: Final = {field: key for key, field in TYPED_KEYS.items()}


def launched_like(job: Job, earlier: Iterable[Job]) -> str:
    """Return the job of its task that a job is most like, and what it changes: `as rft-x, but seed 43 (was 42)`.

    "" where each of them differs in more than two settings. Of equals the first counts.
    """
    alike = [(each, _changes(each, job)) for each in earlier if each.task == job.task and not each.imported]
    near = min((pair for pair in alike if pair[0].id != job.id), key=lambda pair: len(pair[1]), default=None)
    if near is None or len(near[1]) > MOST_CHANGES:
        return ""
    return f"as {near[0].id}{', but ' if near[1] else ''}{' and '.join(near[1])}"


def _changes(before: Job, after: Job) -> list[str]:
    was, now = _settings(before), _settings(after)
    said = [f"{name} {now[name]} (was {was[name]})" for name in now if now[name] != was[name]]
    return [*said, *(["with the task's files changed since"] if before.task_version != after.task_version else [])]


def _settings(job: Job) -> dict[str, str]:
    asked = job.request
    chosen = {_WORDS.get(name, name): value for name, value in asdict(asked.hyperparameters).items()}
    named = {"platform": job.platform, "model": job.model, "prompt": job.prompt, "suffix": job.suffix}
    named["reward"] = job.training_reward
    values = {"seed": asked.seed, "items": asked.items, **chosen, **named}
    return {name: AUTO if value is None else str(value) for name, value in values.items()}
