"""The mean over the last epoch: what a step's train reward says once the luck of its batch is taken out."""

import math
from collections.abc import Sequence
from statistics import fmean

Point = tuple[int, float]


def trailing_means(points: Sequence[Point], steps: int) -> tuple[Point, ...]:
    """Return at each step k the mean of the points in (k - steps, k].

    There is none before `steps` steps have passed, and none where fewer than half of them have a finite value.
    """
    finite = sorted(point for point in points if math.isfinite(point[1]))
    found: list[Point] = []
    begin = 0
    for end, (step, _) in enumerate(finite, 1):
        while finite[begin][0] <= step - steps:
            begin += 1
        if step >= finite[0][0] + steps - 1 and 2 * (end - begin) >= steps:
            found.append((step, fmean(value for _, value in finite[begin:end])))
    return tuple(found)
