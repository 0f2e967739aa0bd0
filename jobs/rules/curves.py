"""Curves of (step, value): means over one epoch, and what was known at each evaluation of a validation curve."""

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from jobs.rules.noise import LARGEST, Windows, running_noise

Point = tuple[int, float]
Points = tuple[Point, ...]


def usable(points: Iterable[Point]) -> Points:
    """Return the points whose value is a number that a grader can give."""
    return tuple(point for point in points if abs(point[1]) < LARGEST)


def epoch_means(points: Sequence[Point], steps: int) -> Points:
    """Return (s, mean of the values in the last `steps` steps up to s), from the end of the first such window on.

    In an epoch every training item comes once, so that the luck of the batches cancels.

    Args:
        points: (step, value) in order, usable.
        steps: length of the window; there is no mean if fewer than half of its steps have a value.
    """
    numbers = [step for step, _ in points]
    windows = Windows(value for _, value in points)
    means: list[Point] = []
    begin = 0
    for end, step in enumerate(numbers, start=1):
        while numbers[begin] <= step - steps:
            begin += 1
        if numbers[0] <= step - steps + 1 and 2 * (end - begin) >= steps:
            means.append((step, windows.mean(begin, end)))
    return tuple(means)


def at(points: Sequence[Point], step: int) -> float | None:
    """Return the value of the last point up to `step`, or None before the first."""
    end = bisect_right(points, (step, math.inf))
    return points[end - 1][1] if end else None


class Evaluation(NamedTuple):
    """A validation curve at one evaluation, mostly as means of two evaluations in a row, which halves the variance.

    Args:
        step: the evaluated step.
        value: V.
        noise: s_V.
        first: the first two evaluations.
        now: this one and the one before.
        before: the last two that are not part of `now`; the first evaluation alone at the third one, and `now` before.
        best: the best two in a row so far.
        best_step: the step of its later evaluation.
        evals: evaluations so far.
    """

    step: int
    value: float
    noise: float
    first: float
    now: float
    before: float
    best: float
    best_step: int
    evals: int


def read_evaluations(points: Sequence[Point]) -> tuple[Evaluation, ...]:
    """Return a reading for every evaluation of a validation curve from the second one on."""
    noises = running_noise(value for _, value in points)
    values = [value for _, value in points]
    pairs = [(before + value) / 2 for before, value in pairwise(values)]
    found: list[Evaluation] = []
    best, best_step = float("-inf"), 0
    for index, pair in enumerate(pairs):
        step, value = points[index + 1]
        if pair > best:
            best, best_step = pair, step
        before = pair if not index else values[0] if index == 1 else pairs[index - 2]
        noise = noises[index + 1]
        found.append(Evaluation(step, value, noise, pairs[0], pair, before, best, best_step, index + 2))
    return tuple(found)
