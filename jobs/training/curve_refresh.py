"""When a job's curve is drawn again: rarely enough to cost little, at once if something happened."""

import math
from itertools import pairwise
from statistics import median
from typing import Final

from jobs.core.records import Job, JobState
from jobs.core.series import Series

SHARE: Final = 1 / 20
"""Of a job's steps: about so much of the curve is new in each picture."""
USUAL: Final = 5
"""Steps between two pictures if neither the job's length nor its evaluations are known."""
LEAST_STEPS: Final = 2
"""With fewer steps there is no curve."""


def pictured_step(before: Job, job: Job, series: Series, *, every: int | None = None) -> int:
    """Return the step up to which the curve is drawn for the card and the thread; 0 if it is not drawn yet.

    It moves on with the first evaluation, then every so many steps, and at once with a new alert, at a pause and at
    the end.

    Without `every`, it is drawn every twentieth of the job, and no more often than it is evaluated.
    """
    if len(series.train) < LEAST_STEPS:
        return before.pictured_step
    raised = len(job.alerts) > len(before.alerts)
    stopped = job.state is not before.state and (job.state.is_final or job.state is JobState.PAUSED)
    evaluated = series.valid and not before.pictured_step
    is_due = job.last_step - before.pictured_step >= (every or steps_between(job, series))
    return job.last_step if raised or stopped or evaluated or is_due else before.pictured_step


def steps_between(job: Job, series: Series) -> int:
    """Return the steps between two pictures: a twentieth of the job, no less than between two evaluations."""
    share = math.ceil(job.total_steps * SHARE) if job.total_steps else USUAL
    evaluations = [later - earlier for (earlier, _), (later, _) in pairwise(series.valid)]
    known = job.request.hyperparameters.eval_interval
    return max(1, share, known or 0, math.floor(median(evaluations)) if evaluations else 0)
