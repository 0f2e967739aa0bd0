"""Which items tuning fixed and which it broke: those whose reward changed by more than luck of the answers explains."""

import math
from collections.abc import Mapping
from statistics import fmean
from typing import Final

from jobs.core.errors import NotFound
from jobs.evals.intervals import variance
from jobs.evidence.answers import EvalFile, ItemScores, item_means
from jobs.evidence.records import ChangedItem

MOST_SHOWN: Final = 5
LEAST_CHANGE: Final = 0.10
"""A smaller change of one item's reward is not worth a line."""
LEAST_AT_SINGLE_RUNS: Final = 0.50
"""Where each item was answered once, nothing says how much of a change is luck: only large ones count."""
ERRORS: Final = 2.0
"""Standard errors that a change must exceed."""
SHOWN: Final = 200
"""Letters of an item's text."""

Items = tuple[ChangedItem, ...]


def changed_items(before: ItemScores, after: ItemScores, texts: Mapping[str, str]) -> tuple[Items, Items]:
    """Return the items that `after` does most better and most worse, the largest change first, at most 5 each.

    Counted are changes of an item's mean reward of at least .10 and more than twice their standard error
    sqrt(s_A^2 / K_A + s_B^2 / K_B), s^2 the mean over items of the variance between runs: three runs of one item say
    little about its own. At single runs, changes of at least .50.

    Args:
        before: the base model's rewards.
        after: the checkpoint's.
        texts: item id to its text as it is shown.
    """
    old, new = item_means(before), item_means(after)
    least = _least(before, after)
    found = [
        ChangedItem(item, old[item], new[item], texts.get(item, ""))
        for item in sorted(old.keys() & new.keys())
        if abs(new[item] - old[item]) >= least
    ]
    fixed = sorted((each for each in found if each.after > each.before), key=_change, reverse=True)
    broken = sorted((each for each in found if each.after < each.before), key=_change)
    return tuple(fixed[:MOST_SHOWN]), tuple(broken[:MOST_SHOWN])


def shown_texts(file: EvalFile, eval_id: str) -> dict[str, str]:
    """Return each item's text, cut short; {} where the items are not to be had."""
    try:
        return {item.id: shortened(item.input) for item in file.items(eval_id)}
    except NotFound:
        return {}


def shortened(text: str) -> str:
    """Return a text on one line, cut where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= SHOWN else f"{line[: SHOWN - 1].rstrip()}…"


def _change(item: ChangedItem) -> float:
    return item.after - item.before


def _least(before: ItemScores, after: ItemScores) -> float:
    noise = [_noise(scores) for scores in (before, after)]
    if any(each is None for each in noise):
        return LEAST_AT_SINGLE_RUNS
    return max(LEAST_CHANGE, ERRORS * math.sqrt(sum(each for each in noise if each is not None)))


def _noise(scores: ItemScores) -> float | None:
    """Return the variance of an item's mean that comes from its runs, pooled over items; None at single runs."""
    repeated = [list(runs.values()) for runs in scores.values() if len(runs) > 1]
    return fmean(variance(runs, fmean(runs)) / len(runs) for runs in repeated) if repeated else None
