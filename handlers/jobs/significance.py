"""Better, worse, or can't tell: what a difference between two evaluations of one job, or of two, means."""

import math
from typing import Final

from handlers.slack.wording import score
from jobs.core.series import Series
from jobs.rules.noise import LARGEST, LEAST_EVALS, ValidNoise
from jobs.views.job import JobView

ERRORS: Final = 2.0
"""Standard errors of a difference that chance is allowed to make."""
LEAST: Final = 0.005
"""A smaller difference is not written down, and would take more items than there are."""


def valid_error(series: Series) -> float | None:
    """Return the standard error of one evaluation, from the jumps between them; None while there are too few."""
    usable = [reward for _, reward in series.valid if abs(reward) < LARGEST]
    if len(usable) < LEAST_EVALS:
        return None
    noise = ValidNoise()
    return [noise.after(reward) for reward in usable][-1]


def chance(*errors: float) -> float:
    """Return the largest difference of two evaluations that chance explains: c = 2 x sqrt(s_1^2 + s_2^2)."""
    return ERRORS * math.hypot(*errors)


def items_needed(items: int | None, explained: float, difference: float) -> int | None:
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


def since_start(view: JobView) -> str:
    """Return whether the newest evaluation is better than the first, as a sentence with its numbers."""
    first, last = view.job.first_valid_reward, view.job.valid_reward
    if first is None or last is None or len(view.series.valid) < 2:
        return f"Validation reward {score(last)} at the first evaluation; later ones are compared with it."
    moved = round(last, 2) - round(first, 2)
    told = f"validation reward {score(last)}, {_moved(moved)} since the first evaluation"
    error = valid_error(view.series)
    if error is None:
        return f"{told[0].upper()}{told[1:]}; too few evaluations to tell that from noise."
    explained = chance(error, error)
    if abs(moved) > explained:
        return f"{'Better' if moved > 0 else 'Worse'}: {told}, more than noise explains ({explained:.2f})."
    needed = items_needed(view.job.valid_items, explained, moved)
    items = f"; about {needed:,} validation items could tell" if needed else ""
    return f"Can't tell yet: {told}, and noise explains {explained:.2f}{items}."


def _moved(by: float) -> str:
    return "unchanged" if abs(by) < LEAST else f"{'up' if by > 0 else 'down'} {abs(by):.2f}"
