"""From the points of a job to the strokes of a line: gaps stay gaps, and long lines lose points but no extremes."""

import math
from collections.abc import Sequence
from itertools import groupby, pairwise
from statistics import median

Point = tuple[int, float]
Stroke = tuple[Point, ...]

GAP = 1.5
"""Points further apart than this many times the usual spacing are not joined."""


def strokes(points: Sequence[Point], keep: int) -> tuple[Stroke, ...]:
    """Return the finite points in order, cut at every gap and thinned to about `keep` points in all.

    A gap is a value that is not finite, or a distance above `GAP` times the median distance (a step nobody reported).
    """
    ordered = sorted(points)
    finite = [point for point in ordered if math.isfinite(point[1])]
    if not finite:
        return ()
    bad = [step for step, value in ordered if not math.isfinite(value)]
    usual = median([b[0] - a[0] for a, b in pairwise(finite)]) if len(finite) > 1 else 1.0
    width = math.ceil(2 * (finite[-1][0] - finite[0][0] + 1) / keep)
    cut: list[list[Point]] = [[finite[0]]]
    for before, point in pairwise(finite):
        if point[0] - before[0] > GAP * usual or any(before[0] <= step <= point[0] for step in bad):
            cut.append([])
        cut[-1].append(point)
    return tuple(thin(stroke, width) if len(finite) > keep else tuple(stroke) for stroke in cut)


def thin(stroke: Sequence[Point], width: int) -> Stroke:
    """Return the first, lowest, highest and last point of every `width` steps of `stroke`, in order.

    What is left has the same envelope, the same ends and the same global extremes as what came in.
    """
    kept: list[Point] = []
    for _, bucket in groupby(stroke, key=lambda point: point[0] // width):
        inside = list(bucket)
        low = min(inside, key=lambda point: point[1])
        high = max(inside, key=lambda point: point[1])
        kept.extend(sorted({low, high}))
    ends = {stroke[0], stroke[-1]}
    return tuple(sorted(ends.union(kept)))
