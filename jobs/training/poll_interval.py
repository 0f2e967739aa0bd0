"""When a job on a platform is looked at next, where it takes turns of its own."""

from typing import Final

from jobs.core.records import Job
from jobs.core.series import Series
from jobs.platforms.profiles import Profile
from jobs.rules.stall import step_seconds

LOOKS_A_STEP: Final = 3.0
"""So that a step is known at the latest a third of a step after it came."""
SILENCE_SHARE: Final = 1 / 12
"""A silence may be this much longer when it is noticed: far less than the third that a stall may go unnoticed."""
LONGEST: Final = 600.0
"""A third of the least silence that counts as a stall."""


def pace(job: Job, series: Series, profile: Profile, now: float) -> float:
    """Return the seconds until the next look at a job that is not over.

    While steps come: three looks a step, within the bounds of the platform's profile. The longer nothing comes, the
    seldomer: each wait is a twelfth of the silence, at most ten minutes. A job that does not run waits as the profile
    says for idle ones; where there are many of those, a sweep looks at all of them instead (`jobs.training.sweep`).

    Args:
        job: as the platform describes it now.
        series: its steps.
        profile: the platform's pace.
        now: unix seconds.
    """
    if job.platform_status != "running":
        return profile.idle_poll_seconds
    usual = step_seconds(series.steps)
    wait = min((usual or 0.0) / LOOKS_A_STEP, profile.idle_poll_seconds)
    silence = now - max(_heard_at(job, series), job.started_at or 0.0)
    return max(profile.poll_seconds, wait, min(silence * SILENCE_SHARE, LONGEST))


def _heard_at(job: Job, series: Series) -> float:
    """Return when the platform last said something of the job, or when it was first known here."""
    times = (job.heard_at, series.last.at if series.last else None)
    return max((at for at in times if at is not None), default=job.created_at)
