"""Means over one epoch, in which every training item comes once, so that the luck of the batches cancels."""

from bisect import bisect_right
from collections.abc import Sequence

from jobs.rules.gap import Point, usable
from jobs.rules.noise import Windows


def epoch_means(points: Sequence[Point], steps: int) -> tuple[Point, ...]:
    """Return (s, mean of the values in the last `steps` steps up to s) wherever they are all past the first point.

    Args:
        points: (step, value) in order; values that are not finite count as missing.
        steps: length of the window; where half of its steps have no value there is no mean.
    """
    known = usable(points)
    numbers = [step for step, _ in known]
    windows = Windows(value for _, value in known)
    means: list[Point] = []
    for end, step in enumerate(numbers, start=1):
        begin = bisect_right(numbers, step - steps, hi=end)
        if numbers[0] <= step - steps + 1 and 2 * (end - begin) >= steps:
            means.append((step, windows.mean(begin, end)))
    return tuple(means)


def at(points: Sequence[Point], step: int) -> float | None:
    """Return the value of the last point up to `step`, or None before the first."""
    end = bisect_right(points, step, key=lambda point: point[0])
    return points[end - 1][1] if end else None
