"""How noisy a reward is: of one evaluation, from the jumps between neighbours, and of a mean over a window of steps."""

import math
from bisect import insort
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import accumulate
from statistics import NormalDist

UNKNOWN_VALID_NOISE = 0.02
LEAST_VALID_NOISE = 0.005
LEAST_EVALS = 4
PRIOR = 8
USUAL_EVALS = 18
"""Evaluations of a job on which the rules' thresholds were measured."""
NORMAL = 1.4826
"""A normal distribution's standard deviation over its median absolute deviation."""

UNIT = 2**100
LARGEST = 1e100
"""Beyond it a reward counts as missing; no grader gives one, and its square could not be written down."""


def running_noise(rewards: Iterable[float], expected: float | None = None, scale: float = 1.0) -> tuple[float, ...]:
    """Return s_V, the noise of one validation reward, as it could be known after each evaluation.

        s_V = max(.005, 1.4826 MAD(V_k - V_(k-1)) / sqrt 2)        .02 before there are four evaluations

    Both figures are for rewards from 0 to 1, and `scale` is the width of the range. Where more is known of an
    evaluation, the noise `expected` of it counts as much as `PRIOR` jumps.
    The jumps are kept in order, so that an evaluation costs a search and not a sort of all that came before it.
    """
    noises: list[float] = []
    jumps: list[float] = []
    last: float | None = None
    for reward in rewards:
        if last is not None:
            insort(jumps, reward - last)
        last = reward
        known = len(jumps) >= LEAST_EVALS - 1
        measured = NORMAL * deviation(jumps) / math.sqrt(2) if known else expected or scale * UNKNOWN_VALID_NOISE
        if expected is not None:
            measured = math.sqrt((len(jumps) * measured**2 + PRIOR * expected**2) / (len(jumps) + PRIOR))
        noises.append(max(scale * LEAST_VALID_NOISE, measured))
    return tuple(noises)


def luck_of_best(evals: int) -> float:
    """Return by how many standard deviations the best of `evals` equal values exceeds the best of `USUAL_EVALS`.

    The highest of n noisy values lies above them by luck, the further the more there are: by 1.8 standard deviations
    of 18, 2.3 of 60, 2.7 of 200 (Blom). The rules' thresholds hold for 18 as they stand; 0 for fewer.
    """
    return max(0.0, _highest_of(evals) - _highest_of(USUAL_EVALS))


def _highest_of(count: int) -> float:
    return NormalDist().inv_cdf((count - 0.375) / (count + 0.25))


def deviation(ordered: Sequence[float]) -> float:
    """Return the median absolute deviation about the median (MAD) of values in ascending order."""
    half, odd = divmod(len(ordered), 2)
    if odd:
        return _nearest(ordered, ordered[half], half + 1)
    centre = (ordered[half - 1] + ordered[half]) / 2
    return (_nearest(ordered, centre, half) + _nearest(ordered, centre, half + 1)) / 2


def _nearest(ordered: Sequence[float], centre: float, count: int) -> float:
    """Return how far the `count`-th nearest value lies from `centre`.

    The nearest values are neighbours. Moving their window up brings its low end nearer to the centre than the value
    above the window, at one place; that place is found by halving.
    """
    low, high = 0, len(ordered) - count
    while low < high:
        start = (low + high) // 2
        if centre - ordered[start] <= ordered[start + count] - centre:
            high = start
        else:
            low = start + 1
    return max(centre - ordered[low], ordered[low + count - 1] - centre)


class Windows:
    """Means and variances over any stretch of a sequence, each at the cost of a subtraction.

    The running sums are whole numbers of 2^-100, so they are exact, and a stretch never feels what lies outside of it.
    """

    def __init__(self, values: Iterable[float]) -> None:
        self._units = [int(value * UNIT) for value in values]
        self._sums = [0, *accumulate(self._units)]

    @cached_property
    def _squares(self) -> list[int]:
        return [0, *accumulate(unit * unit for unit in self._units)]

    def mean(self, start: int, end: int) -> float:
        """Return the mean of the values from position `start` up to `end`, without it."""
        return (self._sums[end] - self._sums[start]) / UNIT / (end - start)

    def variance(self, start: int, end: int) -> float:
        """Return the sample variance of at least two values."""
        count, total = end - start, self._sums[end] - self._sums[start]
        return (count * (self._squares[end] - self._squares[start]) - total**2) / (count * (count - 1) * UNIT**2)


def train_noise(variance: float | None, steps: int, cancelled: float, scale: float = 1.0) -> float:
    """Return s_T, the noise of a window's mean over `steps` steps, from the variance of single differences.

    `cancelled` is what is left of it once the luck of the batches cancels, as it does over a whole epoch.
    """
    return scale * UNKNOWN_VALID_NOISE if variance is None else cancelled * math.sqrt(variance / steps)
