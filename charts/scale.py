"""From values to pixels: one straight scale, its ticks, and the usual one for scores."""

from collections.abc import Iterable
from dataclasses import dataclass

from matplotlib.ticker import MaxNLocator

from charts.lettering import width_of
from charts.style import LABEL

APART = 20
"""Pixels between two numbers on an axis."""


@dataclass(frozen=True, slots=True)
class Scale:
    """The values low..high on the pixels start..end; what lies outside continues the line."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Return the pixel of `value`."""
        return self.start + (self.end - self.start) * (value - self.low) / (self.high - self.low)

    def ticks(self, most: int, *, whole: bool = False) -> list[float]:
        """Return round values between low and high, in at most `most` intervals; `whole` keeps to whole numbers."""
        values = MaxNLocator(most, integer=whole).tick_values(self.low, self.high)
        return [float(value) for value in values if self.low <= value <= self.high]


def score_scale(scores: Iterable[float], start: float, end: float) -> Scale:
    """Return the scale 0..1 that scores live in, wider where a score goes outside of it."""
    seen = tuple(scores)
    return Scale(min([0.0, *seen]), max([1.0, *seen]), start, end)


def ticks_to_the_end(scale: Scale, most: int) -> list[tuple[float, str]]:
    """Return whole ticks with their numbers of which the last is `scale.high`; those it would touch give way."""
    last = (scale.high, f"{scale.high:,.0f}")
    ticks = [(tick, f"{tick:,.0f}") for tick in scale.ticks(most, whole=True) if tick < scale.high]
    while len(ticks) > 1 and _room(scale, ticks[-1], last) < APART:
        ticks.pop()
    return [*ticks, last]


def _room(scale: Scale, left: tuple[float, str], right: tuple[float, str]) -> float:
    letters = width_of(left[1], LABEL) + width_of(right[1], LABEL)
    return scale.at(right[0]) - scale.at(left[0]) - letters / 2
