"""How long to wait until the next look at a job on a platform, where sweeps do not look at it."""

from typing import Final

from jobs.core.records import Job
from jobs.platforms.profiles import Profile

LOOKS_PER_STEP: Final = 3.0
"""So that a step is known at the latest a third of a step after it came."""
SILENCE_SHARE: Final = 1 / 12
"""A silence may be this much longer when it is noticed: far less than the third that a stall may go unnoticed."""
LONGEST: Final = 600.0
"""A third of the shortest silence that counts as a stall."""


def poll_interval(job: Job, profile: Profile, now: float) -> float:
    """Return the seconds until the next look at a job that is not over.

    While steps come: three looks a step, within the bounds of the profile. The longer nothing comes, the rarer: each
    wait is a twelfth of the silence, at most ten minutes. A job that does not run waits as the profile says for idle
    ones; where there are many of those, a sweep looks at all of them instead (`jobs.training.sweep`).
    """
    if job.platform_status != "running":
        return profile.idle_poll_seconds
    wait = min((job.step_seconds or 0.0) / LOOKS_PER_STEP, profile.idle_poll_seconds)
    silence = now - max(job.heard_at or job.created_at, job.started_at or 0.0)
    return max(profile.poll_seconds, wait, min(silence * SILENCE_SHARE, LONGEST))
