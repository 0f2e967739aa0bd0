"""What the rules cannot see on a job because its platform does not send it: said once in the thread, in words."""

from collections.abc import Sequence
from itertools import chain
from typing import Final

from jobs.core.records import Job, JobState
from jobs.core.series import Series, Step

MOST_NAMED: Final = 6
WITHOUT_REWARDS: Final = 5
"""Steps without any reward after which it is said that none comes."""
WITHOUT_ONE: Final = 20
"""Steps without one of the two rewards, where nothing says how seldom a job is evaluated."""
PART: Final = 5
"""A job may be evaluated once in this part of its steps."""


def unread(steps: Sequence[Step]) -> tuple[str, ...]:
    """Return the names of figures that a platform sent and nobody reads, each once, a few of them."""
    names = dict.fromkeys(chain.from_iterable(step.unread for step in steps))
    return tuple(names)[:MOST_NAMED]


def told_unread(steps: Sequence[Step]) -> str:
    """Return the sentence that names those figures, or "" where there are none."""
    names = unread(steps)
    return f"The platform sent figures I do not know: {', '.join(names)}." if names else ""


def newly_unseen(before: Job, job: Job, series: Series) -> str | None:
    """Return what cannot be seen on a job, in words, at the look at which that is certain; else None.

    It is certain once the job has ended, or has gone on for long without a reward. Of a job that told of no step at all
    its card says so.
    """
    due = _due(job, series)
    has_ended = job.state is JobState.SUCCEEDED and before.state is not job.state and series.last is not None
    if not has_ended and not before.last_step < due <= job.last_step:
        return None
    return unseen(job, series)


def unseen(job: Job, series: Series) -> str | None:
    """Return what the rules cannot see on a job, and what the platform sent instead; None where they see."""
    at = f" up to step {job.last_step}"
    match bool(series.train), bool(series.valid):
        case True, True:
            return None
        case True, False:
            said = f"{job.platform} has sent no validation reward{at}, so nothing here can warn of overfitting. "
            said += "A collapse, and rewards that never change, still show in the train reward."
        case False, True:
            said = (
                f"{job.platform} has sent no train reward{at}, so nothing here can warn of overfitting or of rewards "
            )
            said += "that never change. A collapse still shows in the validation reward."
        case _:
            said = (
                f"{job.platform} has sent no reward that I can read{at}, so nothing here can warn of overfitting, of "
            )
            said += "rewards that never change or of a collapse."
    return f"{said} {told_unread(series.steps)}".rstrip()


def _due(job: Job, series: Series) -> int:
    """Return the step from which on a missing reward is taken for one that does not come."""
    if not series.train and not series.valid:
        return WITHOUT_REWARDS
    return max(WITHOUT_ONE, job.request.hyperparameters.eval_interval or 0, (job.total_steps or 0) // PART)
