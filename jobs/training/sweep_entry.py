"""Which jobs a sweep may answer for."""

from typing import Final

from jobs.core.records import Job
from jobs.state.sweep_entry import SweepEntry

LEFT_ALONE: Final = 900.0
"""Seconds: a job whose next look is planned no sooner is not woken by sweeps either."""


def sweep_entry(job: Job, next_look: float) -> SweepEntry | None:
    """Return the entry of a job whose next look is in so many seconds, or None if the platform never had it.

    It is not active if sweeps have nothing to do: the job is not looked at any more, or is to be left alone.
    """
    if not job.remote_id:
        return None
    is_active = 0 <= next_look < LEFT_ALONE and not job.state.is_final and job.state.is_on_platform
    status = (job.platform_status or "") if next_look else ""
    return SweepEntry(job.id, job.platform, job.remote_id, status, is_active)
