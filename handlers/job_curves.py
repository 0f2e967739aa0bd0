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


def job_curves(views: Sequence[JobView]) -> JobCurves:
    """Return the chart of jobs over one another; its title says which is highest, where that can be said."""
    jobs = tuple(JobCurve(_name(view.job), view.series.valid) for view in views)
    return JobCurves(_verdict(views), jobs, _subtitle([view.job for view in views]))


def _verdict(views: Sequence[JobView]) -> str:
    """Return which job's best evaluation is highest, or that noise explains the difference to the next.

    Formula: more than noise is a difference above 2 x sqrt(s_1^2 + s_2^2), s the standard error of one evaluation.
    """
    evaluated = [view for view in views if view.series.valid]
    if not evaluated:
        return "None of these jobs has been evaluated yet"
    ranked = sorted(evaluated, key=lambda view: _best(view)[1], reverse=True)
    step, top = _best(ranked[0])
    told = f"{ranked[0].job.id} is highest: validation reward {score(top)} at step {step}"
    if len(ranked) == 1 or not _alike([view.job for view in views]):
        return told
    behind = _best(ranked[1])[1]
    noise = [valid_error(view) for view in ranked[:2]]
    known = [error for error in noise if error is not None]
    if len(known) < len(noise):
        return f"{told}; too few evaluations to tell that from noise"
    chance = ERRORS * math.hypot(*known)
    if top - behind <= chance:
        pair = f"{ranked[0].job.id} from {ranked[1].job.id}"
        return f"Can't tell {pair}: {score(top)} and {score(behind)}, noise {chance:.2f}"
    return f"{told}, {top - behind:.2f} above the next (noise {chance:.2f})"


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


def _name(job: Job) -> str:
    """Return what tells a job from others: its id, task and model, and the settings it was launched with."""
    given = [
        f"{setting.key}={value}"
        for setting in SETTINGS
        if (value := getattr(job.request.hyperparameters, setting.field)) is not None
    ]
    seed = [f"seed={job.request.seed}"] if job.request.seed is not None else []
    return f"{job.id} \u00b7 {job.task}, {job.model}" + "".join(f", {word}" for word in (*given, *seed))
