"""How long to wait until a job is polled again, and until a platform that did not answer is asked again."""

from typing import Final

from jobs.core.records import Job
from jobs.platforms.profiles import Profile

POLLS_PER_STEP: Final = 3.0
"""So that a step is known at most a third of a step's time late."""
SILENCE_SHARE: Final = 1 / 12
"""A silence is noticed at most this share of it late: far less than the third that is allowed for a stall."""
LONGEST: Final = 600.0
"""A third of the shortest silence that counts as a stall."""
LONGEST_RETRY_PAUSE: Final = 300.0


def poll_interval(job: Job, profile: Profile, now: float) -> float:
    """Return the seconds until the next poll of a job that is not over.

    While steps arrive: three polls a step, within the bounds of the profile. The longer the silence, the rarer: each
    wait is a twelfth of it, at most ten minutes. A job that does not run waits as long as the profile says for idle
    jobs; if there are many of those, a sweep covers all of them instead (`jobs.training.sweep`).
    """
    if job.platform_status != "running":
        return profile.idle_poll_seconds
    wait = min((job.step_seconds or 0.0) / POLLS_PER_STEP, profile.idle_poll_seconds)
    silence = now - max(job.heard_at or job.created_at, job.started_at or 0.0)
    return max(profile.poll_seconds, wait, min(silence * SILENCE_SHARE, LONGEST))


def retry_pause(troubles: int, first: float) -> float:
    """Return the seconds until a platform is asked again after so many failures in a row, beginning with `first`."""
    return min(LONGEST_RETRY_PAUSE, first * 2.0 ** min(troubles, 8))
