"""What a sweep needs to know of a job on a platform: one short text a job, so that ten thousand are read at once."""

from dataclasses import dataclass
from typing import Final, Self

from jobs.records import Job

RUNNING: Final = "running"
"""The status whose news no list of jobs tells: there are new steps."""
LEFT_ALONE: Final = 900.0
"""Seconds: a job whose next turn is to come no sooner is not to be woken by sweeps either."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A job that a platform has and that is not over."""

    job: str
    remote_id: str
    """The platform's id of it."""
    status: str
    """The platform's, as it was read last; empty where the job's next turn is to come at once, and to ask for it."""

    @classmethod
    def of(cls, job: Job, next_turn: float) -> Self | None:
        """Return what is known of a job whose next turn comes in so many seconds; None where sweeps have nothing to do.

        That is where its turns have ended, the platform does not have it, or it is to be left alone for a while.
        """
        if not 0 <= next_turn < LEFT_ALONE:
            return None
        if job.state.is_final or not job.state.is_on_platform or not job.remote_id:
            return None
        return cls(job.id, job.remote_id, (job.platform_status or "") if next_turn else "")

    @classmethod
    def read(cls, job: str, text: str) -> Self:
        """Return what `text` says of the job."""
        remote_id, _, status = text.partition(" ")
        return cls(job, remote_id, status)

    @property
    def text(self) -> str:
        """All but the job's id, which is its key; `put_off.lua` reads it too."""
        return f"{self.remote_id} {self.status}"

    @property
    def is_quiet(self) -> bool:
        """True where the platform's list of jobs tells everything that can be new."""
        return self.status not in {"", RUNNING}


@dataclass(frozen=True, slots=True)
class SweepPosition:
    """What one sweep of a platform leaves to the next."""

    pages: int = 0
    """Pages of the list that it took."""
    cursor: str = ""
    """The last of the jobs that were to be asked singly in rotation."""
