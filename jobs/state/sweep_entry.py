"""What a sweep reads about a job on a platform: one short text for each, so that ten thousand are read at once."""

from dataclasses import dataclass
from typing import Final, Self

RUNNING: Final = "running"
"""The status whose news no list of jobs contains: new steps."""


@dataclass(frozen=True, slots=True)
class SweepEntry:
    """A job that a platform has and that is not over."""

    job: str
    platform: str
    remote_id: str
    """The platform's id of the job."""
    status: str
    """The platform's status when last read; empty if the next look must ask for the job: at once, or for somebody."""
    is_active: bool = True
    """False if sweeps have nothing to do for it: the entry is removed."""

    @classmethod
    def read(cls, job: str, platform: str, text: str) -> Self:
        """Return the entry that `text` was written from."""
        remote_id, _, status = text.partition(" ")
        return cls(job, platform, remote_id, status)

    @property
    def text(self) -> str:
        """Remote id and status, as stored under the job's id (`defer.lua` reads it too); empty if it is removed."""
        return f"{self.remote_id} {self.status}" if self.is_active else ""

    @property
    def is_quiet(self) -> bool:
        """Whether the platform's list of jobs contains everything that can be new."""
        return self.status not in {"", RUNNING}


@dataclass(frozen=True, slots=True)
class SweepPosition:
    """What one sweep of a platform leaves to the next."""

    pages: int = 0
    """Pages of the list that it read."""
    cursor: str = ""
    """The last of the jobs that were asked for one by one, in rotation."""
