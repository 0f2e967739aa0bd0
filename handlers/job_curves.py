"""The validation rewards of several jobs in one picture, and whether a difference between them is more than noise."""

import math
from collections.abc import Sequence
from typing import Final

from charts import JobCurve, JobCurves
from handlers.thread import valid_error
from handlers.wording import score
from jobs.hyperparameters import SETTINGS
from jobs.records import Job
from jobs.rft import JobView

ERRORS: Final = 2.0
"""Standard errors of a difference that chance is allowed to make."""
LEAST: Final = 0.005
"""A smaller difference is not written down, and would take more items than there are."""


def job_curves(views: Sequence[JobView]) -> JobCurves:
    """Return the chart of jobs over one another; its title says which is highest, where that can be said."""
    jobs = [view.job for view in views]
    several = len({(job.task, job.model) for job in jobs}) > 1
    lines = tuple(JobCurve(_name(view.job, several=several), view.series.valid) for view in views)
    return JobCurves(_verdict(views), lines, _subtitle(jobs))


def _verdict(views: Sequence[JobView]) -> str:
    """Return which job's best evaluation is highest, or that noise explains the difference to the next.

    Formula: more than noise is a difference d above c = 2 x sqrt(s_1^2 + s_2^2), s the standard error of one
    evaluation; as s falls with the square root of the items, n x (c / d)^2 of them would tell the two apart.
    """
    ranked = sorted((view for view in views if view.series.valid), key=lambda view: _best(view)[1], reverse=True)
    if not ranked:
        return "None of these jobs has been evaluated yet"
    step, top = _best(ranked[0])
    told = f"{ranked[0].job.id} is highest: validation reward {score(top)} at step {step}"
    if len(ranked) == 1 or not _alike([view.job for view in views]):
        return told
    behind = top - _best(ranked[1])[1]
    noise = [error for view in ranked[:2] if (error := valid_error(view)) is not None]
    if len(noise) < 2:
        return f"{told}; too few evaluations to tell that from noise"
    chance = ERRORS * math.hypot(*noise)
    if behind > chance:
        return f"{told}, {behind:.2f} above the next, more than noise explains ({chance:.2f})"
    pair = f"{ranked[0].job.id} from {ranked[1].job.id}"
    needed = _items_needed(ranked[0].job.valid_items, chance / behind) if behind >= LEAST else ""
    return f"Can't tell {pair}: {score(top)} against {score(top - behind)}, noise explains {chance:.2f}{needed}"


def _items_needed(items: int | None, times: float) -> str:
    if not items:
        return ""
    needed = items * times**2
    digits = 1 - math.floor(math.log10(needed))
    return f"; about {round(needed, digits):,.0f} items could tell"


def _best(view: JobView) -> tuple[int, float]:
    return max(view.series.valid, key=lambda point: point[1])


def _alike(jobs: Sequence[Job]) -> bool:
    """Return whether the jobs were evaluated on the same items in the same way."""
    return len({(job.task, job.task_version, job.reward, job.valid_items) for job in jobs}) == 1


def _subtitle(jobs: Sequence[Job]) -> str:
    tasks = ", ".join(dict.fromkeys(job.task for job in jobs))
    if not _alike(jobs):
        return f"{tasks} · different tasks, versions or rewards: levels do not compare"
    items = f"the same {jobs[0].valid_items} validation items" if jobs[0].valid_items else "the same task"
    return f"{tasks} · {jobs[0].reward} on {items}"


def _name(job: Job, *, several: bool) -> str:
    """Return what tells a job from others: its id, task and model where those differ, the settings it was given."""
    given = [
        f"{setting.key}={value}"
        for setting in SETTINGS
        if (value := getattr(job.request.hyperparameters, setting.field)) is not None
    ]
    seed = [f"seed={job.request.seed}"] if job.request.seed is not None else []
    which = [job.task, job.model] if several else []
    return " \u00b7 ".join(filter(None, [job.id, ", ".join([*which, *given, *seed])]))
