"""How many items it takes: to settle on which side of a limit a mean is, or to show a difference, 4 times in 5."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from statistics import NormalDist
from typing import Final

from jobs.evals.stats.intervals import interval_of, t_quantile
from jobs.evals.verdict import LEVEL

POWER: Final = NormalDist().inv_cdf(0.80)
"""z of the chance to detect a difference that exists."""
MOST_ITEMS: Final = 10_000
"""A larger number of items is not suggested."""


def items_to_settle(values: Sequence[float], limits: Sequence[float]) -> int | None:
    """Return how many items like these it takes for the interval of the mean to leave every one of `limits` out.

    Mean and spread are taken to stay as they are; the answer is then right 4 times in 5: the interval is drawn with
    t + z_.80 in place of t, as in the formula for a sample's size (Miller, arXiv 2411.00640, with one arm). None above
    `MOST_ITEMS`, and where fewer than two values are known.
    """
    if len(values) < 2:
        return None

    def settles(count: int) -> bool:
        interval = interval_of(values, count, t_quantile(0.975, count - 1) + POWER)
        return not any(interval.low <= limit <= interval.high for limit in limits)

    counts = range(len(values) + 1, MOST_ITEMS + 1)
    found = bisect_left(counts, True, key=settles)
    return counts[found] if found < len(counts) else None


def sample_size(true: float, item_variance: float, *, pairs: int = 1) -> int | None:
    """Return how many items show a true difference 4 times in 5; None above `MOST_ITEMS`.

    n = (z_{a/2} + z_b)^2 (w^2 + s_A^2 / K_A + s_B^2 / K_B) / d^2 (Miller, arXiv 2411.00640) with b = .20 and
    a = LEVEL / pairs, the strictest step of Holm's.

    Args:
        true: d, in units of the score.
        item_variance: the bracket, which is what the variance of measured item differences estimates.
        pairs: pairs in the comparison.
    """
    if true == 0:
        return None
    needed = (_distance(pairs) / true) ** 2 * item_variance
    return None if needed > MOST_ITEMS else max(2, math.ceil(needed))


def detectable(items: int, item_variance: float, *, pairs: int = 1) -> float:
    """Return the true difference that so many items show 4 times in 5: the inverse of `sample_size`."""
    return _distance(pairs) * math.sqrt(item_variance / items)


def _distance(pairs: int) -> float:
    chosen: float = NormalDist().inv_cdf(1 - LEVEL / pairs / 2)
    return chosen + POWER


def about(count: int) -> str:
    """Return a number of items for people: rounded up to two digits."""
    step = 10 ** max(0, len(str(count)) - 2)
    return f"about {-(-count // step) * step:,}"
