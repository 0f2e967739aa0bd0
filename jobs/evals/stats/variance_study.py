"""The variance study: is there headroom to learn? One arm read item by item, and what that means for a launch.

Reinforcement learns from the difference between good and bad answers to the same item. An item whose runs all score the
same teaches nothing; a model that is almost never right, or almost always, has little to reinforce.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from statistics import fmean
from typing import Final, TypeAlias

from charts.wording import counted, decimals_apart, estimate, listed, number
from jobs.evals.progress import Tally
from jobs.evals.records import Answer, Coverage, Eval, Interval
from jobs.evals.stats.continuity import Continuity, read_continuity
from jobs.evals.stats.intervals import mean_interval
from jobs.evals.stats.power import MOST_ITEMS, about, items_to_settle
from jobs.evals.stats.summary import usable

LEAST_RUNS: Final = 3
"""Graded answers an item needs to be read."""
STUDY_RUNS: Final = 9
"""Fewer runs show less headroom and more flat items than there are, so they cannot rule a task out."""
BASELINE: Final = (0.10, 0.85)
"""Bounds of the mean reward before training, on a scale of 0 to 1."""
LEAST_HEADROOM: Final = 0.05
"""Least mean over items of (best - mean), on a scale of 0 to 1."""
MOST_FLAT: Final = 0.50
"""Largest share of items whose runs all score the same."""
_SAME = 1e-9
_NAMED_ITEMS = 5


class Readiness(StrEnum):
    """Would a job have something to learn?"""

    READY = "READY"
    NOT_READY = "NOT READY"
    CANT_TELL = "CAN'T TELL"


MEANINGS: Final[Mapping[Readiness, str]] = {
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

    @property
    def flat(self) -> bool:
        """True where all runs score the same: nothing to reinforce."""
        return self.best - self.worst <= _SAME

    @property
    def headroom(self) -> float:
        """What always giving the best answer would add; exactly 0 where the runs score the same."""
        return 0.0 if self.flat else self.best - self.mean


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of the preflight: a figure, and whether it keeps its limits."""

    value: float
    interval: Interval | None
    """95%, over items."""
    holds: bool | None
    """None where the interval straddles a limit, and where too few runs could mislead."""
    items_needed: int | None = None
    """About how many items would settle it, where so many are worth naming."""
    runs_needed: int | None = None
    reason: str = ""
    """The figure, its interval and its limit, as a sentence."""
    next_step: str = ""
    """What to do about it; empty where it holds."""


@dataclass(frozen=True, slots=True)
class VarianceReading:
    """A variance study of one arm, and what it means."""

    arm: str
    items: tuple[ItemReading, ...]
    """From the lowest mean to the highest; of equal means the lower best first, then by id."""
    runs: int
    """K, as asked for."""
    mean: float | None
    """Mean over items of the mean over runs; None where no item could be read, as are the next two."""
    mean_of_best: float | None
    mean_variance: float | None
    """Mean over items of the variance over runs (divided by K)."""
    always_zero: tuple[str, ...]
    """Ids of the items that never scored above the lowest score there is."""
    left_out: int
    """Items of the eval with fewer than `LEAST_RUNS` graded answers; they are in no figure."""
    conditions: tuple[Condition, ...]
    """Baseline, headroom and flat items, where an item could be read."""
    lowest: float = 0.0
    """The lowest score there is."""
    coverage: Coverage = field(default_factory=lambda: Coverage(0, 0))
    """What its figures are over, answers of items that are left out included."""
    continuity: Continuity | None = None
    """How finely the reward tells the answers apart; None where no item could be read."""

    @property
    def verdict(self) -> Readiness:
        """NOT READY where one condition is broken, READY where all hold, else CAN'T TELL."""
        if any(condition.holds is False for condition in self.conditions):
            return Readiness.NOT_READY
        if self.conditions and all(condition.holds for condition in self.conditions):
            return Readiness.READY
        return Readiness.CANT_TELL

    @property
    def next_step(self) -> str:
        """What to do: fix the first broken condition, else settle the open one that takes most, else launch."""
        broken = [condition for condition in self.conditions if condition.holds is False]
        unsettled = [condition for condition in self.conditions if condition.holds is None]
        if broken:
            return broken[0].next_step
        if unsettled:
            return max(unsettled, key=lambda open_: (open_.runs_needed or 0, open_.items_needed or 0)).next_step
        return "launch an RFT job." if self.conditions else "evaluate again and look at the failures."

    @property
    def text(self) -> str:
        """The reading in at most six short lines: verdict, three reasons, items to look at, next step."""
        size = f"{self.arm}, {counted(len(self.items), 'item')} x {counted(self.runs, 'run')}"
        lines = [f"{self.verdict}: {MEANINGS[self.verdict]} ({size}).", *(each.reason for each in self.conditions)]
        remarks = []
        if self.always_zero:
            named = listed(self.always_zero, _NAMED_ITEMS)
            remarks.append(f"Always {self.lowest:g}: {counted(len(self.always_zero), 'item')} ({named}).")
        if self.left_out:
            remarks.append(f"Left out: {counted(self.left_out, 'item')} with fewer than {LEAST_RUNS} graded runs.")
        if self.coverage.remark:
            remarks.append(f"{self.coverage.remark[0].upper()}{self.coverage.remark[1:]}.")
        return "\n".join([*lines, *([" ".join(remarks)] if remarks else []), f"Next: {self.next_step}"])


