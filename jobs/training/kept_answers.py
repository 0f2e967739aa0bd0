"""The answers of a job's evaluations, where its platform keeps them: what changed from one evaluation to another."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

from jobs.core.errors import InvalidRequest, NotFound
from jobs.core.records import Job
from jobs.core.series import Series
from jobs.platforms.parse import KeptItem

MOST_SHOWN = 5


@dataclass(frozen=True, slots=True)
class ChangedAnswers:
    """One validation item as it was answered at two evaluations."""

    before: KeptItem
    after: KeptItem

    @property
    def change(self) -> float:
        """By how much its mean reward changed."""
        return self.after.reward - self.before.reward


@dataclass(frozen=True, slots=True)
class Samples:
    """Answers of a job at the step that was asked for, and at an earlier one."""

    job: Job
    since: int
    step: int
    items: tuple[ChangedAnswers, ...]
    """Those whose reward changed most, the largest change first."""
    of: int
    """Items that were evaluated."""
    before: float
    """Their mean reward at `since`."""
    after: float


def compared_steps(job: Job, series: Series, step: int | None, since: int | None) -> tuple[int, int]:
    """Return the evaluations to compare: the last one up to `since`, or the first of all, and the last up to `step`.

    Raises:
        NotFound: the job has no two evaluations to compare.
    """
    evaluated = [at for at, _ in series.valid]
    if len(evaluated) < 2:
        raise NotFound(f"{job.id} has had {len(evaluated)} evaluations; it takes two to compare answers.")

    def up_to(wanted: int) -> int:
        return evaluated[max(0, bisect_right(evaluated, wanted) - 1)]

    after = evaluated[-1] if step is None else up_to(step)
    before = evaluated[0] if since is None else up_to(since)
    if before >= after:
        if step is not None and since is not None and since >= step:
            raise InvalidRequest(f"`from={since}` does not come before `step={step}`; give an earlier step as `from=`.")
        raise InvalidRequest(f"{_why_none(evaluated, step, since)}; {_when(evaluated)}.")
    return before, after


def _why_none(evaluated: Sequence[int], step: int | None, since: int | None) -> str:
    """Return why the steps that were asked for are no two evaluations, one before the other."""
    wanted = [each for each in (since, step) if each is not None]
    if missing := [str(each) for each in wanted if each not in evaluated]:
        return f"There was no evaluation at step {' or '.join(missing)}"
    return f"There was no evaluation {'after' if step is None else 'before'} step {wanted[0]}"


def _when(evaluated: Sequence[int]) -> str:
    """Return at which steps there were evaluations; the last one may come early, with the end of the job."""
    first, last = evaluated[0], evaluated[-1]
    if len(evaluated) == 2:
        return f"they were at steps {first} and {last}"
    *gaps, rest = (later - earlier for earlier, later in pairwise(evaluated))
    if set(gaps) != {gaps[0]} or rest > gaps[0]:
        return f"there were {len(evaluated)}, from step {first} to step {last}"
    return f"they were every {f'{gaps[0]} steps' if gaps[0] > 1 else 'step'}, from {first} to {last}"


def most_changed(job: Job, steps: tuple[int, int], before: Sequence[KeptItem], after: Sequence[KeptItem]) -> Samples:
    """Return the items whose mean reward changed most between two evaluations; of equal ones, in the split's order."""
    both = [ChangedAnswers(old, new) for old, new in zip(before, after, strict=True)]
    ranked = sorted(both, key=lambda item: -abs(item.change))
    means = [fmean(item.reward for item in side) for side in (before, after)]
    return Samples(job, *steps, tuple(ranked[:MOST_SHOWN]), len(both), *means)
