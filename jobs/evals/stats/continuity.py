"""How finely a grader tells answers apart: where rewards lie, how far the runs of an item differ, and its gates.

Training learns from differences between answers to the same item. Items whose runs all score the same cost as much as
the others and teach nothing, and a gate that closes hides whatever lies behind it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from charts.values import Histogram
from charts.wording import counted, listed, percentage

BINS: Final = 20
MOST_NAMED: Final = 3
COARSE: Final = 3
"""Different rewards up to which a grader tells little apart."""
_DIGITS: Final = 9


@dataclass(frozen=True, slots=True)
class GateReading:
    """How often a gate of the reward closes."""

    name: str
    closed: int
    answers: int
    never_passed: int
    """Items on which it closed on every answer."""
    items: int

    @property
    def text(self) -> str:
        """The reading of one that closes at all, as a sentence or two."""
        share = percentage(self.closed / self.answers)
        told = f"The gate `{self.name}` closes on {self.closed:,} of {counted(self.answers, 'answer')} ({share})"
        if self.closed == self.answers:
            return f"{told}: the model never passes it, so nothing behind it can be learned. Teach the gate first."
        if self.never_passed:
            return f"{told}; on {self.never_passed:,} of {counted(self.items, 'item')} the model never passes it."
        return f"{told}; the model passes it on every item at least once."


@dataclass(frozen=True, slots=True)
class Continuity:
    """How finely the reward tells the answers of one model apart."""

    rewards: Histogram
    """Of every answer."""
    spreads: Histogram
    """From the worst to the best run of an item, of items whose runs differ."""
    flat: int
    """Items whose runs all score the same."""
    items: int
    runs: int
    distinct: int
    """Different rewards among the answers."""
    lowest: float
    """Share of the answers that score the lowest reward seen."""
    gates: tuple[GateReading, ...] = ()

    @property
    def headline(self) -> str:
        """What it means for the cost of training, short enough for a title."""
        if not self.flat:
            return "On every item the answers differ in reward: all of the spend can teach"
        return f"{percentage(self.flat / self.items)} of the spend would teach nothing"

    @property
    def text(self) -> str:
        """The reading as sentences; a line for the rewards and one for each gate."""
        told = f"{self.headline}."
        if self.flat:
            same = f"on {self.flat:,} of {counted(self.items, 'item')} all {self.runs} runs score the same"
            told = f"{self.headline}: {same}."
        told += (
            f" The grader gave {counted(self.distinct, 'different reward')}; {percentage(self.lowest)} of the answers"
        )
        told += " scored the lowest."
        if self.distinct <= COARSE:
            told += " So few tell little apart: partial credit would turn more answers into a lesson."
        never = [f"`{gate.name}`" for gate in self.gates if not gate.closed]
        closed = [gate.text for gate in self.gates if gate.closed]
        return "\n".join([told, *closed, *([f"Gates that never close: {listed(never, MOST_NAMED)}."] if never else [])])


def read_continuity(
    scores: Mapping[str, Sequence[float]],
    closed: Mapping[str, Mapping[str, int]],
    bounds: tuple[float, float],
    runs: int,
) -> Continuity:
    """Return how finely rewards tell answers apart.

    Args:
        scores: item to the rewards of its answers, at least one item with one.
        closed: gate to item to the answers on which it closed; an item on which it never did may be absent.
        bounds: the lowest and the highest reward there can be.
        runs: K, as asked for.
    """
    every = [round(score, _DIGITS) for rewards in scores.values() for score in rewards]
    spreads = [round(max(rewards) - min(rewards), _DIGITS) for rewards in scores.values()]
    distinct, lowest = sorted(set(every)), min(every)
    differing = [spread for spread in spreads if spread > 0]
    return Continuity(
        rewards=_binned(every, min(bounds[0], lowest), max(bounds[1], distinct[-1])),
        spreads=_binned(differing, 0.0, max(bounds[1] - bounds[0], *differing, 0.0)),
        flat=len(spreads) - len(differing),
        items=len(spreads),
        runs=runs,
        distinct=len(distinct),
        lowest=every.count(lowest) / len(every),
        gates=tuple(_gate(name, by_item, scores) for name, by_item in closed.items()),
    )


def _gate(name: str, closed: Mapping[str, int], scores: Mapping[str, Sequence[float]]) -> GateReading:
    answers = {item: len(rewards) for item, rewards in scores.items()}
    counts = {item: closed.get(item, 0) for item in answers}
    never = sum(count == answers[item] for item, count in counts.items())
    return GateReading(name, sum(counts.values()), sum(answers.values()), never, len(answers))


def _binned(values: Sequence[float], low: float, high: float) -> Histogram:
    width = (high - low) / BINS or 1.0
    counts = [0] * BINS
    for value in values:
        counts[min(max(math.floor((value - low) / width + 1e-9), 0), BINS - 1)] += 1
    return Histogram(tuple(round(low + width * place, _DIGITS) for place in range(BINS + 1)), tuple(counts))
