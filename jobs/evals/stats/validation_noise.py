"""How much of a difference in validation scores is chance, by the usual spread of items or by the jumps in training."""

import math
from typing import Final

from jobs.core.series import Series
from jobs.rules.noise import LARGEST, LEAST_EVALS, running_noise

ITEM_SPREAD: Final = 0.35
"""Usual standard deviation of one item's score (0.34 to 0.41 in a published validation of 50 items)."""
ERRORS: Final = 2.0
"""Standard errors of a difference that chance is allowed to make."""
LEAST: Final = 0.005
"""A smaller difference is not written down, and would take more items than exist."""


def usual_error(items: int) -> float:
    """Return the usual standard error of a mean score over `items` items: a smaller difference may well be chance."""
    return ITEM_SPREAD / math.sqrt(max(items, 1))


def valid_error(series: Series) -> float | None:
    """Return the standard error of one evaluation, from the jumps between them; None while there are too few."""
    usable = [reward for _, reward in series.valid if abs(reward) < LARGEST]
    return running_noise(usable)[-1] if len(usable) >= LEAST_EVALS else None


def largest_by_chance(*errors: float) -> float:
    """Return the largest difference of two evaluations that chance explains: c = 2 x sqrt(s_1^2 + s_2^2)."""
    return ERRORS * math.hypot(*errors)


def valid_items_needed(items: int | None, explained: float, difference: float) -> int | None:
    """Return how many validation items could tell a difference from chance, with two digits; None where unknown.

    Formula: as the standard error falls with the square root of the items, n x (c / d)^2.

    Args:
        items: in the validation split now (n).
        explained: difference that chance explains (c).
        difference: the one that was seen (d).
    """
    if not items or abs(difference) < LEAST:
        return None
    needed = items * (explained / difference) ** 2
    return int(round(needed, 1 - math.floor(math.log10(needed))))