def read_variance(evaluation: Eval, answers: Iterable[Answer]) -> VarianceReading:
    """Return what the reward of the eval's first arm says about headroom, and the verdict.

    READY: mean reward, headroom and share of flat items keep their limits with their whole 95% interval over items.
    NOT READY: one is beyond its limit with its whole interval. CAN'T TELL: anything else; the next step then names the
    items or runs it would take. Failures and scores that are not usable numbers are in no figure.
    """
    arm = evaluation.arms[0].name
    scores: dict[str, list[float]] = {}
    closed: dict[str, Counter[str]] = {gate: Counter() for gate in evaluation.gates}
    tally = Tally(evaluation.reward)
    for answer in tally.counting(answers):
        score = answer.scores.get(evaluation.reward) if answer.arm == arm and answer.failure is None else None
        if usable(score):
            scores.setdefault(answer.item, []).append(score)
            for gate in answer.closed:
                closed.setdefault(gate, Counter())[answer.item] += 1
    read = [_item(item, runs) for item, runs in scores.items() if len(runs) >= LEAST_RUNS]
    bounds = evaluation.ranges.get(evaluation.reward, (0.0, 1.0))
    items = tuple(sorted(read, key=lambda item: (item.mean, item.best, item.item)))
    coverage = tally.progress().coverage.get(arm, Coverage(0, 0))
    if not items:
        return VarianceReading(arm, (), evaluation.runs, None, None, None, (), evaluation.items, (), coverage=coverage)
    return VarianceReading(
        arm=arm,
        items=items,
        runs=evaluation.runs,
        mean=fmean(item.mean for item in items),
        mean_of_best=fmean(item.best for item in items),
        mean_variance=fmean(item.std**2 for item in items),
        always_zero=tuple(item.item for item in items if item.best <= bounds[0]),
        lowest=bounds[0],
        left_out=max(0, evaluation.items - len(items)),
        conditions=(
            _baseline(items, bounds),
            _headroom(items, evaluation.runs, bounds),
            _flat_items(items, evaluation.runs),
        ),
        coverage=coverage,
        continuity=read_continuity({item.item: scores[item.item] for item in items}, closed, bounds, evaluation.runs),
    )


def _item(item: str, scores: Sequence[float]) -> ItemReading:
    mean = fmean(scores)
    std = math.sqrt(fmean((score - mean) ** 2 for score in scores))
    return ItemReading(item, mean, max(scores), min(scores), std)


# -- conditions -------------------------------------------------------------------------------------------------------


