"""The variance study: is there headroom to learn? One arm read item by item, and what that means for a launch.

Reinforcement learns from the difference between good and bad answers to the same item. An item whose runs all score the
same teaches nothing; a model that is almost never right, or almost always, has little to reinforce.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from jobs.evals.records import Answer, Eval
from jobs.evals.stats.readiness import Condition, ItemReading, Readiness, conditions, next_step, verdict
from jobs.evals.stats.summary import usable

LEAST_RUNS: Final = 3
"""Graded answers an item needs to be read."""
_NAMED_ITEMS = 5


@dataclass(frozen=True, slots=True)
class VarianceReading:
    """A variance study of one arm, and what it means."""

    arm: str
    grader: str
    items: tuple[ItemReading, ...]
    """From the lowest mean to the highest; of equal means the lower best first, then by id."""
    runs: int
    """K, as asked for."""
    mean: float | None
    """Mean over items of the mean over runs; None where no item could be read, as are the next three."""
    mean_of_best: float | None
    mean_variance: float | None
    """Mean over items of the variance over runs (divided by K)."""
    flat_share: float | None
    """Share of items whose runs all score the same."""
    always_zero: tuple[str, ...]
    """Ids of the items that never scored above 0."""
    left_out: int
    """Items of the eval with fewer than `LEAST_RUNS` graded answers; they are in no figure."""
    conditions: tuple[Condition, ...]
    verdict: Readiness
    next_step: str

    @property
    def headroom(self) -> float | None:
        """Mean over items of (best - mean): what always giving one's best answer would add."""
        return None if self.mean is None or self.mean_of_best is None else self.mean_of_best - self.mean

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the verdict is what it is: one sentence for each condition."""
        return tuple(condition.reason for condition in self.conditions)

    @property
    def text(self) -> str:
        """The reading in at most six short lines: verdict, three reasons, items to look at, next step."""
        size = f"{self.arm}, {len(self.items):,} item{_s(len(self.items))} x {self.runs} run{_s(self.runs)}"
        lines = [f"{self.verdict}: {self.verdict.meaning} ({size}).", *self.reasons]
        remarks = " ".join([*self._zeros(), *self._left_out()])
        return "\n".join([*lines, *([remarks] if remarks else []), f"Next: {self.next_step}"])

    def _zeros(self) -> list[str]:
        count, more = len(self.always_zero), len(self.always_zero) - _NAMED_ITEMS
        names = ", ".join(self.always_zero[:_NAMED_ITEMS]) + (f" and {more:,} more" if more > 0 else "")
        return [f"Always 0: {count:,} item{_s(count)} ({names})."] if count else []

    def _left_out(self) -> list[str]:
        count = self.left_out
        return [f"Left out: {count:,} item{_s(count)} with fewer than {LEAST_RUNS} graded runs."] if count else []


def read_variance(evaluation: Eval, answers: Iterable[Answer], arm: str | None = None) -> VarianceReading:
    """Return what the reward of one arm (the eval's first unless named) says about headroom, and the verdict.

    READY: mean reward, headroom and share of flat items (`stats.readiness`) keep their limits with their whole 95%
    interval over items. NOT READY: one is beyond its limit with its whole interval. CAN'T TELL: anything else; the next
    step then names the items or runs it would take. Failures and scores that are not usable numbers are in no figure.
    """
    arm = arm or evaluation.arms[0].name
    scores: dict[str, list[float]] = {}
    for answer in answers:
        score = answer.scores.get(evaluation.reward) if answer.arm == arm and answer.failure is None else None
        if usable(score):
            scores.setdefault(answer.item, []).append(score)
    items = _items(scores)
    checked = conditions(items, evaluation.runs) if items else ()
    return VarianceReading(
        arm=arm,
        grader=evaluation.reward,
        items=items,
        runs=evaluation.runs,
        mean=_mean([item.mean for item in items]),
        mean_of_best=_mean([item.best for item in items]),
        mean_variance=_mean([item.std**2 for item in items]),
        flat_share=_mean([float(item.flat) for item in items]),
        always_zero=tuple(item.item for item in items if item.best <= 0),
        left_out=max(0, evaluation.items - len(items)),
        conditions=checked,
        verdict=verdict(checked),
        next_step=next_step(checked),
    )


def _items(scores: Mapping[str, Sequence[float]]) -> tuple[ItemReading, ...]:
    read = [_item(item, runs) for item, runs in scores.items() if len(runs) >= LEAST_RUNS]
    return tuple(sorted(read, key=lambda item: (item.mean, item.best, item.item)))


def _item(item: str, scores: Sequence[float]) -> ItemReading:
    mean = fmean(scores)
    std = math.sqrt(fmean((score - mean) ** 2 for score in scores))
    return ItemReading(item, mean, max(scores), min(scores), std, len(scores))


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None


def _s(count: int) -> str:
    return "" if count == 1 else "s"
