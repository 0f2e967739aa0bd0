"""The series that this process read last, so that a look at a job, or a message about it, reads no steps again."""

from collections import OrderedDict
from typing import Final

from jobs.core.series import Series, Step

MOST_STEPS: Final = 10_000
"""Kept in all: some 20 MB."""


class SeriesCache:
    """Series by job, each as of the change that wrote the job's record last; the least used go first."""

    def __init__(self) -> None:
        self._held: OrderedDict[str, tuple[str, Series]] = OrderedDict()
        self._steps = 0

    def get(self, job_id: str, token: str) -> Series | None:
        """Return a job's series as of a change, or None if it is not known."""
        held = self._held.get(job_id)
        if held is None or held[0] != token:
            return None
        self._held.move_to_end(job_id)
        return held[1]

    def put(self, job_id: str, token: str, series: Series) -> None:
        """Remember a job's series as of a change, in place of any other."""
        self._steps -= len(self._held.pop(job_id, ("", Series()))[1].steps)
        self._held[job_id] = (token, series)
        self._steps += len(series.steps)
        while self._steps > MOST_STEPS:
            _, (_, dropped) = self._held.popitem(last=False)
            self._steps -= len(dropped.steps)

    def follow(self, job_id: str, token: str, by: str, steps: tuple[Step, ...]) -> None:
        """Note that one change was followed by another, with these steps."""
        known = self.get(job_id, token)
        if known is not None:
            self.put(job_id, by, Series.of((*known.steps, *steps)) if steps else known)
