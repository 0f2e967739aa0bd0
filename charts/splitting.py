"""A step's time by part, for the picture and its words alike."""

from collections.abc import Sequence
from dataclasses import dataclass

from charts.over_steps import StepTime
from charts.wording import finite

PARTS = ("sampling", "training", "eval", "rest")
"""The names of the parts, from the foot of a bar up."""
REST = 0.01
"""A rest of less than this share of a step is rounding, and not told."""


@dataclass(frozen=True, slots=True)
class Split:
    """A step's seconds by part, from the foot up; a part that is not there is 0."""

    step: int
    sampling: float
    training: float
    eval: float
    rest: float

    @property
    def parts(self) -> tuple[float, float, float, float]:
        """The four parts, from the foot up."""
        return (self.sampling, self.training, self.eval, self.rest)

    @property
    def full(self) -> float:
        """Seconds of the whole step."""
        return sum(self.parts)


def split(time: StepTime) -> Split | None:
    """Return a step's parts and what is left of the whole step, or None where no time was reported."""
    parts = [finite(part) for part in (time.sampling, time.training, time.eval)]
    full = finite(time.full)
    if full is None and all(part is None for part in parts):
        return None
    sampling, training, evaluation = (max(part or 0.0, 0.0) for part in parts)
    rest = max((full or 0.0) - sampling - training - evaluation, 0.0)
    return Split(time.step, sampling, training, evaluation, rest if rest > REST * (full or 0.0) else 0.0)


def splits(times: Sequence[StepTime]) -> tuple[Split, ...]:
    """Return every step that reported its time, in order."""
    found = (split(time) for time in sorted(times, key=lambda time: time.step))
    return tuple(one for one in found if one is not None)


def time_shares(times: Sequence[StepTime]) -> tuple[tuple[str, float], ...]:
    """Return each part's share of all the time that was reported, without parts that took none; () without times."""
    steps = splits(times)
    full = sum(one.full for one in steps)
    if full <= 0:
        return ()
    shares = (sum(one.parts[index] for one in steps) / full for index in range(len(PARTS)))
    return tuple((name, share) for name, share in zip(PARTS, shares, strict=True) if share > 0)