Bounds: TypeAlias = tuple[float, float]
"""The lowest and the highest reward there can be."""


def _baseline(items: Sequence[ItemReading], bounds: Bounds) -> Condition:
    low, high = limits = tuple(bounds[0] + share * (bounds[1] - bounds[0]) for share in BASELINE)
    means = [item.mean for item in items]
    is_low = fmean(means) < low
    step = "use the model as it is, or evaluate it on harder items."
    if is_low:
        step = "make it easier first: a clearer prompt, a stronger model, or a grader that gives partial credit."
    found = _check(means, low, high, STUDY_RUNS, step, bounds)
    if found.holds is None:
        words = f"not settled (limit {min(limits, key=lambda limit: abs(limit - found.value)):.2f})"
    elif found.holds:
        words = f"inside {low:.2f} to {high:.2f}"
    else:
        words = (
            f"below {low:.2f}: too rarely right to learn from"
            if is_low
            else f"above {high:.2f}: little is left to learn"
        )
    return replace(found, reason=f"Mean reward {_estimate(found, *BASELINE)}, {words}.")


def _headroom(items: Sequence[ItemReading], runs: int, bounds: Bounds) -> Condition:
    step = "runs hardly differ: try a higher effort, or a grader that tells better answers from worse."
    least, width = LEAST_HEADROOM * (bounds[1] - bounds[0]), bounds[1] - bounds[0]
    found = _check([item.headroom for item in items], least, math.inf, runs, step, (0.0, width))
    words = {None: "not settled", True: "enough", False: "too little"}[found.holds]
    best = f"Best of {counted(runs, 'run')} {number(fmean(item.best for item in items))}"
    reason = f"{best}: headroom {_estimate(found, least)}, {words} (at least {least:.2f})."
    return replace(found, reason=reason)


def _flat_items(items: Sequence[ItemReading], runs: int) -> Condition:
    step = "replace items that are always right or always 0, or use a grader that gives partial credit."
    found = _check([float(item.flat) for item in items], -math.inf, MOST_FLAT, runs, step)
    words = {None: "not settled", True: "few enough", False: "too many"}[found.holds]
    span = f" ({found.interval.low:.0%} to {found.interval.high:.0%})" if found.interval else ""
    reason = f"Without variance: {found.value:.0%} of items{span}, {words} (at most {MOST_FLAT:.0%})."
    return replace(found, reason=reason)


def _check(
    values: Sequence[float], low: float, high: float, runs: int, step_if_broken: str, bounds: Bounds | None = None
) -> Condition:
    """Hold the interval of the mean against low..high; what only `runs` too few may have broken is not broken."""
    interval = mean_interval(values, bounds)
    found = Condition(fmean(values), interval, holds=None)
    if interval is None:
        return replace(found, next_step="evaluate more items: one says nothing about the others.")
    if low <= interval.low and interval.high <= high:
        return replace(found, holds=True)
    if interval.low <= low <= interval.high or interval.low <= high <= interval.high:
        needed = items_to_settle(values, [low, high])
        step = (
            f"decide by judgement: the figure is so close to its limit that {MOST_ITEMS:,} items would not settle it."
        )
        if needed:
            step = f"evaluate {about(needed)} items ({len(values):,} now): that should settle it."
        return replace(found, items_needed=needed, next_step=step)
    if runs < STUDY_RUNS:
        step = f"evaluate with runs={STUDY_RUNS}: with fewer, items look more alike than they are."
        return replace(found, runs_needed=STUDY_RUNS, next_step=step)
    return replace(found, holds=False, next_step=step_if_broken)


def _estimate(found: Condition, *limits: float) -> str:
    """Return the figure with its interval, as precise as it takes to see on which side of the limits it lies."""
    if found.interval is None:
        return estimate(found.value, decimals=decimals_apart(found.value, *limits))
    low, high = found.interval.low, found.interval.high
    return estimate(found.value, low, high, decimals_apart(low, high, *limits))
