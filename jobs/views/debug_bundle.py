"""One file for whoever must look at a job that failed: what it was, what its platform said, its curves and errors.

No row of the data set is in it. Secrets are taken out by whoever hands it over, from the finished text.
"""

import json
import platform as machine
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Final

from jobs.core.series import Series
from jobs.graders import without_secrets
from jobs.platforms.parse import RemoteEvent, RemoteJob
from jobs.state.change import STEP
from jobs.tasks import Task
from jobs.views.job import JobView

MOST_EVENTS: Final = 2_000
_ASSIGNED: Final = re.compile(
    r"""(?i)((?:api[-_]?key|secret|token|passw(?:or)?d)\w{0,32}\s{0,8}=\s{0,8}\\{0,2}["'])[^"'\\\n]{4,200}"""
)
"""A secret that somebody has written into a grader's source."""
TROUBLED: Final = frozenset({"warn", "warning", "error"})


def debug_bundle(
    view: JobView,
    remote: RemoteJob | str,
    events: Sequence[RemoteEvent] | str,
    task: Task | str,
    *,
    now: float,
) -> str:
    """Return a job's debug bundle as JSON text with an object of named parts.

    Args:
        view: what the bot knows.
        remote: the job as the platform has it, or why that could not be had.
        events: the newest of what the platform said, oldest first, or why not.
        task: as its folder is now, or why it cannot be read.
        now: unix seconds.
    """
    job = view.job
    told = () if isinstance(events, str) else events
    parts: dict[str, object] = {
        "about": {"job": job.id, "made_at": now, "python": machine.python_version()},
        "job": asdict(job),
        "remote": remote if isinstance(remote, str) else {**asdict(remote), "grader": without_secrets(remote.grader)},
        "grader_errors": grader_errors(view.series),
        "troubled_events": [asdict(each) for each in told if each.level.lower() in TROUBLED],
        "events": events if isinstance(events, str) else [asdict(each) for each in told],
        "curves": [STEP.dump_python(step, mode="json", exclude_defaults=True) for step in view.series.steps],
        "evidence": asdict(view.evidence) if view.evidence else None,
        "approval": asdict(view.approval) if view.approval else None,
        "platform": {**asdict(view.profile), "default_key": None} if view.profile else None,
        "task": task if isinstance(task, str) else _task(task, job.prompt),
    }
    text = json.dumps(parts, ensure_ascii=False, indent=1, default=_plain)
    return without_assigned(text)


def without_assigned(text: str) -> str:
    """Return a source, as it is or within JSON, without the secrets that are assigned to names which say so."""
    return _ASSIGNED.sub(r"\1[hidden]", text)


def grader_errors(series: Series) -> list[dict[str, object]]:
    """Return, for each grader and kind of error, over which steps it came up and its largest share of the answers."""
    found: dict[tuple[str, str], list[tuple[int, float]]] = {}
    for step in series.steps:
        for figures in step.graders:
            for errors in (figures.train_errors, figures.valid_errors):
                for kind, share in errors.items():
                    if share > 0:
                        found.setdefault((figures.name, kind), []).append((step.step, share))
    return [
        {
            "grader": grader,
            "error": kind,
            "steps": len({step for step, _ in seen}),
            "first": min(seen)[0],
            "last": max(seen)[0],
            "largest_share": max(share for _, share in seen),
        }
        for (grader, kind), seen in found.items()
    ]


def _task(task: Task, prompt: str) -> Mapping[str, object]:
    return {
        "version": task.version,
        "reward": task.reward,
        "graders": {name: without_secrets(definition) for name, definition in task.graders.items()},
        "response_format": task.response_format,
        "prompt": task.prompts.get(prompt),
        "files": task.digests,
    }


def _plain(value: object) -> object:
    """Return what JSON has no word for as a list, an object or a text."""
    if isinstance(value, set | frozenset):
        return sorted(map(str, value))
    return dict(value) if isinstance(value, Mapping) else str(value)
