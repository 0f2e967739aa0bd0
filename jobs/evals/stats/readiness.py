"""The preflight's conditions on a variance study: does each hold, is it broken, or can these answers not tell?"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean
from typing import Final

from jobs.evals.records import Interval
from jobs.evals.stats.intervals import MOST_ITEMS, about, items_to_settle, mean_interval

BASELINE: Final = (0.10, 0.85)
"""The mean reward before training lies within."""
LEAST_HEADROOM: Final = 0.05
"""Least mean over items of (best - mean)."""
MOST_FLAT: Final = 0.50
"""Largest share of items whose runs all score the same."""
STUDY_RUNS: Final = 9
"""Fewer runs show less headroom and more flat items than there are, so they cannot rule a task out."""
_SAME = 1e-9


class Readiness(StrEnum):
    """Would a job have something to learn?"""

    READY = "READY"
    NOT_READY = "NOT READY"
    CANT_TELL = "CAN'T TELL"

    @property
    def meaning(self) -> str:
        """What it says, as half a sentence."""
        return _MEANINGS[self]


_MEANINGS: Final[Mapping[Readiness, str]] = {
    Readiness.READY: "there is headroom to learn",
    Readiness.NOT_READY: "training would probably learn little",
    Readiness.CANT_TELL: "these answers do not settle it",
}


@dataclass(frozen=True, slots=True)
class ItemReading:
    """One item over its runs, in units of reward."""

    item: str
    mean: float
    best: float
    worst: float
    std: float
    """Standard deviation of the runs at hand (divided by K, not K - 1)."""
    runs: int
    """Graded answers."""

    @property
    def flat(self) -> bool:
        """True where all runs score the same: nothing to reinforce."""
        return self.best - self.worst <= _SAME

    @property
    def headroom(self) -> float:
        """What always giving the best answer would add; exactly 0 where the runs score the same."""
        return 0.0 if self.flat else self.best - self.mean


@dataclass(frozen=True, slots=True)
class Finding:
    """Where a figure lies against its limits."""

    value: float
    interval: Interval | None
    """95%, over items."""
    holds: bool | None
    """None where the interval straddles a limit, and where too few runs could mislead."""
    items_needed: int | None = None
    """About how many items would settle it, where so many are worth naming."""
    runs_needed: int | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of the preflight."""

    name: str
    """`baseline`, `headroom` or `flat items`."""
    finding: Finding
    reason: str
    """The figure, its interval and its limit, as a sentence."""
    next_step: str
    """What to do about it; empty where it holds."""


def conditions(items: Sequence[ItemReading], runs: int) -> tuple[Condition, ...]:
    """Return baseline, headroom and flat items of a study with at least one item and `runs` runs of each."""
    return (_baseline(items), _headroom(items, runs), _flat_items(items, runs))


def verdict(checked: Sequence[Condition]) -> Readiness:
    """Return NOT READY where one condition is broken, READY where all hold, else CAN'T TELL."""
    if any(condition.finding.holds is False for condition in checked):
        return Readiness.NOT_READY
    if checked and all(condition.finding.holds for condition in checked):
        return Readiness.READY
    return Readiness.CANT_TELL


def next_step(checked: Sequence[Condition]) -> str:
    """Return what to do: mend the first broken condition, else settle the open one that takes most, else launch."""
    broken = [condition for condition in checked if condition.finding.holds is False]
    unsettled = [condition for condition in checked if condition.finding.holds is None]
    if broken:
        return broken[0].next_step
    if unsettled:
        return max(unsettled, key=_effort).next_step
    return "launch an RFT job." if checked else "evaluate again and look at the failures."


def _effort(condition: Condition) -> tuple[int, int]:
    return condition.finding.runs_needed or 0, condition.finding.items_needed or 0


def _baseline(items: Sequence[ItemReading]) -> Condition:
    low, high = BASELINE
    found = _find([item.mean for item in items], low, high, STUDY_RUNS)
    words, step = f"inside {low:.2f} to {high:.2f}", ""
    if found.holds is None:
        limit = min(BASELINE, key=lambda one: abs(one - found.value))
        words, step = f"not settled (limit {limit:.2f})", _settling_step(found, len(items))
    elif not found.holds and found.value < low:
        words = f"below {low:.2f}: too rarely right to learn from"
        step = "make it easier first: a clearer prompt, a stronger model, or a grader that gives partial credit."
    elif not found.holds:
        words = f"above {high:.2f}: little is left to learn"
        step = "use the model as it is, or evaluate it on harder items."
    return Condition("baseline", found, f"Mean reward {found.value:.2f}{_span(found)}, {words}.", step)


def _headroom(items: Sequence[ItemReading], runs: int) -> Condition:
    found = _find([item.headroom for item in items], LEAST_HEADROOM, math.inf, runs)
    reason = (
        f"Best of {runs} runs {fmean(item.best for item in items):.2f}: headroom {found.value:.2f}{_span(found)}, "
        f"{_words(found, 'enough', 'too little')} (at least {LEAST_HEADROOM:.2f})."
    )
    step = "runs hardly differ: try a higher effort, or a grader that tells better answers from worse."
    return Condition("headroom", found, reason, _step(found, step, len(items)))


def _flat_items(items: Sequence[ItemReading], runs: int) -> Condition:
    found = _find([float(item.flat) for item in items], -math.inf, MOST_FLAT, runs)
    span = f" (95%: {found.interval.low:.0%} to {found.interval.high:.0%})" if found.interval else ""
    reason = (
        f"Without variance: {found.value:.0%} of items{span}, "
        f"{_words(found, 'few enough', 'too many')} (at most {MOST_FLAT:.0%})."
    )
    step = "replace items that are always right or always 0, or use a grader that gives partial credit."
    return Condition("flat items", found, reason, _step(found, step, len(items)))


def _find(values: Sequence[float], low: float, high: float, runs: int) -> Finding:
    """Hold the interval of the mean against low..high; what only `runs` too few may have broken is not broken."""
    value, interval = fmean(values), mean_interval(values)
    if interval is None:
        return Finding(value, None, None)
    if low <= interval.low and interval.high <= high:
        return Finding(value, interval, holds=True)
    if interval.low <= low <= interval.high or interval.low <= high <= interval.high:
        return Finding(value, interval, None, items_needed=items_to_settle(values, [low, high]))
    if runs < STUDY_RUNS:
        return Finding(value, interval, None, runs_needed=STUDY_RUNS)
    return Finding(value, interval, holds=False)


def _step(found: Finding, broken: str, count: int) -> str:
    if found.holds is None:
        return _settling_step(found, count)
    return "" if found.holds else broken


def _settling_step(found: Finding, count: int) -> str:
    if found.runs_needed:
        return f"evaluate with runs={found.runs_needed}: with fewer, items look more alike than they are."
    if found.items_needed:
        return f"evaluate {about(found.items_needed)} items ({count:,} now): that should settle it."
    if count < 2:
        return "evaluate more items: one says nothing about the others."
    return f"decide by judgement: the figure is so close to its limit that {MOST_ITEMS:,} items would not settle it."


def _words(found: Finding, good: str, bad: str) -> str:
    return "not settled" if found.holds is None else good if found.holds else bad


def _span(found: Finding) -> str:
    return f" (95%: {found.interval.low:.2f} to {found.interval.high:.2f})" if found.interval else ""
